"""How texts travel in the row index, and what is taken for texts."""

import pickle
import warnings
from collections import UserList, deque

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, strategies as st
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_hsae import drop_texts, with_texts
from sklearn_hsae._texts import (
    carries_texts,
    check_texts,
    frame_like,
    get_texts,
    row_index,
    warn_of_empty,
)

TEXTS = ["slow service", "lovely view", "slow service"]
X = np.arange(6, dtype=np.float32).reshape(3, 2)


class Reader:
    """Stands for an estimator: its name is in the messages."""


def text_level(frame):
    return frame.index.get_level_values("text").tolist()


@pytest.mark.parametrize(
    "texts",
    [
        TEXTS,
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        np.array(TEXTS, dtype=object).reshape(-1, 1),
        pd.Series(TEXTS),
        pd.Series(TEXTS, dtype=object),
        pd.Series(TEXTS, dtype="string"),
        pd.Series(TEXTS, dtype="category"),
        pd.DataFrame({"review": TEXTS}),
        pd.Index(TEXTS),
        pl.Series(TEXTS),
        pl.DataFrame({"review": TEXTS}),
        dict(enumerate(TEXTS)).values(),
        deque(TEXTS),
        UserList(TEXTS),
    ],
    ids=lambda texts: f"{type(texts).__module__}.{type(texts).__name__}",
)
def test_any_container_of_texts_will_do(texts):
    assert check_texts(texts, "Reader").tolist() == TEXTS
    assert text_level(with_texts(X, texts)) == TEXTS


@pytest.mark.skipif(
    int(pd.__version__.split(".")[0]) < 3,
    reason="pandas 2 copies a frame that gets another index",
)
def test_numbers_of_an_array_are_not_copied():
    # 1.5 kB a text: a copy at each step of a pipeline would double the memory.
    frame = with_texts(X, TEXTS)
    assert np.shares_memory(frame.to_numpy(), X)
    assert (frame.dtypes == np.float32).all()
    assert np.shares_memory(drop_texts(frame).to_numpy(), X)


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(3),
        pd.Index(["a", "b", "a"], name="id"),
        pd.Index([7.5, np.nan, 7.5]),
        pd.date_range("2026-01-01", periods=3, name="day"),
        pd.CategoricalIndex(["x", "y", "x"]),
        pd.MultiIndex.from_tuples([(1, "a"), (2, "b"), (1, "a")], names=["u", None]),
    ],
    ids=lambda index: type(index).__name__,
)
def test_the_callers_index_comes_back(index):
    # Duplicates, missing values and several levels included.
    for frame in (
        with_texts(pd.DataFrame(X, index=index), TEXTS),
        with_texts(X, pd.Series(TEXTS, index=index)),
        with_texts(X, pd.DataFrame({"text": TEXTS}, index=index)),
    ):
        assert list(frame.index.names) == [*index.names, "text"]
        assert text_level(frame) == TEXTS
        pd.testing.assert_index_equal(drop_texts(frame).index, index, exact="equiv")


def test_the_index_of_the_frame_goes_before_that_of_the_texts():
    frame = with_texts(
        pd.DataFrame(X, index=[5, 6, 7], columns=["p", "q"]),
        pd.Series(TEXTS, index=["a", "b", "c"]),
    )
    assert drop_texts(frame).index.tolist() == [5, 6, 7]
    assert frame.columns.tolist() == ["p", "q"]


def test_texts_attached_again_replace_the_old_ones():
    # Two levels named "text" would make every look-up ambiguous.
    once = with_texts(pd.DataFrame(X, index=[5, 6, 7]), ["x", "y", "z"])
    series = pd.Series(TEXTS, index=once.index)
    for frame in (with_texts(once, TEXTS), with_texts(X, series)):
        assert list(frame.index.names) == [None, "text"]
        assert text_level(frame) == TEXTS
        assert drop_texts(frame).index.tolist() == [5, 6, 7]


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
def test_sparse_numbers_stay_sparse(container):
    frame = with_texts(container(X), TEXTS)
    assert all(isinstance(dtype, pd.SparseDtype) for dtype in frame.dtypes)
    np.testing.assert_array_equal(frame.sparse.to_coo().toarray(), X)


