"""A training that was killed goes on where it was, after its last whole epoch."""

import hashlib
import json
import os
from pathlib import Path

import joblib
import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save
from skorch.callbacks import Callback

import sklearn_hsae
from sklearn_hsae.sae._persistence import flatten, unflatten
from sklearn_hsae.sae._state import (
    restore_training_state,
    to_numpy,
    training_state,
)

_ROWS_A_BLOCK = 8192
_WITHOUT_EFFECT = ("callbacks", "checkpoint", "device", "sparse_output", "verbose")


def checkpoint_path(estimator, X, target):
    """The file in the folder ``estimator.checkpoint`` that belongs to this training.

    Its name depends on all that decides the result, so that a training never goes on
    from the state of another.
    """
    params = estimator.get_params()
    for name in _WITHOUT_EFFECT:
        del params[name]
    digest = hashlib.blake2b(digest_size=16)
    described = (sklearn_hsae.__version__, params, X.shape, str(X.dtype), target)
    digest.update(joblib.hash(described).encode())
    for start in range(0, len(X), _ROWS_A_BLOCK):
        digest.update(np.ascontiguousarray(X[start : start + _ROWS_A_BLOCK]))
    folder = Path(estimator.checkpoint)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{digest.hexdigest()}.safetensors"


class Checkpoint(Callback):
    """Writes the state of the training after each epoch, and begins from it.

    Parameters
    ----------
    path : pathlib.Path
    best_epoch : skorch.callbacks.EarlyStopping
        Holds the best weights so far. It must come before this callback.
    writes : bool
        Whether this process writes; one of them is enough.
    """

    def __init__(self, path, best_epoch, writes):
        self.path = path
        self.best_epoch = best_epoch
        self.writes = writes

    def on_train_begin(self, net, **kwargs):
        if self.path.is_file():
            self._restore(net)

    def on_epoch_end(self, net, **kwargs):
        if self.writes:
            draft = self.path.with_suffix(".part")
            draft.write_bytes(self._content(net))
            os.replace(draft, self.path)

    def remove(self):
        """To be called when the training has ended."""
        if self.writes:
            self.path.unlink(missing_ok=True)

    def _content(self, net):
        best, state = self.best_epoch, training_state(net)
        weights = {"weights": net.module_.state_dict()}
        if best.best_model_weights_ is not None:
            weights["best"] = best.best_model_weights_
        arrays = {name: to_numpy(value) for name, value in flatten(weights).items()}
        arrays |= flatten({"state": state | {"price": np.array(state["price"] or 0.0)}})
        penalty = net.module_.penalty
        if penalty is not None:
            arrays["generator"] = penalty.generator.get_state().numpy()
        values = {
            "step": net.step_,
            "order": net.order.bit_generator.state,
            "history": [{**epoch, "batches": []} for epoch in net.history],
            "best_epoch": best.best_epoch_,
            "best_loss": best.dynamic_threshold_,
            "misses": best.misses_,
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
        net.order.bit_generator.state = values["order"]
        net.history.extend(values["history"])
        best = self.best_epoch
        best.best_epoch_ = values["best_epoch"]
        best.dynamic_threshold_ = values["best_loss"]
        best.misses_ = values["misses"]
        if "best" in arrays:
            best.best_model_weights_ = _to_tensors(arrays["best"], net.device)


def _to_tensors(arrays, device):
    return {name: torch.tensor(value, device=device) for name, value in arrays.items()}
