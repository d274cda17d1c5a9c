"""What apply keeps of a file in pieces."""

import numpy as np
import pandas as pd

from sklearn_hsae.cli._judged_parts import JudgedParts


class Judging:
    """Stands in for a fitted pipeline; `missing` are texts whose calls fail."""

    def __init__(self):
        self.missing, self.asked = set(), []

    def transform(self, texts):
        self.asked += texts
        values = [np.nan if text in self.missing else len(text) for text in texts]
        return pd.DataFrame({"length": np.array(values, dtype=float)})


def judge_all(judging, folder, model="of a run", pieces=(["a", "bb"], ["ccc"])):
    parts = JudgedParts(judging, judging, folder, model)
    frames = [parts.judge(i, list(texts))[0] for i, texts in enumerate(pieces)]
    return parts, np.concatenate([frame["length"] for frame in frames])


def test_a_piece_with_failed_calls_is_judged_again(tmp_path):
    """What a server could not answer yesterday would be missing for ever."""
    judging = Judging()
    judging.missing = {"bb"}
    _, lengths = judge_all(judging, tmp_path / "parts")
    np.testing.assert_array_equal(lengths, [1, np.nan, 3])
    judging.missing, judging.asked = set(), []
    _, lengths = judge_all(judging, tmp_path / "parts")
    np.testing.assert_array_equal(lengths, [1, 2, 3])
    assert set(judging.asked) == {"a", "bb"}  # and "ccc" is kept


def test_parts_of_another_model_stay(tmp_path):
    judging, folder = Judging(), tmp_path / "parts"
    first, _ = judge_all(judging, folder)
    second, _ = judge_all(judging, folder, "of another run")
    first.remove()
    judging.asked = []
    judge_all(judging, folder, "of another run")
    assert judging.asked == []
    second.remove()
    assert not folder.exists()
