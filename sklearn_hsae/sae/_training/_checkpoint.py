"""Checkpoints: a killed training continues after its last complete epoch."""

import hashlib
import json
from numbers import Integral
from pathlib import Path

import joblib
import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save
from skorch.callbacks import Callback

import sklearn_hsae
from sklearn_hsae._files import replaced_file
from sklearn_hsae.sae._persistence import flatten, unflatten
from sklearn_hsae.sae._training._state import (
    restore_training_state,
    to_numpy,
    training_state,
)

_ROWS_PER_BLOCK = 8192
_PARAMS_WITHOUT_EFFECT = ("checkpoint", "device", "prefix", "sparse_output", "verbose")


def checkpoint_path(folder, params, data):
    """The path of the checkpoint of one training. Creates the folder.

    The file name is a hash of everything that the result depends on, so that a training
    never continues from the state of another training.

    Parameters
    ----------
    folder : str or path-like
    params : dict
        Parameters of the estimator.
    data : TrainingData

    Raises
    ------
    ValueError
        When `random_state` is not an int.
    """
    if not isinstance(params["random_state"], Integral):
        raise ValueError(
            "checkpoint needs an int as random_state, so that the validation rows are "
            f"the same when the training goes on; got {params['random_state']!r}."
        )
    rows, target, row_weights, groups = data
    params = {n: v for n, v in params.items() if n not in _PARAMS_WITHOUT_EFFECT}
    digest = hashlib.blake2b(digest_size=16)
    version = sklearn_hsae.__version__
    described = (
        version,
        params,
        rows.shape,
        str(rows.dtype),
        target,
        row_weights,
        groups,
    )
    digest.update(joblib.hash(described).encode())
    for start in range(0, len(rows), _ROWS_PER_BLOCK):
        digest.update(np.ascontiguousarray(rows[start : start + _ROWS_PER_BLOCK]))
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{digest.hexdigest()}.safetensors"


class Checkpoint(Callback):
    """Writes the state of the training after each epoch, and restores it at the start.

    Parameters
    ----------
    path : pathlib.Path
    best_epochs : BestEpochs
        Its state is part of the checkpoint. skorch must call it before this callback.
    writes : bool
        Whether this process writes the file. One of several processes does.
    """

    def __init__(self, path, best_epochs, writes):
        self.path = path
        self.best_epochs = best_epochs
        self.writes = writes

    def on_train_begin(self, net, **kwargs):
        if self.path.is_file():
            self._restore(net)

    def on_epoch_end(self, net, **kwargs):
        if self.writes:
            with replaced_file(self.path) as temporary:
                temporary.write_bytes(self._content(net))

    def remove(self):
        """Delete the file at the end of the training."""
        if self.writes:
            self.path.unlink(missing_ok=True)

    def _content(self, net):
        state = training_state(net)
        penalty_weight = np.array(state["penalty_weight"] or 0.0)
        weights = {
            "weights": net.module_.state_dict(),
            "best": self.best_epochs.best_weights_,
        }
        arrays = {name: to_numpy(value) for name, value in flatten(weights).items()}
        arrays |= flatten({"state": state | {"penalty_weight": penalty_weight}})
        penalty = net.module_.penalty
        if penalty is not None:
            arrays["generator"] = penalty.generator.get_state().numpy()
        values = {
            "step": net.step_,
            "rngs": [rng.bit_generator.state for rng in net.rngs],
            "history": [{**epoch, "batches": []} for epoch in net.history],
            "best_epochs": self.best_epochs.state(),
        }
        return save(arrays, metadata={"values": json.dumps(values)})

    def _restore(self, net):
        with safe_open(self.path, framework="np") as file:
            values = json.loads(file.metadata()["values"])
            arrays = unflatten({name: file.get_tensor(name) for name in file.keys()})
        net.module_.load_state_dict(_to_tensors(arrays["weights"], net.device))
        restore_training_state(net, arrays["state"])
        if net.module_.penalty is not None:
            state = torch.from_numpy(arrays["generator"])
            net.module_.penalty.generator.set_state(state)
        net.step_ = values["step"]
        for rng, state in zip(net.rngs, values["rngs"], strict=True):
            rng.bit_generator.state = state
        net.history.extend(values["history"])
        best_weights = _to_tensors(arrays["best"], net.device)
        self.best_epochs.restore(values["best_epochs"], best_weights)


def _to_tensors(arrays, device):
    return {name: torch.tensor(value, device=device) for name, value in arrays.items()}
