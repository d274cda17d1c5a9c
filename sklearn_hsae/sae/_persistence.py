"""Saving a fitted autoencoder as safetensors and JSON: data only, no code to run."""

import json
import os
from pathlib import Path

import numpy as np

import sklearn_hsae

_ARRAYS_FILE = "model.safetensors"
_CONFIG_FILE = "config.json"
_FORMAT = 1
_TENSORS = (
    "encoder_",
    "encoder_bias_",
    "decoder_",
    "decoder_bias_",
    "head_",
    "head_bias_",
    "input_mean_",
)
_VALUES = (
    "input_scale_",
    "threshold_",
    "prefixes_",
    "n_features_in_",
    "n_iter_",
    "history_",
)
_STATE = "_training_state"
_STATE_VALUES = ("price", "coding")


class SavedAsSafetensors:
    """Adds `save_pretrained` and `from_pretrained` to the autoencoder."""

    def save_pretrained(self, folder):
        """Write the fitted autoencoder to a folder, as safetensors and JSON.

        Parameters
        ----------
        folder : str or path-like
            Made when absent. Files of an earlier call are replaced.

        Notes
        -----
        `callbacks` and a `random_state` that is no int are not written. After
        :meth:`partial_fit` the state of the optimiser is, so that training goes on
        from the loaded autoencoder as if it had never been interrupted.
        """
        from safetensors.numpy import save
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        fitted = vars(self)
        arrays = {n: fitted[n] for n in _TENSORS if fitted[n] is not None}
        config = {
            "format": _FORMAT,
            "class": type(self).__name__,
            "version": sklearn_hsae.__version__,
            "params": _plain_params(self.get_params()),
            "fitted": {name: fitted[name] for name in _VALUES if name in fitted},
        }
        if "feature_names_in_" in fitted:
            config["fitted"]["feature_names_in_"] = self.feature_names_in_.tolist()
        if _STATE in fitted:
            config["state"] = {name: fitted[_STATE][name] for name in _STATE_VALUES}
            arrays |= _flatten(fitted[_STATE])
        _write(folder / _ARRAYS_FILE, save(arrays))
        _write(folder / _CONFIG_FILE, json.dumps(config, indent=1).encode())

    @classmethod
    def from_pretrained(cls, folder):
        """Read what :meth:`save_pretrained` wrote, on any device.

        Parameters
        ----------
        folder : str or path-like

        Returns
        -------
        MatryoshkaSAETransformer

        Raises
        ------
        FileNotFoundError
            When the folder lacks one of the two files.
        ValueError
            When they are of something else, or of a later version.
        """
        from safetensors.numpy import load_file

        folder = Path(folder)
        for name in (_CONFIG_FILE, _ARRAYS_FILE):
            if not (folder / name).is_file():
                raise FileNotFoundError(
                    f"{folder} has no {name}. Pass the folder that "
                    f"{cls.__name__}.save_pretrained wrote."
                )
        config = json.loads((folder / _CONFIG_FILE).read_text())
        if config.get("class") != cls.__name__ or config.get("format") != _FORMAT:
            raise ValueError(
                f"{folder / _CONFIG_FILE} describes class {config.get('class')!r} in "
                f"format {config.get('format')!r}; this version reads "
                f"{cls.__name__!r} in format {_FORMAT}."
            )
        params = config["params"]
        for name in ("prefixes", "prefix_weights"):
            params[name] = params[name] and tuple(params[name])
        estimator = cls(**params)
        arrays = load_file(folder / _ARRAYS_FILE)
        fitted = config["fitted"]
        fitted["prefixes_"] = tuple(fitted["prefixes_"])
        if "feature_names_in_" in fitted:
            names = np.array(fitted["feature_names_in_"], dtype=object)
            fitted["feature_names_in_"] = names
        vars(estimator).update(fitted)
        vars(estimator).update((name, arrays.get(name)) for name in _TENSORS)
        if "state" in config:
            setattr(estimator, _STATE, {**_unflatten(arrays), **config["state"]})
        return estimator


def _plain_params(params):
    plain = {name: _plain(value) for name, value in params.items()}
    del plain["callbacks"]
    if not isinstance(plain["random_state"], int):
        plain["random_state"] = None
    return plain


def _plain(value):
    """The same as JSON has it: grids and arrays bring NumPy's own scalars."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(part) for part in value]
    return value


def _flatten(state):
    arrays = {f"{_STATE}/rows_since_fired": state["rows_since_fired"]}
    for name, moments in state["moments"].items():
        for key, value in moments.items():
            arrays[f"{_STATE}/{name}/{key}"] = np.asarray(value)
    return arrays


def _unflatten(arrays):
    moments = {}
    for path, value in arrays.items():
        if path.startswith(f"{_STATE}/") and path.count("/") == 2:
            _, name, key = path.split("/")
            moments.setdefault(name, {})[key] = value
    rows_since_fired = arrays[f"{_STATE}/rows_since_fired"]
    return {"moments": moments, "rows_since_fired": rows_since_fired}


def _write(path, content):
    """Never half a file: write beside it, then rename."""
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(content)
    os.replace(draft, path)
