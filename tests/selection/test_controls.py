"""Selection beside controls, against least squares on the residuals."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.feature_selection import f_regression
from sklearn.linear_model import Lasso
from sklearn.preprocessing import StandardScaler

from sklearn_hsae import NeuronSelector, with_texts
from sklearn_hsae.selection import (
    correlation_score,
    forward_selection,
    lasso_selection,
    separation_score,
)


def activations(rng, n_rows, n_neurons):
    fires = rng.uniform(size=(n_rows, n_neurons)) < 0.3
    return fires * rng.gamma(2.0, size=(n_rows, n_neurons))


def confounded(kind="regression", n_rows=400):
    """Activations, controls and a target. A control goes with neuron 0 and with y.

    The last control repeats the first.
    """
    rng = np.random.default_rng(0)
    X = activations(rng, n_rows, 12)
    Z = np.column_stack([X[:, 0], np.zeros((n_rows, 2))])
    Z[:, :2] += 0.3 * rng.normal(size=(n_rows, 2))
    Z[:, 2] = Z[:, 0]
    y = 2 * Z[:, 0] + X[:, 4] - X[:, 7] + rng.normal(size=n_rows)
    if kind == "binary":
        y = np.where(y > np.median(y), "yes", "no")
    return X, Z, y


def left_by(Z, values):
    """Residuals of least squares on the controls, by numpy."""
    Z = np.column_stack([np.ones(len(Z)), Z])
    return values - Z @ np.linalg.lstsq(Z, values, rcond=None)[0]


@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_correlation_beside_controls_is_that_of_the_residuals(kind):
    X, Z, y = confounded(kind)
    numbers = y if kind == "regression" else y == "yes"
    partial = [
        stats.pearsonr(left_by(Z, column), left_by(Z, numbers))[0] for column in X.T
    ]
    scores = correlation_score(sparse.csr_array(X), y, controls=Z)
    np.testing.assert_allclose(scores, partial, atol=1e-9)
    assert abs(correlation_score(X, y)[0]) > 3 * abs(scores[0])
    both = correlation_score(np.column_stack([X, Z[:, 0]]), y, controls=Z)
    assert both[-1] == 0  # the controls say it all


def test_forward_beside_controls_is_greedy_least_squares_on_the_residuals():
    # The theorem of Frisch, Waugh and Lovell: the same fit as with the controls in it.
    X, Z, y = confounded()
    selected, gains = forward_selection(X, y, 4, controls=Z)
    chosen, before = [], np.sum(left_by(Z, y) ** 2)
    total = before
    for best, gain in zip(selected, gains, strict=True):
        left = [
            np.sum(left_by(np.column_stack([Z, X[:, [*chosen, j]]]), y) ** 2)
            for j in range(12)
        ]
        assert best == np.argmin(left)
        assert gain == pytest.approx((before - min(left)) / total)
        chosen, before = [*chosen, best], min(left)
    assert set(selected[:2]) == {4, 7}
    assert forward_selection(X, y, 1)[0].tolist() == [0]


def test_separation_beside_controls_is_that_of_the_residuals():
    X, Z, y = confounded()
    np.testing.assert_allclose(
        separation_score(X, y, controls=Z), separation_score(X, left_by(Z, y))
    )


def test_lasso_beside_controls_is_that_of_the_residuals():
    X, Z, y = confounded()
    selected, coef = lasso_selection(X, y, 3, controls=Z)
    standard = left_by(Z, StandardScaler().fit_transform(X))
    left = left_by(Z, y) / left_by(Z, y).std()
    # The penalty at which this is the solution, from its condition of optimality.
    slope = standard.T @ (left - standard @ coef) / len(y)
    penalty = np.abs(slope[selected]).mean()
    oracle = Lasso(penalty, fit_intercept=False, tol=1e-12).fit(standard, left)
    np.testing.assert_allclose(coef, oracle.coef_, atol=1e-6)
    assert np.count_nonzero(coef) == 3 and {4, 7} <= set(selected)


def test_logistic_lasso_leaves_the_controls_without_a_penalty():
    # The condition of optimality, with the controls fitted by Newton's method.
    X, Z, y = confounded("binary")
    selected, coef = lasso_selection(X, y, 3, controls=Z)
    X, F = StandardScaler().fit_transform(X), np.column_stack([np.ones(400), Z[:, :2]])
    is_yes, free = y == "yes", np.zeros(3)
    for _ in range(50):
        p = 1 / (1 + np.exp(-(X @ coef + F @ free)))
        free += np.linalg.solve(F.T @ (F * (p * (1 - p))[:, None]), F.T @ (is_yes - p))
    slopes = X.T @ (is_yes - p)
    np.testing.assert_allclose(F.T @ (is_yes - p), 0, atol=1e-8)
    penalty = slopes[selected] * np.sign(coef[selected])
    np.testing.assert_allclose(penalty, penalty[0], rtol=1e-4)
    others = np.setdiff1d(np.arange(12), selected)
    assert (np.abs(slopes[others]) <= penalty[0] * (1 + 1e-4)).all()
    assert {4, 7} <= set(selected) and 0 in lasso_selection(X, y, 1)[0]


@pytest.mark.parametrize("method", ["correlation", "forward", "lasso", "separation"])
def test_controls_travel_in_the_row_index(method):
    X, Z, y = confounded()
    shop = np.array(["north", "south", "west"])[np.digitize(Z[:, 0], [-1, 1])]
    years = pd.Series(Z[:, 1]).where(np.arange(400) > 20)  # missing in 21 rows
    y[:21] = 1e3
    index = pd.MultiIndex.from_arrays([years, shop], names=["year", "shop"])
    frame = with_texts(pd.DataFrame(X, index=index), ["a text"] * 400)
    selector = NeuronSelector(3, method=method, controls=["year", "shop"])
    fitted = selector.fit(frame, y)
    by_hand = np.column_stack([Z[:, 1], shop == "south", shop == "west"])[21:]
    options = {"controls": by_hand, "task": "regression"}
    fires = (X[21:] > 0) * 1.0
    if method == "separation":
        expected = separation_score(X[21:], y[21:], **options)
    elif method == "correlation":
        expected = correlation_score(fires, y[21:], **options)
    else:
        choose = forward_selection if method == "forward" else lasso_selection
        expected = choose(fires, y[21:], 3, **options)[0]
        assert fitted.selected_.tolist() == expected.tolist()
        return
    np.testing.assert_allclose(fitted.scores_, expected)


def test_controls_that_make_no_sense_are_refused():
    X, Z, y = confounded()
    frame = pd.DataFrame(X, index=pd.Index(Z[:, 0], name="price"))
    with pytest.raises(ValueError, match=r"'year' is no level .* levels \['price'\]"):
        NeuronSelector(3, controls=["year"]).fit(frame, y)
    with pytest.raises(ValueError, match="X, which is no frame"):
        NeuronSelector(3, controls=["year"]).fit(X, y)
    with pytest.raises(ValueError, match="a function, which takes no controls"):
        NeuronSelector(3, method=f_regression, controls=["price"]).fit(frame, y)
    with pytest.raises(ValueError, match="explain the target without an error"):
        NeuronSelector(3, controls=["price"]).fit(frame, 2 * Z[:, 0] + 1)


def test_beside_controls_effects_are_found_that_the_controls_hide():
    # Neurons that only say the shop go with the rating more than those with an effect.
    rng, found = np.random.default_rng(0), {True: 0, False: 0}
    for _ in range(6):
        shop, ratings = rng.integers(8, size=1000), rng.normal(size=8) * 1.5
        shares = np.full((1000, 60), 0.1)
        shares[:, :20] = np.where(shop[:, None] == np.arange(20) % 8, 0.45, 0.06)
        X = (rng.random((1000, 60)) < shares) * rng.gamma(2.0, size=(1000, 60))
        effects = (X[:, 20:26] > 0) @ [0.4, -0.4, 0.4, -0.4, 0.4, -0.4]
        y = ratings[shop] + effects + rng.normal(size=1000)
        frame = pd.DataFrame(X, index=pd.Index(shop.astype(str), name="shop"))
        for beside in found:
            selector = NeuronSelector(10, controls=["shop"] if beside else None)
            selected = selector.fit(frame, y).selected_
            found[beside] += np.isin(np.arange(20, 26), selected).sum()
    assert found[True] >= 0.9 * 36 and found[False] <= 0.5 * 36
