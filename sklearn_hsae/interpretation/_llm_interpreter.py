"""LLMInterpreter: a language model names neurons from contrasting examples."""

import logging
import warnings
from numbers import Integral
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.preprocessing import normalize
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_hsae._sklearn_compat import (
    Interval,
    StrOptions,
    check_feature_names_in,
    fit_context,
    validate_params,
)
from sklearn_hsae._texts import get_texts
from sklearn_hsae._tokens import tokens_behind
from sklearn_hsae.embedding import EMBEDDER_TYPES, make_embedder
from sklearn_hsae.interpretation._candidates import Candidates
from sklearn_hsae.interpretation._fidelity import fidelity_table
from sklearn_hsae.interpretation._naming import (
    MARKS,
    Questions,
    interpretation_prompt,
)
from sklearn_hsae.interpretation._questions_per_round import (
    Examples,
    distinctions,
    first_questions,
    revisions,
)
from sklearn_hsae.interpretation._renaming import RenamingMixin
from sklearn_hsae.interpretation._sampling import (
    cooccurring_silent_rows,
    random_silent_rows,
    scoring_rows,
    similar_silent_rows,
    split_rows,
)
from sklearn_hsae.judges import LLMJudge
from sklearn_hsae.llm import (
    LanguageModel,
    LLMClient,
    check_environment,
    estimate_cost,
    make_language_model,
)

logger = logging.getLogger("sklearn_hsae")


class _Rows(NamedTuple):
    """Rows for the prompts, for the choice of a label, and for its fidelity."""

    naming: np.ndarray
    choosing: np.ndarray
    hidden: np.ndarray


