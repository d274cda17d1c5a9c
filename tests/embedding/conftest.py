"""What the tests of embedding share."""

import threading
from http.server import ThreadingHTTPServer

import pytest

from sklearn_hsae import EmbeddingTransformer
from sklearn_hsae.embedding import _local as local


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
