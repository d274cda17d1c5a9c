"""The files of sparse autoencoders, as several libraries write them."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save

from sklearn_hsae._files import replaced_file, write_text
from sklearn_hsae.reader._pretrained_sae import PretrainedSAE
from sklearn_hsae.sae import MatryoshkaSAETransformer

_OWN, _OWN_WEIGHTS = "config.json", "model.safetensors"
_CONFIG = "cfg.json"
_SAELENS_WEIGHTS, _SPARSIFY_WEIGHTS = "sae_weights.safetensors", "sae.safetensors"
_GEMMA_SCOPE = "params.npz"
_PARTS = ("weight", "bias")
_GEMMA_SCOPE_LAYER = re.compile(r"layer_(\d+)\b")
_GOODFIRE_LAYER = re.compile(r"-l(\d+)\.pth?$")
_NORMALISATIONS = ("none", "layer_norm", "constant_norm_rescale")
_RESIDUAL_HOOK = re.compile(r"blocks\.(\d+)\.hook_resid_(pre|post)")
_SPARSIFY_HOOK = re.compile(r"(?:\w+\.)*(?:layers|h)\.(\d+)")


class SAEFile(NamedTuple):
    """An autoencoder, and what its files say about the states that it was trained on.

    Attributes
    ----------
    sae : PretrainedSAE or MatryoshkaSAETransformer
    layer : int or None
        The layer whose output it encodes; None when the files do not say.
    has_bos : bool or None
        Whether each sequence began with a token of its own; None when they do not say.
    is_centred : bool or None
        Whether the mean was taken off each state, where a model has layer norms.
    """

    sae: object
    layer: int | None = None
    has_bos: bool | None = None
    is_centred: bool = False


def load_sae(path):
    """Read an autoencoder from its files.

    Parameters
    ----------
    path : str or path-like
        A folder that ``MatryoshkaSAETransformer.save_pretrained``, SAELens or sparsify
        wrote; the ``.npz`` file of Gemma Scope, or the folder that holds it; or the
        ``.pth`` or ``.pt`` file of Goodfire.

    Returns
    -------
    SAEFile

    Raises
    ------
    FileNotFoundError
        When the folder, or one of its files, is missing.
    ValueError
        When the files are of another kind.
    """
    path = Path(path)
    if path.is_file():
        return _from_file(path)
    if not path.is_dir():
        raise FileNotFoundError(
            f"There is no file or folder {str(path)!r}. Pass that of an autoencoder, "
            "an unfitted MatryoshkaSAETransformer, or None."
        )
    if (path / _GEMMA_SCOPE).is_file():
        return _from_gemma_scope(path / _GEMMA_SCOPE)
    if (path / _OWN).is_file() and (path / _OWN_WEIGHTS).is_file():
        sae = MatryoshkaSAETransformer.from_pretrained(path)
        return SAEFile(sae.set_params(sparse_output=True, device=None))
    if not (path / _CONFIG).is_file():
        raise FileNotFoundError(
            f"{path} holds no autoencoder: it has neither {_OWN} with {_OWN_WEIGHTS} "
            f"(of MatryoshkaSAETransformer.save_pretrained) nor {_CONFIG} (of SAELens "
            "and sparsify)."
        )
    config = json.loads((path / _CONFIG).read_text(encoding="utf-8"))
    if (path / _SPARSIFY_WEIGHTS).is_file():
        return _from_sparsify(path, config)
    if (path / _SAELENS_WEIGHTS).is_file():
        return _from_saelens(path, config)
    raise FileNotFoundError(
        f"{path} has a {_CONFIG}, but neither {_SAELENS_WEIGHTS} (of SAELens) nor "
        f"{_SPARSIFY_WEIGHTS} (of sparsify). Download the folder again."
    )


def save_as_saelens(sae, folder, metadata):
    """Write an autoencoder of ours as SAELens does.

    Parameters
    ----------
    sae : fitted MatryoshkaSAETransformer
    folder : str or path-like
    metadata : dict
        What SAELens keeps of the model.
    """
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
    with replaced_file(folder / _SAELENS_WEIGHTS) as temporary:
        temporary.write_bytes(save(tensors))
    write_text(folder / _CONFIG, json.dumps(config, indent=1))


def _from_file(path):
    if path.suffix == ".npz":
        return _from_gemma_scope(path)
    if path.suffix in (".pt", ".pth"):
        return _from_goodfire(path)
    raise ValueError(
        f"{path} is no autoencoder that can be read: pass the folder that holds it, an "
        ".npz file of Gemma Scope, or a .pt or .pth file of Goodfire."
    )


def _from_gemma_scope(path):
    """Those of the layers' outputs are in folders like ``layer_20/width_16k/...``."""
    with np.load(path) as arrays:
        weights = {name: torch.from_numpy(arrays[name]).float() for name in arrays}
    _require(weights, ("W_enc", "W_dec", "b_enc", "b_dec", "threshold"), path)
    sae = PretrainedSAE(
        "jumprelu",
        weights["W_enc"].T.contiguous(),
        weights["b_enc"],
        weights["W_dec"],
        weights["b_dec"],
        threshold=weights["threshold"],
    )
    return SAEFile(sae, layer=_named_layer(_GEMMA_SCOPE_LAYER, path), has_bos=True)


