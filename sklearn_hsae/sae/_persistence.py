"""Save and load a fitted autoencoder as safetensors and JSON, without pickle."""

import json
from numbers import Integral
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import sklearn_hsae
from sklearn_hsae._files import json_value, replaced_file, write_text

_ARRAYS_FILE = "model.safetensors"
_CONFIG_FILE = "config.json"
_FORMAT = 2
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
    "k_",
    "prefixes_",
    "n_features_in_",
    "n_iter_",
    "history_",
)
_STATE = "_training_state"
_STATE_VALUES = ("penalty_weight", "coding")


class SavedAsSafetensors:
    """Adds `save_pretrained`, `push_to_hub` and `from_pretrained`."""

    def save_pretrained(self, folder):
        """Write the fitted autoencoder to a folder, as safetensors and JSON.

        Parameters
        ----------
        folder : str or path-like
            Created when absent. Files of an earlier call are replaced.

        Notes
        -----
        `checkpoint` and a `random_state` that is not an int are not written. After
        :meth:`partial_fit`, the state of the optimiser is written too, so that the
        loaded autoencoder continues the training without a difference.
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
            "params": _saved_params(self.get_params()),
            "fitted": {name: fitted[name] for name in _VALUES if name in fitted},
        }
        if "feature_names_in_" in fitted:
            config["fitted"]["feature_names_in_"] = self.feature_names_in_.tolist()
        if _STATE in fitted:
            config["state"] = {name: fitted[_STATE][name] for name in _STATE_VALUES}
            state = {n: v for n, v in fitted[_STATE].items() if n not in _STATE_VALUES}
            arrays |= flatten({_STATE: state})
        with replaced_file(folder / _ARRAYS_FILE) as temporary:
            temporary.write_bytes(save(arrays))
        config = json.dumps(json_value(config), indent=1)
        write_text(folder / _CONFIG_FILE, config)

    def push_to_hub(self, repo_id, *, private=None, token=None):
        """Upload the files of :meth:`save_pretrained` and a model card to the hub.

        Parameters
        ----------
        repo_id : str
            ``"user/name"`` on the Hugging Face hub. Created when absent.
        private : bool or None, default=None
            Whether a new repository is private; None leaves it to the hub.
        token : str or None, default=None
            None uses the token of ``hf auth login`` or of the variable HF_TOKEN.

        Returns
        -------
        str
            Address of the commit.
        """
        from huggingface_hub import HfApi

        hub = HfApi(token=token)
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            Path(folder, "README.md").write_text(_model_card(self, repo_id))
            hub.create_repo(repo_id, private=private, exist_ok=True)
            commit = hub.upload_folder(
                repo_id=repo_id,
                folder_path=folder,
                commit_message=f"{type(self).__name__} of sklearn-hsae",
            )
        return str(commit.commit_url)

    @classmethod
    def from_pretrained(cls, folder, *, revision=None, token=None):
        """Load an autoencoder that was saved or uploaded, on any device.

        Parameters
        ----------
        folder : str or path-like
            A folder, or the ``"user/name"`` of a repository on the Hugging Face hub
            when there is no such folder.
        revision : str or None, default=None
            Branch, tag or commit of the repository; None is its main branch.
        token : str or None, default=None
            As in :meth:`push_to_hub`.

        Returns
        -------
        MatryoshkaSAETransformer

        Raises
        ------
        FileNotFoundError
            When one of the two files is missing, or when there is neither such a folder
            nor such a repository.
        ValueError
            When the files contain something else, or have another format.
        """
        from safetensors.numpy import load_file

        if not Path(folder).is_dir():
            folder = _download(str(folder), revision, token)
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
        if isinstance(params["prefixes"], list):
            params["prefixes"] = tuple(params["prefixes"])
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
            state = unflatten(arrays)[_STATE] | config["state"]
            setattr(estimator, _STATE, state)
        return estimator


def _download(repo_id, revision, token):
    """The folder in the hub's cache that holds a repository's two files."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        for name in (_CONFIG_FILE, _ARRAYS_FILE):
            path = hf_hub_download(repo_id, name, revision=revision, token=token)
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise FileNotFoundError(
            f"There is no folder {repo_id!r}, and the hub reports: {error}"
        ) from error
    return Path(path).parent


def _model_card(estimator, repo_id):
    return f"""---
library_name: sklearn-hsae
tags: [sparse-autoencoder, matryoshka, embeddings, scikit-learn]
---

A sparse autoencoder for vectors of length {estimator.n_features_in_}:
{len(estimator.encoder_)} neurons, of which {estimator.k_} are active per row
(`activation={estimator.activation!r}`), in nested prefixes of {estimator.prefixes_}.

```python
from sklearn_hsae import MatryoshkaSAETransformer

sae = MatryoshkaSAETransformer.from_pretrained({repo_id!r})
activations = sae.transform(X)
```
"""


def _saved_params(params):
    del params["checkpoint"]
    if not isinstance(params["random_state"], Integral):
        params["random_state"] = None
    return params


def flatten(nested, path=""):
    """Turn nested dicts of arrays into one dict, with keys joined by ``/``."""
    flat = {}
    for name, value in nested.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{path}{name}/")
        else:
            flat[f"{path}{name}"] = value
    return flat


def unflatten(flat):
    """The inverse of :func:`flatten`."""
    nested = {}
    for path, value in flat.items():
        *folders, name = path.split("/")
        place = nested
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return nested
