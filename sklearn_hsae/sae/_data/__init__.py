"""Where rows come from: arrays, frames, files, and what need not fit into memory."""

from sklearn_hsae.sae._data._moments import mean_and_scale
from sklearn_hsae.sae._data._row_files import RowFile, open_rows
from sklearn_hsae.sae._data._training_data import TrainingData

__all__ = ["RowFile", "TrainingData", "mean_and_scale", "open_rows"]
