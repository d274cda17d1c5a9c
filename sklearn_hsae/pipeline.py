"""The steps from texts to tested hypotheses, put together."""

import copy
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from sklearn_hsae._pairs import attach_texts_or_pairs, check_texts_or_pairs
from sklearn_hsae._texts import warn_of_empty
from sklearn_hsae.annotation import ConceptAnnotator
from sklearn_hsae.cleaning import TextCleaner
from sklearn_hsae.embedding import EmbeddingTransformer, LSAEmbedder, make_embedder
from sklearn_hsae.inference import HypothesisClassifier, HypothesisRegressor
from sklearn_hsae.interpretation import KeyphraseInterpreter, LLMInterpreter
from sklearn_hsae.judges import FreeJudge
from sklearn_hsae.llm import LanguageModel, check_environment
from sklearn_hsae.sae import MatryoshkaSAETransformer
from sklearn_hsae.selection import NeuronSelector

_FINAL_STEPS = {
    "regression": HypothesisRegressor,
    "classification": HypothesisClassifier,
}
_OVERSAMPLE = 2  # neurons per hypothesis that are named where a name costs nothing
_TARGET_WEIGHTS = {"regression": 0.2, "classification": 0.1}


def make_hypothesis_pipeline(
    *,
    task="regression",
    positive=None,
    pairs=False,
    clean=None,
    n_neurons="auto",
    k="auto",
    prefixes="auto",
    target_weight="auto",
    n_select="auto",
    embedder=None,
    llm=None,
    judge="auto",
    instructions=None,
    random_state=None,
    verbose=0,
):
    """Put the steps together with settings that belong together.

    Parameters
    ----------
    task : {"regression", "classification"}, default="regression"
        What y is, for all steps that use it. The last step is a
        :class:`HypothesisRegressor` or a :class:`HypothesisClassifier`.
    positive : class label or None, default=None
        For a classification of two classes: the class that effects point to. None is
        the class that sorts last.
    pairs : bool, default=False
        Whether X holds two texts per row, and y says which of the two was better, or
        by how much. See :doc:`/user_guide/pairs`.
    clean : sequence of {"handles", "links", "numbers"} or None, default=None
        What is removed from the texts before they are embedded, named and judged: a
        :class:`TextCleaner` becomes the first step, "clean". None leaves the texts as
        they are.
    n_neurons, k : "auto" or int, default="auto"
        Size of the sparse autoencoder, and the number of its neurons that a text
        switches on. "auto" grows with the number of texts, see
        :func:`~sklearn_hsae.sae.suggest_sizes`.
    prefixes : "auto", sequence of int or float, or None, default="auto"
        Nested sizes at which the autoencoder must reconstruct as well; floats are
        fractions of `n_neurons`. The first one predicts the target. "auto" is the
        first 32 neurons and all.
    target_weight : "auto" or float, default="auto"
        How much the autoencoder is drawn towards neurons that predict the target.
        p-values are computed on other texts, so supervision cannot make a hypothesis
        significant that is none. "auto" is 0.2 for a regression and 0.1 for a
        classification: with a higher weight the topics of a class merge into one
        neuron that encodes the class.
    n_select : "auto" or int, default="auto"
        Number of hypotheses. "auto" is one per 50 texts, from 3 to 20, see
        :class:`NeuronSelector`. Twice as many neurons are named, and the step "choose"
        keeps the concepts whose annotations say most about y. With `llm`, where each
        concept costs money, and with `pairs` there is no such step. In a search, the
        parameter is ``choose__n_select``, and without this step ``select__n_select``.
    embedder : str, EmbeddingTransformer, LSAEmbedder or None, default=None
        Embeds texts and phrases, in every step that needs it. The name of a
        model, "lsa" for an :class:`LSAEmbedder`, which needs no model and reads any
        language, or a transformer with settings of your own. None is the default model
        of :class:`EmbeddingTransformer`.
    llm : str, LanguageModel or None, default=None
        The language model that names the neurons and judges the texts: its name as
        litellm writes it, ``"provider/name"``, or a :class:`LanguageModel` with limits
        that hold for all steps together. None names by keyphrases, without any
        language model.
    judge : {"auto", "embedding", "keyphrase", "llm", "distilled"}, default="auto"
        Who judges which texts have a concept, see :class:`ConceptAnnotator`.
    instructions : str or None, default=None
        What the texts are, and which kind of concepts is wanted. It is part of the
        prompts for `llm`.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same hypotheses each time.
    verbose : int, default=0
        Whether long steps show progress bars.

    Returns
    -------
    sklearn.pipeline.Pipeline
        With the steps "embed", "sae", "select", "interpret", "annotate", "choose"
        (not with `llm` or `pairs`) and "regress", before them "clean" where `clean` is
        given, and ``set_output(transform="pandas")`` already called, so that steps of
        other packages can stand in between.

    Warns
    -----
    UserWarning
        When the environment has no key for `llm`. Set it before ``fit``.

    Examples
    --------
    >>> from sklearn_hsae import make_hypothesis_pipeline
    >>> pipe = make_hypothesis_pipeline(n_neurons=64, k=4, n_select=10)
    >>> list(pipe.named_steps)
    ['embed', 'sae', 'select', 'interpret', 'annotate', 'choose', 'regress']
    >>> pipe.set_params(sae__k=8, interpret="passthrough", annotate="passthrough")
    Pipeline(...)
    """
    last_step = _last_step(task, positive, pairs)
    if target_weight == "auto":
        target_weight = _TARGET_WEIGHTS[task]
    if not isinstance(llm, LanguageModel | str | None):
        raise ValueError(
            f"llm must be 'provider/name', a LanguageModel or None, got {llm!r}."
        )
    if llm is not None:
        _warn_of_missing_key(llm)
    embedder = make_embedder(embedder, verbose)
    common = {"random_state": random_state, "verbose": verbose}
    sae = MatryoshkaSAETransformer(
        n_neurons,
        k,
        prefixes=prefixes,
        target_weight=target_weight,
        task=task,
        **common,
    )
    has_choice = llm is None and not pairs
    select, choose = _selectors(n_select, task, random_state, has_choice)
    annotate = ConceptAnnotator(
        judge=judge, llm=_own(llm), embedder=_own(embedder), **common
    )
    steps = {
        "clean": None if clean is None else TextCleaner(clean),
        "embed": embedder,
        "sae": sae,
        "select": select,
        "interpret": _interpreter(llm, embedder, judge, instructions, common),
        "annotate": annotate,
        "choose": choose,
        "regress": last_step,
    }
    steps = [(name, step) for name, step in steps.items() if step is not None]
    return Pipeline(steps).set_output(transform="pandas")


