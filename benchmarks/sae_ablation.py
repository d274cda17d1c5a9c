"""What each part of the training is worth: speed and quality with one part taken out.

    python benchmarks/sae_ablation.py --embeddings FILE.npy

Speed is rows/s of training on generated rows of the shapes (a) and (b) of
``benchmarks/sae_training.py``, batches of 512, median of 3 runs. Quality is the
fraction of variance that rows set aside leave unexplained (FVU), the mean over the
prefixes and over 3 seeds, on the real embeddings of FILE.npy at shape (a) with all
defaults.
"""

import argparse
import os
import platform
import statistics
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from sae_training import BATCH_SIZES, N_EPOCHS, SEEDS, SHAPES, generated_rows, run_ours

from sklearn_hsae.sae import _settings
from sklearn_hsae.sae._kernels import (
    _adamw,
    _compiled_products,
    _torch_products,
    torch_threads,
)
from sklearn_hsae.sae._model import SparseAutoencoder, _loss, _network, _sparse_codes
from sklearn_hsae.sae._model._dense_codes import DenseCodes
from sklearn_hsae.sae._training import _net, _train


def one_stage(columns, scores, start, stop):
    found = scores[start:stop].topk(columns.shape[1], dim=1, sorted=False).indices
    columns[start:stop] = found.sort(dim=1).values


def separate_decodings(
    codes, rows, decoder, bias, prefixes, prefix_weights, block_of_neuron, row_weights
):
    residuals = [
        rows - bias[:, None] - codes.activations[:, :, :size] @ decoder[:, :size]
        for size in prefixes
    ]
    losses = [
        residual.square().sum(dim=(1, 2)) / rows.shape[1] for residual in residuals
    ]
    losses = torch.stack(losses, dim=1)
    return losses @ prefix_weights, losses.detach(), residuals[-1].detach()


def constant_rate(step, n_steps):
    return 0.25


def replaced(place, name, value):
    return partial(mock.patch.object, place, name, value)


TORCHS_THREADS = [replaced(_train, "own_threads", torch_threads)]
TORCHS_PRODUCTS = [
    replaced(module, "products_on", lambda device: _torch_products)
    for module in (_network, _sparse_codes)
]
WHOLE_MATRICES = [
    replaced(SparseAutoencoder, "forward", SparseAutoencoder._dense_codes)
]
TORCHS_OPTIMIZER = [replaced(_adamw, "_ENTRIES_FOR_COMPILED_STEP", 10**9)]
WITHOUT = {
    "nothing": [],
    "two-stage top-k": [replaced(_compiled_products, "top_k_into", one_stage)],
    "bfloat16 scores": [replaced(_net, "_NEURONS_FOR_BFLOAT16", 10**9)],
    "threads that sleep": TORCHS_THREADS,
    "compiled products": TORCHS_THREADS + TORCHS_PRODUCTS,
    "compiled products and steps": (
        TORCHS_THREADS + TORCHS_PRODUCTS + TORCHS_OPTIMIZER
    ),
    "sparse products": TORCHS_THREADS + TORCHS_OPTIMIZER + WHOLE_MATRICES,
    "sparse products, shared decoding": [
        *TORCHS_THREADS,
        *TORCHS_OPTIMIZER,
        *WHOLE_MATRICES,
        replaced(DenseCodes, "prefix_losses", separate_decodings),
    ],
    "auxiliary loss": [replaced(_loss, "_AUXILIARY_WEIGHT", 0.0)],
    "one-cycle learning rate": [replaced(_net, "one_cycle", constant_rate)],
    "encoder decay": [replaced(_net, "_ENCODER_DECAY", 0)],
    "small batches": [replaced(_settings, "choose_batch_size", lambda n: 512)],
}


def speed(name):
    shape, n_epochs = SHAPES[name], N_EPOCHS[name]
    X = generated_rows(shape["d"], shape["n_rows"])
    options = {
        "batch_size": BATCH_SIZES[name],
        "max_epochs": n_epochs,
        "patience": None,
    }
    seconds = [run_ours(X, seed, shape, **options)[0] for seed in SEEDS]
    return 0.9 * len(X) * n_epochs / statistics.median(seconds)


def quality(X):
    fitted = [run_ours(X, seed, SHAPES["a"])[1] for seed in SEEDS]
    return statistics.mean(min(e["valid_fvu"] for e in s.history_) for s in fitted)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--embeddings", type=Path, required=True, help="an .npy file")
    arguments = parser.parse_args()
    X = np.load(arguments.embeddings).astype(np.float32)
    print(f"{platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n")
    print("without  rows/s (a)  rows/s (b)  FVU")
    speed("a")  # the first run of a process is slow
    for part, patches in WITHOUT.items():
        with ExitStack() as stack:
            for patch in patches:
                stack.enter_context(patch())
            print(f"{part}  {speed('a'):,.0f}  {speed('b'):,.0f}  ", end="", flush=True)
            print(f"{quality(X):.4f}", flush=True)


if __name__ == "__main__":
    main()