def test_a_polars_frame_keeps_its_column_names():
    frame = with_texts(pl.DataFrame({"p": [1.0, 2, 3], "q": [4.0, 5, 6]}), TEXTS)
    assert frame.columns.tolist() == ["p", "q"]
    assert text_level(frame) == TEXTS


def test_lengths_and_shape_must_fit():
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[3, 2\]"):
        with_texts(X, TEXTS[:2])
    with pytest.raises(ValueError, match=r"\(n_samples, n_features\), got \(3,\)"):
        with_texts(X[:, 0], TEXTS)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a", None, "b", np.nan, pd.NA], r"3 missing .* at row position 1, 3, 4"),
        (["a", 3, "b", 4], r"2 not a string at row position 1, 3 \(int\)"),
        (["a", ["b", "c"]], r"1 not a string at row position 1 \(list\)"),
        ([["a", "b"], ["c", "d"]], r"2 not a string at row position 0, 1 \(list\)"),
        (["a", "", " \n"], r"2 empty at row position 1, 2"),
        (["", None, 3], r"1 missing .*; 1 not a string .*; 1 empty .* 0 \(int\)"),
        ({"b", "a"}, r"got set\. A set has no fixed order"),
        (iter(TEXTS), r"got list_iterator\. .*list\(texts\)"),
        (iter, r"got builtin_function_or_method\.$"),
        ([None] * 20, r"20 missing .* 8, 9, \.\.\.\."),
        (np.array([b"a"]), r"1 not a string at row position 0 \(bytes\)"),
        (pd.Series(["a", None], dtype="string"), r"1 missing .* at row position 1"),
        (pl.Series(["a", None]), r"1 missing .* at row position 1"),
        ([], r"no texts: a minimum of 1"),
        ("one text", r"got one str\. Pass \[text\]"),
        (b"one text", r"got one bytes"),
        ((text for text in TEXTS), r"got generator\. It can be read only once"),
        (5, r"got int"),
        ({"a": "b"}, r"got dict\. Pass its texts: list\(texts\.values\(\)\)"),
        (sparse.csr_matrix(X), r"got csr_matrix"),
        (X.astype(str), r"shape \(3, 2\).*frame\['text'\]"),
        (pd.DataFrame({"a": TEXTS, "b": TEXTS}), r"shape \(3, 2\)"),
    ],
)
def test_bad_texts_are_named_by_position(texts, message):
    with pytest.raises(ValueError, match=message) as error:
        check_texts(texts, "Reader")
    assert str(error.value).startswith("Reader ")


@pytest.mark.parametrize(
    "text",
    [
        "😀 ok",
        "\x00\x1b[31m",
        "\ud83d broken",
        "x" * 1_000_000,
        "<|endoftext|>",
        "ﬁ\u0301",
    ],
    ids=["emoji", "control", "surrogate", "megabyte", "special token", "combining"],
)
def test_odd_texts_travel_unchanged(text):
    frame = with_texts(X, [text, "plain", text])
    assert text_level(frame) == [text, "plain", text]
    assert get_texts(frame.iloc[::-1], None, Reader()).tolist() == [text, "plain", text]


def test_explicit_texts_win_over_the_index():
    frame = with_texts(X, TEXTS)
    assert get_texts(frame, None, Reader()).tolist() == TEXTS
    assert get_texts(frame, ["x", "y", "z"], Reader()).tolist() == ["x", "y", "z"]
    assert get_texts(X, TEXTS, Reader()).tolist() == TEXTS
    with pytest.raises(ValueError, match="inconsistent numbers"):
        get_texts(frame, ["x"], Reader())