def _last_step(task, positive, pairs):
    if task not in _FINAL_STEPS:
        raise ValueError(f"task must be one of {sorted(_FINAL_STEPS)}, got {task!r}.")
    last_step = _FINAL_STEPS[task](pairs=pairs)
    if positive is None:
        return last_step
    if task == "regression":
        raise ValueError(
            f"positive={positive!r} names a class, but task='regression' has none. "
            "Pass task='classification', or leave positive out."
        )
    return last_step.set_params(positive=positive)


def _selectors(n_select, task, random_state, has_choice):
    """The selection of neurons, and that of their concepts or None."""
    common = {"task": task, "random_state": random_state}
    if not has_choice:
        return NeuronSelector(n_select, **common), None
    select = NeuronSelector(n_select, oversample=_OVERSAMPLE, **common)
    # Annotations are on or off as they are. A concept of few texts cannot be tested.
    choose = NeuronSelector(
        n_select, method="lasso", binarize=False, min_support=0.01, **common
    )
    return select, choose


def _warn_of_missing_key(llm):
    """Warn now: `fit` would stop at the first call, after minutes of embedding."""
    try:
        check_environment(LanguageModel(llm) if isinstance(llm, str) else llm)
    except ValueError as error:
        warnings.warn(
            f"The language model cannot be called yet, and fit would stop after the "
            f"embedding: {error}",
            UserWarning,
            stacklevel=3,
        )


