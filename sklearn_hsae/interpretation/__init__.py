"""Interpreters: what makes a neuron fire, in words."""

from sklearn_hsae.interpretation._keyphrase import KeyphraseInterpreter
from sklearn_hsae.interpretation._llm import LLMInterpreter

__all__ = ["KeyphraseInterpreter", "LLMInterpreter"]
