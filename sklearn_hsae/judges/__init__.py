"""Judges: which texts have which concepts.

A judge is fitted on concepts and the training texts. It then returns annotations: which
of the concepts any text has. Interpreters use a judge to compare candidate labels;
`ConceptAnnotator` uses one for the columns of the regression.
"""

from sklearn_hsae.judges._distilled_judge import DistilledJudge
from sklearn_hsae.judges._embedding_judge import EmbeddingJudge, is_word_for_word
from sklearn_hsae.judges._ignored_words import handle_words, name_words
from sklearn_hsae.judges._judge import FreeJudge, Judge
from sklearn_hsae.judges._keyphrase_judge import KeyphraseJudge
from sklearn_hsae.judges._llm_judge import LLMJudge
from sklearn_hsae.judges._phrases import (
    PhraseOccurrence,
    candidate_phrases,
    label_phrases,
    phrase_label,
)
from sklearn_hsae.judges._similarity import PhraseSimilarity, sentences, soft_maximum
from sklearn_hsae.judges._stop_words import stop_word_languages
from sklearn_hsae.judges._threshold import agreement_of, best_threshold

__all__ = [
    "DistilledJudge",
    "EmbeddingJudge",
    "FreeJudge",
    "Judge",
    "KeyphraseJudge",
    "LLMJudge",
    "PhraseOccurrence",
    "PhraseSimilarity",
    "agreement_of",
    "best_threshold",
    "candidate_phrases",
    "handle_words",
    "is_word_for_word",
    "label_phrases",
    "name_words",
    "phrase_label",
    "sentences",
    "soft_maximum",
    "stop_word_languages",
]
