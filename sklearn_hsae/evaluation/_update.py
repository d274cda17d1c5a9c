"""New texts for hypotheses that were tested before."""

import warnings
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sklearn_hsae.evaluation._evaluate import (
    evaluate_again,
    evaluate_hypotheses,
    with_fidelity,
)
from sklearn_hsae.evaluation._hypothesis_evaluation import HypothesisEvaluation

_EARLIER, _NEW = "earlier", "new"


@dataclass(frozen=True, eq=False)
class HypothesisUpdate:
    """The result of ``HypothesisEvaluation.update``.

    Attributes
    ----------
    new : HypothesisEvaluation
        The tests on the new rows alone. Its `drift` and `neuron_drift` say whether the
        new texts look like the training texts.
    so_far : HypothesisEvaluation
        The tests on the earlier and the new rows together. Its `update` takes the rows
        that come next.
    """

    new: HypothesisEvaluation
    so_far: HypothesisEvaluation

    def compare(self):
        """Compare the effects on the new rows with those on the earlier rows.

        Returns
        -------
        DataFrame
            Two rows per hypothesis (and class, of three or more), of the groups
            "earlier" and "new": see ``HypothesisEvaluation.by_group``.

        Raises
        ------
        ValueError
            When there are too few rows of either kind.
        """
        n_new = len(self.new.annotations)
        n_earlier = len(self.so_far.annotations) - n_new
        rows = np.repeat([_EARLIER, _NEW], [n_earlier, n_new])
        return self.so_far.by_group(pd.Series(rows, name="time"))


def updated(evaluation, pipeline, X, y, groups):
    """See ``HypothesisEvaluation.update``."""
    earlier = evaluation.held_out
    if earlier is None:
        raise ValueError(
            "This evaluation was loaded from a file, which has no outcomes of the "
            "earlier rows. Update the one that evaluate_hypotheses returned, or test "
            "the new rows alone: evaluate_hypotheses(pipeline, X, y)."
        )
    new = evaluate_hypotheses(pipeline, X, y, groups=groups)
    columns = [evaluation.annotations.columns, new.annotations.columns]
    if list(columns[0]) != list(columns[1]):
        raise ValueError(
            f"The pipeline has the hypotheses {list(columns[1])[:3]}, and those of the "
            f"evaluation are {list(columns[0])[:3]}. Pass the pipeline that was "
            "evaluated."
        )
    _warn_of_repeats(new.held_out.texts, earlier.texts)
    last = new.held_out.last_step
    rows = pd.concat(
        [_columns(part) for part in (earlier, new.held_out)], ignore_index=True
    )
    has_names = hasattr(last, "feature_names_in_")
    together = evaluate_again(
        last,
        rows if has_names else rows.to_numpy(),
        np.concatenate([earlier.y, new.held_out.y]),
        None if groups is None else np.concatenate([earlier.groups, groups]),
    )
    texts = None
    if earlier.texts is not None and new.held_out.texts is not None:
        texts = np.concatenate([earlier.texts, new.held_out.texts])
    so_far = replace(
        with_fidelity(together, new.fidelity),
        settings=new.settings,
        held_out=together.held_out._replace(texts=texts),
    )
    return HypothesisUpdate(new, so_far)


def _columns(held_out):
    """The columns as the last step got them, with rows that are numbered."""
    columns = pd.concat([held_out.annotations, held_out.controls], axis=1)
    names = getattr(held_out.last_step, "feature_names_in_", None)
    return columns.reset_index(drop=True)[columns.columns if names is None else names]


def _warn_of_repeats(texts, earlier):
    n_known = 0 if texts is None or earlier is None else np.isin(texts, earlier).sum()
    if n_known:
        warnings.warn(
            f"{n_known} of {len(texts)} new texts are among the earlier ones as well, "
            "and count twice in so_far. Leave them out if they are the same rows.",
            UserWarning,
            stacklevel=4,
        )
