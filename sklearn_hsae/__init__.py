"""Tested natural-language hypotheses from texts and an outcome, as plain scikit-learn.

The public names are imported at first use, so that ``import sklearn_hsae`` takes
hardly longer than ``import sklearn``.
"""

import importlib

__version__ = "0.2.0"

_MODULE_OF = {
    "ConceptAnnotator": "annotation",
    "DiscoverySplit": "evaluation",
    "EmbeddingTransformer": "embedding",
    "HypothesisClassifier": "inference",
    "HypothesisRegressor": "inference",
    "KeyphraseInterpreter": "interpretation",
    "LLMInterpreter": "interpretation",
    "LSAEmbedder": "embedding",
    "LanguageModel": "llm",
    "MatryoshkaSAETransformer": "sae",
    "NeuronSelector": "selection",
    "ReaderSAETransformer": "reader",
    "TextCleaner": "cleaning",
    "drop_texts": "_texts",
    "evaluate_hypotheses": "evaluation",
    "explore": "explorer",
    "load_pipeline": "_saved_pipeline",
    "load_texts": "datasets",
    "make_hypothesis_pipeline": "pipeline",
    "make_reviews": "datasets",
    "safe_names": "_labels",
    "save_pipeline": "_saved_pipeline",
    "with_texts": "_texts",
    "without_neurons": "pipeline",
    "write_report": "report",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name):
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'sklearn_hsae' has no attribute {name!r}")
    module = importlib.import_module(f"sklearn_hsae.{_MODULE_OF[name]}")
    return getattr(module, name)


def __dir__():
    return sorted([*globals(), *__all__])
