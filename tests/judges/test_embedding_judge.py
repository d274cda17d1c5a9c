"""The judge by meaning, against its definition in loops over texts and sentences."""

from math import exp, log, sqrt

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from sklearn_hsae import EmbeddingTransformer
from sklearn_hsae.judges import EmbeddingJudge

CONCEPTS = ["mentions waited, slow", "mentions view", "cold soup"]
# Texts as lists of sentences, so that the oracle needs no rule for where one ends.
SENTENCES = [
    ["We waited for the soup.", "The view was lovely."],
    ["The soup was cold.", "They brought the cold soup slowly."],
    ["What a lovely view!"],
    ["We waited and waited.", "It was so slow."],
    ["The sea and the view.", "We waited for the sea."],
    ["A plain evening, nothing more."],
    ["The slow kitchen of an evening."],
    ["They brought us the soup."],
]
TEXTS = [" ".join(sentences) for sentences in SENTENCES]
# What stands in two texts or more ("sea" in one alone), stop words left out.
COMMON_WORDS = "waited soup view lovely brought slow evening".split()
ACTIVATIONS = np.array(
    [
        [2.0, 0, 0, 3.0, 1.0, 0, 1.5, 0],
        [1.0, 0, 2.5, 0, 2.0, 0, 0, 0],
        [0.5, 4.0, 0, 0, 0, 0, 0, 0.2],
    ]
).T


class LetterPairs:
    """An embedder without a model: how often each pair of letters stands in a text."""

    def fit(self, texts):
        return self

    def transform(self, texts):
        counts = np.zeros((len(texts), 64), dtype=np.float32)
        for row, text in zip(counts, texts, strict=True):
            for first, second in zip(text.lower(), text.lower()[1:], strict=False):
                row[(7 * ord(first) + ord(second)) % 64] += 1
        return pd.DataFrame(counts)


def embed(text):
    return LetterPairs().transform([text]).to_numpy(dtype=np.float64)[0]


def cosine(a, b):
    return a @ b / sqrt((a @ a) * (b @ b))


def agreement(sentences, phrases):
    """How much one text agrees with one concept, as the class describes it."""
    text_mean = np.mean([embed(text) for text in TEXTS], axis=0)
    distinct = {sentence for text in SENTENCES for sentence in text}
    sentence_mean = np.mean([embed(sentence) for sentence in distinct], axis=0)
    phrase_mean = np.mean([embed(word) for word in COMMON_WORDS], axis=0)
    text = " ".join(sentences)
    total = 0.0
    for phrase in phrases:
        wanted = embed(phrase) - phrase_mean
        nearest = max(cosine(embed(s) - sentence_mean, wanted) for s in sentences)
        nearness = (cosine(embed(text) - text_mean, wanted) + nearest) / 2
        words = f" {text.lower().replace('.', ' ').replace('!', ' ')} "
        nearness += 0.1 if f" {phrase} " in words else 0.0
        total += exp(nearness / 0.2)
    return 0.2 * log(total)


def best_cut(scores, activations):
    """The score at which yes and no correlate best with the roots of a neuron."""
    correlations = {
        cut: np.corrcoef(scores >= cut, np.sqrt(activations))[0, 1]
        for cut in scores
        if np.mean(scores >= cut) <= 0.5
    }
    return max(correlations, key=correlations.get)


@pytest.fixture(scope="module")
def judge():
    return EmbeddingJudge(LetterPairs()).fit(CONCEPTS, TEXTS, ACTIVATIONS)


PHRASES = [["waited", "slow"], ["view"], ["cold soup"]]


def says(sentences, phrases):
    words = " ".join(sentences).lower().replace(".", " ").replace("!", " ")
    return any(f" {phrase} " in f" {words} " for phrase in phrases)


def reading(scores, cut, phrases, activations):
    """Word for word, unless meaning agrees better with the neuron by a fifth."""
    by_words = np.array([says(text, phrases) for text in SENTENCES])
    by_meaning = scores >= cut
    roots = np.sqrt(activations)
    gain = np.corrcoef(by_meaning, roots)[0, 1] / np.corrcoef(by_words, roots)[0, 1]
    return by_words if gain < 1.2 else by_meaning


