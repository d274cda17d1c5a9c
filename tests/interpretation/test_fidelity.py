import numpy as np
import pytest
from sklearn import metrics

from sklearn_hsae.interpretation._fidelity import fidelity_table


def test_against_scikit_learn():
    rng = np.random.default_rng(0)
    activations = np.maximum(rng.normal(size=(80, 3)), 0)
    answers = (activations + rng.normal(size=(80, 3)) > 0.5).astype(float)
    table = fidelity_table(answers, activations)
    for row, answer, activation in zip(
        table.to_dict("records"), answers.T, activations.T, strict=True
    ):
        fires = activation > 0
        assert row["precision"] == pytest.approx(metrics.precision_score(fires, answer))
        assert row["recall"] == pytest.approx(metrics.recall_score(fires, answer))
        assert row["f1"] == pytest.approx(metrics.f1_score(fires, answer))
        assert row["mcc"] == pytest.approx(metrics.matthews_corrcoef(fires, answer))
        assert row["balanced_accuracy"] == pytest.approx(
            metrics.balanced_accuracy_score(fires, answer)
        )
        assert row["correlation"] == pytest.approx(
            np.corrcoef(answer, activation)[0, 1]
        )


def test_precision_is_precision_and_not_specificity():
    # The peer's first releases published harmonic means of recall and specificity.
    row = fidelity_table([[1], [1], [1], [1]], [[1], [1], [0], [0]]).iloc[0]
    assert (row["recall"], row["precision"]) == (1, 0.5)
    assert row["f1"] == pytest.approx(2 / 3)
    # What tells an always-yes label from a good one.
    assert row["mcc"] == row["correlation"] == row["specificity"] == 0


def test_rows_that_were_not_judged_are_left_out():
    table = fidelity_table([[1], [np.nan], [0]], [[2.0], [3.0], [0.0]])
    assert table.loc[0, ["n_rows", "f1", "recall"]].tolist() == [2, 1, 1]
    assert fidelity_table([[np.nan]], [[1.0]]).loc[0, "f1":].isna()["f1"]


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="same shape"):
        fidelity_table(np.ones((3, 2)), np.ones((3, 1)))
