"""Autoencoders from files, against the libraries that write these files.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install sae-lens eai-sparsify .
    /tmp/peers/bin/python benchmarks/sae_formats.py

For each kind, the library makes an autoencoder of random weights, saves it, and encodes
random states. This package reads the folder and encodes the same states. Last, what
this package has trained is saved, and SAELens reads it.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from sae_lens import SAE, __version__ as saelens_version
from sae_lens.loading import pretrained_sae_loaders as loaders
from safetensors.torch import load_file, save_file
from sparsify import SparseCoder, SparseCoderConfig

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.reader._sae_files import load_sae
from sklearn_hsae.reader._saelens_files import save_as_saelens

WIDTH, N_NEURONS, K, N_STATES = 64, 256, 8, 500
KINDS = ("standard", "gated", "jumprelu", "topk", "abstopk", "matching_pursuit")
TRANSCODERS = (
    "transcoder",
    "skip_transcoder",
    "jumprelu_transcoder",
    "jumprelu_skip_transcoder",
)
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
    if kind in ("topk", "abstopk"):
        config["k"] = K
    if kind in TRANSCODERS:
        config |= {"d_out": WIDTH // 2, "apply_b_dec_to_input": False}
    sae = SAE.from_dict(config)
    randomise(sae)
    if kind == "matching_pursuit":  # else it does not converge
        sae.W_dec.data /= sae.W_dec.data.norm(dim=1, keepdim=True)
    return sae


def other_files(folder):
    """Files of each converter of SAELens: path, and what SAELens makes of it."""
    shapes = {"W_enc": (WIDTH, N_NEURONS), "W_dec": (N_NEURONS, WIDTH)}
    shapes |= {"b_enc": (N_NEURONS,), "b_dec": (WIDTH,), "threshold": (N_NEURONS,)}
    w = {name: torch.randn(shape) / 8 for name, shape in shapes.items()}
    w["threshold"].abs_()

    def saved(path, weights, **config):
        path = folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npz":
            np.savez(path, **{name: a.numpy() for name, a in weights.items()})
        elif path.suffix == ".pt":
            torch.save(weights, path)
        else:
            save_file({name: a.contiguous() for name, a in weights.items()}, path)
        for name, values in config.items():
            (folder / name).write_text(values)

    transcoder = loaders.gemma_2_transcoder_huggingface_loader
    for repository, load in (
        ("gemma-scope-2b-pt-res", loaders.gemma_2_sae_huggingface_loader),
        ("gemma-scope-2b-pt-mlp", loaders.gemma_2_sae_huggingface_loader),
        (
            "gemma-scope-2b-pt-transcoders",
            transcoder,
        ),
    ):
        inner = "layer_1/width_16k/average_l0_71"
        saved(f"{repository}/{inner}/params.npz", w)
        yield repository, inner, load
    lower = {name.replace("W_", "w_"): a for name, a in w.items()}
    for kind in ("resid_post", "mlp_out", "attn_out", "transcoder"):
        inner = f"{kind}/layer_1_width_16k_l0_big"
        saved(f"gemma-scope-2-270m-pt/{inner}/params.safetensors", lower)
        yield "gemma-scope-2-270m-pt", inner, loaders.gemma_3_sae_huggingface_loader
    linear = {"encoder.weight": w["W_enc"].T, "encoder.bias": w["b_enc"]}
    linear |= {"decoder.weight": w["W_dec"].T, "decoder.bias": w["b_dec"]}
    inner = "Llama3_1-8B-Base-L1R-8x"
    config = {
        "d_model": WIDTH,
        "d_sae": N_NEURONS,
        "jump_relu_threshold": 0.3,
        "dataset_average_activation_norm": {"in": 3.0, "out": 3.0},
        "hook_point_in": "blocks.1.hook_resid_post",
        "hook_point_out": "blocks.1.hook_resid_post",
    }
    repository = "Llama3_1-8B-Base-LXR-8x"
    saved(f"{repository}/{inner}/checkpoints/final.safetensors", linear)
    path = folder / repository / inner / "hyperparams.json"
    path.write_text(json.dumps(config))
    yield repository, inner, loaders.llama_scope_sae_huggingface_loader
    repository, inner = "SAE-Res-Qwen3-1.7B-Base-W32K-L0_8", "layer1.sae.pt"
    transposed = w | {"W_enc": w["W_enc"].T, "W_dec": w["W_dec"].T}
    del transposed["threshold"]
    saved(f"{repository}/{inner}", transposed)
    yield repository, inner, loaders.qwen_scope_sae_huggingface_loader
    repository, inner = "qwen3-0.6b-transcoders", "layer_1.safetensors"
    transposed["W_dec"] = w["W_dec"]
    saved(f"{repository}/{inner}", transposed)
    values = {"d_model": WIDTH, "d_feature": N_NEURONS, "batch_size": 1}
    values = {name: {"value": value} for name, value in values.items()}
    (folder / repository / "wandb-config.yaml").write_text(json.dumps(values))
    (folder / repository / "config.yaml").write_text('{"model_name": "qwen"}')
    yield repository, inner, loaders.mwhanna_transcoder_huggingface_loader


def converted(folder, repository, inner, load):
    """The autoencoder that SAELens makes of files, which are not on the hub here."""

    def local(repo_id, filename, subfolder="", **_):
        path = folder / repo_id / subfolder / filename
        if not path.is_file():
            raise loaders.EntryNotFoundError(str(path))
        return str(path)

    def shapes(repo_id, filename):
        return {n: [*a.shape] for n, a in load_file(local(repo_id, filename)).items()}

    loaders.hf_hub_download = local
    loaders.get_safetensors_tensor_shapes = shapes
    overrides = {"dtype": "float32", "d_in": WIDTH, "d_sae": N_NEURONS}
    if "transcoder" in repository:
        overrides["d_out"] = WIDTH
    config, weights, _ = load(repository, inner, "cpu", cfg_overrides=overrides)
    config = loaders.handle_config_defaulting(config)
    sae = SAE.from_dict(config)
    sae.process_state_dict_for_loading(weights)
    sae.load_state_dict(weights)
    if config.get("normalize_activations") == "expected_average_only_in":
        sae.fold_activation_norm_scaling_factor(WIDTH**0.5 / 3)
    return sae


def sparsify(activation, transcode=False):
    config = SparseCoderConfig(
        num_latents=N_NEURONS, k=K, activation=activation, transcode=transcode
    )
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
    same = np.array_equal(ours != 0, theirs != 0)
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
        if ours.shape[1] == 2 * N_NEURONS:  # one column per sign
            ours = ours[:, :N_NEURONS] - ours[:, N_NEURONS:]
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
    for kind in TRANSCODERS:
        sae = saelens(kind)
        compare(kind, sae.save_model, encode_saelens(sae, states))
    print("files of others, converted by sae-lens")
    with tempfile.TemporaryDirectory() as folder:
        for repository, inner, load in other_files(Path(folder)):
            file = load_sae(Path(folder, repository, inner))
            sae = converted(Path(folder), repository, inner, load)
            ours = file.sae.transform(states.numpy()).toarray()
            theirs = encode_saelens(sae, states)
            name = f"{repository}/{inner}, layer {file.layer}"
            differences.append(report(name, ours, theirs))
    print("sparsify")
    for activation in ("topk", "groupmax"):
        for transcode in (False, True):
            sae = sparsify(activation, transcode)
            name = f"{activation}, transcoder: {transcode}"
            compare(name, sae.save_to_disk, encode_sparsify(sae, states))
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
