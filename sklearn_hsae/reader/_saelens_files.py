"""Folders of SAELens, read and written."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save

from sklearn_hsae._files import replaced_file, write_text
from sklearn_hsae.reader._places import HOOKS, Place, place_of_hook, place_of_module
from sklearn_hsae.reader._pretrained_sae import PretrainedSAE
from sklearn_hsae.reader._sae_file import SAEFile

SAELENS_CONFIG, SAELENS_WEIGHTS = "cfg.json", "sae_weights.safetensors"
_NORMALISATIONS = ("none", "layer_norm", "constant_norm_rescale")


def load_saelens(path, config):
    """Read a folder, whose `config` is read already, as a `SAEFile`."""
    tensors = load_file(path / SAELENS_WEIGHTS)
    weights = {name: tensor.float() for name, tensor in tensors.items()}
    is_old = "metadata" not in config  # before version 6, everything is in one dict
    about = config if is_old else config["metadata"]
    layer, place = _layer_and_place(path, about)
    kwargs = about.get("model_from_pretrained_kwargs") or {}
    return SAEFile(
        _saelens_sae(path, config, weights),
        layer=layer,
        has_bos=about.get("prepend_bos", True if is_old else None),
        is_centred=kwargs.get("center_writing_weights", is_old),
        place=place,
    )


def _saelens_sae(path, config, weights):
    kind = _saelens_kind(config)
    normalisation = config.get("normalize_activations") or "none"
    if kind not in _KINDS or normalisation not in _NORMALISATIONS:
        raise ValueError(
            f"{path / SAELENS_CONFIG} says architecture={kind!r} and "
            f"normalize_activations={normalisation!r}. Supported are "
            f"{', '.join(_KINDS)}, and {', '.join(_NORMALISATIONS)}."
        )
    common = {
        "decoder": weights["W_dec"],
        "decoder_bias": weights["b_dec"],
        "normalisation": normalisation,
    }
    if kind == "matching_pursuit":
        return _matching_pursuit(config, common)
    encoder = common["encoder"] = weights["W_enc"].T.contiguous()
    # Taking the decoder's bias off the input is the same as another bias.
    shift = torch.zeros(len(encoder))
    if kind in _TRANSCODERS:
        common["is_transcoder"] = True
    elif config.get("apply_b_dec_to_input", True):
        shift = encoder @ weights["b_dec"]
    return _KINDS[kind](config, weights, shift, common)


def _saelens_kind(config):
    kind = config.get("architecture", "standard")
    activation = config.get("activation_fn") or config.get("activation_fn_str")
    return "topk" if (kind, activation) == ("standard", "topk") else kind


def _standard(config, weights, shift, common):
    return PretrainedSAE("relu", encoder_bias=weights["b_enc"] - shift, **common)


def _jumprelu(config, weights, shift, common):
    if "threshold" in weights:
        threshold = weights["threshold"]
    else:
        threshold = weights["log_threshold"].exp()
    bias = weights["b_enc"] - shift
    return PretrainedSAE("jumprelu", encoder_bias=bias, threshold=threshold, **common)


def _gated(config, weights, shift, common):
    gain = weights["r_mag"].exp()
    return PretrainedSAE(
        "gated",
        encoder_bias=weights["b_gate"] - shift,
        gain=gain,
        gain_bias=weights["b_mag"] - shift * gain,
        **common,
    )


def _topk(config, weights, shift, common):
    k = config.get("k") or (config.get("activation_fn_kwargs") or {}).get("k")
    bias = weights["b_enc"] - shift
    if config.get("rescale_acts_by_decoder_norm"):
        norms = common["decoder"].norm(dim=1)
        common["encoder"] = common["encoder"] * norms[:, None]
        common["decoder"] = common["decoder"] / norms[:, None]
        bias = bias * norms
    return PretrainedSAE("topk", encoder_bias=bias, k=k, **common)


def _abstopk(config, weights, shift, common):
    """The k largest scores by magnitude, with their signs.

    Each neuron becomes two, one per sign: the largest k of the scores and their
    negatives. All activations are then positive.
    """
    sae = _topk(config, weights, shift, common)
    doubled = {
        name: torch.cat([getattr(sae, name), -getattr(sae, name)])
        for name in ("encoder", "encoder_bias", "decoder")
    }
    return replace(sae, **doubled)


def _matching_pursuit(config, common):
    decoder = common["decoder"]
    if not config.get("apply_b_dec_to_input", True):
        common["decoder_bias"] = torch.zeros_like(common["decoder_bias"])
    return PretrainedSAE(
        "matching_pursuit",
        encoder=decoder,
        encoder_bias=torch.zeros(len(decoder)),
        k=config.get("max_iterations") or decoder.shape[1],
        residual_threshold=config.get("residual_threshold", 1e-2),
        stops_at_repetition=config.get("stop_on_duplicate_support", True),
        **common,
    )


_TRANSCODERS = {
    "transcoder": _standard,
    "skip_transcoder": _standard,
    "jumprelu_transcoder": _jumprelu,
    "jumprelu_skip_transcoder": _jumprelu,
}
_KINDS = {
    "standard": _standard,
    "topk": _topk,
    "abstopk": _abstopk,
    "jumprelu": _jumprelu,
    "gated": _gated,
    "matching_pursuit": _matching_pursuit,
    **_TRANSCODERS,
}


def _layer_and_place(path, about):
    """Where the autoencoder reads, by the names of transformers or TransformerLens."""
    module, hook = about.get("hf_hook_name"), about.get("hook_name")
    hook = hook or about.get("hook_point")
    if module is None and hook is None:
        return None, Place()
    found = place_of_hook(hook) if module is None else place_of_module(module)
    if found is None:
        raise ValueError(
            f"{path / SAELENS_CONFIG} says hook_name={hook!r}. These places can be "
            f"read: blocks.N. with {', '.join(HOOKS)}."
        )
    return found


def save_as_saelens(sae, folder, metadata):
    """Write an autoencoder of ours as SAELens does.

    Parameters
    ----------
    sae : fitted MatryoshkaSAETransformer
    folder : str or path-like
    metadata : dict
        What SAELens keeps of the model.
    """
    if sae.decoder_activation != "identity":
        raise ValueError(
            f"SAELens has no decoder with {sae.decoder_activation!r} at its end. Train "
            "with decoder_activation='identity', or use sae_.save_pretrained(folder)."
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    mean, scale = sae.input_mean_, sae.input_scale_
    # Mean and scale become part of the weights.
    encoder = sae.encoder_.astype(np.float64) / scale
    weights = {
        "W_enc": encoder.T,
        "b_enc": sae.encoder_bias_ - encoder @ mean,
        "W_dec": sae.decoder_ * scale,
        "b_dec": sae.decoder_bias_ * scale + mean,
    }
    config = {
        "architecture": "topk" if sae.threshold_ is None else "jumprelu",
        "d_in": encoder.shape[1],
        "d_sae": len(encoder),
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": False,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": metadata,
    }
    if sae.threshold_ is None:
        config |= {"k": int(sae.k_), "rescale_acts_by_decoder_norm": False}
    else:
        # Ours is active at the threshold, theirs only above it.
        below = np.nextafter(np.float32(sae.threshold_), np.float32(-1))
        weights["threshold"] = np.full(len(encoder), below)
    tensors = {
        name: torch.tensor(np.ascontiguousarray(array), dtype=torch.float32)
        for name, array in weights.items()
    }
    with replaced_file(folder / SAELENS_WEIGHTS) as temporary:
        temporary.write_bytes(save(tensors))
    write_text(folder / SAELENS_CONFIG, json.dumps(config, indent=1))
