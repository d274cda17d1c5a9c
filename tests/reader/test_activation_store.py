"""Saved activations: what is read is kept, whatever happens to the process."""

import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sklearn_hsae import MatryoshkaSAETransformer, ReaderSAETransformer
from sklearn_hsae.reader import _activation_reader
from sklearn_hsae.reader._activation_reader import ActivationReader
from sklearn_hsae.reader._activation_store import (
    ActivationStore,
    StoredTokens,
    as_stored,
    text_key,
)
from sklearn_hsae.reader._hidden_states import TokenStates


def random_tokens(n_texts, n_neurons, k=3, seed=0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 6, n_texts)
    n = lengths.sum()
    neurons = np.concatenate(
        [
            np.empty(0, dtype=int),
            *(np.sort(rng.choice(n_neurons, k, replace=False)) for _ in range(n)),
        ]
    )
    values = rng.random(n * k).astype(np.float32) + 0.1
    activations = sparse.csr_matrix(
        (values, neurons, np.arange(n + 1) * k), shape=(n, n_neurons)
    )
    return StoredTokens(lengths, rng.integers(0, 900, n), as_stored(activations))


@pytest.mark.parametrize("n_neurons", [24, 2**16, 2**17])
def test_what_is_kept_is_found_again(tmp_path, n_neurons):
    store = ActivationStore(tmp_path, {"model": "m"}, n_neurons)
    texts = [f"text {i}" for i in range(9)]
    tokens = random_tokens(9, n_neurons)
    store.append([text_key(text) for text in texts], tokens)
    asked = ["unknown", "text 7", "text 2"]
    ((shard, pairs),) = store.find([text_key(text) for text in asked]).items()
    assert pairs == [(2, 2), (1, 7)]
    found = store.read(shard, [row for _, row in pairs])
    stops = np.cumsum(tokens.lengths)
    rows = np.r_[
        stops[2] - tokens.lengths[2] : stops[2], stops[7] - tokens.lengths[7] : stops[7]
    ]
    np.testing.assert_array_equal(found.lengths, tokens.lengths[[2, 7]])
    np.testing.assert_array_equal(found.positions, tokens.positions[rows])
    expected = tokens.activations[rows].toarray()
    np.testing.assert_array_equal(found.activations.toarray(), expected)


def test_other_settings_are_another_store(tmp_path):
    for model in ("a", "b"):
        store = ActivationStore(tmp_path, {"model": model}, 24)
        assert store.find([text_key("x")]) == {}
        store.append([text_key("x")], random_tokens(1, 24))
    assert len(list(tmp_path.glob("*/index.json"))) == 2


def test_ten_million_tokens_fit_into_two_and_a_half_gigabytes(tmp_path):
    n_texts, k = 400, 32
    for n_neurons, least in ((2**16, 1.3e9), (2**17, 1.9e9)):
        store = ActivationStore(tmp_path, {"model": n_neurons}, n_neurons)
        tokens = random_tokens(n_texts, n_neurons, k)
        store.append([text_key(str(i)) for i in range(n_texts)], tokens)
        (shard,) = store.folder.glob("*.safetensors")
        size = shard.stat().st_size / len(tokens.positions) * 10_000_000
        # Of a hundred tokens per text, a text takes 16 + 4 bytes.
        assert least < size < 2.5e9


def test_large_and_tiny_values_stay_finite():
    values = sparse.csr_matrix(np.array([[1e9, 1e-12, 1.0]], dtype=np.float32))
    assert as_stored(values).toarray().tolist() == [[65504.0, 0.0, 1.0]]


def test_a_torn_shard_is_named_and_its_texts_are_read_again(tmp_path):
    store = ActivationStore(tmp_path, {"model": "m"}, 24)
    store.append([text_key("a")], random_tokens(1, 24))
    store.append([text_key("b")], random_tokens(1, 24))
    torn = next(iter(store.find([text_key("a")])))
    # As after a power failure. A new name, because shards never change.
    again = torn.with_name("torn.safetensors")
    again.write_bytes(torn.read_bytes()[:-8])
    torn.unlink()
    with pytest.warns(UserWarning, match=r"torn.safetensors .* cannot be read"):
        found = store.find([text_key("a"), text_key("b")])
    assert list(found.values()) == [[(1, 0)]]


class Words:
    """Stands for a model and an autoencoder: a token is a word, and active at 1."""

    identity, n_neurons = {"model": "m"}, 1

    def __init__(self, log, seconds):
        self.log, self.seconds = log, seconds

    def windows(self, texts):
        return [text.split() for text in texts]

    def read(self, windows, largest_norm, verbose):
        for start in range(0, len(windows), 4):
            lengths = np.array(list(map(len, windows[start : start + 4])))
            yield TokenStates(
                np.arange(start, start + len(lengths)),
                lengths,
                np.ones((lengths.sum(), 1), dtype=np.float32),
                np.concatenate(list(map(np.arange, lengths))),
            )
            with open(self.log, "a") as file:  # now that the step is kept
                file.write(f"{len(lengths)}\n")
            time.sleep(self.seconds)

    def encode(self, states):
        return sparse.csr_matrix(states)


def read_rows(log, texts, cache_dir, seconds):
    words = Words(log, seconds)
    options = {"threshold": 0, "largest_norm": 9, "verbose": 0, "aggregate": "sum"}
    reader = ActivationReader(words, words, "v", cache_dir=cache_dir, **options)
    return reader.rows(texts).toarray()[:, 0]


