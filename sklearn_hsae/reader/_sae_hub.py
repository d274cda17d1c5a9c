"""Find an autoencoder: on this machine, on the hub, or in the registry of SAELens."""

import functools
import importlib.util
import os
from pathlib import Path

_REGISTRY = "pretrained_saes.yaml"
_PREFIX = "saelens:"
# Kinds of files, which SAELens calls conversion_func; None are its own.
_READABLE = (
    None,
    "gemma_2",
    "gemma_2_transcoder",
    "gemma_3",
    "goodfire",
    "llama_scope",
    "mwhanna_transcoder",
    "qwen_scope",
)
# At the top of a repository; in a folder of it, all files are wanted.
_FILES = (
    "cfg.json",
    "sae_weights.safetensors",
    "sae.safetensors",
    "config.json",
    "model.safetensors",
    "params.npz",
    "params.safetensors",
    "hyperparams.json",
    "checkpoints/final.safetensors",
    "*.pth",
)


def find_sae(name):
    """The file or folder of an autoencoder, downloaded when it is not there.

    Parameters
    ----------
    name : str
        A path; ``"owner/repository"``, with or without a folder or file in it; or
        ``"saelens:release/id"``, for which sae-lens must be installed.

    Returns
    -------
    str

    Raises
    ------
    FileNotFoundError
        When there is no such path or repository, or no such folder in it.
    ImportError
        When sae-lens is not installed.
    ValueError
        When the registry has no such autoencoder, or it cannot be read here.
    """
    if os.path.exists(name):
        return name
    parts = name.removeprefix(_PREFIX).split("/")
    if name.startswith(_PREFIX):
        parts = _from_registry("/".join(parts)).split("/")
    is_path = name.startswith((".", "/", "~")) or "\\" in name or "" in parts
    if is_path or len(parts) < 2:
        raise FileNotFoundError(
            f"There is no file or folder {name!r}. Pass that of an autoencoder, a "
            "repository on the hub ('owner/repository/folder'), an unfitted "
            "MatryoshkaSAETransformer, or None."
        )
    return _download("/".join(parts[:2]), "/".join(parts[2:]), name)


@functools.lru_cache(maxsize=64)
def _download(repository, inner, name):
    from huggingface_hub import snapshot_download

    patterns = [inner, f"{inner}/*"] if inner else list(_FILES)
    try:
        folder = snapshot_download(repository, allow_patterns=patterns)
    except Exception as error:  # the hub's client, its HTTP library and the disk
        raise FileNotFoundError(
            f"There is no file or folder {name!r}, and the repository {repository!r} "
            f"cannot be downloaded from the hub: {error}"
        ) from error
    path = Path(folder, inner)
    if not path.exists():
        raise FileNotFoundError(
            f"The repository {repository!r} has no {inner!r}. Look at its files on "
            f"https://huggingface.co/{repository}/tree/main."
        )
    single = [*path.glob("*.pth")] if path.is_dir() else []
    return str(single[0] if len(single) == 1 else path)


def _from_registry(release_and_id):
    """Repository and folder of an entry of SAELens' registry, read without an import.

    Importing sae-lens takes ten seconds.
    """
    import yaml

    spec = importlib.util.find_spec("sae_lens")
    if spec is None:
        raise ImportError(
            "The registry of SAELens is part of sae-lens: pip install sae-lens, or "
            "pass 'owner/repository/folder' of the autoencoder on the hub."
        )
    file = Path(spec.submodule_search_locations[0], _REGISTRY)
    registry = yaml.safe_load(file.read_text(encoding="utf-8"))
    release, _, sae_id = release_and_id.partition("/")
    entry = registry.get(release)
    if entry is None:
        raise ValueError(f"The registry of SAELens has no release {release!r}.")
    autoencoders = {sae["id"]: sae for sae in entry["saes"]}
    if sae_id not in autoencoders:
        shown = ", ".join([*autoencoders][:5])
        raise ValueError(
            f"The release {release!r} has no {sae_id!r}. It has "
            f"{len(autoencoders)}: "
            f"{shown}{', ...' if len(autoencoders) > 5 else ''}."
        )
    if entry.get("conversion_func") not in _READABLE:
        raise ValueError(
            f"The files of {release!r} are of the kind {entry['conversion_func']!r}, "
            "which cannot be read here. Save the autoencoder by sae-lens "
            "(sae.save_model(folder)) and pass the folder."
        )
    return f"{entry['repo_id']}/{autoencoders[sae_id].get('path', sae_id)}"