@pytest.mark.parametrize("j", range(len(CONCEPTS)))
def test_threshold_and_annotations_follow_the_definition(judge, j):
    scores = np.array([agreement(text, PHRASES[j]) for text in SENTENCES])
    cut = best_cut(scores, ACTIVATIONS[:, j])
    assert judge.thresholds_[j] == pytest.approx(cut, abs=1e-5)
    annotations = judge.judge(TEXTS)
    assert annotations.dtype == np.float64
    expected = reading(scores, cut, PHRASES[j], ACTIVATIONS[:, j])
    np.testing.assert_array_equal(annotations[:, j], expected)


@pytest.mark.parametrize("n_without_the_word, by_words", [(1, True), (4, False)])
def test_meaning_is_read_only_where_it_says_much_more_than_the_words(
    n_without_the_word, by_words
):
    # Meaning finds all six texts of the neuron, the words miss some of them.
    texts = ["cold soup"] * (6 - n_without_the_word)
    texts += ["soup, cold"] * n_without_the_word + ["a view of hills"] * 6
    activations = np.repeat([[1.0], [0.0]], 6, axis=0)
    judge = EmbeddingJudge(LetterPairs()).fit(
        ["mentions cold soup"], texts, activations
    )
    said = np.array([text == "cold soup" for text in texts])
    r = np.corrcoef(said, activations.ravel())[0, 1]
    assert (1 / r < 1.2) == by_words  # meaning correlates perfectly
    expected = said if by_words else activations.ravel()
    np.testing.assert_array_equal(judge.judge(texts)[:, 0], expected)


def test_new_texts_are_compared_with_the_means_and_thresholds_of_the_fit(judge):
    new = [["We waited for the view."], ["A cold evening.", "Cold soup of the sea."]]
    expected = [
        [
            agreement(sentences, phrases) >= threshold
            for phrases, threshold in zip(PHRASES, judge.thresholds_, strict=True)
        ]
        for sentences in new
    ]
    texts = [" ".join(sentences) for sentences in new]
    np.testing.assert_array_equal(judge.judge(texts), np.array(expected))
    # Each text is judged by itself, whatever stands beside it.
    alone = np.vstack([judge.judge([text]) for text in texts])
    np.testing.assert_array_equal(alone, judge.judge(texts))


@pytest.mark.parametrize("rounding", [-3e-7, 3e-7])
def test_the_rounding_of_a_score_changes_no_annotation(judge, monkeypatch, rounding):
    # A training text whose score is the threshold was judged otherwise alone than among
    # others, since products of other sizes round in another way.
    monkeypatch.setattr(judge, "is_word_for_word_", np.zeros(len(CONCEPTS), dtype=bool))
    expected, scores = judge.judge(TEXTS), judge._scores
    monkeypatch.setattr(judge, "_scores", lambda *given: scores(*given) + rounding)
    np.testing.assert_array_equal(judge.judge(TEXTS), expected)


def test_a_neuron_that_never_fires_names_a_concept_of_no_text():
    silent = np.zeros_like(ACTIVATIONS)
    judge = EmbeddingJudge(LetterPairs()).fit(CONCEPTS, TEXTS, silent)
    assert not judge.judge(TEXTS).any()


def test_concepts_given_by_hand_are_an_error_that_names_the_ways_out():
    with pytest.raises(ValueError, match="judge='keyphrase' or judge='llm'"):
        EmbeddingJudge(LetterPairs()).fit(CONCEPTS, TEXTS, None)


def test_the_real_model_finds_other_wordings_of_a_concept(reviews):
    # The last texts were not seen before, and few of them say "waited".
    texts, truth = np.array(reviews.texts[:160], dtype=object), reviews.truth[:160, 0]
    assert reviews.concepts[0] == "complains about a long wait"
    judge = EmbeddingJudge(EmbeddingTransformer()).fit(
        ["mentions waited, slow service"], texts[:80], truth[:80, None].astype(float)
    )
    annotations = judge.judge(texts[80:])[:, 0]
    says_so = ["waited" in text or "slow service" in text for text in texts[80:]]
    by_words = f1_score(truth[80:], says_so)
    assert f1_score(truth[80:], annotations) > by_words + 0.2
