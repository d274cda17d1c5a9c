"""Autoencoders from files, against the libraries that write these files.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install sae-lens eai-sparsify .
    /tmp/peers/bin/python benchmarks/sae_formats.py

For each kind, the library makes an autoencoder of random weights, saves it, and encodes
random states. This package reads the folder and encodes the same states. Last, what
this package has trained is saved, and SAELens reads it.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from sae_lens import SAE
from sae_lens import __version__ as saelens_version
from sparsify import SparseCoder, SparseCoderConfig

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.reader._sae_files import load_sae, save_as_saelens

WIDTH, N_NEURONS, K, N_STATES = 64, 256, 8, 500
KINDS = ("standard", "gated", "jumprelu", "topk")
NORMALISATIONS = ("none", "layer_norm", "constant_norm_rescale")


def randomise(module):
    with torch.no_grad():
        for name, weights in module.named_parameters():
            weights.copy_(torch.randn_like(weights) / weights.shape[-1] ** 0.5)
            if name == "threshold":
                weights.abs_()


def saelens(kind, **config):
    config = {
        "architecture": kind,
        "d_in": WIDTH,
        "d_sae": N_NEURONS,
        "dtype": "float32",
        "device": "cpu",
        "metadata": {"hook_name": "blocks.1.hook_resid_post"},
        **config,
    }
    if kind == "topk":
        config["k"] = K
    sae = SAE.from_dict(config)
    randomise(sae)
    return sae


def sparsify(activation):
    config = SparseCoderConfig(num_latents=N_NEURONS, k=K, activation=activation)
    sae = SparseCoder(WIDTH, config, device="cpu")
    randomise(sae)
    return sae


@torch.no_grad()
def encode_saelens(sae, states):
    encoded = sae.encode(states)
    return (encoded.to_dense() if encoded.is_sparse else encoded).numpy()


@torch.no_grad()
def encode_sparsify(sae, states):
    encoded = sae.encode(states)
    dense = torch.zeros(len(states), N_NEURONS)
    dense.scatter_(1, encoded.top_indices, encoded.top_acts)
    return dense.numpy()


def report(name, ours, theirs):
    difference = np.abs(ours - theirs).max()
    same = np.array_equal(ours > 0, theirs > 0)
    print(f"{name:55} {difference:.1e}  same neurons: {same}", flush=True)
    return difference


def main():
    torch.manual_seed(0)
    states = torch.randn(N_STATES, WIDTH) * 2 + 0.5
    differences = []

    def compare(name, save, theirs):
        with tempfile.TemporaryDirectory() as folder:
            save(folder)
            ours = load_sae(folder).sae.transform(states.numpy()).toarray()
        differences.append(report(name, ours, theirs))

    print(f"sae-lens {saelens_version}: largest difference of an activation")
    for kind in KINDS:
        for subtracts in (True, False):
            for normalisation in NORMALISATIONS:
                sae = saelens(
                    kind,
                    apply_b_dec_to_input=subtracts,
                    normalize_activations=normalisation,
                )
                name = f"{kind}, b_dec subtracted: {subtracts}, {normalisation}"
                compare(name, sae.save_model, encode_saelens(sae, states))
    sae = saelens("topk", rescale_acts_by_decoder_norm=True)
    name = "topk, rescaled by the norm of the decoder"
    compare(name, sae.save_model, encode_saelens(sae, states))
    print("sparsify")
    for activation in ("topk", "groupmax"):
        sae = sparsify(activation)
        compare(activation, sae.save_to_disk, encode_sparsify(sae, states))
    print("ours, read by sae-lens")
    # Other states: a threshold is one of the scores of the training, up to rounding.
    training = (torch.randn(N_STATES, WIDTH) * 2 + 0.5).numpy()
    for activation in ("topk", "batch_topk"):
        own = MatryoshkaSAETransformer(
            N_NEURONS, K, activation=activation, max_epochs=3, random_state=0
        ).fit(training)
        with tempfile.TemporaryDirectory() as folder:
            metadata = {"hook_name": "blocks.1.hook_resid_post"}
            save_as_saelens(own, Path(folder), metadata)
            theirs = encode_saelens(SAE.load_from_disk(folder), states)
        ours = own.transform(states.numpy())
        differences.append(report(activation, np.asarray(ours), theirs))
    print(f"{len(differences)} kinds, largest difference {max(differences):.1e}")


if __name__ == "__main__":
    main()
