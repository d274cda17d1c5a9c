"""The embedder without a model: latent semantic analysis of words and phrases."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklearn_hsae import (
    EmbeddingTransformer,
    LSAEmbedder,
    load_pipeline,
    make_hypothesis_pipeline,
    save_pipeline,
)
from sklearn_hsae.embedding import _lsa as lsa_module, make_embedder

TEXTS = [
    "The soup was cold. Slow service",
    "the soup was warm",
    "slow service, cold coffee",
    "The coffee was cold",
    "a lovely view",
    "lovely view, slow service",
]


def reviews(n_texts, nouns, bad, good, template, end):
    """Reviews in one language; y counts the good and the bad words."""
    rng = np.random.default_rng(0)
    texts, y = [], []
    for _ in range(n_texts):
        is_good = rng.random(2) < 0.5
        tone = [rng.choice(good if positive else bad) for positive in is_good]
        things = rng.choice(nouns, 2, replace=False)
        said = [template.format(n, a) for n, a in zip(things, tone, strict=True)]
        texts.append(end.join(said) + end.strip())
        y.append(2.0 * is_good.sum() + rng.normal(scale=0.3))
    return texts, np.array(y)


def plain_phrases(words):
    return Counter(
        " ".join(words[i : i + n]) for n in (1, 2, 3) for i in range(len(words) - n + 1)
    )


def test_embeddings_keep_the_cosines_of_plain_tfidf():
    # All dimensions are kept, so the SVD must not change any cosine.
    words = [text.lower().replace(".", "").replace(",", "").split() for text in TEXTS]
    counts = [plain_phrases(of_text) for of_text in words]
    phrases = sorted({p for c in counts for p in c if sum(p in d for d in counts) > 1})
    n = len(TEXTS)
    df = np.array([sum(p in c for c in counts) for p in phrases])
    idf = np.log((1 + n) / (1 + df)) + 1
    rows = np.array(
        [[1 + np.log(c[p]) if c[p] else 0.0 for p in phrases] for c in counts]
    )
    rows = rows * idf
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    embed = LSAEmbedder(ngram_range=(1, 3), random_state=0).fit(TEXTS)
    assert embed.vectorizer_.get_feature_names_out().tolist() == phrases
    assert embed.n_dimensions_ == min(len(TEXTS), len(phrases)) - 1
    vectors = embed.transform(TEXTS).to_numpy()
    # One dimension of six is lost.
    assert np.abs(vectors @ vectors.T - rows @ rows.T).max() < 0.25
    u, s, _ = np.linalg.svd(rows, full_matrices=False)
    kept = u[:, :5] * s[:5]
    kept /= np.linalg.norm(kept, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors @ vectors.T, kept @ kept.T, atol=1e-5)


def test_output_carries_index_texts_and_names():
    index = pd.Index(list("abcdef"), name="id")
    frame = LSAEmbedder(3, random_state=0).fit_transform(pd.Series(TEXTS, index=index))
    assert list(frame.index.names) == ["id", "text"]
    assert frame.columns.tolist() == ["lsa0", "lsa1", "lsa2"]
    assert frame.dtypes.unique().tolist() == [np.float32]


def test_texts_without_a_known_word_are_zeros():
    embed = LSAEmbedder(random_state=0).fit(TEXTS)
    with pytest.warns(UserWarning, match="empty"):
        vectors = embed.transform(["unheard", "", "slow service"]).to_numpy()
    assert (vectors[:2] == 0).all()
    np.testing.assert_allclose(np.linalg.norm(vectors[2]), 1, rtol=1e-6)


def test_texts_without_a_common_word_are_refused():
    with pytest.raises(ValueError, match="none in common"):
        LSAEmbedder().fit(["one", "two", "three"])
    with pytest.raises(ValueError, match="n_dimensions"):
        LSAEmbedder(0).fit(TEXTS)
    with pytest.raises(ValueError, match="ngram_range"):
        LSAEmbedder(ngram_range=(2, 1)).fit(TEXTS)
    with pytest.raises(ValueError, match="ngram_range"):
        LSAEmbedder(ngram_range=2).fit(TEXTS)
    with pytest.raises(ValueError, match="empty"):
        LSAEmbedder().fit(["", "two"])


def test_texts_are_embedded_in_steps_with_a_progress_bar(monkeypatch, capsys):
    embed = LSAEmbedder(3, random_state=0, verbose=1).fit(TEXTS)
    expected = embed.transform(TEXTS)
    assert capsys.readouterr().err == ""  # few texts take no time
    monkeypatch.setattr(lsa_module, "_TEXTS_PER_STEP", 2)
    pd.testing.assert_frame_equal(embed.transform(TEXTS), expected)
    assert "Embedding texts" in capsys.readouterr().err


def test_one_seed_gives_one_embedding():
    first, second = (LSAEmbedder(random_state=7).fit_transform(TEXTS) for _ in "ab")
    pd.testing.assert_frame_equal(first, second)
    copy = clone(LSAEmbedder(3, random_state=7))
    assert copy.get_params() == {
        "n_dimensions": 3,
        "ngram_range": (1, 1),
        "random_state": 7,
        "verbose": 0,
    }


def test_a_saved_embedder_gives_the_same_vectors(tmp_path):
    embed = make_pipeline(LSAEmbedder(ngram_range=(1, 2), random_state=0)).fit(TEXTS)
    save_pipeline(embed, tmp_path / "embed.skops")
    loaded = load_pipeline(tmp_path / "embed.skops")
    pd.testing.assert_frame_equal(loaded.transform(TEXTS), embed.transform(TEXTS))


def test_lsa_stands_for_an_embedder_in_all_steps():
    pipe = make_hypothesis_pipeline(embedder="lsa")
    for name, parameter in [("interpret", "embedder"), ("annotate", "embedder")]:
        assert isinstance(pipe.get_params()[f"{name}__{parameter}"], LSAEmbedder)
    assert isinstance(pipe["embed"], LSAEmbedder)
    assert isinstance(make_embedder(LSAEmbedder(5)), LSAEmbedder)
    with pytest.raises(ValueError, match="'lsa'"):
        make_embedder(5)


def test_another_script_is_embedded_by_words():
    texts = ["कमरा बहुत साफ़ था", "सेवा बहुत धीमी थी", "कमरा साफ़ था"]
    embed = EmbeddingTransformer(cache_dir=None)
    with pytest.warns(UserWarning, match="not Latin"):
        vectors = embed.fit_transform(texts)
    expected = LSAEmbedder(random_state=0).fit(texts)
    np.testing.assert_array_equal(vectors, expected.transform(texts))
    np.testing.assert_array_equal(embed.transform(texts[:1]), vectors[:1])
    assert vectors.columns[0] == "embedding0"
    assert embed.n_dimensions_ == expected.n_dimensions_
    assert embed.revision_ is None


@pytest.mark.parametrize(
    "model, text",
    [
        ("sentence-transformers/all-MiniLM-L6-v2", "कमरा बहुत साफ़ था"),  # asked for
        ("auto", "Der Kaffee schmeckt, das Frühstück nicht 早餐"),
        ("auto", "10/10"),
    ],
)
def test_a_named_model_and_latin_letters_are_embedded_by_the_model(model, text):
    embed = EmbeddingTransformer(model).fit([text])
    assert embed.lsa_ is None
    assert embed.n_dimensions_ == 384


@pytest.mark.filterwarnings("ignore:The default model:UserWarning")
def test_whole_job_in_chinese():
    texts, y = reviews(
        1000,
        ["菜", "服务员", "桌子", "音乐", "甜点", "房间"],
        ["冰冷", "缓慢", "肮脏"],
        ["美味", "热情", "干净"],
        "{}非常{}",
        "。",
    )
    pipe = make_hypothesis_pipeline(random_state=0).fit(texts[:700], y[:700])
    assert pipe["embed"].lsa_ is not None
    # The same reviews in English: 0.50 to 0.84 with the default model.
    assert pipe.score(texts[700:], y[700:]) > 0.65
