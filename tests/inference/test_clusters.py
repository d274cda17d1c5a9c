"""Groups of rows that are not independent, against the n x n matrices themselves."""

import numpy as np
import pytest
from scipy import linalg, stats
from sklearn import config_context
from sklearn.pipeline import Pipeline
from statsmodels.regression.linear_model import OLS, WLS

from sklearn_hsae import HypothesisClassifier, HypothesisRegressor
from sklearn_hsae.inference._intervals import auc_interval, r2_interval


def authors_and_concepts(n_rows=240, n_authors=24, seed=0):
    """Unequal groups; the second concept is one that some authors use often."""
    rng = np.random.default_rng(seed)
    author = np.sort(rng.choice(n_authors, n_rows, p=_shares(n_authors)))
    often = rng.random(n_authors) < 0.4
    X = np.column_stack(
        [
            rng.random(n_rows) < 0.4,
            rng.random(n_rows) < np.where(often[author], 0.7, 0.1),
        ]
    ).astype(float)
    y = X[:, 0] + rng.normal(size=n_authors)[author] + rng.normal(size=n_rows)
    order = rng.permutation(n_rows)
    return X[order], y[order], author[order], rng


def _shares(n):
    return np.arange(1, n + 1) / np.arange(1, n + 1).sum()


def plain_cr2(M, y, groups, weights):
    """CR2 and its degrees of freedom for the weighted regression on M."""
    root = np.sqrt(weights)
    W, z = M * root[:, None], y * root
    bread = np.linalg.inv(W.T @ W)
    hat = W @ bread @ W.T
    residual, annihilator = z - hat @ z, np.eye(len(y)) - hat
    loadings, adjusted = bread @ W.T, []
    for label in np.unique(groups):
        rows = np.flatnonzero(groups == label)
        block = np.eye(len(rows)) - hat[np.ix_(rows, rows)]
        vector = np.zeros((len(M.T), len(y)))
        vector[:, rows] = loadings[:, rows] @ linalg.inv(linalg.sqrtm(block)).real
        adjusted.append(vector)
    adjusted = np.stack(adjusted)  # groups x coefficients x rows
    variance = np.square(adjusted @ residual).sum(axis=0)
    degrees = []
    for j in range(M.shape[1]):
        P = annihilator @ adjusted[:, j].T
        eigenvalues = np.linalg.eigvalsh(P.T @ P)
        degrees.append(eigenvalues.sum() ** 2 / np.square(eigenvalues).sum())
    return variance, np.array(degrees)


@pytest.mark.parametrize("weighted", [False, True])
def test_cr2_and_its_degrees_of_freedom(weighted):
    X, y, author, rng = authors_and_concepts()
    weights = rng.uniform(0.5, 2, len(y)) if weighted else np.ones(len(y))
    M = np.column_stack([np.ones(len(y)), X])
    variance, degrees = plain_cr2(M, y, author, weights)
    classical = np.square(WLS(y, M, weights).fit().bse)
    error = np.sqrt(np.maximum(variance, classical))[1:]
    assert (variance > classical)[2]  # else the test would see the floor alone
    table = (
        HypothesisRegressor(cov_type="cluster")
        .fit(X, y, sample_weight=weights, groups=author)
        .summary_
    )
    np.testing.assert_allclose(table["standard_error"], error, rtol=1e-9)
    t = table["coefficient"] / error
    np.testing.assert_allclose(table["p"], 2 * stats.t.sf(abs(t), degrees[1:]))
    width = stats.t.isf(0.025, degrees[1:]) * error
    np.testing.assert_allclose(table["ci_high"] - table["coefficient"], width)


def test_many_groups_give_the_errors_of_statsmodels():
    # CR2 differs from CR1 by terms that vanish with the number of groups.
    X, y, author, _ = authors_and_concepts(40_000, 4000)
    model = HypothesisRegressor(cov_type="cluster").fit(X, y, groups=author)
    reference = OLS(y, np.column_stack([np.ones(len(y)), X])).fit(
        cov_type="cluster", cov_kwds={"groups": author}
    )
    error = model.summary_["standard_error"]
    np.testing.assert_allclose(error, reference.bse[1:], rtol=0.01)


def test_separation_is_the_regression_on_one_concept():
    X, y, author, _ = authors_and_concepts()
    table = HypothesisRegressor(cov_type="cluster").fit(X, y, groups=author).summary_
    for j in range(2):
        alone = HypothesisRegressor(cov_type="cluster").fit(X[:, [j]], y, groups=author)
        assert table["separation_p"][j] == pytest.approx(alone.summary_["p"][0])
        assert table["separation"][j] == pytest.approx(alone.coef_[0])


