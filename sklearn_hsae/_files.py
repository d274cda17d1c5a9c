"""Write files completely or not at all, and convert values for JSON."""

import hashlib
import math
import os
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

_LARGE_FILE = 1_000_000  # bytes


@contextmanager
def replaced_file(path):
    """Yield a temporary path in the same folder; at the end, move it to `path`.

    A reader of `path` sees the old file or the new file, never a part of it. The
    temporary file is removed when the block fails.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"{path} cannot be written: there is no folder {path.parent}. Make it, or "
            "name another."
        )
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Replace a file by one that holds `text` in UTF-8."""
    with replaced_file(path) as temporary:
        # Broken decoding leaves lone surrogates, which UTF-8 cannot hold.
        temporary.write_text(text, encoding="utf-8", errors="replace")


def json_value(value):
    """Convert `value` to types of JSON.

    NumPy scalars and arrays become Python numbers and lists, NaN and infinity become
    None, and any other object becomes its string.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [json_value(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def fingerprint(path):
    """Hash of a file, or of the files of a folder: names, sizes, times, small contents.

    The content of large files is left out: reading all weights takes seconds.
    """
    path = Path(path).resolve()
    digest = hashlib.sha256(str(path).encode("utf-8", "surrogateescape"))
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            stat = file.stat()
            entry = f"{file}:{stat.st_size}:{stat.st_mtime_ns}"
            digest.update(entry.encode("utf-8", "surrogateescape"))
            if stat.st_size < _LARGE_FILE:
                digest.update(file.read_bytes())
    return digest.hexdigest()


def file_hash(path):
    """SHA-256 of a file, as ``sha256sum`` prints it."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_unchanged(path, known):
    """Refuse a file whose :func:`fingerprint` is no longer `known`."""
    if fingerprint(path) != known:
        raise ValueError(
            f"{path} has changed since the call began. Call again when nothing writes "
            "to it any more."
        )
