"""HypothesisEvaluation: what the tests on held-out texts have found."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sklearn_hsae._files import json_value
from sklearn_hsae.evaluation._evaluation_text import as_html, as_text, summary_text
from sklearn_hsae.evaluation._groups import one_row_per_group
from sklearn_hsae.evaluation._held_out import HeldOut
from sklearn_hsae.evaluation._paper import (
    as_latex,
    as_markdown,
    chosen_columns,
    methods_text,
    paper_table,
)
from sklearn_hsae.evaluation._row_order import check_same_order
from sklearn_hsae.inference import effects_by_group


@dataclass(frozen=True, eq=False)
class HypothesisEvaluation:
    """The result of :func:`evaluate_hypotheses`.

    Attributes
    ----------
    task : {"regression", "classification"}
    alpha : float
        Level of significance after correction: `alpha` of the last step.
    positive : class label or None
        Of two classes, the one that effects point to. None for more classes and for a
        regression.
    table : DataFrame
        One row per hypothesis (and class, of three or more), estimated on the
        held-out rows: the columns of `summary_` of :class:`HypothesisRegressor` or
        :class:`HypothesisClassifier`, the fidelity of the concept, and `group`: the
        number of the group of hypotheses that agree.
    groups : DataFrame
        One row per group (and class, of three or more). Every two hypotheses of a
        group have annotations with a correlation of 0.5 or more, or names with the same
        words. They share one effect, so each of them adds little to the others. The
        group is tested as one hypothesis: a text has any of its concepts. `members`
        lists the concepts. `wald_p` is the test that the coefficients of all members in
        `table` are 0, and `wald_p_corrected` is that for all groups. The other columns
        are those of `table`.
    controls : DataFrame or None
        `controls_` of the last step, estimated on the held-out rows. None without
        controls.
    metrics : dict
        See ``evaluate`` of :class:`HypothesisRegressor` and
        :class:`HypothesisClassifier`. There `n_hypotheses` and `n_significant` count
        single concepts. `n_groups` counts groups; `n_significant_groups` those that are
        significant beside all others, `n_significant_wald` those whose members are, by
        `wald_p_corrected`, and `n_significant_alone` those that are significant alone,
        by `separation_p_corrected`.
    ceilings : DataFrame or None
        The held-out score of a ridge regression on the embeddings, on all neurons and
        on the selected neurons (their activations, and whether they fire). The last row
        is the score of the hypotheses without controls. None without the training rows.
    verdict : str
        Whether there is a signal, and which step loses most of it.
    annotations : DataFrame of shape (n_rows, n_hypotheses)
        The annotations 1, 0 or NaN of the held-out rows.
    fidelity : DataFrame or None
        How well each concept describes its neuron: `fidelity_` of the interpreter.
    settings : dict
        Parameters of the last step; `clean`, what a :class:`TextCleaner` removes from
        the texts; and `discovery_split`, whether it is a :class:`DiscoverySplit`.
    stability : DataFrame or None
        How often each hypothesis comes back, if :meth:`with_stability` has added it.
    drift : DataFrame or None
        Whether each concept is as frequent in the held-out texts as in the training
        texts: see :func:`~sklearn_hsae.corpora.concept_drift`. None where the last step
        was fitted with weights.
    neuron_drift : DataFrame or None
        The same for the selected neurons, with the `concept` that names each: see
        :func:`~sklearn_hsae.corpora.neuron_drift`. None without a
        :class:`NeuronSelector`, and for texts of several times together.
    held_out : HeldOut or None
        What :meth:`by_group` and :meth:`update` need of the held-out rows. None in an
        evaluation that was loaded.
    """

    task: str
    alpha: float
    positive: object
    table: pd.DataFrame
    groups: pd.DataFrame
    controls: pd.DataFrame | None
    metrics: dict
    ceilings: pd.DataFrame | None
    verdict: str
    annotations: pd.DataFrame
    fidelity: pd.DataFrame | None
    settings: dict
    stability: pd.DataFrame | None = None
    drift: pd.DataFrame | None = None
    neuron_drift: pd.DataFrame | None = None
    held_out: HeldOut | None = None

    def by_group(self, by):
        """Compare the effects of the same hypotheses between groups of held-out rows.

        One regression on all held-out rows has an effect of each hypothesis in each
        group, the groups themselves, and the controls. Each effect is compared with
        the mean of the effects of this hypothesis in the other groups. So a difference
        between groups is tested itself: that an effect is significant in one group and
        not in another says nothing about a difference [1]_.

        Parameters
        ----------
        by : array-like of shape (n_rows,)
            The group of each held-out row, such as its airline. Groups of fewer than
            20 rows are left out, and a warning names them. The name of a Series is
            shown in the report.

        Returns
        -------
        DataFrame
            One row per hypothesis and group (and class, of three or more):

            - `hypothesis`, `group`, and `n`, the number of rows of the group;
            - `prevalence`: the share of these rows that have the concept;
            - `coefficient`, `standard_error`, `ci_low`, `ci_high`: the effect in this
              group; `average_marginal_effect` for classes, as in `table`;
            - `difference`, `difference_low`, `difference_high`, `difference_p`: the
              effect minus the mean of those in the other groups, and its test;
            - `difference_p_corrected`, `differs`: corrected for the number of tests,
              the hypotheses times the groups (two groups make one test), by
              `correction` of the last step, or Holm's method where that is "min_p";
            - `note`: why there is no effect.

        Raises
        ------
        ValueError
            When fewer than two groups are large enough, there are more effects than
            a fifth of the rows, `by` has another length or the labels of the texts in
            another order, or the evaluation was loaded from a file.

        References
        ----------
        .. [1] Gelman & Stern (2006). The difference between "significant" and "not
           significant" is not itself statistically significant. American Statistician
           60.
        """
        if self.held_out is None:
            raise ValueError(
                "This evaluation was loaded from a file, which has no outcomes of the "
                "held-out rows. Compare groups where evaluate_hypotheses returned it."
            )
        if np.shape(by)[:1] != (len(self.annotations),):
            raise ValueError(
                f"by has the shape {np.shape(by)}. Pass one value per held-out row, of "
                f"which there are {len(self.annotations)}."
            )
        if isinstance(by, pd.Series):
            check_same_order(self.annotations, by, "by")
        table = effects_by_group(*self.held_out[:-1], by)
        table.attrs["by"] = str(getattr(by, "name", None) or "group")
        return table

    def update(self, pipeline, X, y, *, groups=None):
        """Test the same hypotheses on new texts, and on all held-out texts so far.

        The pipeline is not fitted again. Only the new texts are embedded and judged;
        the annotations of the earlier ones are kept.

        Parameters
        ----------
        pipeline : Pipeline, DiscoverySplit, or a fitted search
            What was evaluated.
        X : sequence of str, or other input of the pipeline, of length n_samples
            New rows, with the same outcome in the same unit.
        y : array-like of shape (n_samples,)
            Their target.
        groups : array-like of shape (n_samples,), default=None
            As in :func:`evaluate_hypotheses`. The same label is the same group in
            earlier rows.

        Returns
        -------
        HypothesisUpdate
            `new`, the tests on the new rows alone, with the drift of concepts and of
            neurons; `so_far`, the tests on the earlier and the new rows together; and
            ``compare()``, whether the effects have changed.

        Raises
        ------
        ValueError
            When the evaluation is of another pipeline, or was loaded from a file, which
            has no outcomes of the earlier rows.

        Notes
        -----
        Who tests after each week until a hypothesis is significant finds too many: the
        p-values of `so_far` do not know how often was looked before. Those of `new`
        count on the new rows alone.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.pipeline import Pipeline
        >>> from sklearn_hsae import HypothesisRegressor, evaluate_hypotheses
        >>> rng = np.random.default_rng(0)
        >>> X = rng.integers(2, size=(600, 3))
        >>> y = X[:, 0] + rng.normal(size=600)
        >>> pipe = Pipeline([("regress", HypothesisRegressor())]).fit(X[:200], y[:200])
        >>> evaluation = evaluate_hypotheses(pipe, X[200:400], y[200:400])
        >>> update = evaluation.update(pipe, X[400:], y[400:])
        >>> update.new.metrics["n"], update.so_far.metrics["n"]
        (200, 400)
        """
        from sklearn_hsae.evaluation._update import updated

        return updated(self, pipeline, X, y, groups)

    def direction(self, outcome="the outcome"):
        """Say in one line what a positive effect means.

        Parameters
        ----------
        outcome : str, default="the outcome"
            The name of y.

        Returns
        -------
        str
        """
        if self.settings.get("pairs"):
            what = f"{outcome} is higher"
            if self.task == "classification":
                what = f"{class_name(self.positive, outcome)} is more likely"
            return f"+ means that {what} where only the first text has it"
        if self.task == "regression":
            return f"+ means a higher value of {outcome}"
        if self.positive is None:
            return "+ means more likely the class that is named"
        return f"+ means more likely {class_name(self.positive, outcome)}"

    def with_stability(self, stability):
        """Add to the table how often each hypothesis came back.

        The report and the exports show it.

        Parameters
        ----------
        stability : DataFrame
            What :func:`~sklearn_hsae.evaluation.stability` returned for the same
            pipeline.

        Returns
        -------
        HypothesisEvaluation
            A copy with the attribute `stability`. Its `table` has the columns
            `n_returned` and `n_repeats`.
        """
        if "n_returned" not in getattr(stability, "columns", ()):
            raise ValueError(
                "Pass the table that sklearn_hsae.evaluation.stability returned, got a "
                f"{type(stability).__name__} without the column 'n_returned'."
            )
        counts = stability.set_index("hypothesis")[["n_returned", "n_repeats"]]
        names = self.table["hypothesis"]
        missing = sorted(set(names) - set(counts.index))
        if missing:
            raise ValueError(
                f"The hypothesis {missing[0]!r} is not in the table of stability. Pass "
                "the table of the same fitted pipeline."
            )
        columns = {name: counts[name][names].to_numpy() for name in counts}
        return replace(self, table=self.table.assign(**columns), stability=stability)

    def with_baselines(self, table):
        """Add what methods without hypotheses reach, as rows of `ceilings`.

        The report and the figures show them. The ridge regression on the embeddings is
        in `ceilings` already and is not added.

        Parameters
        ----------
        table : DataFrame
            What :func:`~sklearn_hsae.evaluation.baselines` returned for the same texts.

        Returns
        -------
        HypothesisEvaluation
            A copy.
        """
        if self.ceilings is None:
            raise ValueError(
                "This evaluation has no ceilings to put the baselines beside. Pass "
                "X_train and y_train to evaluate_hypotheses."
            )
        others = table.drop(index="ridge on embeddings")
        return replace(self, ceilings=pd.concat([self.ceilings, others]))

    def to_dict(self):
        """The evaluation without the annotations, as values for JSON.

        Returns
        -------
        dict
            `task`, `alpha`, `positive`, `verdict`, `metrics`, and `hypotheses`,
            `groups`, `controls`, `ceilings` and `stability` (one dict per row; None
            where a number is NaN).
        """
        return {
            "task": self.task,
            "alpha": self.alpha,
            "positive": json_value(self.positive),
            "verdict": self.verdict,
            "metrics": json_value(self.metrics),
            "hypotheses": _records(self.table),
            "groups": _records(self.groups),
            "controls": _records(self.controls),
            "ceilings": _records(
                None
                if self.ceilings is None
                else self.ceilings.rename_axis("stage").reset_index()
            ),
            "stability": _records(self.stability),
        }

    def to_frame(self):
        """One row per hypothesis (and class, of three or more).

        Concepts that agree, a group of `groups`, are one hypothesis. The terminal, the
        report, and :meth:`to_markdown` show this table.

        Returns
        -------
        DataFrame
            The columns of `groups`, the number of the group, and the fidelity and the
            repeats of `table`. These are missing for several concepts in one row.
        """
        return one_row_per_group(self.table, self.groups)

    def summary(self):
        """The table of hypotheses as text, in the manner of statsmodels.

        Returns
        -------
        str
            The size and the score of the test; then the coefficient, standard error,
            p-value, corrected p-value and interval of each hypothesis.
        """
        return summary_text(self)

    def to_markdown(self, columns=None):
        """The table of hypotheses in Markdown, sorted by effect.

        Parameters
        ----------
        columns : list of str or None, default=None
            Headings of the columns to show, such as ``["Hypothesis", "Effect"]``. None
            is all: effect, interval, corrected p, share of texts, and what else there
            is.

        Returns
        -------
        str
        """
        return as_markdown(self._paper_table(columns))

    def to_latex(self, columns=None):
        """The table of hypotheses in LaTeX, for the package booktabs.

        Parameters
        ----------
        columns : list of str or None, default=None
            As in :meth:`to_markdown`.

        Returns
        -------
        str
        """
        return as_latex(self._paper_table(columns))

    def methods(self, outcome="the outcome"):
        """One paragraph for a paper that describes the tests and the results.

        Parameters
        ----------
        outcome : str, default="the outcome"
            The name of y.

        Returns
        -------
        str
        """
        return methods_text(self, outcome)

    def _paper_table(self, columns):
        shown = paper_table(self.to_frame(), self.alpha, self.settings["intervals"])
        return shown if columns is None else chosen_columns(shown, columns)

    def __repr__(self):
        return as_text(self)

    def _repr_html_(self):
        return as_html(self)


def _records(table):
    """The rows of a table as values for JSON; None without a table."""
    return None if table is None else json_value(table.to_dict("records"))


def class_name(label, outcome):
    """A class in a sentence: a word alone, True or 1 with the name of the outcome."""
    return label if isinstance(label, str) else f"{outcome} = {label}"
