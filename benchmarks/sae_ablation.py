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

from sklearn_hsae.sae import _fitting, _network, _plan, _training
from sklearn_hsae.sae._dense_codes import DenseCodes
from sklearn_hsae.sae._network import SparseAutoencoder


def one_stage(scores, k):
    columns = scores.topk(k, dim=1, sorted=False).indices.sort(dim=1).values
    first = torch.arange(len(scores)) * scores.shape[1]
    return (columns + first[:, None]).flatten()


def separate_decodings(codes, rows, decoder, bias, prefixes, block_of_neuron):
    residuals = [
        rows - bias - codes.activations[:, :size] @ decoder[:size] for size in prefixes
    ]
    losses = [residual.square().sum() / len(rows) for residual in residuals]
    return torch.stack(losses)[None], residuals[-1].detach()


def constant_rate(step, n_steps):
    return 0.25


WITHOUT = {
    "nothing": [],
    "two-stage top-k": [partial(mock.patch.object, _network, "top_k", one_stage)],
    "bfloat16 scores": [
        partial(mock.patch.object, _plan, "_NEURONS_FOR_BFLOAT16", 10**9)
    ],
    "sparse products": [
        partial(
            mock.patch.object,
            SparseAutoencoder,
            "forward",
            SparseAutoencoder._dense_codes,
        )
    ],
    "sparse products, shared decoding": [
        partial(
            mock.patch.object,
            SparseAutoencoder,
            "forward",
            SparseAutoencoder._dense_codes,
        ),
        partial(mock.patch.object, DenseCodes, "prefix_losses", separate_decodings),
    ],
    "one-cycle learning rate": [
        partial(mock.patch.object, _training, "one_cycle", constant_rate)
    ],
    "decay of the encoder": [
        partial(mock.patch.object, _training, "_ENCODER_DECAY", 0)
    ],
    "small batches": [
        partial(mock.patch.object, _fitting, "choose_batch_size", lambda n: 512)
    ],
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
