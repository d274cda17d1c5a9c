"""Mean and scale in one pass, against float64."""

import numpy as np
import pytest

from sklearn_hsae.sae._data import mean_and_scale


@pytest.mark.parametrize("is_weighted", [False, True])
def test_mean_and_scale_against_float64(X, is_weighted):
    far = X.astype(np.float64) + 1e6
    weights = np.arange(600) % 5 if is_weighted else np.ones(600)
    pieces = np.array_split(weights if is_weighted else [None] * 7, 7)
    blocks = zip(
        np.array_split(far, 7), pieces if is_weighted else [None] * 7, strict=True
    )
    mean, scale = mean_and_scale(blocks)
    expected = np.average(far, axis=0, weights=weights)
    np.testing.assert_allclose(mean, expected, rtol=1e-12)
    squares = ((far - expected) ** 2).sum(axis=1)
    variance = np.average(squares, weights=weights)
    assert scale == pytest.approx(variance**0.5, rel=1e-9)


def test_rows_that_are_all_the_same_have_scale_1():
    # Dividing by 0 would make them all NaN.
    mean, scale = mean_and_scale([(np.full((5, 3), 7.0), None)])
    assert mean.tolist() == [7.0, 7.0, 7.0] and scale == 1.0


def test_rows_beyond_float32_are_refused():
    with pytest.raises(ValueError, match=r"as large as 1e\+39.*np.abs\(X\).max"):
        mean_and_scale([(np.full((5, 3), -1e39), None)])
