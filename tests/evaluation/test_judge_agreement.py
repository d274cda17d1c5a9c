"""Agreement of judges, against scikit-learn, statsmodels and the textbook."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

from sklearn_hsae.evaluation import judge_agreement


@pytest.fixture(scope="module")
def frames():
    """Three judges who see the same truth with errors; the third skips some texts."""
    rng = np.random.default_rng(0)
    truth = rng.random((150, 3)) < [0.5, 0.2, 0.05]
    frames = [
        pd.DataFrame((truth ^ (rng.random((150, 3)) < 0.1)) * 1.0, columns=list("abc"))
        for _ in range(3)
    ]
    frames[2] = frames[2].mask(rng.random((150, 3)) < 0.1)[["c", "a", "b"]]
    return frames


def test_cohens_kappa_is_that_of_scikit_learn(frames):
    table = judge_agreement(*frames[:2])
    assert table["concept"].tolist() == list("abc") and (table["n"] == 150).all()
    for row in table.itertuples():
        first, second = (frame[row.concept] for frame in frames[:2])
        assert row.kappa == pytest.approx(cohen_kappa_score(first, second))
        assert row.agreement == pytest.approx((first == second).mean())
        shares = sorted([first.mean(), second.mean()])
        assert [row.prevalence_low, row.prevalence_high] == pytest.approx(shares)


def test_fleiss_kappa_is_that_of_statsmodels_on_complete_texts(frames):
    table = judge_agreement(*frames)
    for row in table.itertuples():
        votes = np.column_stack([frame[row.concept] for frame in frames])
        votes = votes[~np.isnan(votes).any(axis=1)]
        counts, _ = aggregate_raters(votes.astype(int))
        assert row.n == len(votes) < 150
        assert row.kappa == pytest.approx(fleiss_kappa(counts))


def coincidences(votes):
    """Krippendorff's alpha by his matrix of coincidences, pair by pair."""
    matrix = np.zeros((2, 2))
    for row in votes:
        row = row[~np.isnan(row)].astype(int)
        for first, second in permutations(row, 2):
            matrix[first, second] += 1 / (len(row) - 1)
    totals = matrix.sum(axis=0)
    n = totals.sum()
    return 1 - (n - 1) * (n - np.trace(matrix)) / (n**2 - np.square(totals).sum())


def test_krippendorffs_alpha_with_missing_votes_follows_its_definition(frames):
    table = judge_agreement(*frames)
    for row in table.itertuples():
        votes = np.column_stack([frame[row.concept] for frame in frames])
        assert row.alpha == pytest.approx(coincidences(votes))


def test_krippendorffs_own_example():
    # "Computing Krippendorff's alpha-reliability" (2011), section A.
    first = pd.DataFrame({"a": [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]})
    second = pd.DataFrame({"a": [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]})
    assert judge_agreement(first, second)["alpha"][0] == pytest.approx(0.095, abs=5e-4)


@pytest.mark.filterwarnings("error")
def test_what_is_not_defined_is_nan():
    nobody = pd.DataFrame({"none": [0.0, 0.0], "unjudged": [np.nan, np.nan]})
    table = judge_agreement(nobody, nobody).set_index("concept")
    assert table.loc["none", "agreement"] == 1 and table.loc["unjudged", "n"] == 0
    assert table[["kappa", "alpha"]].isna().all().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a, b: (a,), "two frames of annotations or more, got 1"),
        (lambda a, b: (a, b.to_numpy()), "Argument 2 must be a DataFrame"),
        (lambda a, b: (a, b[:9]), "Argument 2 has 9 rows, the first 150"),
        (lambda a, b: (a, b[["a", "b"]]), "'c' is in one of them only"),
        (lambda a, b: (a, b.astype(str)), 'pass frame == "yes"'),
    ],
)
def test_bad_input(frames, change, message):
    with pytest.raises(ValueError, match=message):
        judge_agreement(*change(*frames[:2]))


def test_annotations_of_pairs_are_refused(frames):
    # -1 and 1 are opposite judgements, and no two ways to say yes.
    pairs = frames[0] - frames[1]
    with pytest.raises(ValueError, match="takes annotations of single texts"):
        judge_agreement(pairs, -pairs)


def test_rows_in_another_order_are_refused():
    first = pd.DataFrame({"late": [1, 0, 1]}, index=["a", "b", "c"])
    with pytest.raises(ValueError, match="another order"):
        judge_agreement(first, first.loc[["c", "a", "b"]])
    judge_agreement(first, first.set_axis([7, 8, 9]))  # no common labels
