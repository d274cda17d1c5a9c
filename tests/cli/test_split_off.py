"""The texts that `run` tests on, where no file with them is named."""

import numpy as np
import pytest

from sklearn_hsae.cli._split_off import split_off


@pytest.mark.parametrize(
    ("n", "n_new"), [(50, 25), (1000, 500), (3000, 1000), (5000, 1000), (6001, 1200)]
)
def test_half_up_to_a_thousand_or_a_fifth_is_split_off(n, n_new):
    """Every text lands in one part, with its own outcome."""
    texts, new_texts, y, new_y = split_off(
        np.arange(n).astype(str), np.arange(n) / 2, "regression", 0
    )
    assert len(new_y) == n_new
    np.testing.assert_array_equal(np.sort([*y, *new_y]), np.arange(n) / 2)
    np.testing.assert_array_equal(texts.astype(float), y * 2)
    np.testing.assert_array_equal(new_texts.astype(float), new_y * 2)


def test_every_class_keeps_its_share_when_a_part_is_split_off():
    """Otherwise a rare class may be missing where it is tested."""
    y = np.array(["rare"] * 10 + ["common"] * 190)
    _, _, y_train, y_new = split_off(np.arange(200).astype(str), y, "classification", 0)
    assert (y_new == "rare").sum() == 5 and (y_train == "rare").sum() == 5


@pytest.mark.parametrize(
    ("y", "task", "message"),
    [
        (
            ["once"] + ["a"] * 99,
            "classification",
            "class 'once' has one text.*holdout.$",
        ),
        ([7] + [1, 2] * 50, "classification", "class '7' .* --task regression"),
        (
            [f"c{i % 1300}" for i in range(6000)],
            "classification",
            "1300 classes are too many",
        ),
        (np.arange(49.0), "regression", "at least 50"),
    ],
)
def test_what_cannot_be_split_is_named(y, task, message):
    """In terms of the user's classes, not of scikit-learn's options."""
    with pytest.raises(ValueError, match=message):
        split_off(np.array(["t"] * len(y)), np.array(y), task, 0)
