"""Test the hypotheses of a fitted pipeline on held-out texts."""

from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.base import is_classifier

from sklearn_hsae._target import read_target
from sklearn_hsae.corpora import concept_drift, neuron_drift
from sklearn_hsae.evaluation._ceilings import ceiling_table
from sklearn_hsae.evaluation._fitted_pipeline import fitted_pipeline
from sklearn_hsae.evaluation._groups import agreeing_groups, group_table
from sklearn_hsae.evaluation._hypothesis_evaluation import (
    HeldOut,
    HypothesisEvaluation,
)
from sklearn_hsae.evaluation._overlap import fingerprints, warn_of_overlap
from sklearn_hsae.evaluation._stages import (
    SELECTED_NEURONS,
    flat_steps,
    neuron_selector,
    numeric_stages,
    removed_from_texts,
    text_readers,
    transform_by_stages,
)
from sklearn_hsae.evaluation._verdict import verdict
from sklearn_hsae.inference import read_clusters, split_controls

_FIDELITY = ["precision", "recall", "f1", "correlation", "literal_share"]


<<<<<<< HEAD
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
        words. They share one effect,
        so each of them adds little to the others. The group is tested as one
        hypothesis: a text has any of its concepts. `members` lists the concepts.
        `wald_p` is the test that the coefficients of all members in `table` are 0, and
        `wald_p_corrected` is that for all groups. The other columns are those of
        `table`.
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
    held_out : HeldOut or None
        What :meth:`by_group` needs of the held-out rows. None in an evaluation that
        was loaded.
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
    held_out: "HeldOut | None" = None

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
        table = self.to_frame()
        shown = table[[name for name in _SHOWN if name in table]]
        table = shown.to_string(index=False, float_format="{:.3g}".format)
        summary = textwrap.fill(self.verdict, 88)
        return f"{summary}\n\n{self.direction()}\n\n{table}"

    def _repr_html_(self):
        table = (
            self.to_frame()
            .drop(columns="members")
            .to_html(index=False, float_format="{:.3g}".format)
        )
        summary = f"<p>{escape(self.verdict)}</p><p>{escape(self.direction())}</p>"
        return f"{summary}{table}"


class HeldOut(NamedTuple):
    """What a regression on the held-out rows needs; the annotations are not copied.

    Attributes
    ----------
    last_step : HypothesisRegressor or HypothesisClassifier
    annotations, controls : DataFrame of n_rows rows
    y : ndarray of shape (n_rows,)
    groups : array-like of shape (n_rows,), or None
    texts : uint64 ndarray of shape (n_rows,), or None
        Fingerprints of the texts.
    """

    last_step: object
    annotations: pd.DataFrame
    controls: pd.DataFrame
    y: np.ndarray
    groups: object
    texts: np.ndarray | None


def _records(table):
    """The rows of a table as values for JSON; None without a table."""
    return None if table is None else json_value(table.to_dict("records"))


def class_name(label, outcome):
    """A class in a sentence: a word alone, True or 1 with the name of the outcome."""
    return label if isinstance(label, str) else f"{outcome} = {label}"


