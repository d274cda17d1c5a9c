"""cross_fit: hypotheses found and tested in several splits, and one p-value of each."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, GroupKFold, ShuffleSplit
from sklearn.pipeline import Pipeline

from sklearn_hsae import (
    DiscoverySplit,
    HypothesisClassifier,
    HypothesisRegressor,
    NeuronSelector,
    make_hypothesis_pipeline,
)
from sklearn_hsae.evaluation import cross_fit

N_ROWS, N_NEURONS = 200, 30


def finder(n_select=5, last=None):
    """A pipeline without texts: the neurons that go with y are the hypotheses."""
    last = HypothesisRegressor(correction="holm") if last is None else last
    select = NeuronSelector(n_select, method="correlation")
    return Pipeline([("select", select), ("regress", last)])


def neurons(rng, n_rows=N_ROWS):
    X = rng.integers(2, size=(n_rows, N_NEURONS)).astype(float)
    return pd.DataFrame(X).add_prefix("neuron")


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = neurons(rng)
    return X, X["neuron3"] - X["neuron8"] + rng.normal(size=N_ROWS)


def by_hand(X, y, splits):
    """Corrected p-values of each neuron in each split; 1 where it was not selected."""
    p = pd.DataFrame(1.0, index=X.columns, columns=range(len(splits)))
    coefficient = p * np.nan
    for i, (find, test) in enumerate(splits):
        select = NeuronSelector(5, method="correlation").set_output(transform="pandas")
        select.fit(X.iloc[find], y.iloc[find])
        last = HypothesisRegressor(correction="holm")
        table = last.fit(select.transform(X.iloc[test]), y.iloc[test]).summary_
        table = table.set_index("hypothesis")
        p.loc[table.index, i] = table["p_corrected"]
        coefficient.loc[table.index, i] = table["coefficient"]
    return p, coefficient


@pytest.mark.parametrize("n_splits", [3, 6])
def test_p_is_twice_the_median_over_splits(rows, n_splits):
    X, y = rows
    cv = ShuffleSplit(n_splits, test_size=0.5, random_state=1)
    pipe = finder().set_output(transform="pandas").fit(X, y)
    table = cross_fit(pipe, X, y, cv=cv).set_index("hypothesis")
    p, coefficient = by_hand(X, y, list(cv.split(X)))
    p, coefficient = p.loc[table.index], coefficient.loc[table.index]
    median = coefficient.median(axis=1)
    other_sign = np.sign(coefficient).ne(np.sign(median), axis=0)
    p = p.mask(other_sign, 1.0)
    lower_median = np.sort(p, axis=1)[:, (n_splits - 1) // 2]
    np.testing.assert_allclose(table["p_combined"], np.minimum(2 * lower_median, 1))
    np.testing.assert_allclose(table["coefficient"], median)
    assert (table["n_found"] == coefficient.notna().sum(axis=1)).all()
    assert (table["n_significant"] == (p < 0.05).sum(axis=1)).all()
    assert {*table.index[table["significant"]]} == {"neuron3", "neuron8"}


def test_noise_is_found_at_alpha_at_most():
    # Markov's inequality is not sharp: far fewer than 5 % are to be expected. Tests on
    # the rows that the hypotheses were found on find something in 40 %.
    rng, n_draws, n_found = np.random.default_rng(1), 15, 0
    for seed in range(n_draws):
        X, y = neurons(rng, 100), rng.normal(size=100)
        pipe = finder().fit(X, y)
        n_found += cross_fit(pipe, X, y, cv=4, random_state=seed)["significant"].any()
    assert n_found / n_draws < 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_draws)


class Noting(TransformerMixin, BaseEstimator):
    """Notes the rows that it gets, and passes on the rest."""

    fitted: ClassVar = []
    transformed: ClassVar = []

    def fit(self, X, y=None, weights=None):
        self.fitted.append((X["row"].to_numpy(), weights))
        self.is_fitted_ = True
        return self

    def transform(self, X):
        self.transformed.append(X["row"].to_numpy())
        return X.drop(columns="row")


@pytest.mark.parametrize("cv", [None, GroupKFold(4)])
def test_groups_stay_together(rows, cv):
    X, y = rows
    X = X.assign(row=np.arange(N_ROWS))
    authors = np.repeat(np.arange(20), 10)
    last = HypothesisRegressor(correction="holm", cov_type="cluster")
    pipe = Pipeline([("note", Noting()), *finder(last=last).steps])
    pipe.fit(X, y, regress__groups=authors)
    Noting.fitted.clear()
    Noting.transformed.clear()
    params = {"note__weights": np.arange(N_ROWS)}
    table = cross_fit(pipe, X, y, cv=cv, groups=authors, params=params, random_state=0)
    n_splits = 10 if cv is None else 4
    assert (table["n_splits"] == n_splits).all() and len(Noting.fitted) == n_splits
    tested = [part for part in Noting.transformed if len(part) < N_ROWS]
    tested = [part for part in tested if not _is_fitted_part(part)]
    for (find, weights), test in zip(Noting.fitted, tested, strict=True):
        np.testing.assert_array_equal(weights, find)
        assert not {*authors[find]} & {*authors[test]}
        assert len(find) + len(test) == N_ROWS


def _is_fitted_part(part):
    return any(np.array_equal(part, find) for find, _ in Noting.fitted)


def test_classes_searches_and_splits(rows):
    X, y = rows
    classes = np.array(["low", "middle", "high"])[np.digitize(y, [-0.7, 0.7])]
    pipe = finder(3, HypothesisClassifier()).fit(X, classes)
    table = cross_fit(pipe, X, classes, cv=4, random_state=0)
    assert len(table) == 9 and set(table["class"]) == {"low", "middle", "high"}
    signs = table.set_index(["hypothesis", "class"])["coefficient"]
    assert signs["neuron3", "high"] > 0 > signs["neuron3", "low"]
    search = GridSearchCV(finder(), {"select__n_select": [2, 4]}, cv=2).fit(X, y)
    split = DiscoverySplit(finder(), random_state=0).fit(X, y)
    around = DiscoverySplit(search, random_state=0).fit(X, y)
    cv = ShuffleSplit(3, test_size=0.5, random_state=0)
    for model in (search, split, around):
        table = cross_fit(model, X, y, cv=cv, random_state=0)
        assert {"neuron3", "neuron8"} <= {
            *table.loc[table["significant"], "hypothesis"]
        }


def test_pairs_of_texts(reviews):
    texts, stars = np.array(reviews.texts[:160]), reviews.target[:160]
    pairs, y = np.column_stack([texts[:80], texts[80:]]), stars[:80] - stars[80:]
    pipe = make_hypothesis_pipeline(
        pairs=True, embedder="lsa", n_neurons=16, k=4, n_select=4, random_state=0
    )
    pipe.set_params(select__min_support=3, sae__max_epochs=3).fit(pairs, y)
    table = cross_fit(pipe, pairs, y, cv=2, min_agreement=0.05, random_state=0)
    assert {*table["hypothesis"]} == {*pipe[-1].summary_["hypothesis"]}
    assert table["n_found"].max() > 0
    assert (table["found_as"].map(len) == table["n_found"]).all()


def test_what_cannot_be_combined_is_refused(rows):
    X, y = rows
    pipe = finder().fit(X, y)
    halves = [(np.arange(100), np.arange(100, N_ROWS))]
    with pytest.raises(ValueError, match="puts 20 groups into both parts"):
        cross_fit(pipe, X, y, cv=halves, groups=np.arange(N_ROWS) % 20)
    with pytest.raises(ValueError, match="puts 200 rows into both parts"):
        cross_fit(pipe, X, y, cv=[(np.arange(N_ROWS), np.arange(N_ROWS))])
    with pytest.raises(ValueError, match="'min_agreement' parameter of cross_fit"):
        cross_fit(pipe, X, y, min_agreement=0)
    pipe = finder(last=HypothesisRegressor(correction="fdr_bh")).fit(X, y)
    with pytest.raises(ValueError, match="correction='fdr_bh'"):
        cross_fit(pipe, X, y)
