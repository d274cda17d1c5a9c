"""Selection on complementary halves, and the bound on false selections."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectKBest, SelectorMixin, f_regression
from sklearn.pipeline import make_pipeline

from sklearn_hsae import HypothesisRegressor, NeuronSelector, with_texts
from sklearn_hsae.evaluation import selection_stability

N_ROWS, N_NEURONS = 121, 12
HALVES = []  # the rows and the supports of each fit of FirstOf


class FirstOf(SelectorMixin, BaseEstimator):
    """Selects column 0, and one more by the smallest row."""

    def fit(self, X, y):
        self.n_features_in_, rows = X.shape[1], np.asarray(X)[:, -1].astype(int)
        self.support_ = np.zeros(X.shape[1], dtype=bool)
        self.support_[[0, 1 + rows.min() % 4]] = True
        HALVES.append((rows, np.asarray(y), self.support_))
        return self

    def _get_support_mask(self):
        return self.support_


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = rng.integers(2, size=(N_ROWS, N_NEURONS)).astype(float)
    y = X[:, 0] + rng.normal(size=N_ROWS)
    X[:, -1] = np.arange(N_ROWS)
    HALVES.clear()
    return X, y


@pytest.mark.parametrize("groups", [None, np.arange(N_ROWS) // 5])
def test_pairs_are_complementary_and_frequencies_are_their_shares(rows, groups):
    X, y = rows
    pipe = make_pipeline(FirstOf(), HypothesisRegressor()).fit(X, y)
    HALVES.clear()
    table = selection_stability(pipe, X, y, n_pairs=8, groups=groups, random_state=0)
    units = np.arange(N_ROWS) if groups is None else groups
    n_units = len(set(units))
    assert len(HALVES) == 16
    for (first, y_first, _), (second, _, _) in zip(
        HALVES[::2], HALVES[1::2], strict=True
    ):
        assert not set(units[first]) & set(units[second])
        assert len(set(units[first])) == len(set(units[second])) == n_units // 2
        np.testing.assert_array_equal(y_first, y[first])
    share = np.mean([support for *_, support in HALVES], axis=0)
    found = table.set_index("neuron")["frequency"]
    assert found.index[0] == "x0" and found.is_monotonic_decreasing
    assert found.to_dict() == {f"x{j}": share[j] for j in np.flatnonzero(share)}
    chosen = table.set_index("neuron")["hypothesis"].dropna()
    assert chosen.to_dict() == {"x0": "x0", "x1": "x1"}  # row 0 is the smallest


def test_the_bounds_are_those_of_the_papers(rows):
    X, y = rows
    X[:, 5] = 0.0  # never fires: it cannot be selected
    pipe = make_pipeline(FirstOf(), HypothesisRegressor()).fit(X, y)
    table = selection_stability(pipe, X, y, n_pairs=10, random_state=0)
    p, q, t, B = N_NEURONS - 1, 2, table["frequency"], 10
    low = t <= 0.5
    assert low.any() and table.loc[low, "expected_false"].isna().all()
    # Meinshausen & Buhlmann (2010), theorem 1
    expected = q**2 / (p * (2 * t - 1))
    np.testing.assert_allclose(table["expected_false"][~low], expected[~low])
    # Shah & Samworth (2013), theorem 2
    first = 4 * (1 - 1 + 1 / (2 * B)) / (1 + 1 / B) * q**2 / p
    assert table["expected_false_unimodal"][0] == pytest.approx(first)


def test_noise_stays_below_the_bounds():
    # All columns are alike, so none is selected more often than one drawn at random.
    rng, reached, bounds = np.random.default_rng(0), [], []
    pipe = make_pipeline(SelectKBest(f_regression, k=4), HypothesisRegressor())
    for _ in range(40):
        X, y = rng.integers(2, size=(60, 40)) * 1.0, rng.normal(size=60)
        table = selection_stability(
            pipe.fit(X, y), X, y, n_pairs=10, random_state=rng.integers(1000)
        )
        often = table[table["frequency"] >= 0.7]
        reached.append(len(often))
        bounds += often["expected_false_unimodal"][often["frequency"] == 0.7].tolist()
    assert 0 < np.mean(reached) < np.mean(bounds) <= 4**2 / 40 / 0.4


def test_concepts_are_named_and_nothing_but_the_selection_is_fitted(rows, monkeypatch):
    X, y = rows
    names = [f"sae{j}" for j in range(N_NEURONS)]
    X = pd.DataFrame(np.where(X > 1, 1.0, X), columns=names)

    class Interpreter(BaseEstimator):
        def fit(self, X, y=None):
            assert not hasattr(self, "fidelity_")
            concepts = [f"mentions {name}" for name in X]
            self.fidelity_ = pd.DataFrame({"neuron": list(X), "concept": concepts})
            return self

        def transform(self, X):
            return X.set_axis(self.fidelity_["concept"], axis=1)

    pipe = make_pipeline(NeuronSelector(3), Interpreter(), HypothesisRegressor())
    pipe.fit(X, y)
    table = selection_stability(pipe, X, y, n_pairs=5, random_state=0)
    named = table.dropna().set_index("neuron")["hypothesis"]
    assert named["sae0"] == "mentions sae0" and len(named) <= 3
    assert table["hypothesis"].isna().any()


def test_texts_and_weights_are_split_as_the_rows_are(rows):
    X, y = rows
    frame = with_texts(pd.DataFrame(X[:, :6]).add_prefix("sae"), ["text"] * N_ROWS)
    pipe = make_pipeline(NeuronSelector(2, method="correlation"), HypothesisRegressor())
    pipe.fit(frame, y)
    weights = (np.arange(N_ROWS) < 60) * 1.0
    table = selection_stability(
        pipe,
        frame,
        np.where(weights, y, 50 * X[:, 4]),  # these rows have the weight 0
        n_pairs=6,
        params={"sample_weight": weights},
        random_state=0,
    )
    assert table["neuron"][0] == "sae0" and table["frequency"][0] > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_pairs": 0}, "'n_pairs' parameter of selection_stability must be"),
        ({"groups": np.zeros(N_ROWS)}, "1 group cannot be split into halves"),
        ({"y": [1.0]}, "inconsistent numbers of samples"),
    ],
)
def test_bad_input(rows, change, message):
    X, y = rows
    pipe = make_pipeline(FirstOf(), HypothesisRegressor()).fit(X, y)
    options = {"X": X, "y": y, **change}
    with pytest.raises(ValueError, match=message):
        selection_stability(pipe, options.pop("X"), options.pop("y"), **options)


def test_a_pipeline_without_a_selector_is_refused(rows):
    X, y = rows
    pipe = make_pipeline(HypothesisRegressor()).fit(X, y)
    with pytest.raises(ValueError, match="Pass a pipeline with a NeuronSelector"):
        selection_stability(pipe, X, y)
