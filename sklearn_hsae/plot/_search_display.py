"""What a search found: scores over the parameters that it tried."""

import numpy as np
import pandas as pd

from sklearn_hsae.plot._display import SIGNIFICANT, Display, note

_MOST_COLORS, _MOST_JOINED = 8, 12
_RATIO_FOR_LOG_SCALE = 8


class SearchDisplay(Display):
    """Scores of the candidates of a search, over one or two of its parameters.

    A dot is a candidate. The line joins the best candidate at each value of `x`, unless
    the values are drawn from a range, and the thin vertical lines are the range of its
    folds. The ring is the best candidate of all.

    Parameters
    ----------
    search : object
        A fitted search of scikit-learn, such as GridSearchCV; an OptunaSearchCV or a
        study of Optuna, of which complete trials are drawn.
    x : str or None, default=None
        The parameter on the axis; None is the first one that varies.
    hue : str or None, default=None
        The parameter whose values have colours; None is the next one with at most
        eight values, if there is one.
    metric : str or None, default=None
        Which score, for a search with several: a key of its `scoring`.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    candidates_ : DataFrame
        The parameters of each candidate, its `score`, and with folds the `low` and
        the `high` one. Candidates whose fit failed are left out.

    Examples
    --------
    >>> from sklearn_hsae.plot import SearchDisplay
    >>> SearchDisplay.from_search(
    ...     search, x="sae__n_neurons", hue="sae__k"
    ... )  # doctest: +SKIP
    """

    def __init__(self, search, *, x=None, hue=None, metric=None):
        if hasattr(search, "trials_dataframe"):
            params, scores = _of_trials(search)
        else:
            params, scores = _of_folds(search, metric)
        table = pd.concat([params, scores], axis=1)
        self.candidates_ = table.dropna(subset="score").reset_index(drop=True)
        if self.candidates_.empty:
            raise ValueError(
                "No candidate of this search has a score: every fit failed. Search "
                'with error_score="raise" to see why.'
            )
        params = self.candidates_[list(params)]
        self.metric = metric
        varied = [name for name in params if params[name].astype(str).nunique() > 1]
        self.x = _checked(x, params) or (varied or list(params))[0]
        others = [
            name
            for name in varied
            if name != self.x and params[name].nunique() <= _MOST_COLORS
        ]
        self.hue = _checked(hue, params) or next(iter(others), None)
        study = getattr(search, "study_", search)
        direction = getattr(study, "direction", None)
        self._sign = -1 if getattr(direction, "name", "") == "MINIMIZE" else 1

    @classmethod
    def from_search(cls, search, *, x=None, hue=None, metric=None, ax=None):
        """Draw a search.

        Parameters
        ----------
        search, x, hue, metric
            As for the class.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None makes a figure of a suitable size.

        Returns
        -------
        SearchDisplay
            With the attributes `ax_`, `figure_` and `candidates_`.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        ValueError
            When the search has no such parameter or metric, or no complete trial.
        """
        return cls(search, x=x, hue=hue, metric=metric).plot(ax=ax)

    def size(self):
        """Width and height of a suitable figure, in inches."""
        return 8.5, 4.0

    def _draw(self, ax):
        from matplotlib import colormaps

        table = self.candidates_
        values = _sorted_values(table[self.x])
        is_scale = all(isinstance(v, int | float) for v in values) and len(values) > 1
        places = table[self.x] if is_scale else table[self.x].map(values.index)
        groups = {None: table.index}
        if self.hue is not None:
            kinds = _sorted_values(table[self.hue])
            groups = {kind: table.index[table[self.hue] == kind] for kind in kinds}
        colors = colormaps["viridis"](np.linspace(0.1, 0.85, len(groups)))
        if len(groups) == 1:
            colors = [SIGNIFICANT]
        for (kind, rows), color in zip(groups.items(), colors, strict=True):
            self._draw_group(ax, table.loc[rows], places[rows], kind, color)
        best = (self._sign * table["score"]).idxmax()
        ring = {"markerfacecolor": "none", "markeredgecolor": "black", "ms": 11}
        ax.plot(places[best], table["score"][best], "o", **ring)
        self._describe(ax, values, is_scale)

    def _draw_group(self, ax, table, places, kind, color):
        ax.plot(places, table["score"], "o", color=color, ms=4, alpha=0.6, label=kind)
        best = table.index
        if self._has_levels():
            best = (self._sign * table["score"]).groupby(places).idxmax()
            ax.plot(best.index, table["score"][best], color=color)
        if "low" in table:
            ends = table["low"][best], table["high"][best]
            ax.vlines(places[best], *ends, color=color, linewidth=0.8)

    def _has_levels(self):
        """Whether the values on the axis are few and chosen, not drawn from a range."""
        values = self.candidates_[self.x]
        is_drawn = pd.api.types.is_float_dtype(values) and (
            2 * values.nunique() > len(values)
        )
        return values.nunique() <= _MOST_JOINED and not is_drawn

    def _describe(self, ax, values, is_scale):
        if not is_scale:
            ax.set_xticks(range(len(values)), values)
        elif min(values) > 0 and max(values) >= _RATIO_FOR_LOG_SCALE * min(values):
            ax.set_xscale("log")
        if is_scale and self._has_levels():
            ax.set_xticks(values, values)
            ax.set_xticks([], minor=True)
        ax.set_xlabel(self.x)
        has_folds = "low" in self.candidates_
        score = self.metric or "score"
        ax.set_ylabel(f"mean {score} of the folds" if has_folds else "value of a trial")
        ax.spines[["top", "right"]].set_visible(False)
        lines = ", thin lines: its folds" if has_folds else ""
        note(ax, f"{len(self.candidates_)} candidates; ring: the best{lines}")
        if self.hue is not None:
            ax.legend(
                title=self.hue,
                fontsize="small",
                title_fontsize="small",
                loc="center left",
                bbox_to_anchor=(1, 0.5),
            )


