import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from sklearn_hsae import evaluate_hypotheses, make_hypothesis_pipeline, with_texts
from sklearn_hsae.corpora import compare_corpora


@pytest.fixture
def activations():
    """120 texts with 12 features, half of all values 0, and two corpora."""
    rng = np.random.default_rng(0)
    X = rng.exponential(size=(120, 12)) * (rng.random((120, 12)) < 0.4)
    return X, np.where(np.arange(120) % 3 == 0, "news", "mail")


def counted(X, corpora, j, corpus):
    return sum(1 for i in range(len(X)) if corpora[i] == corpus and X[i, j] > 0)


def test_each_row_of_the_table_against_counts_by_hand(activations):
    X, corpora = activations
    n_a, n_b = 80, 40
    for _, row in compare_corpora(X, corpora).iterrows():
        j = int(row["feature"][1:])
        a, b = (counted(X, corpora, j, corpus) for corpus in ("mail", "news"))
        assert (row["corpus_a"], row["corpus_b"]) == ("mail", "news")
        assert (row["n_a"], row["n_b"]) == (n_a, n_b)
        assert row["share_a"] == pytest.approx(a / n_a)
        assert row["share_b"] == pytest.approx(b / n_b)
        assert row["difference"] == pytest.approx(a / n_a - b / n_b)
        larger = max(a / n_a, b / n_b)
        assert row["relative"] == pytest.approx((a / n_a - b / n_b) / larger)
        cells = np.array([[a, n_a - a], [b, n_b - b]]) + 0.5
        table = stats.contingency.odds_ratio(cells.astype(int))  # of the same sign
        odds = cells[0, 0] * cells[1, 1] / (cells[0, 1] * cells[1, 0])
        assert row["log_odds"] == pytest.approx(np.log(odds))
        assert (table.statistic > 1) == (row["log_odds"] > 0)
        error = np.sqrt((1 / cells).sum())
        assert row["log_odds_standard_error"] == pytest.approx(error)
        both = (a + b) / 120
        pooled = both * (1 - both) * (1 / n_a + 1 / n_b)
        assert row["standard_error"] >= np.sqrt(pooled) - 1e-12
        tails = stats.hypergeom(120, n_a, a + b)
        p = min(1, 2 * min(tails.cdf(a), tails.sf(a - 1)))
        assert row["p"] == pytest.approx(p)


def test_the_rows_are_in_the_order_of_p_and_corrected_for_their_number(activations):
    table = compare_corpora(*activations)
    assert table["p"].is_monotonic_increasing
    expected = stats.false_discovery_control(table["p"], method="bh")
    np.testing.assert_allclose(table["p_corrected"], expected)
    by_holm = compare_corpora(*activations, correction="bonferroni")
    expected = np.minimum(12 * by_holm["p"], 1)
    np.testing.assert_allclose(by_holm["p_corrected"], expected)


def test_examples_are_the_strongest_texts_of_each_corpus(activations):
    X, corpora = activations
    for _, row in compare_corpora(X, corpora, n_examples=4).iterrows():
        column = X[:, int(row["feature"][1:])]
        for side in ("a", "b"):
            own = np.flatnonzero((corpora == row[f"corpus_{side}"]) & (column > 0))
            expected = own[np.argsort(-column[own])][:4].tolist()
            assert row[f"examples_{side}"] == expected


def test_dense_csr_and_frames_give_the_same(activations):
    X, corpora = activations
    names = [f"x{i}" for i in range(12)]
    texts = [f"text {i}" for i in range(120)]
    expected = compare_corpora(X, corpora)
    for same in (
        sparse.csr_array(X),
        sparse.csr_matrix(X),
        pd.DataFrame(X, columns=names),
        pd.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(X), columns=names),
        with_texts(pd.DataFrame(X, columns=names), texts),
    ):
        pd.testing.assert_frame_equal(compare_corpora(same, corpora), expected)


def test_explicit_zeros_and_negative_values_are_no_activity():
    X = sparse.csr_array(([0.0, -1.0, 2.0, 1.0], ([0, 1, 2, 3], [0, 0, 0, 0])), (5, 1))
    table = compare_corpora(X, ["a", "a", "a", "b", "b"])
    assert table.loc[0, "share_a"] == pytest.approx(1 / 3)
    assert table.loc[0, "examples_a"] == [2]


