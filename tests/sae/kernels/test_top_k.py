"""The k largest of each row, against torch's own top-k and plain sorting."""

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from sklearn_hsae.sae._kernels._top_k import _group_size, _top_k_by_groups, top_k


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def sorted_groups(scores, k):
    return _top_k_by_groups(scores, k).sort(dim=1).values


@pytest.mark.parametrize("method", [top_k, sorted_groups])
@pytest.mark.parametrize("k", [1, 2, 8, 32, 100])
@pytest.mark.parametrize("n_columns", [100, 129, 256, 1000, 4096])
def test_two_stage_top_k_is_exact(n_columns, k, method):
    scores = random(30, n_columns, seed=n_columns + k)
    expected = scores.topk(k, dim=1).indices.sort(dim=1).values
    assert torch.equal(method(scores, k), expected)


@pytest.mark.parametrize("method", [top_k, sorted_groups])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_two_stage_top_k_with_ties_and_infinities(dtype, method):
    # Among equals any may be chosen, but none twice, and nothing smaller.
    assert _group_size(1024, 8) > 1
    scores = random(40, 1024).mul(2).round().to(dtype)
    scores[0] = 0.0
    scores[1, 5:] = -torch.inf
    scores[2, 7:] = torch.inf
    found = method(scores, 8)
    assert (found.diff(dim=1) > 0).all()
    values = scores.gather(1, found).sort(dim=1, descending=True).values
    assert torch.equal(values, scores.topk(8, dim=1).values)


def test_top_k_keeps_what_is_no_number():
    # A training that diverges must show, not go on without the neurons that broke.
    scores = random(20, 1024)
    scores[3, [8, 700]] = torch.nan
    found = scores.gather(1, top_k(scores, 8))
    assert found.isnan().sum() == 2


def test_the_scores_stay_as_they_are():
    # An in-place mask of the dead corrupted every later top-k of the same scores
    # (sentence-transformers).
    scores = random(9, 64)
    before = scores.clone()
    top_k(scores, 2)
    assert torch.equal(scores, before)


def test_leading_axes_are_kept():
    scores = random(3, 5, 40)
    assert top_k(scores, 4).shape == (3, 5, 4)
    assert torch.equal(top_k(scores, 4)[1], top_k(scores[1], 4))


@st.composite
def scores_and_k(draw):
    """Rows with many ties, infinities and NaN, of sizes that use all code paths."""
    n_columns = draw(st.integers(1, 200))
    value = st.one_of(
        st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-45, np.inf, -np.inf, np.nan]),
        st.floats(width=32),
    )
    shape = (draw(st.integers(1, 3)), n_columns)
    return draw(arrays(np.float32, shape, elements=value)), draw(
        st.integers(1, n_columns)
    )


@pytest.mark.parametrize("method", [top_k, sorted_groups])
@given(case=scores_and_k())
def test_any_row_against_plain_sorting(method, case):
    # Ascending distinct columns whose values are the k first of Python's sort.
    scores, k = case
    columns = method(torch.from_numpy(scores), k).numpy()
    assert (np.diff(columns, axis=1) > 0).all()
    for row, chosen in zip(scores.tolist(), columns.tolist(), strict=True):
        ranks = [np.inf if value != value else value for value in row]
        is_nan = [value != value for value in row]
        ordered = sorted(zip(is_nan, ranks, strict=True), reverse=True)
        found = sorted([(is_nan[i], ranks[i]) for i in chosen], reverse=True)
        assert found == ordered[:k]
