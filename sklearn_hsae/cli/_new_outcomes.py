"""New outcomes for ``sklearn-hsae apply``: the hypotheses are tested again on them."""

from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from sklearn_hsae.evaluation import evaluate_hypotheses
from sklearn_hsae.report import number

_OF_THE_RUN = {
    "coefficient": "run_coefficient",
    "ci_low": "run_ci_low",
    "ci_high": "run_ci_high",
    "p_corrected": "run_p_corrected",
}


def outcome_kinds(model, target, data):
    """How `load_texts` reads the outcome, and the groups where the tests need them.

    `data` is that entry of run.json, which names the groups.
    """
    if target is None:
        return {}
    last = model[-1]
    kinds = {target: "classification" if is_classifier(last) else "regression"}
    if last.cov_type == "cluster":
        kinds[data["groups"]] = "classification"
    return kinds


def check_outcomes(model, y, target):
    """Refuse outcomes that say nothing, or classes that the model does not know."""
    if y.nunique() < 2:
        raise ValueError(
            f"--target {target} has {y.nunique()} different values: there is nothing "
            "to test. Leave --target out."
        )
    if is_classifier(model[-1]):
        known = model[-1].classes_.tolist()
        unknown = y[~y.isin(known)]
        if len(unknown):
            raise ValueError(
                f"--target {target} has the class {unknown.iloc[0]!r}. The run has "
                f"learnt {known}. Leave such rows out."
            )


def retest(model, annotations, values, kinds, found):
    """Test the hypotheses on new outcomes.

    Parameters
    ----------
    model : Pipeline
    annotations : DataFrame of n_texts rows
    values : DataFrame of n_texts rows
        The columns of `kinds`.
    kinds : dict of str to str
        From `outcome_kinds`.
    found : HypothesisEvaluation
        That of the run.

    Returns
    -------
    table : DataFrame
        `table` of the new evaluation, with the effects of the run as ``run_...``.
    score : str
        How well the predictions fit, here and in the run.
    """
    columns = [values[name].to_numpy() for name in kinds]
    y, groups = columns if len(columns) == 2 else (*columns, None)
    last = Pipeline(model.steps[-1:])
    again = evaluate_hypotheses(last, annotations, y, groups=groups)
    table = again.table
    keys = ["class", "hypothesis"] if "class" in table else ["hypothesis"]
    before = found.table[[*keys, *_OF_THE_RUN]].rename(columns=_OF_THE_RUN)
    name = "auc" if again.task == "classification" else "r2"
    score = (
        f"{name.upper()} of the predictions: {number(again.metrics[name])}, and "
        f"{number(found.metrics[name])} in the run."
    )
    return table.merge(before, on=keys, how="left"), score
