"""Language models of transformers: from the hub, a folder or a GGUF file."""

import contextlib
import io
import sys
from pathlib import Path

from sklearn_hsae._extras import import_extra


def load_pretrained(auto_class, model):
    """Load a model, a tokenizer or a config by a class of transformers.

    Parameters
    ----------
    auto_class : type
        Such as ``transformers.AutoTokenizer``.
    model : str
        Name on the hub, folder, or GGUF file.

    Raises
    ------
    FileNotFoundError
        When there is no such file or folder.
    ImportError
        When a package for GGUF files is missing.
    ValueError
        When it cannot be loaded, with the reason.
    """
    path, options = Path(model).expanduser(), {}
    is_path = path.suffix == ".gguf" or model.startswith(".") or path.is_absolute()
    place = str(path) if is_path else model
    if is_path and not path.exists():
        raise FileNotFoundError(
            f"There is no file or folder {model!r}. Pass that of a language model, or "
            "its name on the Hugging Face hub."
        )
    if path.suffix == ".gguf":
        for package in ("accelerate", "gguf"):
            import_extra(package, extra="reader", use="language models in GGUF files")
        options["gguf_file"] = path.name
        place = str(path.parent)
    try:
        with _quiet(is_gguf="gguf_file" in options):
            # Without the option, transformers asks the user on a terminal, and waits.
            return auto_class.from_pretrained(place, trust_remote_code=False, **options)
    except Exception as error:  # transformers, the hub and torch have their own
        kind = "name on the hub"
        if path.exists():
            kind = "folder" if path.is_dir() else "file"
        raise ValueError(
            f"The language model {model!r} ({kind}) cannot be loaded: "
            f"{_reason(str(error))}"
        ) from error


def _reason(message):
    if "trust_remote_code" in message:
        return (
            "it needs code from its own files, which is never run here. Pass a model "
            "of a kind that transformers has itself."
        )
    if "gated" in message:
        return (
            f"its owner asks for consent. Accept the terms on its page, and set "
            f"HF_TOKEN in the environment to a token of your account. {message}"
        )
    return message


@contextlib.contextmanager
def _quiet(is_gguf):
    """Without the bar of reading weights, and the list of those that are not used."""
    from transformers.utils import logging

    level, has_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    # No setting of transformers turns off the bar of converting a GGUF file.
    stderr = io.StringIO() if is_gguf else sys.stderr
    try:
        with contextlib.redirect_stderr(stderr):
            yield
    finally:
        logging.set_verbosity(level)
        if has_bar:
            logging.enable_progress_bar()
