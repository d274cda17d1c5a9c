"""The files of sparse autoencoders, as several libraries write them."""

import json
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from sklearn_hsae.reader._places import (
    ATTENTION_VALUES,
    MLP_INPUT,
    MLP_OUTPUT,
    NORMALISED_BEFORE_MLP,
    Place,
    place_of_hook,
    place_of_module,
)
from sklearn_hsae.reader._pretrained_sae import PretrainedSAE
from sklearn_hsae.reader._sae_file import SAEFile, require
from sklearn_hsae.reader._saelens_files import (
    SAELENS_CONFIG,
    SAELENS_WEIGHTS,
    load_saelens,
)
from sklearn_hsae.sae import MatryoshkaSAETransformer

_OWN, _OWN_WEIGHTS = "config.json", "model.safetensors"
_SPARSIFY_WEIGHTS = "sae.safetensors"
_GEMMA_SCOPE, _GEMMA_SCOPE_2 = "params.npz", "params.safetensors"
_LLAMA_SCOPE, _LLAMA_SCOPE_WEIGHTS = "hyperparams.json", "checkpoints/final.safetensors"
_LAYER = re.compile(r"layer_?(\d+)(?!\d)")
_GOODFIRE_LAYER = re.compile(r"-l(\d+)\.pth?$")
_QWEN_SCOPE_K = re.compile(r"-L0_(\d+)\b")
_PARTS = ("weight", "bias")
_COMMON = ("b_enc", "b_dec")
# What the readers of JSON, safetensors, npz and PyTorch's files raise at torn ones.
_TORN = (
    json.JSONDecodeError,
    SafetensorError,
    zipfile.BadZipFile,
    pickle.UnpicklingError,
    EOFError,
    RuntimeError,
)


