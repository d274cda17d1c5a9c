import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, normalize

from sklearn_hsae import EmbeddingTransformer
from sklearn_hsae.corpora import DirectedClustering

TONE = ["an angry tone", "a friendly tone", "a sarcastic tone"]
TOPIC = ["grilled fish", "a parking lot", "hotel rooms", "train tickets"]


@pytest.fixture
def planted():
    """200 texts with a tone and a topic each; the topic is louder. 10 have no tone."""
    rng = np.random.default_rng(0)
    tone, topic = rng.integers(3, size=200), rng.integers(4, size=200)
    X = np.zeros((200, 7))
    X[np.arange(200), tone] = rng.uniform(1, 2, 200)
    X[np.arange(200), 3 + topic] = rng.uniform(20, 40, 200)
    X[:10, :3] = 0
    return pd.DataFrame(X, columns=TONE + TOPIC), tone, topic


def test_the_wish_decides_which_clusters_are_found(planted):
    X, tone, topic = planted
    by_tone = DirectedClustering("tone of voice", 3, n_features=3, random_state=0)
    labels = by_tone.fit_predict(X)
    assert set(by_tone.features_["feature"]) == set(TONE)
    assert adjusted_rand_score(tone[10:], labels[10:]) == 1
    travel = DirectedClustering("travel and lodging", 2, n_features=2, random_state=0)
    labels = travel.fit_predict(X)
    assert set(travel.features_["feature"]) == {"hotel rooms", "train tickets"}
    assert adjusted_rand_score(topic[topic > 1], labels[topic > 1]) == 1
    assert (labels[topic < 2] == -1).all()


def test_texts_without_any_of_the_features_are_minus_one(planted):
    X, _, _ = planted
    clustering = DirectedClustering("tone", 3, n_features=3, random_state=0).fit(X)
    assert np.flatnonzero(clustering.labels_ == -1).tolist() == list(range(10))
    assert (clustering.predict(X.iloc[:12])[:10] == -1).all()
    assert clustering.predict(X.iloc[:0]).shape == (0,)


def test_features_say_where_they_are_and_how_near(planted):
    X, _, _ = planted
    clustering = DirectedClustering("tone", 3, n_features=5, random_state=0).fit(X)
    features = clustering.features_
    assert X.columns[features["column"]].tolist() == features["feature"].tolist()
    assert features["similarity"].is_monotonic_decreasing
    assert len(features) == 5


def test_a_wish_that_chooses_nothing_warns(planted):
    X, _, _ = planted
    clustering = DirectedClustering("tone", 3, n_features=99, random_state=0)
    with pytest.warns(UserWarning, match="All 7 features .* the wish has no effect"):
        clustering.fit(X)
    assert len(clustering.features_) == 7


def test_a_feature_that_no_text_has_is_not_kept(planted):
    X, _, _ = planted
    X = X.assign(**{"tone": 0.0})
    clustering = DirectedClustering("tone", 3, n_features=3, random_state=0).fit(X)
    assert "tone" not in clustering.features_["feature"].tolist()


def test_clusters_are_described_by_their_features_and_nearest_texts(planted):
    X, _, _ = planted
    clustering = DirectedClustering("tone", 3, n_features=3, random_state=0).fit(X)
    table, labels = clustering.clusters_, clustering.labels_
    assert table["cluster"].tolist() == [0, 1, 2]
    assert table["n_texts"].tolist() == sorted(table["n_texts"], reverse=True)
    for _, row in table.iterrows():
        is_in = labels == row["cluster"]
        assert row["n_texts"] == is_in.sum()
        (feature, lead), *_ = row["features"].items()
        has = X[feature].to_numpy() > 0
        assert lead == pytest.approx(has[is_in].mean() - has[~is_in].mean())
        assert lead == 1
        assert len(row["examples"]) == 3
        assert is_in[row["examples"]].all()


def test_predict_agrees_with_fit_and_takes_the_nearest_centre(planted):
    X, _, _ = planted
    clustering = DirectedClustering("tone", 4, n_features=5, random_state=0).fit(X)
    np.testing.assert_array_equal(clustering.predict(X), clustering.labels_)
    features = clustering.features_
    vectors = normalize(EmbeddingTransformer().fit_transform(features["feature"]))
    rows = normalize(X[features["feature"]].to_numpy()) @ vectors
    for row, label in zip(rows[10:], clustering.labels_[10:], strict=True):
        distances = [np.linalg.norm(row - c) for c in clustering.cluster_centers_]
        assert label == np.argmin(distances)


def test_features_that_mean_the_same_make_one_cluster():
    # No text has two features: only the words tell which belong together.
    X = np.hstack([np.repeat(np.eye(4), 10, axis=0), np.ones((40, 1))])
    concepts = ["a furious tone", "an angry tone", "a friendly tone", "a kind tone"]
    concepts.append("grilled fish")
    clustering = DirectedClustering("tone", 2, n_features=4, random_state=0)
    labels = clustering.fit(X, concepts=concepts).labels_.reshape(4, 10)
    assert (labels == labels[:, :1]).all()
    assert labels[0, 0] == labels[1, 0] != labels[2, 0] == labels[3, 0]


def test_values_below_zero_count_as_zero():
    X = pd.DataFrame({"an angry tone": [1.0, -9.0, -1.0], "a kind tone": [-5, 1, 0]})
    X["fish"] = 1
    labels = DirectedClustering("tone", 2, n_features=2, random_state=0).fit_predict(X)
    assert labels[2] == -1
    assert sorted(labels[:2]) == [0, 1]


def test_sparse_input_gives_the_same(planted):
    X, _, _ = planted
    matrix, concepts = sparse.csr_matrix(X.to_numpy()), X.columns.tolist()
    clustering = DirectedClustering("tone", 3, n_features=5, random_state=0)
    expected = clustering.fit(X).labels_
    frame = pd.DataFrame.sparse.from_spmatrix(matrix, columns=X.columns)
    np.testing.assert_array_equal(clustering.fit(frame).labels_, expected)
    clustering.fit(matrix, concepts=concepts)
    np.testing.assert_array_equal(clustering.labels_, expected)
    np.testing.assert_array_equal(clustering.predict(matrix), expected)


def test_it_is_the_last_step_of_a_pipeline_and_pickles(planted):
    X, _, _ = planted
    clustering = DirectedClustering("tone", 3, n_features=3, random_state=0)
    pipe = make_pipeline(FunctionTransformer(), clustering)
    labels = pipe.fit_predict(X)
    again = pickle.loads(pickle.dumps(pipe))
    np.testing.assert_array_equal(again.predict(X), labels)


@pytest.mark.parametrize("wish", ["", "   "])
def test_an_empty_wish_is_refused(planted, wish):
    with pytest.raises(ValueError, match="wish must be words"):
        DirectedClustering(wish).fit(planted[0])


def test_features_without_words_are_refused(planted):
    X, _, _ = planted
    with pytest.raises(ValueError, match=r"no words: 'x0', 'x1', 'x2', ... Pass"):
        DirectedClustering("tone").fit(X.to_numpy())


def test_too_few_texts_with_the_features_are_told(planted):
    X, _, _ = planted
    with pytest.raises(ValueError, match=r"2 of 12 texts .* n_clusters=3"):
        DirectedClustering("tone", 3, n_features=3).fit(X[TONE].iloc[:12])