@pytest.mark.parametrize(
    "bare",
    [
        X,
        pd.DataFrame(X),
        # An index of ids is no index of texts, though it holds strings.
        pd.DataFrame(X, index=["doc1", "doc2", "doc3"]),
        pd.DataFrame(X, index=pd.Index(TEXTS, name="review")),
        pd.DataFrame(X, columns=["text", "other"]),
        pl.DataFrame(X),
    ],
    ids=["array", "frame", "ids", "other name", "column", "polars"],
)
def test_without_texts_the_ways_out_are_named(bare):
    assert not carries_texts(bare)
    assert drop_texts(bare) is bare
    with pytest.raises(ValueError, match="Reader reads the text") as error:
        get_texts(bare, None, Reader())
    for way_out in ("with_texts", "texts="):
        assert way_out in str(error.value)


@pytest.mark.parametrize(
    ("bare", "what", "cure"),
    [
        (X, "plain array", "set_output(transform='pandas')"),
        (sparse.csr_array(X), "sparse matrix", "set_output(transform='pandas')"),
        (pl.DataFrame({"a": [1.0]}), "polars frame", "on that step"),
        (pd.DataFrame(X).add_prefix("pca"), "'pca0', 'pca1'", "before the embedding"),
    ],
)
def test_what_lost_the_texts_is_named_with_its_cure(bare, what, cure):
    with pytest.raises(ValueError, match="carries no texts") as error:
        get_texts(bare, None, Reader())
    assert what in str(error.value) and cure in str(error.value)


def test_a_callers_index_named_text_is_kept_beside_the_texts():
    # ids under that name: they are neither taken for texts nor lost.
    ids = pd.Index(["t0", "t1", "t2"], name="text")
    for frame in (
        with_texts(X, pd.Series(TEXTS, index=ids)),
        with_texts(X, pd.DataFrame({"review": TEXTS}, index=ids)),
    ):
        assert get_texts(frame, None, Reader()).tolist() == TEXTS
        pd.testing.assert_index_equal(drop_texts(frame).index, ids)


def test_the_texts_are_found_when_a_level_is_appended():
    frame = with_texts(X, TEXTS).set_index(pd.Index([7, 8, 9], name="id"), append=True)
    assert get_texts(frame, None, Reader()).tolist() == TEXTS
    assert drop_texts(frame).index.names == [None, "id"]


def test_empty_texts_pass_where_they_may_with_one_warning():
    texts = ["slow", "", " \n"]
    with pytest.warns(UserWarning, match="They count as texts without any concept"):
        frame = with_texts(X, texts)
    assert text_level(frame) == texts
    assert get_texts(frame, None, Reader(), allow_empty=True).tolist() == texts
    with pytest.raises(ValueError, match="2 empty at row position 1, 2"):
        get_texts(frame, None, Reader())
    with pytest.raises(ValueError, match="1 missing"):
        check_texts(["", None], "Reader", allow_empty=True)
    with pytest.warns(UserWarning, match="2 empty texts at row position 1, 2"):
        warn_of_empty(texts)
    with pytest.warns(UserWarning, match="1 empty text at .* It counts as a text w"):
        warn_of_empty(["slow", ""])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_empty(TEXTS)


# Words of any script, lone surrogates and line ends included, and labels that repeat.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
ANY_LABEL = st.one_of(
    st.integers(-3, 3),
    st.sampled_from(["a", "b", "text"]),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
)


@st.composite
def texts_and_index(draw):
    texts = draw(st.lists(ANY_TEXT, min_size=1, max_size=6))
    n_levels = draw(st.integers(1, 3))
    levels = [
        draw(st.lists(ANY_LABEL, min_size=len(texts), max_size=len(texts)))
        for _ in range(n_levels)
    ]
    # The last level of several is ours where it has the name of ours.
    names = draw(
        st.lists(
            st.sampled_from([None, "id", "day"]), min_size=n_levels, max_size=n_levels
        )
    )
    if n_levels == 1:
        return texts, pd.Index(levels[0], name=draw(st.sampled_from([None, "text"])))
    return texts, pd.MultiIndex.from_arrays(levels, names=names)


