"""Two processes train together as one would with the whole batches."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sklearn_hsae
from sklearn_hsae.sae._data import _row_files
from sklearn_hsae.sae._model import _loss
from sklearn_hsae.sae._training import _processes
from sklearn_hsae.sae._training._processes import Processes, training_device

TRAIN = """
import os, pickle, sys
import numpy as np
from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.sae._model import _loss

rank = os.environ.get("RANK", "alone")
rng = np.random.default_rng(0)
X = rng.normal(size=(501, 12)).astype(np.float32)
y = X[:, 0] - X[:, 1]
found = {}
for name, options in {
    "plain": {},
    "target": {"target_weight": 0.5},
    "streamed": {"n_neurons": 24},
    "l1": {"activation": "l1"},
    "dead": {"n_neurons": 64, "max_epochs": 8, "learning_rate": 0.02},
    "weights": {"target_weight": 0.5, "max_epochs": 2},
    "checkpoint": {"checkpoint": sys.argv[1]},
}.items():
    options = {"n_neurons": 32, "k": 4, "max_epochs": 4, "batch_size": 50, **options}
    options = {"prefixes": (0.25, 1.0), **options}
    sae = MatryoshkaSAETransformer(random_state=0, **options)
    rows = X
    if name == "dead":  # six directions leave most neurons without work
        rows = (X[:, :6] @ rng.normal(size=(6, 12))).astype(np.float32)
    if name == "streamed":
        from sklearn_hsae.sae._data import _row_files
        _row_files._BYTES_IN_MEMORY = 0
        rows = f"{sys.argv[2]}-{rank}.npy"
        np.save(rows, X)
    # The auxiliary loss is relative to the residual of each process's part.
    _loss._AUXILIARY_WEIGHT = 0 if name == "dead" else 1 / 32
    weights = 1 + np.arange(501) % 4 if name == "weights" else None
    sae.fit(rows, y, sample_weight=weights)
    found[name] = sae.history_, sae.encoder_
    if name == "plain":
        sae = sae.partial_fit(X).partial_fit(X)
        found["partial"] = [], sae.encoder_
with open(f"{sys.argv[2]}-{rank}.pickle", "wb") as file:
    pickle.dump(found, file)
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    script = folder / "train.py"
    script.write_text(TRAIN)
    root = str(Path(sklearn_hsae.__file__).parents[1])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": root}
    # `accelerate launch` starts processes without a GPU by MPI only.
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    run = subprocess.run(
        [sys.executable, *launch, script, folder / "state", folder / "together"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    with pytest.MonkeyPatch.context() as patch:
        # Both are set in the script, and set back here.
        patch.setattr(_loss, "_AUXILIARY_WEIGHT", _loss._AUXILIARY_WEIGHT)
        patch.setattr(_row_files, "_BYTES_IN_MEMORY", _row_files._BYTES_IN_MEMORY)
        patch.setattr(sys, "argv", ["train", folder / "own-state", folder / "alone"])
        exec(TRAIN, {})
    results = {}
    for name in ("alone-alone", "together-0", "together-1"):
        results[name] = np.load(folder / f"{name}.pickle", allow_pickle=True)
    assert not any((folder / "state").iterdir())
    return results


CASES = ["plain", "target", "streamed", "dead", "weights", "checkpoint"]


@pytest.mark.parametrize("case", CASES)
def test_losses_are_those_of_the_joint_batch(found, case):
    alone, _ = found["alone-alone"][case]
    together, _ = found["together-0"][case]
    assert len(alone) == len(together)
    for a, b in zip(alone, together, strict=True):
        assert b["train_loss"] == pytest.approx(a["train_loss"], rel=1e-4)
        assert b["valid_loss"] == pytest.approx(a["valid_loss"], rel=1e-4)
        assert b["dead_neurons"] == a["dead_neurons"]


def test_dead_neurons_are_dead_in_all_processes(found):
    assert max(epoch["dead_neurons"] for epoch in found["together-1"]["dead"][0]) > 10


@pytest.mark.parametrize("case", [*CASES, "l1", "partial"])
def test_all_processes_end_with_the_same_weights(found, case):
    first, second = (found[f"together-{rank}"][case] for rank in (0, 1))
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_allclose(first[1], found["alone-alone"][case][1], atol=0.02)


def test_parts_are_disjoint_and_complete():
    class State:
        num_processes, process_index = 3, 0

    parts = []
    for State.process_index in range(3):
        parts.append(Processes(State).part_of(np.arange(20).reshape(2, 10)))
    assert sorted(np.concatenate(parts, axis=1)[1]) == list(range(10, 20))
    assert Processes(State).part_of(None) is None


def test_apples_gpu_is_not_chosen_but_can_be_asked_for(monkeypatch):
    # torch computes no weighted embedding_bag there.
    monkeypatch.setattr(_processes, "choose_device", lambda device: device or "mps")
    assert training_device(None) == "cpu" and training_device("mps") == "mps"
