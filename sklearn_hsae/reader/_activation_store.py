"""Activations of tokens on disk: each text is read once.

A store is one folder for one model, layer, autoencoder and way of reading. It has an
``index.json``, which says what these are, and shards. A shard is a safetensors file
that is written once, under a name of its own, and never changed: a killed process
leaves whole shards, and two processes never write the same file. Before a process reads
texts, it claims them, and others leave them to it.

A shard holds, for its texts one after the other:

- ``texts``: uint8 (n_texts, 16), the beginning of the SHA-256 of each text;
- ``n_tokens``: uint32 (n_texts,), how many tokens of each text count;
- ``positions``: uint32 (n_tokens,), where a token is among the tokens of its text;
- ``n_active``: uint32 (n_tokens,), how many neurons are active at a token;
- ``neurons``: uint16 or uint32 (n_entries,), which ones;
- ``values``: float16 (n_entries,), how much.
"""

import contextlib
import functools
import hashlib
import itertools
import json
import uuid
import warnings
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save
from scipy import sparse

from sklearn_hsae._cache import cache_key
from sklearn_hsae._claims import KEY_BYTES, claim
from sklearn_hsae._files import json_value, replaced_file, write_text

_INDEX = "index.json"
_LARGEST = np.finfo(np.float16).max
_NEURONS_OF_16_BITS = 2**16


class StoredTokens(NamedTuple):
    """The tokens of some texts that count, text after text.

    Attributes
    ----------
    lengths : ndarray of shape (n_texts,) of int
        Number of tokens of each text.
    positions : ndarray of shape (n_tokens,) of int
        Where each token is among the tokens of its text.
    activations : csr matrix of shape (n_tokens, n_neurons) of float32
        In the precision of float16.
    """

    lengths: np.ndarray
    positions: np.ndarray
    activations: sparse.csr_matrix

    def of_texts(self, picks):
        """The same for some of the texts, given by an array of their positions."""
        if len(picks) == len(self.lengths) and (np.diff(picks) == 1).all():
            return self
        stops = np.cumsum(self.lengths)
        tokens = [np.arange(stops[i] - self.lengths[i], stops[i]) for i in picks]
        tokens = np.concatenate([np.empty(0, dtype=int), *tokens])
        return StoredTokens(
            self.lengths[picks], self.positions[tokens], self.activations[tokens]
        )


class ActivationStore:
    """Keeps the activations of the tokens of texts.

    Parameters
    ----------
    folder : path-like
        Stores of different settings lie in it side by side.
    settings : dict
        Everything that the activations of a text depend on.
    n_neurons : int
    """

    def __init__(self, folder, settings, n_neurons):
        self.n_neurons = n_neurons
        self.folder = Path(folder).expanduser() / cache_key(**settings)[:32]
        self._settings = settings

    def append(self, keys, tokens):
        """Write one shard; the texts are kept when this returns.

        Parameters
        ----------
        keys : list of bytes
            From `text_key`, one per text.
        tokens : StoredTokens
        """
        if not keys:
            return
        self._make_folder()
        is_small = self.n_neurons <= _NEURONS_OF_16_BITS
        activations = tokens.activations
        content = save(
            {
                "texts": np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), -1),
                "n_tokens": tokens.lengths.astype(np.uint32),
                "positions": tokens.positions.astype(np.uint32),
                "n_active": np.diff(activations.indptr).astype(np.uint32),
                "neurons": activations.indices.astype(
                    np.uint16 if is_small else np.uint32
                ),
                "values": activations.data.astype(np.float16),
            }
        )
        with replaced_file(self.folder / f"{uuid.uuid4().hex}.safetensors") as path:
            path.write_bytes(content)

    def find(self, keys):
        """Where texts are kept.

        Parameters
        ----------
        keys : list of bytes

        Returns
        -------
        dict of Path to list of pair of int
            For each shard, the positions of its texts in `keys` and in the shard. Texts
            that are not kept are in no shard.
        """
        wanted = {key: i for i, key in enumerate(keys)}
        kept = defaultdict(list)
        if self.folder.is_dir():
            for shard in sorted(self.folder.glob("[!.]*.safetensors")):
                for row, key in enumerate(_keys_in(shard)):
                    position = wanted.pop(key, None)
                    if position is not None:
                        kept[shard].append((position, row))
        return kept

    @contextlib.contextmanager
    def claim(self, keys, n_texts):
        """Find texts, and claim some of those that nobody has read or is reading.

        Parameters
        ----------
        keys : list of bytes
        n_texts : int
            Largest number of texts to claim.

        Yields
        ------
        kept : dict
            As `find` returns it.
        claimed : list of int
            Positions in `keys` of the texts that are now to be read and appended. The
            claim ends with the block.
        """
        kept = self.find(keys)
        if _n_texts(kept) == len(keys):
            yield kept, []
            return
        self._make_folder()
        position = {key: i for i, key in enumerate(keys)}

        def choose(taken):
            # What another process has ended since then is in the store by now.
            nonlocal kept
            kept = self.find(keys)
            done = {i for pairs in kept.values() for i, _ in pairs}
            free = (k for i, k in enumerate(keys) if i not in done and k not in taken)
            return list(itertools.islice(free, n_texts))

        with claim(self.folder / "claims", choose) as claimed:
            yield kept, [position[key] for key in claimed]

    def read(self, shard, rows):
        """`StoredTokens` of some texts of a shard, in this order."""
        stored = load_file(shard)
        entries = np.concatenate([[0], np.cumsum(stored["n_active"], dtype=np.int64)])
        activations = sparse.csr_matrix(
            (
                stored["values"].astype(np.float32),
                stored["neurons"].astype(np.int32),
                entries,
            ),
            shape=(len(stored["positions"]), self.n_neurons),
        )
        lengths = stored["n_tokens"].astype(np.int64)
        positions = stored["positions"].astype(np.int64)
        return StoredTokens(lengths, positions, activations).of_texts(np.array(rows))

    def _make_folder(self):
        if not (self.folder / _INDEX).is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            index = {"n_neurons": self.n_neurons, **self._settings}
            write_text(self.folder / _INDEX, json.dumps(json_value(index), indent=1))


def _n_texts(kept):
    return sum(map(len, kept.values()))


def text_key(text):
    """The key of a text: the beginning of its SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:KEY_BYTES]


def as_stored(activations):
    """Activations as a store keeps them: csr of float32 in the precision of float16."""
    stored = activations.copy()
    halves = np.minimum(stored.data, _LARGEST).astype(np.float16)
    stored.data = halves.astype(np.float32)
    stored.eliminate_zeros()
    return stored


@functools.lru_cache(maxsize=4096)
def _keys_in(shard):
    """The keys of the texts of a shard; () when it is damaged. Shards never change."""
    try:
        with safe_open(shard, framework="numpy") as file:
            keys = file.get_tensor("texts")
    except (SafetensorError, OSError) as error:
        warnings.warn(
            f"The file {shard} of saved activations cannot be read ({error}). Its "
            "texts are read again. Delete the file.",
            UserWarning,
            stacklevel=2,
        )
        return ()
    return tuple(key.tobytes() for key in keys)
