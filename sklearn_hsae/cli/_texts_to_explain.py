"""The texts that the command explain reads: a file, a folder, a data set, or a demo."""

from pathlib import PurePosixPath

import numpy as np
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from sklearn_hsae.datasets import load_texts, make_reviews

_DEMO_TEXTS = 1000
_ENDINGS = (".parquet", ".jsonl", ".jsonl.gz", ".ndjson", ".csv", ".csv.gz", ".json")


def texts_to_explain(arguments):
    """The texts that the options name.

    Returns
    -------
    ndarray of str
        At most ``--max-texts``.
    """
    if arguments.file is not None and arguments.dataset is not None:
        raise ValueError("--file and --dataset name two sources. Pass one of them.")
    if arguments.dataset is not None:
        texts = _from_hub(arguments)
    elif arguments.file is None:
        texts = make_reviews(_DEMO_TEXTS, random_state=arguments.seed).texts
    elif arguments.file.is_dir():
        texts = _from_folder(arguments.file)
    elif arguments.file.suffix == ".txt":
        # Not splitlines, which also ends a line at a form feed or at U+2028.
        lines = arguments.file.read_text(encoding="utf-8").split("\n")
        texts = [line for line in lines if line.strip()]
    else:
        texts = _from_table(arguments.file, arguments)
    return np.array(texts, dtype=object)[: arguments.max_texts]


def _from_table(path, arguments):
    texts, _, _ = load_texts(path, text=arguments.text, drop_missing=True)
    return texts.tolist()


def _from_folder(folder):
    """One text per file, in the order of their names."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.txt"))]
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise ValueError(
            f"{folder} holds no .txt file with a text. Pass a folder of text files, or "
            "one table."
        )
    return texts


def _from_hub(arguments):
    """The tables of a data set, one after the other, until there are enough texts."""
    parts = arguments.dataset.strip("/").split("/")
    if len(parts) < 2:
        raise ValueError(
            f"--dataset {arguments.dataset} names no data set of the hub. Pass "
            "OWNER/NAME or OWNER/NAME/FOLDER; --file takes what is on this machine."
        )
    name, folder = "/".join(parts[:2]), "/".join(parts[2:])
    hub, texts = HfApi(), []
    try:
        files = hub.list_repo_files(name, repo_type="dataset")
        for file in _tables(files, folder, arguments):
            path = hub.hf_hub_download(name, file, repo_type="dataset")
            texts += _from_table(path, arguments)
            if arguments.max_texts is not None and len(texts) >= arguments.max_texts:
                break
    except (HfHubHTTPError, OSError) as error:
        raise ValueError(
            f"The data set {name} cannot be downloaded from the hub: {error}"
        ) from error
    return texts


def _tables(files, folder, arguments):
    """The files of a data set that hold the split, in the order of their names."""
    inside = [file for file in files if PurePosixPath(file).is_relative_to(folder)]
    tables = sorted(file for file in inside if file.endswith(_ENDINGS))
    of_split = [file for file in tables if arguments.split in file]
    if of_split or len(tables) == 1:
        return of_split or tables
    shown = ", ".join(tables[:5] or files[:5])
    raise ValueError(
        f"{arguments.dataset} has no table of the split {arguments.split!r}. It has "
        f"{shown}{', ...' if len(tables or files) > 5 else ''}. Pass --split, or a "
        "folder as OWNER/NAME/FOLDER."
    )
