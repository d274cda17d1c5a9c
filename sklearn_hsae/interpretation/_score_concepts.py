"""Compute all scores of all labels as one frame, and write them to disk."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from sklearn_hsae._files import json_value, write_text
from sklearn_hsae._texts import carries_texts, get_texts
from sklearn_hsae._tokens import tokens_behind
from sklearn_hsae.embedding import make_embedder
from sklearn_hsae.interpretation._sampling import firing_rows, random_silent_rows
from sklearn_hsae.interpretation._scorers import SCORERS, Sample, Tools
from sklearn_hsae.judges import LLMJudge
from sklearn_hsae.llm import Usage, make_language_model

PAID_SCORERS = ("detection", "recall", "fuzz", "simulation")


def score_concepts(
    X,
    *,
    texts=None,
    scorers=("detection", "simulation", "embedding"),
    llm=None,
    activate=None,
    embedder=None,
    local_model=None,
    n_texts=100,
    n_quantiles=4,
    max_words=256,
    probabilities=False,
    folder=None,
    random_state=None,
    verbose=0,
):
    """Score how well labels describe their neurons, in several ways.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_concepts)
        The result of an interpreter's ``transform``, preferably for texts that were not
        in its ``fit``: activations, with the labels as columns and the texts in the
        row-index level "text".
    texts : sequence of str of length n_samples, default=None
        The text of each row, when `X` does not carry them.
    scorers : sequence of str, default=("detection", "simulation", "embedding")
        - "detection": a model reads the label and judges which texts have it. Fidelity,
          and the share of yes per quantile of the activations.
        - "recall": the same, on firing texts only.
        - "fuzz": a model says whether a marked sentence has the property. In half of
          the texts, the sentence is the one that makes the neuron fire: without it, the
          activation is lowest. In the others, it is another sentence of the text.
          Accuracy.
        - "simulation": a model predicts the activations, from 0 to 10. Correlation and
          explained variance.

          When the activations come from a :class:`ReaderSAETransformer`, "fuzz" marks
          the words at which the neuron fires, or others, and "simulation" predicts the
          activation of each word.
        - "embedding": AUC of the cosines of label and text. Free.
        - "surprisal": how much the surprisal of a text falls when the label precedes
          it, for a causal language model on this machine. AUC, and the mean difference
          between firing and silent texts in nats per token. Free.
    llm : str, LanguageModel or None, default=None
        The language model for the first four scorers, as in :class:`LLMInterpreter`.
    activate : callable or None, default=None
        For "fuzz" without a reader: a function from a list of texts to the
        activations of the columns of `X`, for example ``pipe[:3].transform`` of a
        fitted pipeline.
    embedder : str, EmbeddingTransformer or None, default=None
        For "embedding", as in :class:`ConceptAnnotator`.
    local_model : str or None, default=None
        For "surprisal": a causal model of transformers, as its name on the Hugging
        Face hub, a folder or a GGUF file.
    n_texts : int, default=100
        Texts per label. Half are silent; the others fire, spread evenly from the
        weakest to the strongest. The fidelity is that of such a balanced sample.
    n_quantiles : int, default=4
        Number of quantiles of the firing texts.
    max_words : int, default=256
        Longer texts are cut to this number of words.
    probabilities : bool, default=False
        Ask the language model's server how probable its yes and no are, in "detection",
        "recall" and "fuzz" (``logprobs`` of OpenAI, vLLM, llama.cpp and others). The
        examples then have a `probability`, and the first and the last score an `auc`.
        A server that does not say stays with 1 and 0.
    folder : str, path or None, default=None
        Folder for one JSON file per label.
    random_state : int, RandomState instance or None, default=None
        Decides which texts are drawn.
    verbose : int, default=0
        If not 0, progress bars are shown.

    Returns
    -------
    DataFrame
        `concept`, `scorer`, `metric`, `quantile` (0 for silent texts, NaN for all
        texts) and `value`, one row per value. ``attrs["usage"]`` has the calls, tokens
        and costs of the language model. ``attrs["examples"]`` is a list of dicts, one
        per text and scorer: `concept`, `scorer`, `text`, `quantile`, and what was
        expected (`activating`) and found (`prediction` and `correct`, or `cosine` or
        `drop`; of "simulation" `prediction` and `activation`, with tokens per word).

    Examples
    --------
    >>> from sklearn_hsae.interpretation import score_concepts
    >>> table = score_concepts(concepts, llm="openai/gpt-5-mini")  # doctest: +SKIP
    """
    check_scored(X, texts, scorers, llm, activate, local_model)
    texts = get_texts(X, texts, None)
    seed = check_random_state(random_state).randint(2**31 - 1)
    judge = None
    if llm is not None:
        llm = make_language_model(llm)
        judge = LLMJudge(
            llm, max_words=max_words, verbose=verbose, is_graded=probabilities
        )
    tools = Tools(
        judge,
        make_embedder(embedder, verbose),
        activate,
        tokens_behind(X),
        local_model,
        seed,
    )
    rows = [
        (sample.concept, scorer, metric, quantile, value)
        for sample in scored_samples(X, texts, n_texts, n_quantiles, seed)
        for scorer in scorers
        for metric, quantile, value in SCORERS[scorer](sample, tools)
    ]
    columns = ["concept", "scorer", "metric", "quantile", "value"]
    table = pd.DataFrame(rows, columns=columns)
    table = table.astype({"quantile": float, "value": float})
    table.attrs["usage"] = (judge.usage if judge else Usage()).to_dict()
    table.attrs["examples"] = tools.examples
    if folder is not None:
        _write(table, Path(folder))
    return table


def check_scored(X, texts, scorers, llm, activate, local_model):
    """Raise an error for what :func:`score_concepts` cannot do."""
    if not isinstance(X, pd.DataFrame):
        raise ValueError(
            "score_concepts takes the labels from the columns of X: pass the frame "
            f"that an interpreter's transform returned, not a {type(X).__name__}."
        )
    if texts is None and not carries_texts(X):
        raise ValueError(
            "score_concepts reads the text of each row, but X carries none: pass "
            "texts=, or a frame with them (sklearn_hsae.with_texts makes one)."
        )
    unknown = sorted(set(scorers) - set(SCORERS))
    if unknown:
        raise ValueError(f"scorers must be among {sorted(SCORERS)}; got {unknown}.")
    paid = [name for name in scorers if name in PAID_SCORERS]
    if paid and llm is None:
        raise ValueError(
            f"{paid} ask a language model: pass llm='provider/name', or "
            "scorers=['embedding'], which needs none."
        )
    if "fuzz" in scorers and activate is None and tokens_behind(X) is None:
        raise ValueError(
            "'fuzz' leaves out sentences and needs the neurons to see what changes: "
            "pass activate=, for example pipe[:3].transform."
        )
    if "surprisal" in scorers and local_model is None:
        raise ValueError(
            "'surprisal' runs a causal language model on this machine: pass "
            "local_model=, for example 'Qwen/Qwen3-0.6B-Base' or a folder."
        )


def scored_samples(X, texts, n_texts, n_quantiles, seed):
    """Yield the `Sample` of each column."""
    rng = np.random.default_rng(seed)
    activations = X.to_numpy(dtype=np.float64)
    all_rows, n_each = np.arange(len(X)), max(n_texts // 2, 1)
    for column, concept in enumerate(X.columns):
        firing = firing_rows(activations[:, column], all_rows, n_each, "quantiles", rng)
        silent = random_silent_rows(column, None, activations, all_rows, n_each, rng)
        parts = np.array_split(np.arange(len(firing)), n_quantiles)
        quantile = np.concatenate(
            [np.full(len(p), n_quantiles - i) for i, p in enumerate(parts)]
            + [np.zeros(len(silent), dtype=int)]
        )
        rows = np.concatenate([firing, silent])
        yield Sample(
            column,
            concept,
            str(concept),
            list(texts[rows]),
            activations[rows, column],
            quantile,
        )


def _write(table, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for number, (concept, values) in enumerate(table.groupby("concept", sort=False)):
        name = re.sub(r"[^a-z0-9]+", "-", concept.lower()).strip("-")[:60]
        content = {
            "concept": concept,
            "scores": values.drop(columns="concept").to_dict("records"),
            "examples": [e for e in table.attrs["examples"] if e["concept"] == concept],
        }
        content = json.dumps(json_value(content), indent=1, ensure_ascii=False)
        write_text(folder / f"{number:03d}-{name}.json", content + "\n")
