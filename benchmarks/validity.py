"""How often noise is called significant, and how often planted effects are.

    python benchmarks/validity.py null       # share of noise in which anything is found
    python benchmarks/validity.py min_p      # the same after the default correction
    python benchmarks/validity.py unequal    # the same where noise is unequal
    python benchmarks/validity.py power      # share of planted effects that are found
    python benchmarks/validity.py discovery  # selection from noise, with a split or not
    python benchmarks/validity.py split      # the split alone, for many draws
    python benchmarks/validity.py cross_fit  # ten splits together: noise and power
    python benchmarks/validity.py counts     # Poisson regression of counts
    python benchmarks/validity.py coverage   # intervals of known effects
    python benchmarks/validity.py judged     # the same, as the free judge sees concepts
    python benchmarks/validity.py clusters   # a concept and noise that authors share
    python benchmarks/validity.py wald       # near copies of a concept, tested together
    python benchmarks/validity.py time       # seconds of one fit
    python benchmarks/validity.py large      # seconds and memory of 1M rows x 50
    python benchmarks/validity.py min_p --draws 2000 --outcome stars

Fifteen concepts, 1,000 texts, 5 % nominal. `null` compares Bonferroni's correction of
the p-values of today with HC3 alone and with a floor below 10 degrees of freedom only,
which was the earlier rule. `min_p` and `power` go through `HypothesisRegressor.fit`.
"""

import argparse
import resource
import time
from unittest import mock

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline, make_pipeline

from sklearn_hsae import (
    ConceptAnnotator,
    DiscoverySplit,
    HypothesisClassifier,
    HypothesisRegressor,
    KeyphraseInterpreter,
    NeuronSelector,
    evaluate_hypotheses,
    make_reviews,
    with_texts,
)
from sklearn_hsae.evaluation import cross_fit, outcome_table, prediction_powered
from sklearn_hsae.inference import _linear, _separation
from sklearn_hsae.inference._design import usable_part
from sklearn_hsae.inference._linear import (
    _LeastSquares,
    _two_sided,
    fit_linear,
    wald_linear,
)
from sklearn_hsae.inference._permutation import needs_signs

N_ROWS, N_CONCEPTS, ALPHA = 1000, 15, 0.05
OUTCOMES = {
    "skewed (72, 16, 12 %)": ([-1.0, 0.0, 1.0], [0.72, 0.16, 0.12]),
    "very skewed (85, 10, 5 %)": ([-1.0, 0.0, 1.0], [0.85, 0.10, 0.05]),
    "stars": ([1.0, 2.0, 3.0, 4.0, 5.0], [0.1, 0.1, 0.2, 0.3, 0.3]),
    "normal": None,
}
PREVALENCES = {
    "1 to 30 %": np.geomspace(0.01, 0.3, N_CONCEPTS),
    **{f"{share} %": np.full(N_CONCEPTS, share / 100) for share in (0.5, 2, 3, 5, 10)},
}


def concepts(prevalence, rng):
    X = np.zeros((N_ROWS, N_CONCEPTS))
    for j, share in enumerate(PREVALENCES[prevalence]):
        X[rng.choice(N_ROWS, round(share * N_ROWS), replace=False), j] = 1
    return X


def draw(outcome, shape, rng):
    if OUTCOMES[outcome] is None:
        return rng.normal(size=shape)
    values, shares = OUTCOMES[outcome]
    return rng.choice(np.array(values), p=shares, size=shape)


