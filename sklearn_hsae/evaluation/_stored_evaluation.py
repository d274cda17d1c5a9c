"""Keep an evaluation in a JSON file, to report and to plot it later."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd

import sklearn_hsae
from sklearn_hsae._files import json_value, write_text
from sklearn_hsae.evaluation._hypothesis_evaluation import HypothesisEvaluation

_FORMAT = 1
# The held-out outcomes stay out: the file is to be passed on.
_FIELDS = [f.name for f in fields(HypothesisEvaluation) if f.name != "held_out"]


def save_evaluation(evaluation, path):
    """Write an evaluation to a JSON file.

    Parameters
    ----------
    evaluation : HypothesisEvaluation
    path : str or path-like
        Its folder must exist. An old file is replaced as a whole.

    Returns
    -------
    pathlib.Path
        The path of the file.
    """
    path = Path(path)
    stored = {
        "format": _FORMAT,
        "version": sklearn_hsae.__version__,
        **{name: _stored(getattr(evaluation, name)) for name in _FIELDS},
    }
    write_text(path, json.dumps(stored, ensure_ascii=False, allow_nan=False))
    return path


def load_evaluation(path):
    """Read an evaluation that :func:`save_evaluation` wrote.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    HypothesisEvaluation
        As it was saved, but without what `by_group` needs. The classes of an outcome
        are numbers, booleans or str.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file holds something else, or another version wrote it in another
        format.
    """
    path = Path(path)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        written = stored.pop("format"), stored.pop("version")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} is no complete file of save_evaluation.") from error
    if written[0] != _FORMAT or set(stored) != set(_FIELDS):
        raise ValueError(
            f"{path} was written by sklearn-hsae {written[1]} in another format than "
            f"{sklearn_hsae.__version__} reads. Evaluate again."
        )
    return HypothesisEvaluation(**{k: _restored(v) for k, v in stored.items()})


def _stored(value):
    """A value for JSON; a frame as its columns, with their types."""
    if not isinstance(value, pd.DataFrame):
        return json_value(value)
    has_names = value.index.nlevels == 1 and value.index.dtype.kind == "O"
    return {
        "index": json_value(value.index.tolist()) if has_names else len(value),
        "columns": [str(name) for name in value.columns],
        "types": [str(kind) for kind in value.dtypes],
        "values": [
            json_value(value.iloc[:, j].tolist()) for j in range(value.shape[1])
        ],
    }


def _restored(value):
    if not (isinstance(value, dict) and {"index", "columns", "types"} <= set(value)):
        return value
    index = value["index"]
    if isinstance(index, int):
        index = pd.RangeIndex(index)
    columns = {
        j: pd.Series(
            [np.nan if v is None and kind == "float64" else v for v in values],
            dtype=kind,
        ).to_numpy()
        for j, (kind, values) in enumerate(
            zip(value["types"], value["values"], strict=True)
        )
    }
    frame = pd.DataFrame(columns, index=index)
    return frame.set_axis(value["columns"], axis=1)
