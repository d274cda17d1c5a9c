"""Rows on disk, piece by piece, and what an interruption leaves."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import FunctionTransformer, Normalizer

from sklearn_hsae import LSAEmbedder, MatryoshkaSAETransformer
from sklearn_hsae.out_of_core import Shards, transform_to

TEXTS = [
    f"{a} {b}" for a in ("slow", "good", "rude") for b in ("soup", "view", "waiter")
]
PIECES = [TEXTS[:4], TEXTS[4:8], TEXTS[8:]]


class Counting(FunctionTransformer):
    """How often it was asked, and for how many rows."""

    def transform(self, X):
        self.calls = [*getattr(self, "calls", []), len(X)]
        return np.array([[len(text), text.count("o")] for text in X])


def test_dense_rows_are_those_of_one_call(tmp_path):
    embed = LSAEmbedder(3, random_state=0).fit(TEXTS)
    shards = transform_to(embed, PIECES, tmp_path / "vectors")
    expected = embed.transform(TEXTS)
    assert shards.shape == (9, 3)
    assert shards.columns == list(expected.columns)
    np.testing.assert_allclose(shards.to_array(), expected, atol=1e-6)
    assert [len(rows) for rows in Shards(tmp_path / "vectors")] == [4, 4, 1]


def test_sparse_rows_stay_sparse(tmp_path):
    count = CountVectorizer().fit(TEXTS)
    shards = transform_to(count, PIECES, tmp_path / "counts")
    assert all(sp.issparse(rows) for rows in shards)
    np.testing.assert_array_equal(
        shards.to_csr().toarray(), count.transform(TEXTS).toarray()
    )
    # Rows of one step are the pieces of the next one.
    normalized = transform_to(Normalizer().fit(shards.to_csr()), shards, tmp_path / "n")
    lengths = [sum(x * x for x in row) for row in normalized.to_array().tolist()]
    np.testing.assert_allclose(lengths, 1, rtol=1e-5)


def test_an_autoencoder_learns_from_the_rows_on_disk(tmp_path):
    rows = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32)
    identity = FunctionTransformer().fit(rows)
    shards = transform_to(identity, np.split(rows, 3), tmp_path / "rows")
    shards.save_npy(tmp_path / "rows.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy"), rows)
    sae = MatryoshkaSAETransformer(8, k=2, max_epochs=2, random_state=0)
    from_disk = sae.fit(tmp_path / "rows.npy").transform(rows)
    np.testing.assert_array_equal(from_disk, sae.fit(rows).transform(rows))


def test_what_is_there_is_not_computed_again(tmp_path):
    transform_to(Counting(), PIECES[:2], tmp_path)
    counting = Counting()
    transform_to(counting, PIECES, tmp_path)
    assert counting.calls == [3, 3, 1]  # a look at the first rows, and the new piece
    (tmp_path / "000001.npy").unlink()
    with pytest.raises(ValueError, match=r"000001\.npy is missing or cut off"):
        list(Shards(tmp_path))
    torn = (tmp_path / "000002.npy").read_bytes()
    (tmp_path / "000002.npy").write_bytes(torn[:-1])
    counting = Counting()
    shards = transform_to(counting, PIECES, tmp_path)
    assert counting.calls == [3, 4, 1]
    assert shards.to_array().tolist() == [[len(t), t.count("o")] for t in TEXTS]


def test_a_source_that_changed_is_refused(tmp_path):
    transform_to(Counting(), PIECES, tmp_path)
    with pytest.raises(ValueError, match="Piece 1 has other rows than those in"):
        transform_to(Counting(), [PIECES[0], ["new", *PIECES[1][1:]]], tmp_path)
    with pytest.raises(ValueError, match="gives other values than those in"):
        transform_to(
            FunctionTransformer(lambda X: np.ones((len(X), 2))), PIECES, tmp_path
        )
    with pytest.raises(ValueError, match="the rows of 3 pieces, and there are 2 now"):
        transform_to(Counting(), PIECES[:2], tmp_path)


def test_a_transformer_that_was_fitted_again_is_told_by_any_shard(tmp_path):
    transform_to(Counting(), PIECES, tmp_path)
    (tmp_path / "000000.npy").unlink()
    ones = FunctionTransformer(lambda X: np.ones((len(X), 2)))
    for _ in range(2):  # also where the first shard is made by now
        with pytest.raises(ValueError, match="gives other values than those in"):
            transform_to(ones, PIECES, tmp_path)


def test_a_wrong_argument_is_named(tmp_path):
    with pytest.raises(TypeError, match=r"list has no transform.*pipeline\[:-1\]"):
        transform_to([], PIECES, tmp_path / "rows")
    assert not (tmp_path / "rows").exists()
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"file is a file\. Name a folder"):
        transform_to(Counting(), PIECES, tmp_path / "file")
    nothing = transform_to(Counting(), [], tmp_path / "nothing")
    for read in (nothing.to_array, nothing.to_csr):
        with pytest.raises(ValueError, match="holds no rows yet"):
            read()


def test_a_folder_that_holds_no_shards_or_those_of_another_version(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no shards"):
        Shards(tmp_path)
    transform_to(Counting(), PIECES, tmp_path)
    index = json.loads((tmp_path / "index.json").read_text("utf-8"))
    (tmp_path / "index.json").write_text(json.dumps({**index, "format": 2}))
    with pytest.raises(ValueError, match="has the format 2"):
        Shards(tmp_path)


def test_a_kill_loses_the_piece_under_way_alone(tmp_path):
    code = (
        "import sys, time, numpy as np\n"
        "from sklearn_hsae.out_of_core import transform_to\n"
        "class Slow:\n"
        "    def transform(self, X):\n"
        "        if X[0] == 'c': time.sleep(60)\n"
        "        return np.array([[ord(x)] for x in X])\n"
        "transform_to(Slow(), [['a'], ['b'], ['c'], ['d']], sys.argv[1])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    deadline = time.monotonic() + 60
    while not (tmp_path / "000001.npy").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    process.kill()
    process.wait()
    ordinal = FunctionTransformer(lambda X: np.array([[ord(x)] for x in X]))
    shards = transform_to(ordinal, [["a"], ["b"], ["c"], ["d"]], tmp_path)
    assert shards.to_array().tolist() == [[97], [98], [99], [100]]
