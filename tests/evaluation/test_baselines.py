"""Baselines on texts whose words, topics and outcome are known."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score, roc_auc_score

from sklearn_hsae import EmbeddingTransformer, LSAEmbedder
from sklearn_hsae.evaluation import baselines

TOPICS = np.array([[3, 0, 0], [0, 3, 0], [0, 0, 3.0]])
NAMES = ["ridge on embeddings", "lasso on words", "clusters of embeddings"]


class ByTopic(EmbeddingTransformer):
    """Embeds by the topic, which is the first word, and a little by the length."""

    def fit_transform(self, X, y=None):
        return self.transform(X)

    def transform(self, X):
        topics = TOPICS[[int(text[-1]) for text in X]]
        return topics + np.array([[0.01 * len(text)] for text in X])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    topics = rng.integers(3, size=600)
    words = rng.choice([f"w{c}" for c in "abcdefghij"], size=(600, 4))
    texts = [" ".join(row) + f" {t}" for row, t in zip(words, topics, strict=True)]
    noise = rng.normal(size=600)
    has_word = (words == "wa").any(axis=1)
    return texts, topics, has_word, noise


def score(data, y, **options):
    texts = data[0]
    return baselines(
        texts[:400],
        y[:400],
        texts[400:],
        y[400:],
        embedder=ByTopic(),
        n_clusters=3,
        random_state=0,
        **options,
    )


def test_what_depends_on_the_topic_is_found_by_embeddings_and_clusters(data):
    texts, topics, _, noise = data
    y = 2.0 * topics + noise
    table = score(data, y)
    assert table.index.tolist() == NAMES
    A, B = ByTopic().fit_transform(texts[:400]), ByTopic().fit_transform(texts[400:])
    ridge = RidgeCV(np.logspace(-3, 3, 13)).fit(A, y[:400])
    expected = r2_score(y[400:], ridge.predict(B))
    assert table["r2"]["ridge on embeddings"] == pytest.approx(expected, abs=5e-3)
    means = pd.Series(y[:400]).groupby(topics[:400]).mean()
    expected = r2_score(y[400:], means[topics[400:]])
    assert table["r2"]["clusters of embeddings"] == pytest.approx(expected, abs=5e-3)
    assert table["n_columns"].tolist()[::2] == [3, 3]
    assert (table["r2_low"] < table["r2"]).all() and (
        table["r2"] < table["r2_high"]
    ).all()
    pd.testing.assert_frame_equal(table, score(data, y))


def test_what_depends_on_a_word_is_found_by_the_lasso(data):
    *_, has_word, noise = data
    table = score(data, 3.0 * has_word + noise)
    ceiling = r2_score((3.0 * has_word + noise)[400:], (3.0 * has_word)[400:])
    assert table["r2"]["lasso on words"] == pytest.approx(ceiling, abs=0.05)
    assert 1 <= table["n_columns"]["lasso on words"] <= 10
    assert table["r2"]["clusters of embeddings"] < 0.05


@pytest.mark.parametrize("labels", [["no", "yes"], ["low", "mid", "high"]])
def test_classes_are_scored_by_their_auc(data, labels):
    _, topics, _, noise = data
    y = np.array(labels)[np.digitize(topics + noise, [0.7, 1.6][: len(labels) - 1])]
    table = score(data, y)
    assert "r2" not in table and (table["auc"][NAMES[::2]] > 0.6).all()
    if len(labels) == 2:
        means = pd.Series(y[:400] == "yes").groupby(topics[:400]).mean()
        expected = roc_auc_score(y[400:] == "yes", means[topics[400:]])
        assert table["auc"]["clusters of embeddings"] == pytest.approx(expected)


def test_an_embedder_that_learns_is_fitted_on_the_training_texts_alone(data):
    texts, _, has_word, noise = data
    y = 3.0 * has_word + noise
    lsa = LSAEmbedder(8, random_state=0)
    table = baselines(texts[:400], y[:400], texts[400:], y[400:], embedder=lsa)
    lsa.fit(texts[:400])
    A, B = lsa.transform(texts[:400]), lsa.transform(texts[400:])
    ridge = RidgeCV(np.logspace(-3, 3, 13)).fit(A, y[:400])
    expected = r2_score(y[400:], ridge.predict(B))
    assert expected > 0.3
    assert table["r2"]["ridge on embeddings"] == pytest.approx(expected, abs=5e-3)


def test_bad_input(data):
    texts, *_, noise = data
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        baselines(texts, noise[:9], texts, noise, embedder=ByTopic())
    with pytest.raises(ValueError, match="n_clusters"):
        baselines(texts, noise, texts, noise, embedder=ByTopic(), n_clusters=0)