=======
>>>>>>> main
def evaluate_hypotheses(pipeline, X, y, *, X_train=None, y_train=None, groups=None):
    """Test the hypotheses of a fitted pipeline on other rows.

    Each text is judged once. The regression on the annotations is estimated again on
    these rows, so the p-values are independent of the rows on which the hypotheses were
    found.

    Parameters
    ----------
    pipeline : Pipeline, DiscoverySplit, or a fitted search such as GridSearchCV
        Fitted, with a :class:`HypothesisRegressor` or :class:`HypothesisClassifier`
        as its last step. For a search, its best estimator is used. Samplers of
        imbalanced-learn, nested pipelines, a ColumnTransformer and a FeatureUnion may
        come before the last step.
    X : sequence of str, or other input of the pipeline, of length n_samples
        Rows that the pipeline was not fitted on.
    y : array-like of shape (n_samples,)
        Their target.
    X_train, y_train : default=None
        The rows that the pipeline was fitted on. They are needed for the ceilings: how
        well a linear model predicts the outcome from the output of each step.
    groups : array-like of shape (n_samples,), default=None
        The group of each row of `X`, such as its author. Needed when the last step has
        ``cov_type="cluster"``.

    Returns
    -------
    HypothesisEvaluation

    Raises
    ------
    ValueError
        When the lengths differ, y has missing values, or `pipeline` is of another
        kind; the message says what to pass instead.

    Notes
    -----
    When the concepts come from one branch of a ColumnTransformer or FeatureUnion, the
    ceilings are those of the steps in this branch. With several such branches there
    are no ceilings, and `verdict` says so.

    Examples
    --------
    A pipeline with nothing but the last step:

    >>> import numpy as np
    >>> from sklearn.pipeline import Pipeline
    >>> from sklearn_hsae import HypothesisRegressor, evaluate_hypotheses
    >>> rng = np.random.default_rng(0)
    >>> X = rng.integers(2, size=(400, 3))
    >>> y = X[:, 0] + rng.normal(size=400)
    >>> pipe = Pipeline([("regress", HypothesisRegressor())]).fit(X[:200], y[:200])
    >>> evaluation = evaluate_hypotheses(pipe, X[200:], y[200:])
    >>> evaluation.verdict
    '1 of 3 hypotheses is significant; all together reach a held-out R2 of 0.27.'
    """
    *steps, last = flat_steps(fitted_pipeline(pipeline))
    task = "classification" if is_classifier(last) else "regression"
    y = _check_target(X, y, task, "X", "y")
    texts = fingerprints(X)
    known = getattr(pipeline, "_discovery_texts", None)
    warn_of_overlap(texts, known, "among those that DiscoverySplit found them on")
    last._check_held_out(y)
    read_clusters(groups, last.cov_type, y)  # refused before a text is judged
    if (X_train is None) != (y_train is None):
        raise ValueError("Pass both X_train and y_train, or neither.")
    if X_train is not None:
        y_train = _check_target(X_train, y_train, task, "X_train", "y_train")
        warn_of_overlap(texts, fingerprints(X_train), "in X_train")
    stages, annotations = transform_by_stages(steps, X)
    training = None if X_train is None else numeric_stages(steps, X_train)
    evaluation = _evaluate(last, annotations, y, groups, stages, training, y_train)
    fidelity = _fidelity(steps, evaluation.table["hypothesis"])
    neurons = _neuron_drift(steps, stages, fidelity, last.alpha)
    cleaned = [part for step in steps for part in removed_from_texts(step)]
    found = {"clean": cleaned, "discovery_split": known is not None}
    return replace(
        evaluation,
        table=with_fidelity(evaluation.table, fidelity),
        fidelity=fidelity,
        neuron_drift=neurons,
        settings=evaluation.settings | found,
        held_out=evaluation.held_out._replace(texts=texts),
    )


def evaluate_again(last, annotations, y, groups):
    """Test annotations that there are, for the last step of a pipeline.

    Parameters
    ----------
    last : HypothesisRegressor or HypothesisClassifier
        Fitted.
    annotations : DataFrame of n_rows rows
        With the controls among its columns.
    y : ndarray of shape (n_rows,)
    groups : array-like of shape (n_rows,), or None

    Returns
    -------
    HypothesisEvaluation
        Without what only the earlier steps know: fidelity, neurons and ceilings.
    """
    return _evaluate(last, annotations, y, groups, {}, None, None)


def _evaluate(last, annotations, y, groups, stages, training, y_train):
    task = "classification" if is_classifier(last) else "regression"
    table, control_effects, metrics = last._evaluate(annotations, y, groups=groups)
    annotations, controls = split_controls(last, annotations)
    table, agreeing = _with_groups(table, last, annotations, controls, y, groups)
    metrics |= _counts(agreeing, last.alpha)
    ceilings = None
    if training is not None:
        classes = last.classes_ if task == "classification" else None
        ceilings = ceiling_table(
            training,
            y_train,
            stages,
            y,
            classes,
            metrics,
            clusters=read_clusters(groups, last.cov_type, y),
            has_intercept=not last.pairs,
        )
    return HypothesisEvaluation(
        task=task,
        alpha=last.alpha,
        positive=last.positive_ if task == "classification" else None,
        table=table,
        groups=agreeing,
        controls=control_effects if len(control_effects) else None,
        metrics=metrics,
        ceilings=ceilings,
        verdict=verdict(task, metrics, ceilings),
        annotations=annotations,
        fidelity=None,
        settings=last.get_params(),
        drift=None if last.is_weighted_ else concept_drift(last, annotations),
        held_out=HeldOut(last, annotations, controls, y, groups, None),
    )