def test_random_halves_differ_no_more_often_than_the_level():
    # 200 corpora of 100 texts, of which 40 features of all frequencies say nothing.
    rng = np.random.default_rng(0)
    shares = np.geomspace(0.02, 0.9, 40)
    found, p = 0, []
    for _ in range(200):
        X = rng.random((100, 40)) < shares
        corpora = rng.permutation(["a", "b"] * 50)
        table = compare_corpora(X, corpora, n_examples=0)
        found += table["significant"].any()
        p.append(table["p"])
    assert found <= stats.binom.ppf(0.999, 200, 0.05)
    assert np.mean(np.concatenate(p) < 0.05) <= 0.05


def test_a_small_corpus_beside_a_large_one_keeps_the_level():
    # The usual test of two shares (normal, pooled) finds something in 72 % of these.
    rng = np.random.default_rng(0)
    corpora = np.where(np.arange(4_000) < 40, "small", "large")
    found = 0
    for _ in range(200):
        X = sparse.random_array((4_000, 200), density=0.01, rng=rng, format="csc")
        table = compare_corpora(X, corpora, correction="holm", n_examples=0)
        found += table["significant"].any()
    assert found <= stats.binom.ppf(0.999, 200, 0.05)


def test_pairs_that_are_exchanged_at_random_keep_the_level():
    rng = np.random.default_rng(0)
    pairs = np.repeat(np.arange(50), 2)
    found = 0
    for _ in range(200):
        topic = rng.random((50, 30)) < 0.5  # which partners share
        X = np.repeat(topic, 2, axis=0) ^ (rng.random((100, 30)) < 0.2)
        corpora = np.concatenate([rng.permutation(["a", "b"]) for _ in range(50)])
        table = compare_corpora(X, corpora, pairs=pairs, n_examples=0)
        found += table["significant"].any()
    assert found <= stats.binom.ppf(0.999, 200, 0.05)


def test_planted_differences_are_found_and_no_others():
    rng = np.random.default_rng(1)
    X = rng.random((600, 50)) < 0.1
    corpora = np.array(["a", "b"] * 300)
    planted = [3, 17, 40]
    X[:, planted] |= ((corpora == "a") & (rng.random(600) < 0.25))[:, None]
    table = compare_corpora(X, corpora, correction="holm")
    assert set(table.loc[table["significant"], "feature"]) == {"x3", "x17", "x40"}
    assert (table["difference"][:3] > 0).all()


def test_pairs_are_compared_within():
    # The feature is in 5 more texts of "b", each time in the same pair: only the
    # comparison within pairs can tell.
    has = {"a": [1] * 20 + [0] * 30, "b": [1] * 26 + [0] * 24}
    X = np.array(has["a"] + has["b"])[:, None] * 1.0
    corpora, pairs = ["a"] * 50 + ["b"] * 50, [*range(50), *range(50)]
    paired = compare_corpora(X, corpora, pairs=pairs).iloc[0]
    assert paired["p"] == pytest.approx(stats.binomtest(0, 6).pvalue)
    assert paired["p"] < 0.05 < compare_corpora(X, corpora).iloc[0]["p"]
    assert paired["standard_error"] == pytest.approx(np.sqrt(6) / 50)
    assert paired["log_odds"] == pytest.approx(np.log(0.5 / 6.5))
    error = np.sqrt(1 / 0.5 + 1 / 6.5)
    assert paired["log_odds_standard_error"] == pytest.approx(error)


def test_examples_of_pairs_lead_over_their_partners_and_lone_texts_are_left_out():
    X = np.array([[5.0], [4.0], [1.0], [9.0], [5.0], [0.0], [3.0]])
    corpora = ["a", "a", "a", "a", "b", "b", "b"]
    pairs = ["p", "q", "r", "alone", "p", "q", "r"]
    row = compare_corpora(X, corpora, pairs=pairs).iloc[0]
    assert (row["n_a"], row["n_b"]) == (3, 3)
    assert (row["examples_a"], row["examples_b"]) == ([1], [6])


def test_three_corpora_are_compared_two_by_two(activations):
    X, _ = activations
    table = compare_corpora(X, np.arange(120) % 3)
    assert len(table) == 3 * 12
    compared = set(zip(table["corpus_a"], table["corpus_b"], strict=True))
    assert compared == {(0, 1), (0, 2), (1, 2)}
    expected = stats.false_discovery_control(table["p"], method="bh")
    np.testing.assert_allclose(table["p_corrected"], expected)


