"""What is drawn of searches and of stability."""

import numpy as np
import optuna
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV

from sklearn_hsae.plot import SearchDisplay, StabilityDisplay


class Known(BaseEstimator):
    """Its score is a formula of its parameters and of the fold."""

    def __init__(self, size=1, k=1, prefixes=None):
        self.size, self.k, self.prefixes = size, k, prefixes

    def fit(self, X, y=None):
        if self.k == 0:
            raise ValueError("k is 0")
        return self

    def score(self, X, y=None):
        return self.size / (self.k + bool(self.prefixes)) + np.mean(X)


GRID = {"size": [8, 64], "k": [1, 2], "prefixes": [None, (0.5, 1.0)]}
X = np.array([[0.0], [1.0]])  # a fold each


def curves(ax):
    """The joined lines by their data."""
    return [line.get_xydata().tolist() for line in ax.lines if line.get_ls() == "-"]


def ring(ax):
    """Where the best candidate is marked."""
    (line,) = [line for line in ax.lines if line.get_markersize() > 10]
    return line.get_xydata().tolist()


def test_the_line_joins_the_best_candidates():
    search = GridSearchCV(Known(), GRID, cv=2).fit(X)
    ax = Figure().subplots()
    display = SearchDisplay.from_search(search, x="size", hue="k", ax=ax)
    # Without prefixes is better; the mean of the folds adds a half.
    assert curves(ax) == [[[8, 8.5], [64, 64.5]], [[8, 4.5], [64, 32.5]]]
    (first, second) = ax.collections
    ends = [segment[:, 1].tolist() for segment in first.get_segments()]
    assert ends == [[8, 9], [64, 65]]
    assert len(second.get_segments()) == 2
    assert len(display.candidates_) == 8
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["1", "2"]
    assert ring(ax) == [[64, 64.5]]


def test_tuples_and_none_are_words_on_the_axis():
    search = GridSearchCV(Known(), GRID, cv=2).fit(X)
    ax = SearchDisplay.from_search(search, x="prefixes", ax=Figure().subplots()).ax_
    names = [text.get_text() for text in ax.get_xticklabels()]
    assert names == ["(0.5, 1.0)", "None"]


def test_one_of_several_metrics_is_named():
    scoring = {
        "fit": lambda model, X, y=None: model.k,
        "size": lambda model, X, y=None: 3,
    }
    search = GridSearchCV(Known(), {"k": [1, 2]}, cv=2, scoring=scoring, refit=False)
    search.fit(X)
    display = SearchDisplay.from_search(search, metric="fit", ax=Figure().subplots())
    assert curves(display.ax_) == [[[1, 1], [2, 2]]]
    assert display.ax_.get_ylabel() == "mean fit of the folds"
    with pytest.raises(ValueError, match="Pass metric='fit'"):
        SearchDisplay.from_search(search)


def test_a_study_is_drawn_without_its_pruned_trials():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def objective(trial):
        rate = trial.suggest_float("rate", 0.1, 1.0)
        kind = trial.suggest_categorical("kind", ["a", "b"])
        if trial.number == 3:
            raise optuna.TrialPruned
        return rate + (kind == "b")

    study.optimize(objective, n_trials=9)
    display = SearchDisplay.from_search(study, ax=Figure().subplots())
    assert (display.x, display.hue) == ("rate", "kind")
    assert len(display.candidates_) == 8
    assert not curves(display.ax_)  # no value of the rate comes twice
    assert len(display.ax_.get_xticks()) != 8
    # The smallest value is the best.
    assert ring(display.ax_) == [[study.best_params["rate"], study.best_value]]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test")
def test_candidates_whose_fit_failed_are_left_out():
    search = GridSearchCV(Known(), {"k": [0, 1, 2]}, cv=2, error_score=np.nan).fit(X)
    display = SearchDisplay.from_search(search, ax=Figure().subplots())
    assert curves(display.ax_) == [[[1, 1.5], [2, 1.0]]]
    assert ring(display.ax_) == [[1, 1.5]]
    search.cv_results_["mean_test_score"][:] = np.nan
    with pytest.raises(ValueError, match="every fit failed"):
        SearchDisplay.from_search(search)


def test_searches_without_results_are_refused():
    with pytest.raises(ValueError, match="Pass a fitted search"):
        SearchDisplay.from_search(GridSearchCV(Known(), GRID))
    with pytest.raises(ValueError, match="no complete trial"):
        SearchDisplay.from_search(optuna.create_study())
    search = GridSearchCV(Known(), {"k": [1, 2]}, cv=2).fit(X)
    with pytest.raises(ValueError, match="'M' is none of the parameters"):
        SearchDisplay.from_search(search, x="M")


def test_stability_is_that_of_the_table():
    table = pd.DataFrame(
        {
            "hypothesis": ["mentions soup", "is about rain"],
            "n_returned": [5, 2],
            "n_repeats": 5,
            "share_returned": [1.0, 0.4],
            "agreement": [0.9, 0.3],
            "same_sign": [1.0, 0.5],
        }
    )
    ax = StabilityDisplay.from_table(table, ax=Figure().subplots()).ax_
    assert [bar.get_width() for bar in ax.patches] == [1.0, 0.4]
    (dots,) = ax.lines
    assert dots.get_xdata().tolist() == [0.9, 0.3]
    said = [text.get_text() for text in ax.texts]
    assert said == ["5 of 5", "2 of 5, same sign in 50%"]
    with pytest.raises(ValueError, match="Expected the table"):
        StabilityDisplay.from_table(table[["hypothesis"]])
