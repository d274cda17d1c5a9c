"""Optuna searches the parameters of a pipeline, as the user guide shows."""

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna_integration import OptunaSearchCV
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline

from sklearn_hsae import MatryoshkaSAETransformer, NeuronSelector


@pytest.fixture(scope="module")
def rows():
    """Sums of three of 16 directions, and a target that two of them decide."""
    rng = np.random.default_rng(0)
    codes = np.zeros((300, 16))
    for row in codes:
        row[rng.permutation(16)[:3]] = rng.uniform(1, 2, size=3)
    X = codes @ rng.normal(size=(16, 12)) + 0.1 * rng.normal(size=(300, 12))
    return X.astype(np.float32), codes[:, 0] - codes[:, 1]


@pytest.fixture
def pipe():
    sae = MatryoshkaSAETransformer(16, 3, max_epochs=4, random_state=0)
    steps = [("sae", sae), ("select", NeuronSelector(n_select=4))]
    return Pipeline([*steps, ("last", LinearRegression())])


def seeded():
    return optuna.samplers.RandomSampler(seed=0)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_search_with_cross_validation_scores_as_its_folds_do(rows, pipe):
    X, y = rows
    folds = KFold(2)
    search = OptunaSearchCV(
        pipe,
        {
            "sae__learning_rate": FloatDistribution(1e-3, 3e-2, log=True),
            "sae__target_weight": FloatDistribution(0.0, 1.0),
            "sae__activation": CategoricalDistribution(["topk", "batch_topk"]),
        },
        cv=folds,
        n_trials=3,
        study=optuna.create_study(direction="maximize", sampler=seeded()),
    ).fit(X, y)
    scores = []
    for training, test in folds.split(X):
        pipe.set_params(**search.best_params_).fit(X[training], y[training])
        scores.append(r2_score(y[test], pipe.predict(X[test])))
    assert search.best_score_ == pytest.approx(np.mean(scores))
    values = [trial.value for trial in search.trials_]
    assert len(set(values)) == 3 and search.best_score_ == max(values)


def test_a_trial_that_learns_less_than_half_of_the_others_is_pruned(rows):
    X, _ = rows
    told = {}

    def objective(trial):
        rate = trial.suggest_float("learning_rate", 1e-5, 1e-2, log=True)
        sae = MatryoshkaSAETransformer(
            16, 3, learning_rate=rate, max_epochs=6, random_state=0
        )

        def report(epoch):
            trial.report(epoch["valid_fvu"], epoch["epoch"])
            told.setdefault(trial.number, []).append(epoch["valid_fvu"])
            if trial.should_prune():
                raise optuna.TrialPruned

        return 1 - sae.fit(X, on_epoch_end=report).score(X)

    pruner = optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1)
    study = optuna.create_study(pruner=pruner, sampler=seeded())
    for rate in (1e-2, 5e-3, 1e-5, 6e-3):
        study.enqueue_trial({"learning_rate": rate})
    study.optimize(objective, n_trials=4)
    states = [trial.state.name for trial in study.trials]
    assert states[:3] == ["COMPLETE", "COMPLETE", "PRUNED"]
    slow = study.trials[2]
    assert len(told[2]) == slow.last_step < 6
    assert slow.intermediate_values == dict(enumerate(told[2], 1))
    assert study.best_params["learning_rate"] > 1e-3
