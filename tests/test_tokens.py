"""The tokens behind activations go with the frame, as long as its columns are known."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

from sklearn_hsae import NeuronSelector, with_texts
from sklearn_hsae._tokens import CarriedTokens, carry_tokens, tokens_behind


class Reader:
    """Knows three features."""

    def get_feature_names_out(self):
        return np.array(["a", "b", "c"], dtype=object)

    def mark(self, texts, feature, *, marks):
        return [f"{marks[0]}{feature}{marks[1]} {text}" for text in texts]


@pytest.fixture
def frame():
    texts = [f"text {i}" for i in range(20)]
    numbers = np.random.default_rng(0).random((20, 3)) - 0.5
    X = with_texts(pd.DataFrame(numbers.clip(0), columns=["a", "b", "c"]), texts)
    return carry_tokens(X, CarriedTokens(Reader()))


def test_they_stay_where_rows_and_columns_are_chosen(frame):
    tokens = tokens_behind(frame)
    assert tokens_behind(frame.iloc[3:9][["c", "a"]]) is tokens
    assert tokens_behind(copy.deepcopy(frame)) is tokens
    selected = NeuronSelector(2, method="prevalence").fit_transform(frame)
    assert tokens_behind(selected) is tokens
    assert tokens_behind(frame.to_numpy()) is None


def test_they_stay_where_frames_of_one_reader_are_joined(frame):
    reader = tokens_behind(frame).reader
    again = carry_tokens(frame.iloc[:4].copy(), CarriedTokens(reader))
    assert tokens_behind(pd.concat([frame, again])).reader is reader
    windows = carry_tokens(frame.iloc[:4].copy(), CarriedTokens(reader).showing(3))
    for other in (windows, carry_tokens(again.copy(), CarriedTokens(Reader()))):
        assert tokens_behind(pd.concat([frame, other])) is None


def test_they_are_not_offered_for_other_columns(frame):
    assert tokens_behind(frame.rename(columns={"a": "d"})) is None
    renamed = carry_tokens(
        frame.set_axis(["x", "y", "z"], axis=1),
        tokens_behind(frame).renamed({"x": "a", "y": "b", "z": "c"}),
    )
    assert tokens_behind(renamed).mark(["t"], "y", ("<<", ">>")) == ["<<b>> t"]


def test_a_frame_with_them_is_pickled_and_written(frame, tmp_path):
    again = pickle.loads(pickle.dumps(frame))
    assert tokens_behind(again).mark(["t"], "a", ("<<", ">>")) == ["<<a>> t"]
    frame.reset_index().to_parquet(tmp_path / "frame.parquet")
    read = pd.read_parquet(tmp_path / "frame.parquet").drop(columns=["level_0", "text"])
    np.testing.assert_array_equal(read, frame)
