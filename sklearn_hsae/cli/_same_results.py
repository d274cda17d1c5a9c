"""Whether a folder of ``explain`` holds results of the same model, files and texts."""

import json

from sklearn_hsae.cli._say import say

CONFIG = "run_config.json"
TEXTS_HASH = "hash of the texts"
_KINDS = ("explanations", "latents", "scores")
_READ_BY = {
    "model": "MODEL",
    "sae": "SAE",
    "max_tokens": "--max-tokens",
    TEXTS_HASH: "the texts",
}
_ASKED_BY = (
    "llm",
    "instructions",
    "n_examples",
    "sampling",
    "negatives",
    "max_words",
    "context",
    "log_probs",
    "embedder",
)


def check_same_results(folder, config):
    """Raise when the results in `folder` are of another autoencoder or other texts.

    Where only the questions to a language model differ, what exists stays, and this is
    said.

    Parameters
    ----------
    folder : Path
    config : dict
        What this call would write as ``run_config.json``.

    Returns
    -------
    dict
        What to write: `config`, with the questions by which the results were made.
    """
    path = folder / CONFIG
    if not path.is_file() or not any((folder / kind).is_dir() for kind in _KINDS):
        return config
    try:
        old = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} cannot be read, so it is not known what {folder} holds: {error}. "
            "Pass another --out, or delete the folder."
        ) from error
    others = [
        name if key == TEXTS_HASH else f"{name} ({old[key]})"
        for key, name in _READ_BY.items()
        if key in old and old[key] != config[key]
    ]
    if others:
        raise ValueError(
            f"{folder} holds the results of another call, which differs in "
            f"{', '.join(others)}. Pass another --out, or delete the folder."
        )
    asked = {key: old[key] for key in _ASKED_BY if key in old}
    others = [_option(key, old[key]) for key in asked if old[key] != config[key]]
    if others:
        say(
            f"what {folder} holds stays as it is; it was made "
            f"{', '.join(others)}. To make it again, delete the folder"
        )
    return config | asked


def _option(key, value):
    option = f"--{key.replace('_', '-')}"
    if value is None or value is False:
        return f"without {option}"
    return f"with {option}" if value is True else f"with {option} {value}"
