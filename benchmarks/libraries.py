"""Our own lasso path and ridge regression beside those of scikit-learn.

    python benchmarks/libraries.py lasso 1024 8192
    python benchmarks/libraries.py ridge

Processor time of this process on one thread (OMP_NUM_THREADS=1) and its peak memory,
so that other work on the machine plays no part.
"""

import argparse
import resource
import time
from functools import partial

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression, RidgeCV, lars_path_gram
from sklearn.svm import l1_min_c

from sklearn_hsae.evaluation import _ridge
from sklearn_hsae.selection import lasso_selection
from sklearn_hsae.selection._columns import StandardizedColumns, as_columns
from sklearn_hsae.selection._target_columns import target_columns

N_SELECT = 20


def timed(function):
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def activations(n_rows, n_neurons, k=8, seed=0):
    """Sparse activations, k per row, and a target that 40 of the neurons make."""
    rng = np.random.default_rng(seed)
    share = 1 / np.sqrt(np.arange(1, n_neurons + 1))
    columns = rng.choice(n_neurons, size=n_rows * k, p=share / share.sum())
    rows = np.repeat(np.arange(n_rows), k)
    X = sparse.csr_matrix(
        sparse.coo_matrix(
            (rng.gamma(2.0, size=n_rows * k), (rows, columns)),
            shape=(n_rows, n_neurons),
        )
    )
    coef = np.zeros(n_neurons)
    coef[rng.choice(n_neurons // 2, 40, replace=False)] = rng.normal(size=40)
    return X, (X > 0) @ coef + rng.normal(size=n_rows)


def by_lars(X, y):
    columns = StandardizedColumns(as_columns(X))
    gram = (columns.X.T @ columns.X).toarray()
    gram -= len(y) * np.outer(columns.mean, columns.mean)
    gram /= np.outer(columns.scale, columns.scale)
    product = columns.mean_product(target_columns(y).columns[:, 0]) * len(y)
    path = lars_path_gram(
        product, gram, n_samples=len(y), max_iter=4 * N_SELECT, method="lasso"
    )[2]
    n_used = (path != 0).sum(axis=0)
    return np.flatnonzero(path[:, np.flatnonzero(n_used >= N_SELECT)[0]])


def by_logistic(X, y, solver):
    scale = sparse.diags_array(1 / StandardizedColumns(as_columns(X)).scale)
    Z = sparse.csr_matrix(X @ scale)
    # liblinear takes indices of 32 bits only.
    Z.indices, Z.indptr = Z.indices.astype(np.int32), Z.indptr.astype(np.int32)

    def used(C):
        model = LogisticRegression(
            C=C, l1_ratio=1.0, solver=solver, tol=1e-5, max_iter=200, random_state=0
        )
        return np.flatnonzero(model.fit(Z, y).coef_[0])

    low = high = l1_min_c(Z, y, loss="log")
    while len(chosen := used(high)) < N_SELECT:
        low, high = high, 2 * high
    while len(chosen) != N_SELECT and high / low > 1.001:
        middle = np.sqrt(low * high)
        if len(tried := used(middle)) < N_SELECT:
            low = middle
        else:
            high, chosen = middle, tried
    return chosen


def compare(n_neurons, kind, X, y, others):
    (ours, _), seconds = timed(partial(lasso_selection, X, y, N_SELECT))
    print(f"{n_neurons} neurons, {kind}: ours {seconds:.2f} s")
    for name, other in others.items():
        theirs, seconds = timed(partial(other, X, y))
        same = len(set(ours) & set(theirs))
        print(f"  {name} {seconds:.2f} s, {same} of {N_SELECT} the same")


def lasso(sizes):
    for n_neurons in sizes:
        X, y = activations(20_000, n_neurons)
        compare(n_neurons, "numbers", X, y, {"lars_path_gram": by_lars})
        solvers = ["liblinear", "saga"] if n_neurons <= 2000 else ["liblinear"]
        logistic = {name: partial(by_logistic, solver=name) for name in solvers}
        compare(n_neurons, "two classes", X, y > y.mean(), logistic)


def ridge():
    rng = np.random.default_rng(0)
    scale = np.linspace(3, 0.1, 384, dtype=np.float32)
    A, B = (rng.normal(size=(n, 384)).astype(np.float32) * scale for n in (10**5, 2000))
    targets = A @ rng.normal(size=(384, 8)) + 5 * rng.normal(size=(10**5, 8))
    unit = np.square(A, dtype=np.float64).sum() / 384
    ours, seconds = timed(partial(_ridge.ridge_prediction, A, targets, B))
    print(f"100,000 x 384, 8 targets: ours {seconds:.1f} s, peak {peak_mb()} MB")
    model = RidgeCV(_ridge._PENALTIES * unit, alpha_per_target=True)
    theirs, seconds = timed(lambda: model.fit(A, targets).predict(B))
    difference = np.abs(ours - theirs).max() / ours.std()
    print(
        f"  RidgeCV {seconds:.1f} s, peak {peak_mb()} MB, difference {difference:.1e}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("lasso", "ridge"))
    parser.add_argument("sizes", nargs="*", type=int, default=[1024])
    arguments = parser.parse_args()
    ridge() if arguments.what == "ridge" else lasso(arguments.sizes)
