"""Labels of features, from the files of several tools."""

import gzip
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from sklearn_hsae._labels import unique_labels

_INDEX_KEYS = ("index", "feature", "latent", "neuron", "feature_index")
_LABEL_KEYS = ("label", "description", "explanation", "concept")
_DELPHI_FILE = re.compile(r"(?P<hookpoint>.+)_latent(?P<index>\d+)\.txt")
_NAME = re.compile(r"(?:sae)?(\d+)")


def read_labels(labels, n_features):
    """Labels by position.

    Parameters
    ----------
    labels : Mapping, str or path-like
        As in :class:`~sklearn_hsae.ReaderSAETransformer`.
    n_features : int

    Returns
    -------
    dict of int to str
    """
    if isinstance(labels, str | os.PathLike):
        pairs = _pairs_of_path(Path(labels))
    else:
        pairs = labels.items()
    by_position = {}
    for feature, label in pairs:
        match = _NAME.fullmatch(str(feature))
        if match is None or int(match[1]) >= n_features:
            raise ValueError(
                f"labels names the feature {feature!r}, and there are sae0 to "
                f"sae{n_features - 1}. The labels belong to another autoencoder."
            )
        if isinstance(label, str) and label.strip():
            by_position.setdefault(int(match[1]), label.strip())
    if not by_position:
        raise ValueError(f"{labels!r} holds no labels.")
    return by_position


def feature_names(n_features, labels):
    """The label of each feature that has one, else "sae0", "sae1", ...; all unique."""
    return unique_labels([labels.get(i, f"sae{i}") for i in range(n_features)])


def _pairs_of_path(path):
    if path.is_dir():
        return _pairs_of_folder(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file or folder {path} of labels.")
    name = path.name.removesuffix(".gz")
    if name.endswith((".csv", ".tsv")):
        separator = "\t" if name.endswith(".tsv") else ","
        return _pairs_of_records(pd.read_csv(path, sep=separator).to_dict("records"))
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else None
    text = path.read_text(encoding="utf-8") if text is None else text.decode("utf-8")
    if name.endswith(".jsonl"):
        lines = [line for line in text.splitlines() if line.strip()]
        return _pairs_of_records([json.loads(line) for line in lines])
    content = json.loads(text)
    if isinstance(content, Mapping) and "explanations" in content:
        content = content["explanations"]  # an export of Neuronpedia
    if isinstance(content, Mapping):
        return content.items()
    return _pairs_of_records(content)


def _pairs_of_folder(folder):
    """Explanations of delphi, one file per feature, or the files of an export."""
    files = sorted(folder.iterdir())
    matches = [(file, _DELPHI_FILE.fullmatch(file.name)) for file in files]
    matches = [(file, match) for file, match in matches if match]
    hookpoints = sorted({match["hookpoint"] for _, match in matches})
    if len(hookpoints) > 1:
        raise ValueError(
            f"{folder} has labels of several layers: {', '.join(hookpoints)}. Copy "
            "those of one layer into a folder of their own."
        )
    pairs = []
    for file, match in matches:
        text = file.read_text(encoding="utf-8").strip()
        pairs.append((match["index"], json.loads(text) if text[:1] == '"' else text))
    for file in files:
        if not matches and file.name.removesuffix(".gz").endswith((".jsonl", ".json")):
            pairs += _pairs_of_path(file)
    return pairs


def _pairs_of_records(records):
    for record in records:
        index = next((record[key] for key in _INDEX_KEYS if key in record), None)
        label = next((record[key] for key in _LABEL_KEYS if key in record), None)
        if index is None or label is None:
            raise ValueError(
                f"A record of labels has the keys {', '.join(record)}. It needs one of "
                f"{', '.join(_INDEX_KEYS)} and one of {', '.join(_LABEL_KEYS)}."
            )
        yield index, label