def load_sae(path):
    """Read an autoencoder or a transcoder from its files.

    Parameters
    ----------
    path : str or path-like
        A folder that ``MatryoshkaSAETransformer.save_pretrained``, SAELens or sparsify
        wrote; a folder of Gemma Scope 1 or 2, or of Llama Scope; or a file:
        ``params.npz`` of Gemma Scope, ``.pth`` or ``.pt`` of Goodfire and Qwen Scope,
        ``layer_N.safetensors`` of circuit-tracer.

    Returns
    -------
    SAEFile

    Raises
    ------
    FileNotFoundError
        When the folder, or one of its files, is missing.
    ValueError
        When the files are torn, or of another kind.
    """
    path = Path(path)
    try:
        return _read(path)
    except (*_TORN, KeyError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ValueError(
            f"The autoencoder {str(path)!r} cannot be read: {reason}. Its files are "
            "torn or of another kind. Download them again."
        ) from error


def _read(path):
    if path.is_file():
        return _from_file(path)
    if not path.is_dir():
        raise FileNotFoundError(
            f"There is no file or folder {str(path)!r}. Pass that of an autoencoder, "
            "an unfitted MatryoshkaSAETransformer, or None."
        )
    for name, load in _FOLDERS.items():
        if (path / name).is_file():
            return load(path / name)
    if (path / _OWN).is_file() and (path / _OWN_WEIGHTS).is_file():
        sae = MatryoshkaSAETransformer.from_pretrained(path)
        return SAEFile(sae.set_params(sparse_output=True, device=None))
    if not (path / SAELENS_CONFIG).is_file():
        raise FileNotFoundError(
            f"{path} holds no autoencoder: it has neither {_OWN} with {_OWN_WEIGHTS} "
            f"(of MatryoshkaSAETransformer.save_pretrained), nor {SAELENS_CONFIG} (of "
            f"SAELens and sparsify), nor one of {', '.join(_FOLDERS)}."
            f"{_hint_of_folders(path)}"
        )
    config = json.loads((path / SAELENS_CONFIG).read_text(encoding="utf-8"))
    if (path / _SPARSIFY_WEIGHTS).is_file():
        return _from_sparsify(path, config)
    if (path / SAELENS_WEIGHTS).is_file():
        return load_saelens(path, config)
    raise FileNotFoundError(
        f"{path} has a {SAELENS_CONFIG}, but neither {SAELENS_WEIGHTS} (of SAELens) "
        f"nor {_SPARSIFY_WEIGHTS} (of sparsify). Download the folder again."
    )


def _hint_of_folders(path):
    """Which folder to pass, where there is one per layer."""
    inner = [file.name for file in sorted(path.iterdir()) if file.is_dir()]
    if not inner:
        return ""
    more = ", ..." if len(inner) > 5 else ""
    return f" Pass one of the folders in it: {', '.join(inner[:5])}{more}."


def _from_file(path):
    if path.suffix in _FILES:
        return _FILES[path.suffix](path)
    raise ValueError(
        f"{path} is no autoencoder that can be read: pass the folder that holds it, an "
        ".npz file of Gemma Scope, a .pt or .pth file of Goodfire or Qwen Scope, or a "
        ".safetensors file of circuit-tracer."
    )


def _from_gemma_scope(path):
    """Their paths tell the place, such as ``gemma-scope-2b-pt-mlp/layer_20/...``."""
    with np.load(path) as arrays:
        weights = {name: torch.from_numpy(arrays[name]).float() for name in arrays}
    is_transcoder = "-transcoders" in str(path)
    place = Place()
    if is_transcoder:
        place = NORMALISED_BEFORE_MLP
    elif "-mlp" in str(path):
        place = MLP_OUTPUT
    elif "-att" in str(path):
        place = ATTENTION_VALUES
    sae = _jumprelu(weights, path, is_transcoder=is_transcoder)
    return SAEFile(sae, _named_layer(_LAYER, path), has_bos=True, place=place)


def _from_gemma_scope_2(path):
    """Their config names the place; where there is none, the path does.

    The 270m, 1b and larger models have folders like ``resid_post/layer_12_width_16k``.
    """
    weights = _weights(path)
    weights = {name.replace("w_", "W_", 1): array for name, array in weights.items()}
    config = path.with_name("config.json")
    if config.is_file():
        module = json.loads(config.read_text(encoding="utf-8"))["hf_hook_point_in"]
        layer, place = place_of_module(module)
    else:
        layer, place = _named_layer(_LAYER, path), _gemma_scope_2_place(path.parts)
    is_transcoder = any(part.startswith("transcoder") for part in path.parts)
    sae = _jumprelu(weights, path, is_transcoder=is_transcoder)
    return SAEFile(sae, layer, has_bos=True, place=place)


def _gemma_scope_2_place(parts):
    """The place that a folder such as ``mlp_out_all`` tells."""
    for start, place in _GEMMA_SCOPE_2_PLACES.items():
        if any(part.startswith(start) for part in parts):
            return place
    return Place()


_GEMMA_SCOPE_2_PLACES = {
    "transcoder": Place(("pre_feedforward_layernorm",)),
    "mlp_out": MLP_OUTPUT,
    "attn_out": ATTENTION_VALUES,
}


def _jumprelu(weights, path, *, is_transcoder):
    """Of weights as Gemma Scope names them."""
    require(weights, ("W_enc", "W_dec", *_COMMON, "threshold"), path)
    return PretrainedSAE(
        "jumprelu",
        weights["W_enc"].T.contiguous(),
        weights["b_enc"],
        weights["W_dec"],
        weights["b_dec"],
        threshold=weights["threshold"],
        is_transcoder=is_transcoder,
    )


def _from_llama_scope(path):
    """They were trained on states whose average norm is the root of their length.

    The threshold is in the units of the states.
    """
    config = json.loads(path.read_text(encoding="utf-8"))
    file = path.parent / _LLAMA_SCOPE_WEIGHTS
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing. Download the folder again.")
    weights = _weights(file)
    parts = [f"{part}.{name}" for part in ("encoder", "decoder") for name in _PARTS]
    require(weights, parts, file)
    encoder, bias, decoder, decoder_bias = (weights[name] for name in parts)
    norms = config["dataset_average_activation_norm"]
    unit = config["d_model"] ** 0.5
    factor, factor_out = unit / norms["in"], unit / norms["out"]
    hook = config["hook_point_in"]
    found = place_of_hook(hook)
    if found is None:
        raise ValueError(f"{path} says hook_point_in={hook!r}, which cannot be read.")
    sae = PretrainedSAE(
        "jumprelu",
        encoder * factor,
        bias,
        decoder.T.contiguous() / factor_out,
        decoder_bias / factor_out,
        threshold=torch.full_like(bias, config["jump_relu_threshold"] * factor),
        is_transcoder=hook != config.get("hook_point_out", hook),
    )
    return SAEFile(sae, found[0], has_bos=True, place=found[1])


def _from_torch(path):
    """Files of Goodfire, such as ``...-SAE-l19.pth``, or of Qwen Scope."""
    weights = torch.load(path, map_location="cpu", weights_only=True)
    if "W_enc" in weights:
        return _from_qwen_scope(path, weights)
    names = [f"{p}_linear.{w}" for p in ("encoder", "decoder") for w in _PARTS]
    require(weights, names, path)
    encoder, bias, decoder, decoder_bias = (weights[name].float() for name in names)
    sae = PretrainedSAE("relu", encoder, bias, decoder.T.contiguous(), decoder_bias)
    return SAEFile(sae, _named_layer(_GOODFIRE_LAYER, path), has_bos=True)


def _from_qwen_scope(path, weights):
    """The repository's name tells k, such as ``SAE-Res-Qwen3-1.7B-Base-W32K-L0_50``."""
    require(weights, ("W_enc", "W_dec", *_COMMON), path)
    k = _QWEN_SCOPE_K.search(str(path))
    if k is None:
        raise ValueError(
            f"{path} does not tell how many neurons are active. Keep the file in a "
            "folder named like the repository of Qwen Scope, which ends in L0_50."
        )
    sae = PretrainedSAE(
        "topk",
        weights["W_enc"].float(),
        weights["b_enc"].float(),
        weights["W_dec"].float().T.contiguous(),
        weights["b_dec"].float(),
        k=int(k[1]),
    )
    return SAEFile(sae, _named_layer(_LAYER, path), has_bos=True)


def _from_safetensors(path):
    """``layer_3.safetensors`` of circuit-tracer: a transcoder of an MLP."""
    if path.name == _GEMMA_SCOPE_2:
        return _from_gemma_scope_2(path)
    weights = _weights(path)
    require(weights, ("W_enc", "W_dec", *_COMMON), path)
    sae = PretrainedSAE(
        "relu",
        weights["W_enc"],
        weights["b_enc"],
        weights["W_dec"],
        weights["b_dec"],
        is_transcoder=True,
    )
    layer = _named_layer(_LAYER, path)
    return SAEFile(sae, layer, has_bos=True, place=MLP_INPUT)


def _named_layer(pattern, path):
    match = pattern.search(str(path))
    return None if match is None else int(match[1])


def _from_sparsify(path, config):
    """Their folders are named after modules, such as ``layers.10.mlp``."""
    is_transcoder = bool(config.get("transcode") or config.get("skip_connection"))
    found = place_of_module(path.name)
    if found is None and "." in path.name:
        raise ValueError(
            f"The folder {path.name!r} is named after a module that is no part of a "
            "layer. Only such can be read, as 'layers.10' or 'layers.10.mlp'."
        )
    layer, place = (None, Place()) if found is None else found
    weights = _weights(path / _SPARSIFY_WEIGHTS)
    names = ("encoder.weight", "encoder.bias", "W_dec", "b_dec")
    require(weights, names, path / _SPARSIFY_WEIGHTS)
    encoder, bias, decoder, decoder_bias = (weights[name] for name in names)
    if not is_transcoder:
        bias = bias - encoder @ decoder_bias
    sae = PretrainedSAE(
        config.get("activation", "topk"),
        encoder,
        bias,
        decoder,
        decoder_bias,
        k=config["k"],
        is_transcoder=is_transcoder,
    )
    return SAEFile(sae, layer, place=place._replace(is_input=is_transcoder))


def _weights(path):
    return {name: tensor.float() for name, tensor in load_file(path).items()}


_FOLDERS = {
    _GEMMA_SCOPE: _from_gemma_scope,
    _GEMMA_SCOPE_2: _from_gemma_scope_2,
    _LLAMA_SCOPE: _from_llama_scope,
}
_FILES = {
    ".npz": _from_gemma_scope,
    ".pt": _from_torch,
    ".pth": _from_torch,
    ".safetensors": _from_safetensors,
}
