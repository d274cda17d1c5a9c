"""The R2 that a search reaches per minute: a grid, Optuna, gp_minimize.

Optuna runs twice: with pruning, and with three seeds per candidate that are trained in
the same steps by fit_many.

    pip install optuna scikit-optimize
    python benchmarks/search.py [--seconds 60] [--rows 2000] [--embeddings FILE.npz]

Every search has the same embeddings and the same seconds, of the processor's time, so
that other programs do not count (set OMP_NUM_THREADS=1). It looks for the autoencoder
whose selected neurons predict the target best on half of the rows that it was not
trained on. The other half of them, which no search sees, gives the R2 that is printed:
that of the best candidate so far, after each quarter of the time. FILE.npz has the
arrays `X` and `y`; without it, generated reviews are embedded by their words. The grid
is walked in random order, as one does who must stop at a fixed time.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import optuna
import skopt
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import ParameterGrid, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline

from sklearn_hsae import (
    LSAEmbedder,
    MatryoshkaSAETransformer,
    NeuronSelector,
    make_reviews,
)
from sklearn_hsae.sae import fit_many

N_SELECT, N_SEEDS = 10, 3
N_SHARED, TRIALS_PER_ROUND = 3, 3  # seeds of a candidate; candidates that are asked for
SIZES, ACTIVATIONS = [32, 64, 128, 256], ["topk", "batch_topk"]
GRID = {
    "n_neurons": SIZES,
    "k": [2, 4, 8, 16],
    "first": [0.125, 0.5, 1.0],
    "activation": ACTIVATIONS,
    "learning_rate": [0.002, 0.006, 0.018],
    "target_weight": [0.1, 0.3, 1.0],
}
# Of gp_minimize; the study has the same ranges.
SPACE = [
    skopt.space.Categorical(SIZES, name="n_neurons"),
    skopt.space.Integer(2, 16, name="k"),
    skopt.space.Real(0.125, 1.0, name="first"),
    skopt.space.Categorical(ACTIVATIONS, name="activation"),
    skopt.space.Real(0.002, 0.018, "log-uniform", name="learning_rate"),
    skopt.space.Real(0.1, 1.0, "log-uniform", name="target_weight"),
]


class OutOfTime(Exception):
    """The seconds of a search are over."""


class Trial(NamedTuple):
    """A finished candidate."""

    seconds: float
    searched: float  # R2 that the search saw
    unseen: float  # R2 that it did not see


class Race:
    """The rows, the clock, and what was tried."""

    def __init__(self, X, y, seconds, seed):
        self.training, rest, self.y, y_rest = train_test_split(
            X, y, test_size=0.5, random_state=seed
        )
        self.parts = train_test_split(rest, y_rest, test_size=0.5, random_state=seed)
        self.seconds = seconds
        self.seed = seed
        self.trials = []
        self.n_pruned = 0
        self.start = time.process_time()

    def score(self, candidate, on_epoch_end: Callable | None = None):
        """Fit a candidate; the R2 that the search may see."""
        if time.process_time() - self.start > self.seconds:
            raise OutOfTime
        sae = autoencoder(candidate, 0)
        selector = NeuronSelector(n_select=N_SELECT)
        steps = [("sae", sae), ("select", selector), ("last", LinearRegression())]
        pipe = Pipeline(steps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipe.fit(self.training, self.y, sae__on_epoch_end=on_epoch_end)
        return self._record([pipe])

    def score_together(self, candidates):
        """The R2 of each candidate, as the mean over seeds of shared trainings."""
        if time.process_time() - self.start > self.seconds:
            raise OutOfTime
        saes = [[autoencoder(c, s) for s in range(N_SHARED)] for c in candidates]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit_many([sae for group in saes for sae in group], self.training, self.y)
            return [self._record([self._pipe(sae) for sae in group]) for group in saes]

    def _pipe(self, sae):
        """A fitted pipeline with a fitted autoencoder."""
        last = make_pipeline(NeuronSelector(n_select=N_SELECT), LinearRegression())
        last.fit(sae.transform(self.training), self.y)
        return Pipeline([("sae", sae), ("last", last)])

    def _record(self, pipes):
        searched, unseen, y_searched, y_unseen = self.parts
        trial = Trial(
            time.process_time() - self.start,
            np.mean([pipe.score(searched, y_searched) for pipe in pipes]),
            np.mean([pipe.score(unseen, y_unseen) for pipe in pipes]),
        )
        self.trials.append(trial)
        return trial.searched

    def best_after(self, seconds):
        """The unseen R2 of the candidate that looked best by then; NaN before one."""
        done = [trial for trial in self.trials if trial.seconds <= seconds]
        if not done:
            return np.nan
        return max(done, key=lambda trial: trial.searched).unseen


def autoencoder(candidate, seed):
    options = dict(candidate)
    first = round(options.pop("first") * options["n_neurons"])
    prefixes = (first,) if first < options["n_neurons"] else None
    return MatryoshkaSAETransformer(prefixes=prefixes, random_state=seed, **options)


def by_grid(race):
    candidates = list(ParameterGrid(GRID))
    for i in np.random.default_rng(race.seed).permutation(len(candidates)):
        race.score(candidates[i])


def by_optuna(race):
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=race.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3),
    )

    def objective(trial):
        def report(epoch):
            trial.report(-epoch["valid_prediction_loss"], epoch["epoch"])
            if trial.should_prune():
                race.n_pruned += 1
                raise optuna.TrialPruned

        return race.score(suggested(trial), report)

    study.optimize(objective)


def by_optuna_with_shared_trainings(race):
    # Trials that are not told yet count as poor ones, so that the next ones differ.
    sampler = optuna.samplers.TPESampler(seed=race.seed, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    while True:
        trials = [study.ask() for _ in range(TRIALS_PER_ROUND)]
        scores = race.score_together([suggested(trial) for trial in trials])
        for trial, score in zip(trials, scores, strict=True):
            study.tell(trial, score)


def suggested(trial):
    rate, weight = (0.002, 0.018), (0.1, 1.0)
    return {
        "n_neurons": trial.suggest_categorical("n_neurons", SIZES),
        "k": trial.suggest_int("k", 2, 16),
        "first": trial.suggest_float("first", 0.125, 1.0),
        "activation": trial.suggest_categorical("activation", ACTIVATIONS),
        "learning_rate": trial.suggest_float("learning_rate", *rate, log=True),
        "target_weight": trial.suggest_float("target_weight", *weight, log=True),
    }


def by_gp_minimize(race):
    names = [dimension.name for dimension in SPACE]

    def objective(values):
        candidate = {
            name: getattr(value, "item", lambda value=value: value)()
            for name, value in zip(names, values, strict=True)
        }
        return -race.score(candidate)

    skopt.gp_minimize(objective, SPACE, n_calls=10_000, random_state=race.seed)


SEARCHES = {
    "grid": by_grid,
    "Optuna": by_optuna,
    "shared": by_optuna_with_shared_trainings,
    "gp_minimize": by_gp_minimize,
}


def load_rows(path, n_rows):
    if path is not None:
        data = np.load(path)
        return data["X"][:n_rows].astype(np.float32), data["y"][:n_rows]
    reviews = make_reviews(n_rows, random_state=0)
    X = LSAEmbedder(random_state=0).fit_transform(reviews.texts)
    return np.asarray(X, dtype=np.float32), reviews.target


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    parser.add_argument("--embeddings")
    parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=[*SEARCHES])
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    X, y = load_rows(args.embeddings, args.rows)
    warm = Race(X, y, np.inf, 0)  # compiles, and imports torch
    warm.score({name: values[0] for name, values in GRID.items()})
    moments = args.seconds * np.array([0.25, 0.5, 0.75, 1.0])
    print(f"{len(X)} rows; unseen R2 after", *(f"{moment:.0f} s" for moment in moments))
    for name in args.searches:
        for seed in range(args.seeds):
            race = Race(X, y, args.seconds, seed)
            try:
                SEARCHES[name](race)
            except OutOfTime:
                pass
            figures = "  ".join(f"{race.best_after(m):.3f}" for m in moments)
            counts = f"{len(race.trials)} trials, {race.n_pruned} pruned"
            print(f"{name:12} seed {seed}  {figures}  {counts}", flush=True)


if __name__ == "__main__":
    main()