def test_limits_are_for_the_share_of_all_texts():
    X = np.zeros((40, 4))
    X[:1, 0] = X[:10, 1] = X[:39, 2] = 1  # 2.5 %, 25 %, 97.5 %, never
    corpora = ["a", "b"] * 20
    assert set(compare_corpora(X, corpora)["feature"]) == {"x0", "x1", "x2"}
    table = compare_corpora(X, corpora, min_share=0.05, max_share=0.9)
    assert table["feature"].tolist() == ["x1"]
    assert table["p_corrected"].tolist() == table["p"].tolist()


def test_features_that_cannot_differ_are_not_tested():
    X = np.column_stack([np.zeros(6), np.ones(6)])
    table = compare_corpora(X, ["a", "b"] * 3)
    assert len(table) == 0
    assert {"p_corrected", "significant", "examples_a"} <= set(table.columns)


def test_a_corpus_of_one_text_has_an_answer():
    X = np.array([[1.0], [0.0], [0.0], [0.0]])
    row = compare_corpora(X, ["a", "b", "b", "b"]).iloc[0]
    # The chance that the one text with the feature is that of "a" is 1/4.
    assert row["p"] == pytest.approx(0.5)
    assert np.isfinite([row["standard_error"], row["log_odds"]]).all()


@pytest.mark.parametrize(
    ("corpora", "options", "message"),
    [
        (["a"] * 4, {}, "one corpus only, 'a'"),
        (["a", "b"], {}, "corpora has 2 values and X has 4 rows"),
        (["a", None, "b", "b"], {}, r"missing at 1 rows, the first are \[1\]"),
        (list("aabb"), {"pairs": [0, 0, 0, 1]}, "more than once in the corpus 'a'"),
        (list("aabb"), {"pairs": [0, 1, 2, 3]}, "no value of pairs in common"),
        (list("aabb"), {"pairs": [0, 1]}, "pairs has 2 values"),
        (list("aabb"), {"min_share": 0.6, "max_share": 0.5}, "min_share <= max_share"),
        (list("aabb"), {"correction": "sidak"}, "correction must be one of"),
        (list("aabb"), {"alpha": 1}, "alpha must lie between"),
        (list("aabb"), {"n_examples": -1}, "n_examples must be an int >= 0"),
    ],
)
def test_bad_input_is_named(corpora, options, message):
    with pytest.raises(ValueError, match=message):
        compare_corpora(np.eye(4), corpora, **options)


def test_activations_with_a_nan_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        compare_corpora(np.array([[np.nan], [1.0]]), ["a", "b"])


def test_corpora_may_be_a_series_with_any_index(activations):
    X, corpora = activations
    series = pd.Series(corpora, index=np.arange(120)[::-1], dtype="category")
    pd.testing.assert_frame_equal(
        compare_corpora(X, series), compare_corpora(X, corpora)
    )


def test_texts_in_the_place_of_activations_are_named():
    with pytest.raises(ValueError, match=r"must hold activations.*got the texts"):
        compare_corpora(["a text", "another"], ["a", "b"])


def test_a_quantity_is_no_name_of_a_corpus():
    X = np.ones((60, 2))
    with pytest.raises(ValueError, match=r"60 different values.*pd\.qcut"):
        compare_corpora(X, np.arange(60) / 7)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_ordinary_pipeline_verifies_what_sets_corpora_apart(reviews):
    is_expensive = reviews.truth[:, reviews.concepts.index("finds it too expensive")]
    corpora = np.where(is_expensive, "blog", "app")
    old, new = np.arange(240) % 3 > 0, np.arange(240) % 3 == 0
    texts = np.array(reviews.texts, dtype=object)
    pipe = make_hypothesis_pipeline(
        task="classification", n_neurons=16, k=3, n_select=4, random_state=0
    ).fit(texts[old], corpora[old])
    found = evaluate_hypotheses(pipe, texts[new], corpora[new])
    assert pipe.classes_.tolist() == ["app", "blog"]
    assert (found.table["p_corrected"] < 0.05).any()
    # What the pipeline calls more frequent is more frequent on the held-out texts.
    annotations = pipe[:-1].transform(texts[new])
    table = compare_corpora(annotations, corpora[new]).set_index("feature")
    for _, row in found.table[found.table["p_corrected"] < 0.05].iterrows():
        assert (table.loc[row["hypothesis"], "difference"] < 0) == (
            row["coefficient"] > 0
        )
