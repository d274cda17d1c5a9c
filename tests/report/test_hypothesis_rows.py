"""The rows that the page and the terminal show."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from sklearn_hsae import HypothesisClassifier, HypothesisRegressor, evaluate_hypotheses
from sklearn_hsae.report import hypothesis_rows


@pytest.mark.parametrize("n_classes", [None, 3])
def test_concepts_that_agree_are_one_row_with_its_concepts(n_classes):
    """Each hypothesis that is counted as significant stands in a row of its own."""
    rng = np.random.default_rng(0)
    has = rng.random(600) < 0.4
    X = pd.DataFrame({"thanks": has, "thank you": has ^ (rng.random(600) < 0.05)})
    X = X.assign(waits=rng.random(600) < 0.3, parks=rng.random(600) < 0.3) * 1.0
    y = has + X["waits"] + rng.normal(size=600)
    last = HypothesisRegressor()
    if n_classes:
        y, last = pd.qcut(y, n_classes, labels=list("abc")), HypothesisClassifier()
    pipe = Pipeline([("regress", last)]).fit(X, y)
    evaluation = evaluate_hypotheses(pipe, X, y)
    rows = hypothesis_rows(evaluation)
    assert len(rows) == 3 * (n_classes or 1)
    groups = [row for row in rows if row.members]
    for group in groups:
        assert [row.name for row in group.members] == ["thanks", "thank you"]
        assert {row.group for row in group.members} == {group.group}
        either = (X["thanks"] + X["thank you"] > 0).mean()
        assert group.prevalence == pytest.approx(either)
    assert len(groups) == (n_classes or 1)
    found = {row.name for row in rows if row.significant}
    assert len(found) == evaluation.metrics["n_significant_groups"] == 2