def null(n_draws):
    print(f"{n_draws} draws on 4 designs: today | HC3 alone | floor below 10 df")
    names = np.array([f"x{j}" for j in range(N_CONCEPTS)], dtype=object)
    for outcome in OUTCOMES:
        for prevalence in PREVALENCES:
            rng = np.random.default_rng(0)
            found = np.zeros(3)
            for _ in range(4):
                design = usable_part(concepts(prevalence, rng), names)
                model = _LeastSquares(design, "HC3")
                y = draw(outcome, (N_ROWS, n_draws // 4), rng)[design.rows]
                y = y - y.mean(axis=0)
                squares = np.square(model.residual(y))
                robust = model.robust_variance(squares)
                floored = np.maximum(
                    robust, model.classical * squares.sum(axis=0) / model.n_free
                )
                until_now = np.where(model.degrees < 10, floored, robust)
                for i, variance in enumerate((floored, robust, until_now)):
                    p = _two_sided(
                        model.coefficients(y), np.sqrt(variance), model.degrees
                    )
                    found[i] += np.mean(p.min(axis=0) < ALPHA / N_CONCEPTS) / 4
            shares = " ".join(f"{share:7.1%}" for share in found)
            print(f"{outcome:26} {prevalence:10} {shares}", flush=True)


def min_p(n_draws):
    print(f"{n_draws} draws, correction='min_p': anything significant")
    for outcome in OUTCOMES:
        for prevalence in ("1 to 30 %", "2 %"):
            rng = np.random.default_rng(1)
            found = np.mean(
                [
                    HypothesisRegressor()
                    .fit(concepts(prevalence, rng), draw(outcome, N_ROWS, rng))
                    .summary_["significant"]
                    .any()
                    for _ in range(n_draws)
                ]
            )
            error = np.sqrt(ALPHA * (1 - ALPHA) / n_draws)
            print(
                f"{outcome:26} {prevalence:10} {found:6.1%} +- {error:.1%}", flush=True
            )


def unequal(n_draws):
    """200 texts and ten concepts of 6 %, in three ways that noise is not equal."""
    print(
        f"{n_draws} draws, correction='min_p': anything significant, jointly and alone"
    )
    for noise in ("equal", "three times", "five times", "weights"):
        for what, needs in (("orders", _no_signs), ("with signs", needs_signs)):
            rng = np.random.default_rng(1)
            with (
                mock.patch.object(_linear, "needs_signs", needs),
                mock.patch.object(_separation, "needs_signs", needs),
            ):
                found = [_finds_unequal(noise, rng) for _ in range(n_draws)]
            jointly, alone = np.mean(found, axis=0)
            error = np.sqrt(ALPHA * (1 - ALPHA) / n_draws)
            print(
                f"{noise:12} {what:12} {jointly:6.1%} {alone:6.1%} +- {error:.1%}",
                flush=True,
            )


def _finds_unequal(noise, rng):
    X = (rng.random((200, 10)) < 0.06).astype(float)
    y, weights = rng.normal(size=200), None
    if noise == "weights":
        weights = rng.lognormal(sigma=1.2, size=200)
    elif noise != "equal":
        factor = 3 if noise == "three times" else 5
        y *= np.where(X[:, :3].any(axis=1), factor, 1)
    table = HypothesisRegressor().fit(X, y, sample_weight=weights).summary_
    p = table[["p_corrected", "separation_p_corrected"]]
    return (p < ALPHA).any().to_numpy()


def _no_signs(robust, classical, weights):
    return np.zeros(len(robust), dtype=bool)


def power(n_draws):
    print(f"{n_draws} draws, 5 of 15 concepts shift y: min_p | bonferroni")
    acting = np.arange(0, N_CONCEPTS, 3)
    for outcome in OUTCOMES:
        rng, found = np.random.default_rng(2), np.zeros(2)
        for _ in range(n_draws):
            X, y = concepts("1 to 30 %", rng), draw(outcome, N_ROWS, rng)
            shift = 3.6 * y.std() / np.sqrt(X[:, acting].sum(axis=0))
            y = y + X[:, acting] @ shift
            for i, correction in enumerate(("min_p", "bonferroni")):
                table = HypothesisRegressor(correction=correction).fit(X, y).summary_
                found[i] += table["significant"][acting].mean() / n_draws
        print(f"{outcome:26} {found[0]:6.1%} {found[1]:6.1%}", flush=True)


def discovery(n_draws):
    print(f"{n_draws} draws, 15 of 100 columns of noise chosen: anything significant")
    for outcome in OUTCOMES:
        rng, found = np.random.default_rng(5), np.zeros(2)
        for seed in range(n_draws):
            X = (rng.random((N_ROWS, 100)) < np.geomspace(0.02, 0.5, 100)).astype(float)
            y = draw(outcome, N_ROWS, rng)
            pipe = make_pipeline(NeuronSelector(N_CONCEPTS), HypothesisRegressor())
            split = DiscoverySplit(pipe, random_state=seed).fit(X, y)
            tables = split.summary_, pipe.fit(X, y)[-1].summary_
            found += [table["significant"].any() for table in tables]
        split, plain = found / n_draws
        print(
            f"{outcome:26} DiscoverySplit {split:6.1%} plain {plain:6.1%}", flush=True
        )


def split(n_draws):
    """As `discovery`, but permutations stop when the result of a draw is decided."""
    print(f"{n_draws} draws, 15 of 100 columns chosen on half of the rows")
    names = np.array([f"x{j}" for j in range(N_CONCEPTS)], dtype=object)
    for outcome in OUTCOMES:
        rng, n_found = np.random.default_rng(7), 0
        for _ in range(n_draws):
            X = (rng.random((N_ROWS, 100)) < np.geomspace(0.02, 0.5, 100)).astype(float)
            y = draw(outcome, N_ROWS, rng)
            order = rng.permutation(N_ROWS)
            find, test = order[: N_ROWS // 2], order[N_ROWS // 2 :]
            related = np.abs(np.corrcoef(X[find].T, y[find])[-1, :-1])
            chosen = np.argsort(-np.nan_to_num(related))[:N_CONCEPTS]
            design = usable_part(X[np.ix_(test, chosen)], names)
            y = y[test][design.rows]
            n_found += finds_any(_LeastSquares(design, "HC3"), y - y.mean(), rng)
        share = n_found / n_draws
        error = np.sqrt(ALPHA * (1 - ALPHA) / n_draws)
        print(f"{outcome:26} {share:6.2%} +- {error:.2%}", flush=True)


def finds_any(model, outcome, rng, n_permutations=999):
    """Whether the smallest p-value is significant by `step_down_min_p`."""
    smallest = model.p_values(outcome[:, None]).min()
    if smallest >= ALPHA:
        return False
    residual = model.residual(outcome[:, None])[:, 0] / np.sqrt(1 - model.leverage)
    n_as_small, n_left = 1, n_permutations
    while n_left and n_as_small < ALPHA * (1 + n_permutations):
        n_now = min(60, n_left)
        permuted = rng.permuted(np.tile(residual, (n_now, 1)), axis=1)
        drawn = model.p_values(permuted.T).min(axis=0)
        n_as_small += (drawn <= smallest * (1 + 1e-9)).sum()
        n_left -= n_now
    return n_as_small < ALPHA * (1 + n_permutations)


def several_splits(n_draws):
    """A fifth of the draws once more, with five columns that shift y."""
    print(f"{n_draws} draws of noise, a fifth with effects: cross_fit | one split")
    for outcome in OUTCOMES:
        rng, found = np.random.default_rng(10), [[], []]
        for seed in range(n_draws):
            X = (rng.random((N_ROWS, 100)) < np.geomspace(0.02, 0.5, 100)).astype(float)
            noise = draw(outcome, N_ROWS, rng)
            found[0].append([len(names) > 0 for names in names_found(X, noise, seed)])
            if seed % 5:
                continue
            acting = rng.choice(np.arange(30, 100), 5, replace=False)
            shift = 5 * noise.std() / np.sqrt(X[:, acting].sum(axis=0))
            shifted = noise + X[:, acting] @ shift
            true = {f"x{j}" for j in acting}
            parts = [true & names for names in names_found(X, shifted, seed)]
            found[1].append([len(part) / len(true) for part in parts])
        for label, shares in zip(("noise", "effects"), found, strict=True):
            shares = " ".join(f"{share:6.1%}" for share in np.mean(shares, axis=0))
            print(f"{outcome:26} {label:8} {shares}", flush=True)


def names_found(X, y, seed):
    """The names of the significant hypotheses, by ten splits and by one."""
    last = HypothesisRegressor(correction="holm")
    pipe = make_pipeline(NeuronSelector(N_CONCEPTS), last)
    pipe.set_output(transform="pandas")
    tables = (
        cross_fit(pipe.fit(X, y), X, y, random_state=seed),
        DiscoverySplit(pipe, random_state=seed).fit(X, y).summary_,
    )
    return [{*table.loc[table["significant"], "hypothesis"]} for table in tables]


def counts(n_draws):
    print(f"{n_draws} draws of counts, 300 and 1,000 rows, Holm: anything significant")
    shares = np.geomspace(0.01, 0.3, N_CONCEPTS)
    for n_rows in (300, N_ROWS):
        for label, shape in (("Poisson", None), ("overdispersed", 0.5)):
            rng, n_found = np.random.default_rng(8), 0
            for _ in range(n_draws):
                X = (rng.random((n_rows, N_CONCEPTS)) < shares).astype(float)
                mean = 0.5 if shape is None else rng.gamma(shape, 1.0, n_rows)
                y = rng.poisson(mean, n_rows)
                table = outcome_table(X, y, family="poisson")
                n_found += table["significant"].any()
            print(f"{label:14} {n_rows:5} rows {n_found / n_draws:6.1%}", flush=True)


def coverage(n_draws):
    """Reviews with known effects; cheap annotations are wrong in 5 % of the rows."""
    print(f"{n_draws} draws of 1,000 reviews: 95 % intervals that contain the effect")
    hits, powered, width = [], [], []
    for seed in range(n_draws):
        reviews = make_reviews(1000, random_state=seed)
        rng = np.random.default_rng(seed)
        truth = reviews.truth.astype(float)
        table = HypothesisRegressor().fit(truth, reviews.target).summary_
        hits.append(covers(table, reviews.effects))
        cheap = np.where(rng.random(truth.shape) < 0.05, 1 - truth, truth)
        costly = np.where(rng.random((len(truth), 1)) < 0.3, truth, np.nan)
        table = prediction_powered(costly, cheap, reviews.target)
        table = table[table["quantity"] == "coefficient"]
        powered.append(covers(table, reviews.effects))
        short = table["ci_high"] - table["ci_low"]
        width.append(short / (table["classical_high"] - table["classical_low"]))
    print(f"all judged by the truth {np.mean(hits):.1%}")
    print(f"300 costly, 1,000 cheap {np.mean(powered):.1%}", end=" ")
    print(f"width against the costly alone {np.mean(width):.2f}")
    rng, hits = np.random.default_rng(9), []
    author = np.repeat(np.arange(50), 20)
    for _ in range(n_draws):
        share = np.where((rng.random(50) < 0.5)[author], 0.6, 0.1)
        X = (rng.random(N_ROWS) < share)[:, None] * 1.0
        noise = rng.normal(size=50)[author] * np.sqrt(0.2)
        y = X[:, 0] + noise + rng.normal(size=N_ROWS) * np.sqrt(0.8)
        model = HypothesisRegressor(cov_type="cluster").fit(X, y, groups=author)
        hits.append(covers(model.summary_, [1.0]))
    print(f"50 authors of 20 texts, with groups {np.mean(hits):.1%}")


def judged_coverage(n_draws):
    """The concepts are named once; the effect is that of what the judge says."""
    print(f"{n_draws} draws of 1,000 reviews, judged by the keyphrase judge")
    judge = make_pipeline(
        KeyphraseInterpreter(judge="keyphrase", random_state=0),
        ConceptAnnotator(judge="keyphrase"),
    )
    named = make_reviews(2000, random_state=n_draws)
    judge.fit(with_texts(named.truth.astype(float), named.texts))
    # The coefficients in 40,000 reviews stand for those in all that could be written.
    many = make_reviews(40_000, random_state=n_draws + 1)
    large = fit_judged(judge, many)
    hits, true_hits = [], []
    for seed in range(n_draws):
        table = fit_judged(judge, make_reviews(1000, random_state=seed))
        hits.append(covers(table, large["coefficient"]))
        true_hits.append(covers(table, many.effects))
    by_concept = np.mean(hits, axis=0)
    print(f"the judge's effect {by_concept.mean():.1%}", end=" ")
    print(f"of one concept {by_concept.min():.1%} to {by_concept.max():.1%}")
    print(f"the planted effect {np.mean(true_hits):.1%}")
    print(pd.DataFrame({"judged": large["coefficient"], "true": many.effects}).round(2))


def fit_judged(judge, reviews):
    annotations = judge.transform(with_texts(reviews.truth * 1.0, reviews.texts))
    model = HypothesisRegressor(correction="bonferroni")  # no effect on intervals
    return model.fit(annotations, reviews.target).summary_


def covers(table, effects):
    return np.array((table["ci_low"] < effects) & (effects < table["ci_high"]))


def clusters(n_draws):
    print(f"{n_draws} draws, 50 authors of 20 texts, intraclass correlation 0.2")
    rng, found = np.random.default_rng(3), np.zeros(8)
    author = np.repeat(np.arange(50), 20)
    for _ in range(n_draws):
        writes_often = (rng.random(50) < 0.5)[author]
        has = rng.random(N_ROWS) < np.where(writes_often, 0.6, 0.1)
        noise = rng.normal(size=50)[author] * np.sqrt(0.2)
        y = noise + rng.normal(size=N_ROWS) * np.sqrt(0.8)
        table = HypothesisRegressor().fit(has[:, None], y).summary_
        with_groups = HypothesisRegressor(cov_type="cluster")
        clustered = with_groups.fit(has[:, None], y, groups=author).summary_
        y = (y > 0).astype(int)
        plain = HypothesisClassifier().fit(has[:, None], y).summary_
        with_groups = HypothesisClassifier(cov_type="cluster")
        of_classes = with_groups.fit(has[:, None], y, groups=author).summary_
        tables = table, clustered, plain, of_classes
        found += [t[name][0] < ALPHA for t in tables for name in ("p", "separation_p")]
    for label, shares in zip(
        ("numbers", "numbers, groups", "classes", "classes, groups"),
        found.reshape(-1, 2) / n_draws,
        strict=True,
    ):
        print(f"{label:16} below 5 %: p {shares[0]:.1%} separation_p {shares[1]:.1%}")


def wald(n_draws):
    """Two or four near copies, of which one row in ten is another one each."""
    print(f"{n_draws} draws: noise below 5 %, and an effect of 3 standard errors found")
    rng, names = np.random.default_rng(6), np.array(list("abcd"), dtype=object)
    for outcome in OUTCOMES:
        for n_holders in (10, 30, 100):
            for n_copies in (2, 4):
                found = np.zeros((2, 2))
                members = [np.arange(n_copies)]
                for _ in range(n_draws):
                    X = near_copies(n_holders, n_copies, rng)
                    noise = draw(outcome, N_ROWS, rng)
                    effect = 3 * noise.std() / np.sqrt(n_holders)
                    for i, y in enumerate((noise, noise + effect * X[:, 0])):
                        p = wald_linear(X, y, names[:n_copies], members, cov_type="HC3")
                        any_of = X.any(axis=1, keepdims=True) * 1.0
                        one = fit_linear(
                            any_of, y, names[:1], cov_type="HC3", alpha=0.05
                        )
                        found[i] += [p[0] < ALPHA, one.p[0] < ALPHA]
                shares = found / n_draws
                print(
                    f"{outcome:26} {n_holders:4} rows, {n_copies} copies: noise "
                    f"wald_p {shares[0, 0]:.1%} any of them {shares[0, 1]:.1%}; found "
                    f"{shares[1, 0]:.0%} and {shares[1, 1]:.0%}",
                    flush=True,
                )


def near_copies(n_holders, n_copies, rng):
    X = np.zeros((N_ROWS, n_copies))
    holders = rng.choice(N_ROWS, n_holders, replace=False)
    n_other = n_holders // 10
    for j in range(n_copies):
        X[rng.choice(holders, n_holders - n_other, replace=False), j] = 1
        X[rng.choice(N_ROWS, n_other, replace=False), j] = 1
    return X


def seconds(n_runs):
    for n_rows, n_concepts in ((1000, 15), (20_000, 20)):
        rng = np.random.default_rng(4)
        shares = np.geomspace(0.01, 0.3, n_concepts)
        X = (rng.random((n_rows, n_concepts)) < shares).astype(np.float64)
        y = rng.normal(size=n_rows)
        times = []
        for _ in range(n_runs):
            start = time.perf_counter()
            HypothesisRegressor().fit(X, y)
            times.append(time.perf_counter() - start)
        print(f"{n_rows:9,} rows x {n_concepts}: {np.median(times):.2f} s", flush=True)


def large(n_runs):
    """Peak memory is that of the process, with the annotations themselves."""
    n_rows, n_concepts = 1_000_000, 50
    rng = np.random.default_rng(4)
    X = np.empty((n_rows, n_concepts))
    for j, share in enumerate(np.geomspace(0.01, 0.3, n_concepts)):
        X[:, j] = rng.random(n_rows) < share
    X = pd.DataFrame(X, copy=False).add_prefix("concept ")
    y = X["concept 7"].to_numpy() + rng.normal(size=n_rows)
    pipe = Pipeline([("regress", HypothesisRegressor())])
    pipe.fit(X[:1000], y[:1000])  # imports
    print(f"before: {megabytes():,} MB")
    for _ in range(n_runs):
        for label, job in (
            ("fit", lambda: pipe.fit(X, y)),
            ("evaluate_hypotheses", lambda: evaluate_hypotheses(pipe, X, y)),
        ):
            start, busy = time.perf_counter(), time.process_time()
            job()
            wall, busy = time.perf_counter() - start, time.process_time() - busy
            print(
                f"{label:20} {wall:5.1f} s, {busy:5.1f} s of processor, "
                f"peak {megabytes():,} MB",
                flush=True,
            )


def megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    parts = {
        "null": (null, 4000),
        "min_p": (min_p, 300),
        "unequal": (unequal, 400),
        "power": (power, 100),
        "discovery": (discovery, 300),
        "split": (split, 8000),
        "cross_fit": (several_splits, 500),
        "counts": (counts, 500),
        "coverage": (coverage, 200),
        "judged": (judged_coverage, 200),
        "clusters": (clusters, 400),
        "wald": (wald, 1000),
        "time": (seconds, 3),
        "large": (large, 2),
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=parts)
    parser.add_argument("--draws", type=int, help="draws per cell, or runs to time")
    parser.add_argument("--outcome", choices=OUTCOMES, help="this outcome alone")
    options = parser.parse_args()
    if options.outcome:
        OUTCOMES = {options.outcome: OUTCOMES[options.outcome]}
    run, n_draws = parts[options.part]
    run(options.draws or n_draws)
