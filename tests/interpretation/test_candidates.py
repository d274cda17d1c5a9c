import numpy as np
import pytest

from sklearn_hsae.interpretation._candidates import Candidates

N_ROWS = 40


class Judge:
    """Knows the annotations of each label."""

    def __init__(self, annotations):
        self.annotations = annotations

    def fit(self, labels, texts):
        self.labels = labels
        return self

    def judge(self, texts):
        return np.column_stack([self.annotations[label] for label in self.labels])


def is_in(*rows):
    annotations = np.zeros(N_ROWS)
    annotations[list(rows)] = 1
    return annotations


def candidates_of(annotations, activations, *labels):
    texts = np.array([f"text {i}" for i in range(N_ROWS)], dtype=object)
    candidates = Candidates(Judge(annotations), texts, np.column_stack(activations))
    candidates.add(labels)
    return candidates


ANNOTATIONS = {
    "complains": is_in(*range(10)),
    "reacts to a problem": is_in(*range(9), 11),  # phi with "complains" is 0.87
    "insults the airline": is_in(*range(5)),  # 0.65
    "praises the crew": is_in(*range(20, 30)),
}


def test_agreement_is_a_correlation_of_annotations():
    labels = list(ANNOTATIONS)
    candidates = candidates_of(
        ANNOTATIONS, [np.ones(N_ROWS)], *((0, o) for o in labels)
    )
    correlation = np.corrcoef([ANNOTATIONS[label] for label in labels])
    np.testing.assert_array_equal(candidates.agreement(labels), correlation >= 0.7)


def test_too_few_rows_in_common_and_missing_annotations_are_no_agreement():
    missing = np.full(N_ROWS, np.nan)
    annotations = {"a": is_in(1, 2), "b": is_in(1, 2), "c": missing, "d": is_in()}
    candidates = candidates_of(
        annotations, [np.ones(N_ROWS)], *((0, o) for o in annotations)
    )
    np.testing.assert_array_equal(candidates.agreement(list("abcd")), np.eye(4))
    # The same words agree whatever is known of them.
    assert candidates.agreement(["c"]).all()


def test_of_two_neurons_that_agree_the_weaker_is_merged():
    candidates = candidates_of(
        ANNOTATIONS,
        [is_in(*range(8)), is_in(*range(10)), is_in(*range(20, 30))],
        (0, "reacts to a problem"),
        (1, "complains"),
        (2, "praises the crew"),
    )
    labels, merged = candidates.distinct()
    assert labels == [None, "complains", "praises the crew"]
    assert merged == {0: 1}
    # Before that each has its own best, so that it can be asked about.
    assert candidates.best()[0] == "reacts to a problem"


@pytest.mark.parametrize(
    ("other", "label"),
    [("insults the airline", "insults the airline"), ("praises the crew", None)],
)
def test_another_label_is_taken_only_where_it_fits(other, label):
    candidates = candidates_of(
        ANNOTATIONS,
        [is_in(*range(7)), is_in(*range(10))],
        (0, "reacts to a problem"),
        (0, other),
        (1, "complains"),
    )
    labels, merged = candidates.distinct()
    assert labels == [label, "complains"]
    assert merged == ({} if label else {0: 1})


def test_unjudged_labels_are_kept_unless_they_have_the_same_words():
    annotations = dict.fromkeys(["late", "slow", "Late!"], np.full(N_ROWS, np.nan))
    candidates = candidates_of(
        annotations, [np.ones(N_ROWS)] * 3, (0, "late"), (1, "slow"), (2, "Late!")
    )
    assert candidates.distinct() == (["late", "slow", None], {2: 0})


def test_neurons_without_candidates_are_not_merged():
    candidates = candidates_of(ANNOTATIONS, [np.ones(N_ROWS)] * 2, (1, "complains"))
    assert candidates.distinct() == ([None, "complains"], {})
