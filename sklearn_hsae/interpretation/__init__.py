"""Interpreters: what makes a neuron fire, in words."""

from sklearn_hsae.interpretation._keyphrase import KeyphraseInterpreter
from sklearn_hsae.interpretation._llm import LLMInterpreter
from sklearn_hsae.interpretation._scoring import score_concepts

__all__ = ["KeyphraseInterpreter", "LLMInterpreter", "score_concepts"]