def _own(part):
    """A clone, so that each step's nested parameters are its own."""
    return clone(part, safe=False)


def _interpreter(llm, embedder, judge, instructions, common):
    common = {"embedder": _own(embedder), **common}
    if llm is not None:
        return LLMInterpreter(_own(llm), instructions=instructions, **common)
    judge = "keyphrase" if judge == "keyphrase" else "embedding"
    return KeyphraseInterpreter(judge=judge, **common)


def without_neurons(pipeline):
    """The part of a fitted pipeline that new texts need: judge and predict.

    Neurons are needed to find concepts. A text that is only judged needs none, so the
    steps from the embedder to the one that names the neurons are left out, and a small
    step takes their place. Where a :class:`NeuronSelector` behind the judge keeps some
    of the concepts, the others are not judged, unless by a language model. All results
    are the same. Where the judge embeds no text, as with ``judge="keyphrase"``, no
    model is loaded.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted, with an embedder and a :class:`ConceptAnnotator` among its steps.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Fitted. It shares the other steps with `pipeline`, and can be saved. It is not
        to be fitted again.

    Raises
    ------
    ValueError
        When `pipeline` has other steps.
    sklearn.exceptions.NotFittedError
        When it is not fitted.

    Examples
    --------
    >>> from sklearn_hsae import load_pipeline, without_neurons
    >>> served = without_neurons(load_pipeline("model.skops"))  # doctest: +SKIP
    >>> served.predict(new_texts)  # doctest: +SKIP
    """
    steps = pipeline.steps if isinstance(pipeline, Pipeline) else []
    embedders = [i for i, (_, step) in enumerate(steps) if _embeds(step)]
    judges = [
        i for i, (_, step) in enumerate(steps) if isinstance(step, ConceptAnnotator)
    ]
    if len(judges) != 1 or not embedders or embedders[0] > judges[0]:
        raise ValueError(
            "without_neurons takes a pipeline with an embedder and, behind it, a "
            f"ConceptAnnotator, got {type(pipeline).__name__} with the steps "
            f"{[name for name, _ in steps]}."
        )
    check_is_fitted(pipeline)
    first, judge = embedders[0], judges[0]
    columns = steps[judge][1].feature_names_in_.tolist()
    texts = FunctionTransformer(texts_alone, kw_args={"columns": columns})
    return Pipeline([*steps[:first], ("texts", texts), *_judging(steps[judge:])])


def _judging(steps):
    """The steps from the annotator on, which judges only what the next step keeps.

    What a language model says about a concept depends a little on the others in the
    call. So it still judges all.
    """
    (name, annotator), following = steps[0], steps[1:]
    chooses = following and isinstance(following[0][1], NeuronSelector)
    if not chooses or not isinstance(annotator.judge_, FreeJudge):
        return steps
    kept = following[0][1].get_support(indices=True)
    restricted = copy.copy(annotator)
    restricted.concepts_ = annotator.concepts_[kept]
    restricted.judge_ = annotator.judge_.restricted(kept)
    return [(name, restricted), *following[1:]]


def texts_alone(X, columns):
    """A frame of zeros that carries texts, in the place of activations."""
    texts = check_texts_or_pairs(X, "The pipeline", allow_empty=True)
    single = texts.T.ravel()
    warn_of_empty(single)
    values = np.zeros((len(single), len(columns)))
    return attach_texts_or_pairs(values, X, texts, columns)


def _embeds(step):
    return isinstance(step, EmbeddingTransformer | LSAEmbedder)