def test_classes_have_cr2_of_the_last_newton_step():
    X, y, author, _ = authors_and_concepts(600, 30)
    y = (y > 0.5).astype(int)
    table = HypothesisClassifier(cov_type="cluster").fit(X, y, groups=author).summary_
    M = np.column_stack([np.ones(len(y)), X])
    plain = HypothesisClassifier().fit(X, y)
    share = plain.predict_proba(X)[:, 1]
    working = share * (1 - share)
    adjusted = M @ np.r_[plain.intercept_, plain.coef_[0]] + (y - share) / working
    variance, degrees = plain_cr2(M, adjusted, author, working)
    floor = plain.summary_["standard_error"] ** 2
    error = np.sqrt(np.maximum(variance[1:], floor))
    assert (variance[1:] > floor)[1]
    np.testing.assert_allclose(table["coefficient"], plain.coef_[0], rtol=1e-6)
    np.testing.assert_allclose(table["standard_error"], error, rtol=1e-4)
    t = table["coefficient"] / error
    np.testing.assert_allclose(
        table["p"], 2 * stats.t.sf(abs(t), degrees[1:]), rtol=1e-3
    )


@pytest.mark.usefixtures("without_profile_intervals")
@pytest.mark.parametrize("kind", ["numbers", "classes", "few rows of a class"])
def test_noise_of_authors_is_found_at_5_percent_only(kind):
    """Without groups 15 % of such noise is found."""
    rng, n_draws, found = np.random.default_rng(0), 100, 0
    author = np.repeat(np.arange(50), 20)
    threshold = 1.9 if kind == "few rows of a class" else 0.0
    for _ in range(n_draws):
        has = rng.random(1000) < np.where((rng.random(50) < 0.5)[author], 0.6, 0.1)
        if kind == "few rows of a class":
            has &= rng.random(1000) < 0.15
        y = rng.normal(size=50)[author] * 0.2**0.5 + rng.normal(size=1000) * 0.8**0.5
        if kind == "numbers":
            model = HypothesisRegressor(cov_type="cluster")
        else:
            y, model = (
                (y > threshold).astype(int),
                HypothesisClassifier(cov_type="cluster"),
            )
        found += model.fit(has[:, None], y, groups=author).summary_["p"][0] < 0.05
    assert found / n_draws < 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_draws)


@pytest.mark.parametrize("last", [HypothesisRegressor, HypothesisClassifier])
def test_a_concept_of_one_author_is_not_tested(last):
    # All that is known of it is this author: how others differ from author to author
    # says nothing about a concept.
    X, y, author, rng = authors_and_concepts()
    own = (author == 23) & (rng.random(len(y)) < 0.8)
    X = np.column_stack([X, own])
    y = y > 0.5 if last is HypothesisClassifier else y
    table = last(cov_type="cluster").fit(X, y, groups=author).summary_
    assert np.isnan(table["p"]).tolist() == [False, False, True]
    assert table["note"][2] == "decided by a single cluster"
    assert not table["significant"][2]
    X[:, 2] = own | (author == 20)
    table = last(cov_type="cluster").fit(X, y, groups=author).summary_
    assert table["note"][2] == ""


def test_intervals_resample_groups():
    rng = np.random.default_rng(1)
    y, prediction = rng.normal(size=(2, 60))
    scores, is_class = rng.normal(size=(60, 1)), rng.random((60, 1)) < 0.5
    copies = np.tile(np.arange(60), 5)  # five copies of each row say nothing new
    low, high = r2_interval(y[copies], prediction[copies], clusters=copies)
    np.testing.assert_allclose((low, high), r2_interval(y, prediction))
    found = auc_interval(is_class[copies], scores[copies], clusters=copies)
    np.testing.assert_allclose(found, auc_interval(is_class, scores), atol=0.01)
    assert np.diff(auc_interval(is_class[copies], scores[copies])) < np.diff(found) / 2


@pytest.mark.parametrize("last", [HypothesisRegressor, HypothesisClassifier])
def test_groups_and_cov_type_go_together(last):
    X, y, author, _ = authors_and_concepts()
    y = y > 0.5 if last is HypothesisClassifier else y
    with pytest.raises(ValueError, match="needs groups, one label per row"):
        last(cov_type="cluster").fit(X, y)
    with pytest.raises(ValueError, match="Set cov_type='cluster'"):
        last().fit(X, y, groups=author)
    model = last(cov_type="cluster")
    with pytest.raises(ValueError, match="2 of 240 values of groups are missing"):
        model.fit(X, y, groups=np.r_[[np.nan, np.nan], author[2:]])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y, groups=author[1:])
    with pytest.raises(ValueError, match="of one cluster"):
        model.fit(X, y, groups=["me"] * len(y))
    X[author > 3] = np.nan  # what counts are the rows that are left
    with pytest.raises(ValueError, match="of one cluster"):
        model.fit(X, y, groups=np.where(author > 3, author, 0))


def test_groups_are_routed():
    X, y, author, _ = authors_and_concepts()
    names = np.array([f"author {i}" for i in author])
    expected = HypothesisRegressor(cov_type="cluster").fit(X, y, groups=author)
    pipe = Pipeline([("regress", HypothesisRegressor(cov_type="cluster"))])
    plain = pipe.fit(X, y, regress__groups=names)
    np.testing.assert_array_equal(plain[-1].summary_["p"], expected.summary_["p"])
    with config_context(enable_metadata_routing=True):
        routed = pipe.fit(X, y, groups=names)
        np.testing.assert_array_equal(routed[-1].summary_["p"], expected.summary_["p"])
        Pipeline([("regress", HypothesisRegressor())]).fit(X, y)
    _, metrics = expected.evaluate(X, y, groups=author)
    assert metrics["n_clusters"] == 24