class LLMInterpreter(RenamingMixin, BaseEstimator):
    """Let a language model name each neuron from contrasting examples.

    For each neuron, the model sees texts on which the neuron fires and texts on which
    it is silent, and describes the difference in a label. Several candidates, each from
    other examples, are judged on a second part of the rows. The candidate whose
    annotations correlate best with the neuron is kept. Its fidelity is measured on a
    third part, which was used neither to find nor to choose a label.

    When the activations come from a :class:`ReaderSAETransformer`, the model also sees
    the words at which the neuron fires, between ``[[`` and ``]]``.

    Two labels agree when they have the same words, or when their annotations of the
    second part correlate by 0.7 or more. For such neurons, the model is asked once more
    for the difference. When the labels still agree, the neuron with the lower fidelity
    is left out: together in one regression, neither could become significant.

    Parameters
    ----------
    llm : str or LanguageModel
        The language model: its name in the form of litellm, ``"provider/name"``, for
        example ``"openai/gpt-5-mini"``, or a :class:`LanguageModel` with your own
        server, limits and other settings. The key is read from the environment.
    n_candidates : int, default=3
        Candidate labels per neuron.
    n_examples : int, default=20
        Texts shown per candidate, half of them silent.
    n_scoring : int, default=200
        Number of texts on which candidates are compared, and number of other texts on
        which the fidelity is measured. Half of them are random. The others are texts on
        which some neuron fires, so that rare neurons can be measured. With 0, the first
        candidate is kept, no fidelity is measured, and all texts may be shown instead
        of half of them.
    refine : int, default=0
        Rounds in which the model sees wrongly judged texts and rewrites its label. Each
        costs one call per neuron, and the judging of the new labels.
    max_words : int, default=256
        Longer texts are cut to this number of words.
    instructions : str or None, default=None
        Your own words about the texts, and about the kind of property to look for.
    prompt : {"default", "contrastive", "reasoning"} or str, default="default"
        "contrastive" is made for ``negatives="similar"``; with "reasoning" the model
        writes its reasoning first. Any other string is your own template. It contains
        ``$firing``, ``$silent`` and, optionally, ``$instructions``, and asks for JSON
        with the key ``"property"``, or with the keys ``"reasoning"`` and
        ``"property"``. Quotations in the template, such as examples, are not accepted
        as labels.
    sampling : {"top", "quantiles"} or tuple of two floats, default="top"
        The firing texts: "top" are among the strongest, "quantiles" are spread evenly
        from the weakest to the strongest, and a tuple such as ``(80, 100)`` gives two
        percentiles of the activations above 0.
    negatives : {"random", "similar", "co-occurring"}, default="random"
        The silent texts. "random": any. "similar": those nearest in the embedding
        space to the firing texts (by faiss when it is installed, else by scikit-learn).
        "co-occurring": those on which neurons fire that often fire together with this
        one. With the last two, the labels make finer distinctions.
    judge_llm : str, LanguageModel or None, default=None
        The language model that judges the labels. Pass the model that annotates later.
        With a name, all other settings are those of `llm`; None is `llm` itself.
    embedder : str, EmbeddingTransformer or None, default=None
        For ``negatives="similar"``, as in :class:`ConceptAnnotator`.
    random_state : int, RandomState instance or None, default=None
        Decides which examples are drawn. With an int, each fit has the same prompts, so
        that their replies are in the cache.
    verbose : int, default=0
        If not 0, progress bars are shown.

    Attributes
    ----------
    concepts_ : ndarray of str of shape (n_concepts,)
        One label per neuron that has a label of its own. Other neurons are left out of
        :meth:`transform`: neurons without a label, with a warning, and neurons whose
        label agrees with the label of another neuron.
    candidates_ : DataFrame
        Every candidate, its `neuron`, and its fidelity on the rows for the comparison.
    fidelity_ : DataFrame of n_features_in_ rows
        Fidelity of the labels in `concepts_`, as in :class:`KeyphraseInterpreter`; NaN
        with ``n_scoring=0``. `reason` says why a neuron has no concept.
    usage_ : dict
        Calls, tokens, dollars, cache hits, retries and failures.
    n_features_in_ : int
        Number of neurons.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the neurons, when `X` had column names.

    See Also
    --------
    KeyphraseInterpreter : Needs no language model.
    ConceptAnnotator : Judges which texts have the concepts.

    References
    ----------
    .. [1] R. Movva, K. Peng, N. Garg, J. Kleinberg, E. Pierson, "Sparse Autoencoders
       for Hypothesis Generation", ICML 2025.

    Examples
    --------
    >>> from sklearn_hsae import LLMInterpreter
    >>> interpreter = LLMInterpreter("openai/gpt-5-mini", random_state=0)
    >>> concepts = interpreter.fit_transform(activations)  # doctest: +SKIP
    """

    _parameter_constraints: dict = {
        "llm": [str, LanguageModel, None],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "n_examples": [Interval(Integral, 2, None, closed="left")],
        "n_scoring": [Interval(Integral, 0, None, closed="left")],
        "refine": [Interval(Integral, 0, None, closed="left")],
        "max_words": [Interval(Integral, 1, None, closed="left")],
        "instructions": [str, None],
        "prompt": [str],
        "sampling": [StrOptions({"top", "quantiles"}), tuple, list],
        "negatives": [StrOptions({"random", "similar", "co-occurring"})],
        "judge_llm": [str, LanguageModel, None],
        "embedder": EMBEDDER_TYPES,
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        llm=None,
        *,
        n_candidates=3,
        n_examples=20,
        n_scoring=200,
        refine=0,
        max_words=256,
        instructions=None,
        prompt="default",
        sampling="top",
        negatives="random",
        judge_llm=None,
        embedder=None,
        random_state=None,
        verbose=0,
    ):
        self.llm = llm
        self.n_candidates = n_candidates
        self.n_examples = n_examples
        self.n_scoring = n_scoring
        self.refine = refine
        self.max_words = max_words
        self.instructions = instructions
        self.prompt = prompt
        self.sampling = sampling
        self.negatives = negatives
        self.judge_llm = judge_llm
        self.embedder = embedder
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, *, texts=None):
        """Name the neurons.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_neurons)
            Activations of the neurons, 0 where a neuron is silent. A frame carries
            its texts in the row-index level "text".
        y : None
            Ignored: a neuron is named by the texts on which it fires.
        texts : sequence of str of length n_samples, default=None
            The text of each row, when `X` does not carry them.

        Returns
        -------
        self : LLMInterpreter

        Raises
        ------
        ValueError
            When no model is given, its key is missing, or a text is missing.
        RuntimeError
            When the model names no neuron; the message has the last error.
        """
        questions = self._questions(X)
        activations = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        texts = get_texts(X, texts, self)
        drawing, naming, refining = self._generator().spawn(3)
        rows = self._rows(activations, drawing)
        client = self._client()
        judge = self._judge(client)
        candidates = Candidates(judge, texts[rows.choosing], activations[rows.choosing])
        shown, n = (texts, activations, rows.naming), self.n_examples // 2
        first = first_questions(questions, *shown, self._examples(texts), naming)
        _ask(client, candidates, first, "Naming neurons")
        self._check_any_named(candidates, client)
        for _ in range(self.refine):
            again = revisions(questions, candidates, n, refining)
            _ask(client, candidates, again, "Refining labels")
        apart = distinctions(questions, candidates, *shown, n)
        _ask(client, candidates, apart, "Telling neurons apart")
        self._candidates = self._with_neurons(candidates.table()).to_dict("list")
        labels, merged = candidates.distinct()
        reasons = self._reasons(labels, merged, activations[rows.naming])
        self._set_concepts(labels, reasons)
        self._warn_of_unnamed(merged, client)
        annotations = np.full((len(rows.hidden), len(self.concepts_)), np.nan)
        if len(rows.hidden):
            judge.fit(self.concepts_, texts)
            annotations = judge.judge(texts[rows.hidden])
        self._set_fidelity(annotations, activations[rows.hidden])
        self.usage_ = client.usage.to_dict()
        return self

    @property
    def candidates_(self):
        # Kept as lists: skops and mlflow cannot save a DataFrame.
        check_is_fitted(self)
        return pd.DataFrame(self._candidates)

    def score(self, X, y=None, *, texts=None):
        """Mean correlation of the annotations by the labels with their neurons.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_neurons)
            Activations, preferably for texts that were not in :meth:`fit`. At most
            `n_scoring` rows are judged; they are drawn as in :meth:`fit`.
        y : None
            Ignored.
        texts : sequence of str of length n_samples, default=None
            The text of each row, when `X` does not carry them.

        Returns
        -------
        float
            The mean over the named neurons.
        """
        check_is_fitted(self)
        activations = validate_data(self, X, dtype=np.float64, reset=False)
        texts = get_texts(X, texts, self)
        n_rows = len(texts)
        rows = scoring_rows(
            activations, np.arange(n_rows), self.n_scoring or n_rows, self._generator()
        )
        judge = self._judge(self._client()).fit(self.concepts_, texts)
        named = activations[np.ix_(rows, self._columns)]
        table = fidelity_table(judge.judge(texts[rows]), named)
        return float(table["correlation"].mean())

    def estimate_cost(self, X, *, texts=None):
        """Estimate the cost of :meth:`fit`, without a call.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_neurons)
        texts : sequence of str of length n_samples, default=None

        Returns
        -------
        dict
            `calls`, `prompt_tokens`, `completion_tokens` and `dollars`, which is None
            when litellm knows no price. It is an upper bound for ``refine=0`` and a
            model that does not reason. It assumes 300 tokens per reply, distinct
            candidates, a question about the difference for each neuron, and an empty
            cache. Each round of `refine` adds about the cost of one candidate.
        """
        validate_params(self)
        questions = self._questions(X)
        activations = check_array(X, dtype=np.float64, ensure_min_samples=2)
        texts = get_texts(X, texts, self)
        drawing, naming, _ = self._generator().spawn(3)
        rows = self._rows(activations, drawing)
        shown = (texts, activations, rows.naming)
        first = first_questions(questions, *shown, self._examples(texts), naming)
        first = list(first)
        # The question about the difference is about as long as a first question.
        apart = {question.about: question for question in first}.values()
        parts = [estimate_cost(self._llms()[0], [*first, *apart])]
        judge = self._judge(self._client())
        n_neurons = activations.shape[1]
        for judged_rows, n in (
            (rows.choosing, n_neurons * self.n_candidates),
            (rows.choosing, n_neurons),  # the labels after a question of difference
            (rows.hidden, n_neurons),
        ):
            labels = [f"mentions something or other, number {i}" for i in range(n)]
            parts.append(judge.estimate_cost(labels, texts[judged_rows]))
        dollars = [part.pop("dollars") for part in parts]
        total = {key: sum(part[key] for part in parts) for key in parts[0]}
        return {**total, "dollars": None if None in dollars else sum(dollars)}

    def _questions(self, X):
        if self.llm is None:
            raise ValueError(
                "LLMInterpreter needs a language model: pass llm='provider/name', for "
                "example llm='openai/gpt-5-mini', or LanguageModel('openai/name', "
                "api_base=...) for a server of your own. KeyphraseInterpreter needs "
                "none."
            )
        if not isinstance(self.sampling, str):
            low_high = tuple(self.sampling)
            if len(low_high) != 2 or not 0 <= low_high[0] < low_high[1] <= 100:
                raise ValueError(
                    "sampling must be 'top', 'quantiles' or two percentiles such as "
                    f"(80, 100); got {self.sampling!r}."
                )
        template = interpretation_prompt(self.prompt)
        for llm in self._llms():
            check_environment(llm)
        tokens, mark = tokens_behind(X), None
        if tokens is not None:

            def mark(texts, column):
                return tokens.mark(texts, X.columns[column], MARKS)

        has_windows = tokens is not None and tokens.n_shown is not None
        return Questions(template, self.instructions, self.max_words, mark, has_windows)

    def _generator(self):
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        return np.random.default_rng(seed)

    def _llms(self):
        """The language model that names, and the one that judges."""
        llm = make_language_model(self.llm)
        return llm, llm if self.judge_llm is None else make_language_model(
            self.judge_llm, like=llm
        )

    def _client(self):
        return LLMClient(self._llms()[0], verbose=self.verbose)

    def _judge(self, client):
        return LLMJudge(
            self._llms()[1],
            max_words=self.max_words,
            verbose=self.verbose,
            usage=client.usage,  # one bill for naming and judging
        )

    def _examples(self, texts):
        return Examples(
            self.n_candidates,
            self.n_examples // 2,
            self.sampling,
            self._silent_rows(texts),
        )

    def _silent_rows(self, texts):
        if self.negatives == "random":
            return random_silent_rows
        if self.negatives == "co-occurring":
            return cooccurring_silent_rows
        embedder = make_embedder(self.embedder, self.verbose)
        vectors = embedder.fit_transform(texts).to_numpy()
        return similar_silent_rows(normalize(vectors))

    def _check_any_named(self, candidates, client):
        if not any(candidates.labels):
            reason = client.usage.last_error or "none; no neuron ever fires"
            raise RuntimeError(
                f"{client.llm.name!r} named none of the {len(candidates.labels)} "
                f"neurons. The last error: {reason}"
            )

    def _reasons(self, labels, merged, activations):
        """Why each neuron has no label; "" for a neuron with a label."""
        neurons = check_feature_names_in(self)
        fires = (activations > 0).any(axis=0)
        reasons = ["" if ever else "never fires" for ever in fires]
        for column, label in enumerate(labels):
            if column in merged:
                other = merged[column]
                reasons[column] = f"agrees with {labels[other]!r} of {neurons[other]}"
            elif label is None and fires[column]:
                reasons[column] = "no usable label"
        return reasons

    def _warn_of_unnamed(self, merged, client):
        """Warn of neurons without a label; only log those that were merged."""
        pairs = zip(check_feature_names_in(self), self._why_none, strict=True)
        left_out = [f"{neuron} ({why})" if why else "" for neuron, why in pairs]
        if merged:
            shown = ", ".join(left_out[column] for column in sorted(merged))
            logger.info("Neurons merged with others after judging: %s", shown)
        unnamed = [w for j, w in enumerate(left_out) if w and j not in merged]
        if unnamed:
            error = client.usage.last_error
            warnings.warn(
                f"{len(unnamed)} of {len(left_out)} neurons have no label and are no "
                f"columns of transform: {', '.join(unnamed)}."
                + (f" The last error: {error}" if error else ""),
                UserWarning,
                stacklevel=3,
            )

    def _rows(self, activations, rng):
        naming, choosing, hidden = split_rows(len(activations), rng)
        if self.n_scoring == 0:  # no row has to be kept from the prompts
            naming = rng.permutation(len(activations))
        return _Rows(
            naming,
            scoring_rows(activations, choosing, self.n_scoring, rng),
            scoring_rows(activations, hidden, self.n_scoring, rng),
        )

    def _with_neurons(self, table):
        neurons = check_feature_names_in(self)[table["column"]]
        table = table.assign(column=neurons)
        return table.rename(columns={"column": "neuron"})


def _ask(client, candidates, requests, description):
    """Ask for labels and add them to the candidates."""
    requests = list(requests)
    labels = client.ask(requests, description)
    candidates.add(zip([r.about for r in requests], labels, strict=True))
