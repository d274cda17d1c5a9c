"""The input of a training: rows in memory or on disk, targets and weights."""

from sklearn_hsae.sae._data._moments import mean_and_scale
from sklearn_hsae.sae._data._output_range import OUTPUT_RANGES, warn_of_range
from sklearn_hsae.sae._data._row_files import RowFile, check_rows, open_rows
from sklearn_hsae.sae._data._target_coding import TargetCoding, learn_target
from sklearn_hsae.sae._data._training_data import TrainingData, training_data

__all__ = [
    "OUTPUT_RANGES",
    "RowFile",
    "TargetCoding",
    "TrainingData",
    "check_rows",
    "learn_target",
    "mean_and_scale",
    "open_rows",
    "training_data",
    "warn_of_range",
]