def _from_goodfire(path):
    """Their names tell the layer, such as ``Llama-3.1-8B-Instruct-SAE-l19.pth``."""
    weights = torch.load(path, map_location="cpu", weights_only=True)
    names = [f"{p}_linear.{w}" for p in ("encoder", "decoder") for w in _PARTS]
    _require(weights, names, path)
    encoder, bias, decoder, decoder_bias = (weights[name].float() for name in names)
    sae = PretrainedSAE("relu", encoder, bias, decoder.T.contiguous(), decoder_bias)
    return SAEFile(sae, layer=_named_layer(_GOODFIRE_LAYER, path), has_bos=True)


def _require(weights, names, path):
    missing = [name for name in names if name not in weights]
    if missing:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}; it has {', '.join(weights)}. It is no "
            "autoencoder of this kind."
        )


def _named_layer(pattern, path):
    match = pattern.search(str(path))
    return None if match is None else int(match[1])


def _from_sparsify(path, config):
    if config.get("transcode") or config.get("skip_connection"):
        raise ValueError(
            f"{path} holds a transcoder, which predicts one place of the model from "
            "another. An autoencoder of a layer's output is needed."
        )
    hook = _SPARSIFY_HOOK.fullmatch(path.name)
    if hook is None and "." in path.name:
        raise ValueError(
            f"The folder {path.name!r} is named after a part of a layer. Only whole "
            "layers can be read, such as 'layers.10'."
        )
    weights = _weights(path / _SPARSIFY_WEIGHTS)
    encoder, decoder_bias = weights["encoder.weight"], weights["b_dec"]
    sae = PretrainedSAE(
        config.get("activation", "topk"),
        encoder,
        weights["encoder.bias"] - encoder @ decoder_bias,
        weights["W_dec"],
        decoder_bias,
        k=config["k"],
    )
    return SAEFile(sae, layer=None if hook is None else int(hook[1]))


def _from_saelens(path, config):
    weights = _weights(path / _SAELENS_WEIGHTS)
    is_old = "metadata" not in config  # before version 6, everything is in one dict
    about = config if is_old else config["metadata"]
    hook = about.get("hook_name") or about.get("hook_point")
    kwargs = about.get("model_from_pretrained_kwargs") or {}
    return SAEFile(
        _saelens_sae(path, config, weights),
        layer=_hooked_layer(path, hook),
        has_bos=about.get("prepend_bos", True if is_old else None),
        is_centred=kwargs.get("center_writing_weights", is_old),
    )


def _saelens_sae(path, config, weights):
    kind = _saelens_kind(config)
    normalisation = config.get("normalize_activations") or "none"
    if kind not in _SAELENS_KINDS or normalisation not in _NORMALISATIONS:
        raise ValueError(
            f"{path / _CONFIG} says architecture={kind!r} and normalize_activations="
            f"{normalisation!r}. Supported are {', '.join(_SAELENS_KINDS)}, and "
            f"{', '.join(_NORMALISATIONS)}."
        )
    encoder, decoder_bias = weights["W_enc"].T.contiguous(), weights["b_dec"]
    # Taking the decoder's bias off the input is the same as another bias.
    shift = torch.zeros(len(encoder))
    if config.get("apply_b_dec_to_input", True):
        shift = encoder @ decoder_bias
    common = {
        "encoder": encoder,
        "decoder": weights["W_dec"],
        "decoder_bias": decoder_bias,
        "normalisation": normalisation,
    }
    return _SAELENS_KINDS[kind](config, weights, shift, common)


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


_SAELENS_KINDS = {
    "standard": _standard,
    "topk": _topk,
    "jumprelu": _jumprelu,
    "gated": _gated,
}


def _hooked_layer(path, hook):
    """The layer whose output is the place that a hook of TransformerLens names."""
    if hook is None:
        return None
    match = _RESIDUAL_HOOK.fullmatch(hook)
    layer = None if match is None else int(match[1]) - (match[2] == "pre")
    if layer is None or layer < 0:
        raise ValueError(
            f"{path / _CONFIG} says hook_name={hook!r}. Only the output of a layer can "
            "be read: blocks.N.hook_resid_post, or hook_resid_pre from block 1 on."
        )
    return layer


def _weights(path):
    return {name: tensor.float() for name, tensor in load_file(path).items()}
