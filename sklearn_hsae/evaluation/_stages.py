"""What each step of a fitted pipeline passes on."""

from itertools import takewhile


def transform_by_stages(pipeline, X):
    """Run all steps but the last.

    Returns
    -------
    reached : dict
        `embeddings` (what the autoencoder gets), `all neurons` and `selected neurons`
        (what the first reader of texts gets), as far as the pipeline has such steps.
    answers : object
        What the last step gets.
    """
    steps = _active_steps(pipeline)
    numeric = _numeric_steps(steps)
    reached, X = _run(numeric, X)
    for step in steps[len(numeric) :]:
        X = step.transform(X)
    return reached, X


def transform_numeric_stages(pipeline, X):
    """`reached`, without the steps that read texts: nothing is judged or paid for."""
    return _run(_numeric_steps(_active_steps(pipeline)), X)[0]


def _active_steps(pipeline):
    return [
        step for _, step in pipeline.steps[:-1] if step not in (None, "passthrough")
    ]


def _numeric_steps(steps):
    return list(takewhile(lambda step: not _reads_texts(step), steps))


def _reads_texts(step):
    """Whether a step, or one nested in it, names or judges concepts."""
    from sklearn_hsae.annotation import ConceptAnnotator
    from sklearn_hsae.interpretation import KeyphraseInterpreter, LLMInterpreter

    readers = (ConceptAnnotator, KeyphraseInterpreter, LLMInterpreter)
    parts = step.get_params().values() if hasattr(step, "get_params") else ()
    return any(isinstance(part, readers) for part in (step, *parts))


def _run(steps, X):
    from sklearn_hsae.embedding import EmbeddingTransformer
    from sklearn_hsae.sae import MatryoshkaSAETransformer
    from sklearn_hsae.selection import NeuronSelector

    reached = {}
    for step in steps:
        given, X = X, step.transform(X)
        if isinstance(step, EmbeddingTransformer):
            reached["embeddings"] = X
        elif isinstance(step, MatryoshkaSAETransformer):
            reached = {"embeddings": given, "all neurons": X}
        elif isinstance(step, NeuronSelector) or "all neurons" in reached:
            # A selector without an autoencoder before it gets activations as input.
            reached.setdefault("all neurons", given)
            reached["selected neurons"] = X
    return reached, X
