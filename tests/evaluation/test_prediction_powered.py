"""Prediction-powered estimates against plain formulas, and their coverage."""

import numpy as np
import pandas as pd
import pytest

from sklearn_hsae.evaluation import prediction_powered


def judgements(rng, n_rows=2000, share=0.2, error=0.05):
    """Three concepts: by the truth in some rows, and by a cheap judge in all."""
    truth = (rng.random((n_rows, 3)) < [0.1, 0.3, 0.5]).astype(float)
    y = truth @ [1.0, 0.5, 0.0] + rng.normal(size=n_rows)
    cheap = np.where(rng.random(truth.shape) < error, 1 - truth, truth)
    judged = rng.random(n_rows) < share
    costly = np.where(judged[:, None], truth, np.nan)
    names = ["cold", "late", "kind"]
    return pd.DataFrame(costly, columns=names), pd.DataFrame(cheap, columns=names), y


def quantity(table, name):
    return table[table["quantity"] == name].reset_index(drop=True)


def test_prevalence_is_that_of_ppi_plus_plus():
    costly, cheap, y = judgements(np.random.default_rng(0))
    found = quantity(prediction_powered(costly, cheap, y), "prevalence")
    judged = costly["cold"].notna()
    for j, name in enumerate(costly):
        a, b, c = costly[name][judged], cheap[name][judged], cheap[name][~judged]
        n, rest = len(a), len(c)
        weight = np.cov(a, b)[0, 1] / n / (b.var() / n + c.var() / rest)
        expected = a.mean() + weight * (c.mean() - b.mean())
        variance = (a - weight * b).var() / n + weight**2 * c.var() / rest
        assert found["estimate"][j] == pytest.approx(expected)
        assert found["classical"][j] == pytest.approx(a.mean())
        assert found["n_effective"][j] == pytest.approx(a.var() / variance)
        width = 2 * 1.96 * np.sqrt(variance)
        assert found["ci_high"][j] - found["ci_low"][j] == pytest.approx(width, 0.02)


def test_coefficients_are_moved_as_far_as_leaving_out_rows_says():
    costly, cheap, y = judgements(np.random.default_rng(1), n_rows=300, share=0.4)
    found = quantity(prediction_powered(costly, cheap, y), "coefficient")
    judged = costly["cold"].notna().to_numpy()

    def fitted(X, y):
        X = np.column_stack([np.ones(len(X)), X])
        everything = np.linalg.lstsq(X, y)[0]
        rows = np.arange(len(X))
        left_out = [np.linalg.lstsq(X[rows != i], y[rows != i])[0] for i in rows]
        return everything[1:], (everything - left_out)[:, 1:]

    a, of_a = fitted(costly.to_numpy()[judged], y[judged])
    b, of_b = fitted(cheap.to_numpy()[judged], y[judged])
    c, of_c = fitted(cheap.to_numpy()[~judged], y[~judged])
    weight = (of_a * of_b).sum(axis=0)
    weight /= np.square(of_b).sum(axis=0) + np.square(of_c).sum(axis=0)
    np.testing.assert_allclose(found["classical"], a)
    np.testing.assert_allclose(found["estimate"], a + weight * (c - b))
    left = np.square(of_a - weight * of_b).sum(axis=0)
    left += np.square(weight * of_c).sum(axis=0)
    ratio = left / np.square(of_a).sum(axis=0)
    np.testing.assert_allclose(found["n_effective"], judged.sum() / ratio)
    width = found["classical_high"] - found["classical_low"]
    width *= np.sqrt(ratio)
    np.testing.assert_allclose(found["ci_high"] - found["ci_low"], width)


def test_cheap_judgements_without_information_change_hardly_anything():
    rng = np.random.default_rng(2)
    costly, cheap, y = judgements(rng)
    noise = pd.DataFrame((rng.random(cheap.shape) < 0.3) * 1.0, columns=cheap.columns)
    table = prediction_powered(costly, noise, y)
    n = costly["cold"].count()
    assert table["n_effective"].between(n * 0.999, n * 1.1).all()
    same = prediction_powered(costly, noise * 0, y)  # constant: it has no estimate
    for name, alone in (("estimate", ""), ("ci_low", "_low"), ("ci_high", "_high")):
        np.testing.assert_allclose(same[name], same[f"classical{alone}"])


def test_intervals_cover_the_truth():
    rng, found = np.random.default_rng(3), []
    for _ in range(25):
        table = prediction_powered(*judgements(rng, n_rows=1000))
        truth = {
            "prevalence": [0.1, 0.3, 0.5],
            "separation": [1.0, 0.5, 0.0],
            "coefficient": [1.0, 0.5, 0.0],
        }
        expected = np.ravel([truth[name] for name in truth], order="F")
        found.append((table["ci_low"] < expected) & (expected < table["ci_high"]))
    coverage = np.mean(found, axis=0)
    assert coverage.min() > 0.75 and coverage.mean() > 0.9  # of 25, and of 225


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a, b: (a, b[["late", "cold", "kind"]]), "columns of cheap"),
        (lambda a, b: (a, b.where(a.isna())), "cheap has a NaN"),
        (lambda a, b: (a * np.nan, b), "0 of 2000 rows have all costly"),
        (lambda a, b: (b, b), "2000 of 2000 rows have all costly"),
    ],
)
def test_bad_input(change, message):
    costly, cheap, y = judgements(np.random.default_rng(4))
    with pytest.raises(ValueError, match=message):
        prediction_powered(*change(costly, cheap), y)


def test_annotations_of_pairs_are_refused():
    costly, cheap, y = judgements(np.random.default_rng(0), n_rows=200)
    with pytest.raises(ValueError, match="takes annotations of single texts"):
        prediction_powered(-costly, -cheap, y)
