"""The sentence that tells whether there is a signal, and where it is lost."""

import pandas as pd
import pytest

from sklearn_hsae.evaluation._verdict import about_labels, verdict

STAGES = ["embeddings", "all neurons", "selected neurons", "hypotheses"]


def tell(scores, n_significant=3, *, task="regression", half_width=0.05):
    name = "r2" if task == "regression" else "auc"
    scores = pd.Series(scores, STAGES[: len(scores) - 1] + ["hypotheses"])
    ceilings = pd.DataFrame(
        {name: scores, f"{name}_low": scores - half_width, "n_columns": 3}
    )
    metrics = {
        name: scores["hypotheses"],
        "n_significant": n_significant,
        "n_significant_alone": n_significant,
        "n_significant_groups": n_significant,
        "n_groups": 4,
        "n_hypotheses": 4,
        "n": 100,
        "n_dropped": 0,
    }
    return verdict(task, metrics, ceilings)


def test_without_ceilings_it_tells_what_was_found():
    metrics = {"auc": 0.75, "n_significant": 1, "n_hypotheses": 9, "n_groups": 9}
    metrics |= {"n_significant_alone": 1, "n_significant_groups": 1}
    metrics |= {"n": 100, "n_dropped": 0}
    assert verdict("classification", metrics, None) == (
        "1 of 9 hypotheses is significant; all together reach a held-out AUC of 0.75."
    )


@pytest.mark.parametrize(
    "scores, stage",
    [
        ([0.6, 0.2, 0.15, 0.1], "all neurons"),
        ([0.6, 0.5, 0.2, 0.1], "selected neurons"),
        ([0.6, 0.5, 0.5, 0.1], "hypotheses"),
    ],
)
def test_largest_drop_is_named(scores, stage):
    found = tell(scores)
    assert "17 % of what a ridge regression on the embeddings reaches (0.60)" in found
    assert f"Most is lost at the step to {stage!r}" in found


def test_what_comes_back_later_was_not_lost():
    # Neurons as hypotheses of their own: worth more as amounts than as yes and no.
    found = tell([0.6, 0.5, 0.1, 0.45])
    assert "Most is lost at the step to 'all neurons'" in found


def test_no_drop():
    assert tell([0.6, 0.6, 0.595, 0.6]).endswith("No step loses much of it.")


def test_share_of_an_auc_is_counted_from_guessing():
    found = tell([0.9, 0.9, 0.7, 0.6], task="classification")
    assert "25 % of what" in found and "counted from 0.5, which is chance" in found


@pytest.mark.parametrize("task, chance", [("regression", 0), ("classification", 0.5)])
def test_no_signal(task, chance):
    found = tell([chance + 0.02] * 4, 0, task=task)
    assert "There is no clear signal here: even a ridge regression on the" in found
    assert (
        f"held-out {'R2' if chance == 0 else 'AUC'} {chance + 0.02:.2f}, interval"
        in found
    )


def test_significant_but_useless_for_prediction():
    # Both can be true: an effect is there, and a single text is not predicted.
    found = tell([0.01, 0.0, 0.0, 0.01], 2)
    assert "They say little about a single text" in found
    assert "no clear signal" not in found


def test_hypotheses_that_do_better_than_the_embeddings_are_a_signal():
    found = tell([-0.02, 0.3, 0.3, 0.25], 2)
    assert "no clear signal" not in found and "of what a ridge" not in found
    assert "Most is lost at the step to 'hypotheses'" in found


def test_hypotheses_that_share_an_effect_are_explained():
    metrics = {"r2": 0.48, "n_significant": 0, "n_hypotheses": 20, "n_groups": 12}
    metrics |= {"n_significant_alone": 11, "n_significant_groups": 9}
    metrics |= {"n": 1000, "n_dropped": 0}
    said = verdict("regression", metrics, None)
    assert said.startswith("9 of 12 hypotheses are significant;")
    assert "Of 20 concepts, some fit nearly the same texts" in said
    assert "Taken one by one, 11 hypotheses are (separation_p_corrected, in" in said
    assert "fewer hypotheses (n_select) or more held-out texts" in said


@pytest.mark.parametrize("n_significant", [0, 1])
def test_few_texts_are_the_first_reason_that_nothing_is_significant(n_significant):
    """A larger autoencoder would not help 100 texts."""
    told = tell([0.34, 0.1, 0.1, 0.05], n_significant)
    assert ("With 100 held-out texts only large effects" in told) == (not n_significant)


def test_too_few_texts_show_no_signal_however_high_the_score():
    metrics = {"auc": 1.0, "n_significant": 0, "n_hypotheses": 3, "n_groups": 3}
    metrics |= {"n_significant_alone": 0, "n_significant_groups": 0}
    metrics |= {"n": 10, "n_dropped": 0}
    ceilings = pd.DataFrame({"auc": [1.0, 1.0], "auc_low": float("nan")}, STAGES[::3])
    told = verdict("classification", metrics, ceilings)
    assert "10 held-out texts are too few to see a signal" in told
    assert "(held-out AUC 1.00)" in told


def test_a_negative_r2_is_explained_in_one_sentence():
    """Users took it for a bug."""
    told = tell([0.3, 0.2, 0.2, -0.1], 0)
    assert told.count("A negative R2 means that the mean of the held-out texts") == 1
    assert "negative" not in tell([0.3, 0.2, 0.2, 0.1])


def test_labels_that_fit_nothing_are_named():
    fidelity = pd.DataFrame({"concept": ["late", "rude", None], "f1": [0.004, 0.5, 0]})
    assert about_labels(fidelity) == (
        " The words of 1 concept do not fit the texts in which the neuron fires "
        "(fidelity F1 0.00): 'late'. What is tested is what these words say, and not "
        "what was found."
    )
    many = pd.DataFrame({"concept": list("abcd"), "f1": 0.0})
    assert "of 4 concepts do not" in about_labels(many)
    assert "'a', 'b', 'c', ...." in about_labels(many)
    assert about_labels(many.assign(f1=0.006)) == ""
    assert about_labels(many.assign(f1=float("nan"))) == ""
