"""Autoencoders by name: a folder in the cache of the hub stands for the hub."""

import shutil
import sys

import pandas as pd
import pytest
from huggingface_hub import constants

from sklearn_hsae import MatryoshkaSAETransformer, ReaderSAETransformer
from sklearn_hsae.reader import _sae_hub
from sklearn_hsae.reader._sae_hub import find_sae

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch):
    """The folder of the repository "owner/saes"; nothing else is there."""
    _sae_hub._download.cache_clear()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--owner--saes"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    yield snapshot
    _sae_hub._download.cache_clear()


@pytest.fixture(scope="module")
def saved(tiny_model, texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    sae = MatryoshkaSAETransformer(16, 4, max_epochs=30, random_state=0)
    reader = ReaderSAETransformer(tiny_model, sae, layer=2, cache_dir=None)
    reader.fit(texts).save_saelens(folder)
    return folder


def test_a_folder_of_a_repository(tiny_model, texts, saved, hub):
    shutil.copytree(saved, hub / "layers.2")
    name = "owner/saes/layers.2"
    from_hub = ReaderSAETransformer(tiny_model, name, cache_dir=None).fit(texts)
    local = ReaderSAETransformer(tiny_model, saved, cache_dir=None).fit(texts)
    assert from_hub.layer_ == 2
    pd.testing.assert_frame_equal(from_hub.transform(texts), local.transform(texts))


def test_files_at_the_top_of_a_repository(hub):
    (hub / "Model-SAE-l19.pth").write_bytes(b"")
    assert find_sae("owner/saes") == str(hub / "Model-SAE-l19.pth")
    assert find_sae("owner/saes/Model-SAE-l19.pth") == str(hub / "Model-SAE-l19.pth")


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"'owner/saes' has no 'layers\.9'"):
        find_sae("owner/saes/layers.9")
    with pytest.raises(FileNotFoundError, match="'owner/none' cannot be downloaded"):
        find_sae("owner/none/layers.9")
    for path in (str(tmp_path / "none"), "./none/x", "none"):
        with pytest.raises(FileNotFoundError, match="no file or folder"):
            find_sae(path)


def test_the_registry_of_sae_lens(hub, tmp_path, monkeypatch):
    with pytest.raises(ImportError, match="pip install sae-lens"):
        find_sae("saelens:a-release/x")
    package = tmp_path / "site" / "sae_lens"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('it is not imported')")
    (package / "pretrained_saes.yaml").write_text(
        "a-release:\n  repo_id: owner/saes\n  conversion_func: null\n"
        "  saes:\n  - {id: blocks.1.hook_resid_post, path: one}\n"
        "other:\n  repo_id: owner/saes\n  conversion_func: temporal\n"
        "  saes:\n  - {id: x, path: x}\n"
    )
    monkeypatch.setattr(sys, "path", [str(package.parent), *sys.path])
    (hub / "one").mkdir()
    found = find_sae("saelens:a-release/blocks.1.hook_resid_post")
    assert found == str(hub / "one")
    with pytest.raises(ValueError, match="no release 'b'"):
        find_sae("saelens:b/x")
    with pytest.raises(ValueError, match=r"has no 'x'. It has 1: blocks.1"):
        find_sae("saelens:a-release/x")
    with pytest.raises(ValueError, match="kind 'temporal'"):
        find_sae("saelens:other/x")
