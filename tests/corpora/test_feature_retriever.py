import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone

from sklearn_hsae import EmbeddingTransformer, with_texts
from sklearn_hsae.corpora import FeatureRetriever

CONCEPTS = [
    "complains about slow service",
    "praises the fish",
    "mentions the parking lot",
    "a wedding party",
    "loud music",
]


@pytest.fixture
def activations():
    """30 texts; every text has the last feature, and none the one before it."""
    rng = np.random.default_rng(0)
    X = rng.exponential(size=(30, 5)) * (rng.random((30, 5)) < 0.3)
    X[:, 3], X[:, 4] = 0, 1 + rng.random(30)
    return pd.DataFrame(X, columns=CONCEPTS)


def test_weighted_features_against_sums_by_hand(activations):
    weights = {CONCEPTS[0]: 2.0, CONCEPTS[1]: -1.0}
    found = FeatureRetriever().fit(activations).query(weights, n_texts=30)
    X = activations.to_numpy() / np.maximum(activations.to_numpy().max(axis=0), 1e-9)
    scores = 2 * X[:, 0] - X[:, 1]
    rows = [i for i in np.argsort(-scores, kind="stable") if X[i, 0] > 0]
    assert found["row"].tolist() == rows
    np.testing.assert_allclose(found["score"], scores[rows])
    for _, one in found.iterrows():
        assert sum(one["features"].values()) == pytest.approx(one["score"])
        parts = {CONCEPTS[0]: 2 * X[one["row"], 0], CONCEPTS[1]: -X[one["row"], 1]}
        parts = {concept: part for concept, part in parts.items() if part}
        assert one["features"] == pytest.approx(parts)


def test_words_find_the_features_that_mean_the_same(activations):
    retriever = FeatureRetriever(n_features=1).fit(activations)
    assert retriever.match_features("the waiter took ages").index.tolist() == [
        CONCEPTS[0]
    ]
    assert retriever.match_features("nowhere to leave the car").index.tolist() == [
        CONCEPTS[2]
    ]
    found = retriever.query("seafood was delicious", n_texts=5)
    expected = activations[CONCEPTS[1]].to_numpy().argsort()[::-1][:5]
    assert found["row"].tolist() == expected.tolist()


def test_weights_of_words_are_the_lead_over_the_next_feature_times_rarity(activations):
    retriever = FeatureRetriever(n_features=2).fit(activations)
    weights = retriever.match_features("slow waiters and fried fish")
    embed = EmbeddingTransformer()
    words = [*CONCEPTS, "slow waiters and fried fish"]
    vectors = embed.fit_transform(words).to_numpy()
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = dict(zip(CONCEPTS, vectors[:5] @ vectors[5], strict=True))
    del cosines["a wedding party"]  # no text has it
    order = sorted(cosines, key=cosines.get, reverse=True)
    for concept in order[:2]:
        count = (activations[concept] > 0).sum()
        expected = (cosines[concept] - cosines[order[2]]) * np.log(1 + 30 / count)
        assert weights[concept] == pytest.approx(expected, rel=1e-4)
    assert len(weights) == 2


def test_matched_features_are_a_query_themselves(activations):
    retriever = FeatureRetriever(n_features=2).fit(activations)
    weights = retriever.match_features("slow service")
    pd.testing.assert_frame_equal(
        retriever.query(dict(weights)), retriever.query("slow service")
    )


def test_texts_that_travel_with_the_activations_are_returned(activations):
    texts = [f"review {i}" for i in range(30)]
    retriever = FeatureRetriever().fit(with_texts(activations, texts))
    found = retriever.query({CONCEPTS[0]: 1})
    assert found["text"].tolist() == [f"review {i}" for i in found["row"]]
    assert "text" not in FeatureRetriever().fit(activations).query({CONCEPTS[0]: 1})


