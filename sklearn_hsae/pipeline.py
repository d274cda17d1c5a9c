"""The six steps from texts to tested hypotheses, put together."""

from sklearn.pipeline import Pipeline

from sklearn_hsae.annotation import ConceptAnnotator
from sklearn_hsae.embedding import DEFAULT_MODEL, EmbeddingTransformer
from sklearn_hsae.inference import HypothesisClassifier, HypothesisRegressor
from sklearn_hsae.interpretation import KeyphraseInterpreter, LLMInterpreter
from sklearn_hsae.sae import MatryoshkaSAETransformer
from sklearn_hsae.selection import NeuronSelector

_FINAL_STEPS = {
    "regression": HypothesisRegressor,
    "classification": HypothesisClassifier,
}
_TARGET_WEIGHTS = {"regression": 0.2, "classification": 0.1}


def make_hypothesis_pipeline(
    *,
    task="regression",
    n_neurons=96,
    k=8,
    prefixes=(1 / 3, 1.0),
    target_weight="auto",
    n_select=20,
    model=DEFAULT_MODEL,
    llm=None,
    judge="auto",
    api_base=None,
    instructions=None,
    cache_dir="auto",
    device=None,
    random_state=None,
    verbose=0,
):
    """Put the six steps together with settings that belong together.

    Parameters
    ----------
    task : {"regression", "classification"}, default="regression"
        What y is, for all steps that use it. The last step is a
        :class:`HypothesisRegressor` or a :class:`HypothesisClassifier`.
    n_neurons, k : int, default=96 and 8
        Size of the sparse autoencoder, and how many of its neurons a text switches
        on. 96 neurons suit some thousands of texts, 256 a hundred thousand.
    prefixes : sequence of int or float, or None, default=(1 / 3, 1.0)
        Nested sizes at which the autoencoder must reconstruct as well; floats are
        fractions of `n_neurons`. The first is the one that predicts the target: of
        32 neurons there are some for each part of it, of 16 there were too few.
    target_weight : "auto" or float, default="auto"
        How much the autoencoder is drawn towards neurons that predict the target. The
        neurons are still tested on other texts, so this cannot make a hypothesis
        significant that is none. "auto" is 0.2 for a regression and 0.1 for a
        classification, where a class is often a mixture of topics: a higher weight
        melts them into one neuron that says the class.
    n_select : int, default=20
        Number of hypotheses.
    model : str, default="sentence-transformers/all-MiniLM-L6-v2"
        The embedding model.
    llm : str or None, default=None
        The language model that names the neurons and judges the texts, as litellm
        writes it: ``"provider/name"``. None names by keyphrases, without any LLM.
    judge : {"auto", "embedding", "keyphrase", "llm", "distilled"}, default="auto"
        Who judges which texts have a concept, see :class:`ConceptAnnotator`.
    api_base : str or None, default=None
        Address of an OpenAI-compatible server for `llm`.
    instructions : str or None, default=None
        What the texts are and what kind of concepts is wanted; told to `llm`.
    cache_dir : "auto", str or None, default="auto"
        Where embeddings and answers are kept.
    device : str or None, default=None
        Where models run; None takes a GPU when there is one.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same hypotheses each time.
    verbose : int, default=0
        Whether long steps show progress bars.

    Returns
    -------
    sklearn.pipeline.Pipeline
        With the steps "embed", "sae", "select", "interpret", "annotate" and
        "regress", and ``set_output(transform="pandas")`` already called, so that
        steps of other packages can stand in between.

    Examples
    --------
    >>> from sklearn_hsae import make_hypothesis_pipeline
    >>> pipe = make_hypothesis_pipeline(n_neurons=64, k=4, n_select=10)
    >>> list(pipe.named_steps)
    ['embed', 'sae', 'select', 'interpret', 'annotate', 'regress']
    >>> pipe.set_params(sae__k=8, interpret="passthrough", annotate="passthrough")
    Pipeline(...)
    """
    if task not in _FINAL_STEPS:
        raise ValueError(f"task must be one of {sorted(_FINAL_STEPS)}, got {task!r}.")
    if target_weight == "auto":
        target_weight = _TARGET_WEIGHTS[task]
    common = {"cache_dir": cache_dir, "verbose": verbose}
    pipeline = Pipeline(
        [
            ("embed", EmbeddingTransformer(model, device=device, **common)),
            (
                "sae",
                MatryoshkaSAETransformer(
                    n_neurons,
                    k,
                    prefixes=prefixes,
                    target_weight=target_weight,
                    task=task,
                    device=device,
                    random_state=random_state,
                    verbose=verbose,
                ),
            ),
            ("select", NeuronSelector(n_select, task=task, random_state=random_state)),
            (
                "interpret",
                _interpreter(
                    llm, judge, model, api_base, instructions, device, random_state
                ).set_params(**common),
            ),
            (
                "annotate",
                ConceptAnnotator(
                    judge=judge,
                    model=llm,
                    embedding_model=model,
                    api_base=api_base,
                    device=device,
                    random_state=random_state,
                    **common,
                ),
            ),
            ("regress", _FINAL_STEPS[task]()),
        ]
    )
    return pipeline.set_output(transform="pandas")


def _interpreter(llm, judge, model, api_base, instructions, device, random_state):
    if llm is not None:
        return LLMInterpreter(
            llm, api_base=api_base, instructions=instructions, random_state=random_state
        )
    return KeyphraseInterpreter(
        judge="keyphrase" if judge == "keyphrase" else "embedding",
        embedding_model=model,
        device=device,
        random_state=random_state,
    )