_READER = """
import sys
sys.path.insert(0, {tests!r})
from test_activation_store import *
from sklearn_hsae.reader import _activation_reader
_activation_reader._TEXTS_PER_CLAIM = 12
texts = np.array([f"{{i}}" + " w" * i for i in range(60)], dtype=object)
rows = read_rows({log!r}, texts, {folder!r}, {seconds})
assert rows.tolist() == [*range(1, 61)]
"""


def test_processes_share_the_work_and_take_over_from_a_killed_one(tmp_path):
    def start(log, seconds):
        tests = str(__file__).rsplit("/", 1)[0]
        code = _READER.format(
            tests=tests, log=str(log), folder=str(tmp_path / "cache"), seconds=seconds
        )
        return subprocess.Popen([sys.executable, "-c", code])

    def n_read(log):
        return sum(map(int, log.read_text().split())) if log.exists() else 0

    logs = [tmp_path / name for name in ("killed", "first", "second")]
    killed = start(logs[0], 60)
    while not n_read(logs[0]) and killed.poll() is None:
        time.sleep(0.02)
    # It sleeps, and has a claim of texts that it has not read.
    assert len(list(tmp_path.glob("cache/activations/*/claims/*.keys"))) == 1
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    others = [start(log, 0.2) for log in logs[1:]]
    assert [other.wait(timeout=120) for other in others] == [0, 0]
    shares = list(map(n_read, logs))
    assert shares[0] == 4 and sum(shares) == 60
    assert not list(tmp_path.glob("cache/activations/*/claims/*.[ck]*"))


def test_an_error_between_two_steps_leaves_no_claim(
    tiny_model, texts, trained, tmp_path, monkeypatch
):
    reader = ReaderSAETransformer(tiny_model, trained, cache_dir=tmp_path).fit(texts)

    def fail(*args):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(_activation_reader, "pool_activations", fail)
        # The traceback keeps the generator that read the texts.
        with pytest.raises(MemoryError) as caught:
            reader.transform(texts)
    assert len(reader.transform(texts)) == len(texts)
    assert caught.value is not None


_WRITER = """
import sys
sys.path.insert(0, {tests!r})
from test_activation_store import *
store = ActivationStore({folder!r}, {{"model": "m"}}, 24)
for i in range({start}, {stop}):
    store.append([text_key(f"text {{i}}")], random_tokens(1, 24, seed=i))
"""


def test_a_killed_writer_and_another_leave_whole_shards(tmp_path):
    def start(first, stop):
        code = _WRITER.format(
            tests=str(__file__).rsplit("/", 1)[0],
            folder=str(tmp_path),
            start=first,
            stop=stop,
        )
        return subprocess.Popen([sys.executable, "-c", code])

    store = ActivationStore(tmp_path, {"model": "m"}, 24)
    killed, other = start(0, 100_000), start(50, 80)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if len(list(store.folder.glob("[!.]*"))) > 40 and other.poll() == 0:
            break
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert other.returncode == 0
    keys = [text_key(f"text {i}") for i in range(200)]
    found = store.find(keys)
    positions = sorted(p for pairs in found.values() for p, _ in pairs)
    assert set(range(50, 80)) <= set(positions)
    for shard, pairs in list(found.items())[:20]:
        tokens = store.read(shard, [row for _, row in pairs])
        expected = random_tokens(1, 24, seed=pairs[0][0])
        np.testing.assert_array_equal(
            tokens.activations.toarray(), expected.activations.toarray()
        )


@pytest.fixture(scope="module")
def trained(tiny_model, texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sae")
    sae = MatryoshkaSAETransformer(32, 4, max_epochs=3, random_state=0)
    reader = ReaderSAETransformer(tiny_model, sae, cache_dir=None).fit(texts)
    reader.sae_.save_pretrained(folder)
    return str(folder)


def test_what_was_read_before_an_interruption_is_not_read_again(
    tiny_model, texts, trained, tmp_path, monkeypatch
):
    from sklearn_hsae.reader import _hidden_states

    monkeypatch.setattr(_hidden_states, "_TOKENS_PER_STEP", 60)
    reader = ReaderSAETransformer(tiny_model, trained, cache_dir=tmp_path).fit(texts)
    expected = reader.set_params(cache_dir=None).transform(texts)
    reader.set_params(cache_dir=tmp_path)
    n_read, read = [], _hidden_states.HiddenStateReader.read

    def interrupted(self, windows, *args):
        for step in read(self, windows, *args):
            if len(n_read) == 3:
                raise KeyboardInterrupt
            n_read.append(len(step.texts))
            yield step

    def counted(self, windows, *args):
        for step in read(self, windows, *args):
            n_read.append(len(step.texts))
            yield step

    monkeypatch.setattr(_hidden_states.HiddenStateReader, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reader.transform(texts)
    monkeypatch.setattr(_hidden_states.HiddenStateReader, "read", counted)
    pd.testing.assert_frame_equal(reader.transform(texts), expected)
    assert sum(n_read) == len(set(texts))
    reader.mark(texts, "sae3")
    reader.top_texts(texts, "sae3")
    assert sum(n_read) == len(set(texts))