@pytest.mark.filterwarnings("ignore:Got .* empty text")
@given(texts_and_index())
def test_any_texts_and_any_index_come_back(case):
    texts, index = case
    numbers = np.arange(2.0 * len(texts)).reshape(-1, 2)
    frame = with_texts(pd.DataFrame(numbers, index=index), texts)
    assert (
        check_texts(
            get_texts(frame, None, Reader(), allow_empty=True), "x", allow_empty=True
        ).tolist()
        == texts
    )
    back = drop_texts(frame)
    assert back.index.names == index.names
    assert back.index.tolist() == index.tolist()
    np.testing.assert_array_equal(back.to_numpy(), numbers)
    again = with_texts(frame, texts[::-1])
    assert text_level_last(again) == texts[::-1]
    assert drop_texts(again).index.tolist() == index.tolist()


def text_level_last(frame):
    return frame.index.get_level_values(-1).tolist()


def test_a_frame_indexed_by_its_texts_alone_carries_them():
    # What frame.set_index("text") gives.
    frame = pd.DataFrame(X, index=pd.Index(TEXTS, name="text"))
    assert get_texts(frame, None, Reader()).tolist() == TEXTS
    assert drop_texts(frame).index.equals(pd.RangeIndex(3))


def test_texts_follow_their_rows_through_pandas():
    frame = with_texts(pd.DataFrame(X, index=[5, 6, 7]), TEXTS)
    moved = frame.iloc[[1, 0]]
    assert get_texts(moved, None, Reader()).tolist() == [TEXTS[1], TEXTS[0]]
    back = pickle.loads(pickle.dumps(frame))
    pd.testing.assert_frame_equal(back, frame)


def test_texts_pass_through_the_steps_of_scikit_learn():
    pipeline = make_pipeline(
        StandardScaler(),
        ColumnTransformer([("keep", "passthrough", ["x1"])], remainder="drop"),
        FunctionTransformer(),
    ).set_output(transform="pandas")
    frame = pipeline.fit_transform(with_texts(X, TEXTS))
    assert get_texts(frame, None, Reader()).tolist() == TEXTS


def test_dropping_texts_makes_rows_align_with_the_callers():
    # A ColumnTransformer with numeric controls puts both side by side by the index.
    index = [5, 6, 7]
    concepts = drop_texts(with_texts(pd.DataFrame(X, index=index), TEXTS))
    both = pd.concat([concepts, pd.DataFrame({"age": [1, 2, 3]}, index=index)], axis=1)
    assert both.shape == (3, 3)
    assert both.notna().all(axis=None)


def test_frame_like_follows_its_input():
    frame = with_texts(X, TEXTS)
    values = X * 2
    out = frame_like(values, frame, ["a", "b"])
    assert out.index is frame.index
    assert out.columns.tolist() == ["a", "b"]
    assert np.shares_memory(out.to_numpy(), values)
    assert frame_like(values, X, ["a", "b"]) is values
    csr = sparse.csr_matrix(values)
    assert frame_like(csr, X, ["a", "b"]) is csr
    sparse_out = frame_like(csr, frame, ["a", "b"])
    assert sparse_out.index is frame.index
    np.testing.assert_array_equal(sparse_out.sparse.to_coo().toarray(), values)


def test_row_index_of_any_container():
    index = pd.Index(["a", "b", "c"])
    assert row_index(pd.DataFrame(X, index=index)) is index
    assert row_index(pd.Series(TEXTS, index=index)).equals(index)
    for other in (TEXTS, X, pl.Series(TEXTS), pl.DataFrame({"t": TEXTS})):
        assert row_index(other).equals(pd.RangeIndex(3))