def test_sparse_input_gives_the_same(activations):
    query = {CONCEPTS[1]: 1, CONCEPTS[4]: 0.5}
    expected = FeatureRetriever().fit(activations).query(query)
    matrix = sparse.csr_matrix(activations.to_numpy())
    frame = pd.DataFrame.sparse.from_spmatrix(matrix, columns=CONCEPTS)
    for retriever in (
        FeatureRetriever().fit(frame),
        FeatureRetriever().fit(matrix, concepts=CONCEPTS),
    ):
        pd.testing.assert_frame_equal(retriever.query(query), expected)


def test_values_below_zero_find_nothing():
    X = pd.DataFrame({"fish": [-3.0, 0.0, 1.0], "meat": [1.0, -1.0, 0.0]})
    found = FeatureRetriever().fit(X).query({"fish": 1, "meat": -1})
    assert found["row"].tolist() == [2]


def test_concepts_of_one_name_are_told_apart():
    retriever = FeatureRetriever().fit(np.eye(2), concepts=["fish", "fish"])
    assert retriever.query({"fish (2)": 1})["row"].tolist() == [1]


def test_queries_by_weights_need_no_embedder_and_no_names():
    retriever = FeatureRetriever(embedder="no/such-model").fit(np.eye(3))
    assert retriever.query({"x1": 1})["row"].tolist() == [1]


def test_a_query_that_no_text_fits_is_an_empty_frame():
    found = FeatureRetriever().fit(np.array([[1.0, 0.0]])).query({"x1": 1})
    assert found.columns.tolist() == ["row", "score", "features"]
    assert len(found) == 0


def test_pickle_and_clone(activations):
    retriever = FeatureRetriever(n_features=2).fit(activations)
    expected = retriever.query("fish")
    again = pickle.loads(pickle.dumps(retriever))
    pd.testing.assert_frame_equal(again.query("fish"), expected)
    assert clone(retriever).get_params() == retriever.get_params()


def test_another_fit_forgets_the_words_of_the_first(activations):
    retriever = FeatureRetriever(n_features=1).fit(activations)
    retriever.query("fish")
    retriever.fit(np.eye(2), concepts=["trains", "a fish dish"])
    assert retriever.query("fish")["row"].tolist() == [1]


@pytest.mark.parametrize("query", ["", "  ", None, ["fish"], 3])
def test_a_query_without_words_is_refused(activations, query):
    with pytest.raises(ValueError, match="query must be words"):
        FeatureRetriever().fit(activations).query(query)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, "needs a feature with a weight above 0"),
        ({"loud music": -1}, "needs a feature with a weight above 0"),
        ({"loud musik": 1}, r"no feature 'loud musik'. Near are \['loud music'\]"),
        ({"loud music": np.nan}, "must be a finite number, got nan"),
        ({"loud music": "1"}, "must be a finite number, got '1'"),
    ],
)
def test_weights_that_say_nothing_are_refused(activations, query, message):
    with pytest.raises(ValueError, match=message):
        FeatureRetriever().fit(activations).query(query)


@pytest.mark.parametrize("names", [None, ["sae0", "sae17", "sae3"]])
def test_words_need_features_with_words(names):
    X = np.eye(3) if names is None else pd.DataFrame(np.eye(3), columns=names)
    with pytest.raises(ValueError, match=r"these have no words: .* concepts="):
        FeatureRetriever().fit(X).query("slow service")


@pytest.mark.parametrize(
    ("concepts", "message"),
    [(["fish"], "has 3 columns and concepts has 1 concepts"), ("abc", "has one str")],
)
def test_concepts_are_one_per_column(concepts, message):
    with pytest.raises(ValueError, match=message):
        FeatureRetriever().fit(np.eye(3), concepts=concepts)


def test_the_number_of_texts_is_checked(activations):
    with pytest.raises(ValueError, match="n_texts must be an int >= 1, got 0"):
        FeatureRetriever().fit(activations).query({CONCEPTS[0]: 1}, n_texts=0)
