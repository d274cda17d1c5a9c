"""The layout in which delphi keeps activations: windows of tokens, split by neuron."""

import json
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.numpy import load_file, save
from scipy import sparse

from sklearn_hsae._files import replaced_file, write_text

_CONFIG, _DOCUMENTS = "config.json", "documents.json"
_LARGEST_16_BITS = 2**16 - 1


class DelphiActivations(NamedTuple):
    """The activations in a folder of delphi.

    Attributes
    ----------
    tokens : ndarray of shape (n_windows, n_positions) of int64
        Ids of the tokens.
    activations : csr matrix of shape (n_windows * n_positions, n_neurons) of float32
        Window after window.
    starts : ndarray of shape (n_texts,) of int, or None
        Where each text begins in ``tokens.ravel()``. None when the files do not say;
        delphi itself does not keep it.
    """

    tokens: np.ndarray
    activations: sparse.csr_matrix
    starts: np.ndarray | None


def write_delphi(folder, ids, stored, *, context, n_splits, config):
    """Write the activations of texts as delphi does.

    The tokens of all texts are joined and cut into windows of equal length. The last
    one is padded with the token 0.

    Parameters
    ----------
    folder : path-like
        Of one layer, for example ``latents/layers.16``. Made when absent.
    ids : list of ndarray of int
        All tokens of each text.
    stored : StoredTokens
        Of the same texts.
    context : int
        Tokens per window.
    n_splits : int
        Number of files. Each has a range of neurons.
    config : dict
        Written to ``config.json``.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    starts = np.cumsum([0, *map(len, ids)])
    n_windows = max(-(-starts[-1] // context), 1)
    tokens = np.zeros(n_windows * context, dtype=np.int64)
    tokens[: starts[-1]] = np.concatenate([np.empty(0, dtype=np.int64), *ids])
    tokens = tokens.reshape(n_windows, context)
    places = np.repeat(starts[:-1], stored.lengths) + stored.positions
    by_neuron = stored.activations.tocsc()
    edges = np.linspace(0, by_neuron.shape[1], n_splits + 1).astype(int)
    for first, stop in pairwise(edges):
        split = by_neuron[:, first:stop]
        place = places[split.indices]
        neuron = np.repeat(np.arange(stop - first), np.diff(split.indptr))
        locations = np.stack([place // context, place % context, neuron], axis=1)
        is_small = locations.max(initial=0) <= _LARGEST_16_BITS
        content = save(
            {
                "locations": locations.astype(np.uint16 if is_small else np.uint32),
                "activations": split.data.astype(np.float16),
                "tokens": tokens,
            }
        )
        with replaced_file(folder / f"{first}_{stop - 1}.safetensors") as path:
            path.write_bytes(content)
    write_text(folder / _DOCUMENTS, json.dumps({"starts": starts[:-1].tolist()}))
    write_text(folder / _CONFIG, json.dumps(config, indent=1))


def read_delphi(folder):
    """Read the activations of one layer that delphi, or `save_delphi`, has written.

    Parameters
    ----------
    folder : str or path-like
        For example ``results/name/latents/layers.16``.

    Returns
    -------
    DelphiActivations

    Raises
    ------
    FileNotFoundError
        When the folder has no such files.
    """
    folder = Path(folder)
    files = sorted(
        folder.glob("*_*.safetensors"), key=lambda path: int(path.stem.split("_")[0])
    )
    if not files:
        raise FileNotFoundError(
            f"{folder} has no files such as 0_999.safetensors. Pass the folder of one "
            "layer, for example results/name/latents/layers.16."
        )
    n_neurons = int(files[-1].stem.split("_")[1]) + 1
    places, neurons, values = [], [], []
    for file in files:
        split = load_file(file)
        tokens, locations = split["tokens"], split["locations"].astype(np.int64)
        places.append(locations[:, 0] * tokens.shape[1] + locations[:, 1])
        neurons.append(locations[:, 2] + int(file.stem.split("_")[0]))
        values.append(split["activations"].astype(np.float32))
    activations = sparse.csr_matrix(
        (np.concatenate(values), (np.concatenate(places), np.concatenate(neurons))),
        shape=(tokens.size, n_neurons),
    )
    starts = None
    if (folder / _DOCUMENTS).is_file():
        documents = json.loads((folder / _DOCUMENTS).read_text(encoding="utf-8"))
        starts = np.array(documents["starts"], dtype=int)
    return DelphiActivations(tokens, activations, starts)
