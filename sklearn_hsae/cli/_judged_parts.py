"""What ``apply`` has judged of a file in pieces, for a call after an interruption."""

import contextlib
import shutil

import numpy as np
import pandas as pd

import sklearn_hsae
from sklearn_hsae._cache import cache_key
from sklearn_hsae.out_of_core import Shards

_KINDS = ("annotations", "activations")
_FAILED = ""  # in place of the hash of the texts of a piece


class JudgedParts:
    """Judges pieces, and keeps the result in a folder until the whole file is written.

    Parameters
    ----------
    judging, finding : Pipeline
        Fitted; their `transform` gives the annotations, and the activations.
    folder : pathlib.Path or None
        None keeps nothing.
    model : str
        Hash of the model. What another model or version has judged is not used.
    """

    def __init__(self, judging, finding, folder, model):
        self.folder = folder
        self._pipelines = judging, finding
        self._shards = []
        if folder is not None:
            key = cache_key(model=model, version=sklearn_hsae.__version__)
            self._own_folder = folder / key[:16]
            self._shards = [Shards.create(self._own_folder / kind) for kind in _KINDS]

    @property
    def n_kept(self):
        """Number of texts that an interrupted call has judged."""
        return min((shards.shape[0] for shards in self._shards), default=0)

    def judge(self, position, texts):
        """Annotations and activations of a piece, two frames; from disk where kept."""
        source = cache_key(texts=np.asarray(texts).tolist())
        if self._shards and all(_holds(s, position, source) for s in self._shards):
            annotations, activations = (
                pd.DataFrame(shards[position], columns=shards.columns)
                for shards in self._shards
            )
            if isinstance(texts, pd.Series | pd.DataFrame):  # with controls
                annotations.index = texts.index
            return annotations.astype(np.float64), activations
        frames = [pipeline.transform(texts) for pipeline in self._pipelines]
        if frames[0].isna().any(axis=None):
            source = _FAILED  # the next try asks again
        for shards, frame in zip(self._shards, frames, strict=False):
            rows = frame.to_numpy(np.float32)
            shards.put(position, rows, list(frame.columns), source)
        return frames

    def remove(self):
        """Delete what was kept: all files are written."""
        if self.folder is not None:
            shutil.rmtree(self._own_folder)
            with contextlib.suppress(OSError):  # another model has parts in it
                self.folder.rmdir()


def _holds(shards, position, source):
    return shards.is_complete(position) and shards.source(position) == source