def _check_target(X, y, task, X_name, y_name):
    """The numbers or the classes in `y`, one per row of `X`."""
    target = read_target(y, task, name=y_name)
    y = target.classes[target.values] if target.is_classification else target.values
    n_rows = _n_rows(X, X_name)
    if n_rows == 0:
        raise ValueError(f"{X_name} has no rows. Pass one text or more.")
    if len(y) != n_rows:
        raise ValueError(f"{X_name} has {n_rows} rows, but {y_name} has {len(y)}.")
    return y


def _n_rows(X, name):
    if hasattr(X, "shape"):
        return X.shape[0]
    if X is None:
        raise ValueError(f"{name} is None. Pass the texts, or what the pipeline takes.")
    if not hasattr(X, "__len__"):
        raise ValueError(
            f"{name} is a {type(X).__name__}, which can be read only once and has no "
            f"length. Pass list({name})."
        )
    return len(X)


def _fidelity(steps, hypotheses):
    """The fidelity tables of the interpreters, with the last step's column names.

    A ColumnTransformer or FeatureUnion may put a prefix before each name.
    """
    tables = []
    for step in steps:
        for reader, prefix in text_readers(step):
            table = getattr(reader, "fidelity_", None)
            if table is not None:
                concepts = table["concept"]
                prefixed = prefix + concepts
                names = prefixed.where(prefixed.isin(hypotheses), concepts)
                tables.append(table.assign(concept=names))
    return pd.concat(tables, ignore_index=True) if tables else None


def _neuron_drift(steps, stages, fidelity, alpha):
    """How often the selected neurons fire; None where there are none to look at."""
    selector, activations = neuron_selector(steps), stages.get(SELECTED_NEURONS)
    if selector is None or activations is None:
        return None
    if activations.shape[1] != len(selector.get_feature_names_out()):
        return None  # another step has changed the columns
    table = neuron_drift(selector, activations, alpha=alpha)
    concepts = {}
    if fidelity is not None and "neuron" in fidelity:
        concepts = dict(zip(fidelity["neuron"], fidelity["concept"], strict=True))
    table.insert(1, "concept", [concepts.get(name) for name in table["neuron"]])
    return table


def _with_groups(table, last, annotations, controls, y, groups):
    """The table with the number of each group, and the table of the groups."""
    values = annotations.to_numpy(dtype=np.float64)
    numbers = agreeing_groups(values, annotations.columns)
    agreeing = group_table(last, table, annotations, y, numbers, controls, groups)
    names = annotations.columns
    by_name = dict(zip(names, numbers.tolist(), strict=True))
    return table.assign(group=table["hypothesis"].map(by_name)), agreeing


def _counts(groups, alpha):
    """How many groups are significant, alone and beside the others, in any class."""
    names = groups["hypothesis"]
    counts = {
        name: int(is_significant.groupby(names).any().sum())
        for name, is_significant in (
            ("n_significant_alone", groups["separation_p_corrected"] < alpha),
            ("n_significant_groups", groups["significant"]),
            ("n_significant_wald", groups["wald_p_corrected"] < alpha),
        )
    }
    return {"n_groups": names.nunique(), **counts}


def with_fidelity(table, fidelity):
    """The table with the scores of each concept; `fidelity` may be None."""
    if fidelity is None:
        return table
    scores = fidelity.rename(columns={"concept": "hypothesis"})
    columns = [name for name in _FIDELITY if name in scores]
    return table.merge(scores[["hypothesis", *columns]], on="hypothesis", how="left")
