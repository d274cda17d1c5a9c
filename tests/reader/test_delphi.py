"""The layout of delphi: against its definition, entry by entry."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from sklearn_hsae import MatryoshkaSAETransformer, ReaderSAETransformer
from sklearn_hsae.reader import read_delphi


@pytest.fixture(scope="module")
def written(tiny_model, texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("latents") / "layers.1"
    sae = MatryoshkaSAETransformer(32, 4, max_epochs=1, random_state=0)
    reader = ReaderSAETransformer(tiny_model, sae, cache_dir=None).fit(texts)
    reader.save_delphi(texts, folder, context=16, n_splits=3)
    return reader, folder


def test_files_have_ranges_of_neurons_and_all_tokens(written, texts):
    _, folder = written
    names = ["0_9", "10_20", "21_31"]  # linspace(0, 32, 4) without its fractions
    assert sorted(path.stem for path in folder.glob("*.safetensors")) == names
    splits = [load_file(folder / f"{name}.safetensors") for name in names]
    n_tokens = sum(len(text.split()) for text in texts)
    for split in splits:
        assert split["tokens"].shape == (-(-n_tokens // 16), 16)
        assert split["tokens"].dtype == np.int64
        assert split["locations"].dtype == np.uint16
        assert split["activations"].dtype == np.float16
    config = json.loads((folder / "config.json").read_text())
    assert (config["cache_ctx_len"], config["n_tokens"]) == (16, n_tokens)


def test_each_entry_is_where_its_token_is(written, texts):
    reader, folder = written
    read = read_delphi(folder)
    found = reader.token_activations(texts)
    places = []
    for i, text in enumerate(texts):
        starts = np.cumsum([0, *(len(word) + 1 for word in text.split())])
        spans = found.spans[found.indptr[i] : found.indptr[i + 1]]
        positions = np.searchsorted(starts, spans[:, 0])
        places.append(read.starts[i] + positions)
    places = np.concatenate(places)
    np.testing.assert_array_equal(
        read.activations[places].toarray(), found.activations.toarray()
    )
    assert read.activations.nnz == found.activations.nnz


def test_a_folder_without_such_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"0_999.safetensors"):
        read_delphi(tmp_path)
