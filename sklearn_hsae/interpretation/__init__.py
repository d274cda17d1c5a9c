"""Interpreters: name each neuron by a concept, in words."""

from sklearn_hsae.interpretation._estimate_scores import estimate_scores
from sklearn_hsae.interpretation._keyphrase_interpreter import KeyphraseInterpreter
from sklearn_hsae.interpretation._llm_interpreter import LLMInterpreter
from sklearn_hsae.interpretation._score_concepts import score_concepts

__all__ = [
    "KeyphraseInterpreter",
    "LLMInterpreter",
    "estimate_scores",
    "score_concepts",
]