def _of_folds(search, metric):
    if not hasattr(search, "cv_results_"):
        raise ValueError(
            f"{type(search).__name__} has no cv_results_. Pass a fitted search, such "
            "as GridSearchCV(...).fit(X, y)."
        )
    results = search.cv_results_
    found = [
        name.removeprefix("mean_test_")
        for name in results
        if name.startswith("mean_test_")
    ]
    if (metric or "score") not in found:
        raise ValueError(
            f"metric={metric!r} is none of the scores of this search: {found}. Pass "
            f"metric={found[0]!r}."
        )
    folds = np.column_stack(
        [
            values
            for name, values in results.items()
            if name.startswith("split") and name.endswith(f"_test_{metric or 'score'}")
        ]
    )
    scores = {
        "score": results[f"mean_test_{metric or 'score'}"],
        "low": folds.min(axis=1),
        "high": folds.max(axis=1),
    }
    return _plain(pd.DataFrame(list(results["params"]))), pd.DataFrame(scores)


def _of_trials(study):
    trials = study.trials_ if hasattr(study, "trials_") else study.trials
    trials = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if not trials:
        raise ValueError("The study has no complete trial. Run study.optimize first.")
    params = pd.DataFrame([trial.params for trial in trials])
    return _plain(params), pd.DataFrame({"score": [trial.value for trial in trials]})


def _plain(params):
    """Numbers as numbers; tuples, words and None as words."""
    return params.apply(
        lambda values: (
            values
            if pd.api.types.is_numeric_dtype(values) and values.dtype != bool
            else values.map(str)
        )
    )


def _checked(name, params):
    if name is not None and name not in params:
        raise ValueError(
            f"{name!r} is none of the parameters of this search: {list(params)}."
        )
    return name


def _sorted_values(values):
    return sorted(values.dropna().unique().tolist())
