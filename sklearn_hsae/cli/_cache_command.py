"""``sklearn-hsae cache``: what the cache holds, a limit, and making it empty."""

import argparse
import re
import shutil
import sys
from pathlib import Path

import platformdirs

from sklearn_hsae._cache import DiskCache

_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
# What can be computed again, and what was paid for.
_COMPUTED = {
    "embeddings": "vectors of texts",
    "readings": "rows of a reader",
}
_PAID = {
    "llm": "replies of language models",
    "batches": "batches of calls under way",
    "budget": "what language models have cost",
}


def add_cache(commands):
    """Add the options of ``cache``."""
    cache = commands.add_parser(
        "cache",
        help="show, limit or clear what is kept on disk",
        description="Vectors of texts, activations and replies of language models are "
        "kept on disk, so that nothing is computed or paid for twice.",
    )
    cache.add_argument(
        "action",
        choices=("info", "clear", "limit"),
        help="info: what there is; clear: delete what can be computed again; limit: "
        "the most that vectors may take, of which the oldest then make room",
    )
    cache.add_argument(
        "size",
        nargs="?",
        type=_size,
        metavar="SIZE",
        help="of limit: such as 5GB, or none",
    )
    cache.add_argument(
        "--paid",
        action="store_true",
        help="of clear: delete the replies of language models as well",
    )
    cache.add_argument(
        "--cache-dir",
        type=Path,
        default=Path(platformdirs.user_cache_dir("sklearn_hsae")),
        metavar="DIR",
        help="the folder (default: the user's cache folder)",
    )


def cache(arguments):
    """Show or change the cache."""
    folder = arguments.cache_dir.expanduser()
    if arguments.action == "clear":
        _clear(folder, [*_COMPUTED, *(_PAID if arguments.paid else ())])
    elif arguments.action == "limit":
        if arguments.size is None:
            raise ValueError("Say the limit, such as: sklearn-hsae cache limit 5GB")
        with DiskCache(folder, "embeddings") as vectors:
            vectors.limit = arguments.size or None
    _show(folder)


def _show(folder):
    sys.stdout.write(f"{folder}\n")
    for name, content in {**_COMPUTED, **_PAID}.items():
        if (folder / f"{name}.sqlite").is_file():
            with DiskCache(folder, name) as kept:
                n_entries, n_bytes = kept.size()
                limit = kept.limit
            of_limit = f" of {_in_units(limit)}" if limit else ""
            _show_line(content, n_entries, f"{_in_units(n_bytes)}{of_limit}")
    stores = _stores(folder)
    if stores:
        n_bytes = sum(
            file.stat().st_size for store in stores for file in store.iterdir()
        )
        _show_line("activations of tokens", len(stores), _in_units(n_bytes))
    trainings = _trainings(folder)
    if trainings:
        n_bytes = sum(path.stat().st_size for path in trainings)
        _show_line(
            "trainings that were interrupted", len(trainings), _in_units(n_bytes)
        )


def _show_line(content, count, size):
    sys.stdout.write(f"  {content:32} {count:>11,}  {size}\n")


def _clear(folder, names):
    for name in names:
        if (folder / f"{name}.sqlite").is_file():
            with DiskCache(folder, name) as kept:
                kept.clear()
    for store in _stores(folder):
        shutil.rmtree(store)
    for path in _trainings(folder):
        path.unlink()


def _stores(folder):
    """The folders of a reader's activations: their names are hashes."""
    stores = (folder / "activations").glob("*")
    return [store for store in stores if re.fullmatch("[0-9a-f]{32}", store.name)]


def _trainings(folder):
    """The states of trainings that were killed: their names are hashes."""
    paths = (folder / "training").glob("*.safetensors")
    return [path for path in paths if re.fullmatch("[0-9a-f]{32}", path.stem)]


def _in_units(n_bytes):
    unit = "GB" if n_bytes >= _UNITS["GB"] else "MB"
    return f"{n_bytes / _UNITS[unit]:,.1f} {unit}"


def _size(text):
    """Number of bytes of a size such as 5GB; 0 is no limit."""
    if text == "none":
        return 0
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(MB|GB|TB)", text.upper())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 500MB or 5GB")
    return int(float(match[1]) * _UNITS[match[2]])
