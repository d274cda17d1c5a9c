import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from sklearn_hsae import EmbeddingTransformer
from sklearn_hsae.judges import _similarity as similarity_module
from sklearn_hsae.judges._similarity import (
    VERBATIM_BONUS,
    PhraseSimilarity,
    sentences,
    soft_maximum,
)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("We waited an hour. Lovely view!", ["We waited an hour.", "Lovely view!"]),
        ("Wow. We waited an hour.", ["Wow. We waited an hour."]),  # a short one joins
        ("no end mark here", ["no end mark here"]),
        ("first line here\nsecond line here", ["first line here", "second line here"]),
        ("Ok.", ["Ok."]),
        ("菜非常美味。服务员非常热情！", ["菜非常美味。", "服务员非常热情！"]),
        ("खाना बहुत ठंडा था। वेटर नहीं आया।", ["खाना बहुत ठंडा था।", "वेटर नहीं आया।"]),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


def test_agreement_by_hand():
    # The definition once more, with a loop over texts, phrases and sentences.
    texts = [
        "We waited an hour for the soup. The view of the sea was lovely.",
        "The soup was cold. We paid and left.",
        "Lovely view of the sea from the terrace.",
    ]
    phrases = ["waited", "sea view"]
    embedder = EmbeddingTransformer()
    similarity = PhraseSimilarity(embedder).fit(texts)
    found = similarity.transform(texts, phrases)

    def direction(text, mean):
        vector = embedder.fit_transform([text]).to_numpy()[0].astype(float) - mean
        return vector / np.linalg.norm(vector)

    for i, text in enumerate(texts):
        for j, phrase in enumerate(phrases):
            cosines = [
                direction(sentence, similarity.sentence_mean_)
                @ direction(phrase, similarity.phrase_mean_)
                for sentence in sentences(text)
            ]
            whole = direction(text, similarity.text_mean_) @ direction(
                phrase, similarity.phrase_mean_
            )
            bonus = VERBATIM_BONUS if phrase in text.lower() else 0.0
            # bfloat16 differs a little from batch to batch where nothing is cached
            assert found[i, j] == pytest.approx(
                (whole + max(cosines)) / 2 + bonus, abs=0.02
            )
    assert found[0, 0] > found[2, 0] and found[2, 1] > found[1, 1]


def test_a_text_of_one_sentence_is_embedded_once():
    asked = []

    class Lengths:
        def fit(self, texts):
            return self

        def transform(self, texts):
            asked.extend(texts)
            return pd.DataFrame([[len(t), t.count("e"), 1.0] for t in texts])

    training = ["We waited long. The sea was calm.", "We waited here.", "The sea."]
    similarity = PhraseSimilarity(Lengths()).fit(training)
    directions = similarity.directions(["waited", "sea"])
    expected = similarity.transform(training, ["waited", "sea"])
    asked.clear()
    found = similarity.transform(training, ["waited", "sea"], directions)
    np.testing.assert_array_equal(found, expected)
    assert sorted(asked) == sorted({*training, *sentences(training[0])})


def test_sentences_in_parts_count_as_all_at_once(monkeypatch, tmp_path, capsys):
    texts = [
        "We waited an hour for the soup. The view of the sea was lovely. We paid.",
        "The soup was cold and thin. We paid and left.",
        "Lovely view of the sea from the terrace.",
    ]
    phrases = ["waited", "sea view"]
    embedder = EmbeddingTransformer(dtype="float32", cache_dir=tmp_path, verbose=1)
    at_once = PhraseSimilarity(embedder).fit(texts)
    expected = at_once.transform(texts, phrases)
    monkeypatch.setattr(similarity_module, "_SENTENCES_PER_PART", 2)
    capsys.readouterr()
    in_parts = PhraseSimilarity(embedder.set_params(cache_dir=None)).fit(texts)
    assert "sentences, part 3 of 3" in capsys.readouterr().err
    for mean in ("text_mean_", "sentence_mean_", "phrase_mean_"):
        found, whole = getattr(in_parts, mean), getattr(at_once, mean)
        np.testing.assert_allclose(found, whole, atol=1e-5)
    found = in_parts.transform(texts, phrases)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_two_threads_compare_at_the_same_time():
    both = threading.Barrier(2, timeout=20)

    class Waits:
        waits = False

        def fit(self, texts):
            return self

        def transform(self, texts):
            if self.waits:  # until the other thread is here too
                both.wait()
            return pd.DataFrame([[len(t), t.count("e"), 1.0] for t in texts])

    training = ["We waited long.", "We waited here.", "The sea."]
    similarity = PhraseSimilarity(Waits()).fit(training)
    directions = similarity.directions(["waited"])
    expected = similarity.transform(training, ["waited"], directions)
    similarity.embedder.waits = True
    with ThreadPoolExecutor(2) as threads:
        each = [
            threads.submit(similarity.transform, training, ["waited"], directions)
            for _ in range(2)
        ]
        for found in each:
            np.testing.assert_array_equal(found.result(), expected)


def test_texts_without_common_words_are_an_error_that_says_so():
    with pytest.raises(ValueError, match="stands in two of them"):
        PhraseSimilarity(EmbeddingTransformer()).fit(["one", "other"])


def test_one_phrase_is_enough_but_two_are_better():
    # With a mean, a text that says only one of three phrases would fail all of them.
    one, both, half = (
        soft_maximum(np.array(first), np.array(second))
        for first, second in ((0.6, 0.0), (0.6, 0.6), (0.3, 0.3))
    )
    assert both > one > half
    assert soft_maximum(np.array(-np.inf), np.array(0.3)) == pytest.approx(0.3)
