"""Remote models: real litellm against a server on loopback."""

import json
import pickle
import threading
from http.server import BaseHTTPRequestHandler

import numpy as np
import pytest
from embedding_texts import TEXTS
from sklearn.base import clone

from sklearn_hsae import EmbeddingTransformer
from sklearn_hsae._cache import DiskCache
from sklearn_hsae.embedding._remote import REMOTE_PROVIDERS, is_remote


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
    for path in (tmp_path / "cache").rglob("*"):
        assert path.is_dir() or b"sk-secret" not in path.read_bytes()


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
        ValueError, match="now returns 2 numbers per text, and returned 3"
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
