"""The copy of a file with judged texts, in the format that its name says."""

from pathlib import Path

from sklearn_hsae._extras import import_extra
from sklearn_hsae._files import replaced_file
from sklearn_hsae._format import printable

_WRITERS = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    ".jsonl": lambda frame, path: frame.to_json(
        path, orient="records", lines=True, force_ascii=False
    ),
    ".xlsx": lambda frame, path: _write_workbook(frame, path),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
}


def output_path(file, folder):
    """Where the copy of a file goes: into the folder, in its format where possible."""
    name = Path(file).name
    stem, _, _ = name.partition(".")
    ending = next((end for end in _WRITERS if end in Path(file).suffixes), ".csv")
    return folder / f"{stem}_judged{ending}"


def check_output(path, file):
    """Refuse a path that cannot be written, before any work is done."""
    if path.suffix not in _WRITERS:
        raise ValueError(
            f"--output {path} ends with {path.suffix!r}. Files that can be written end "
            f"with {', '.join(_WRITERS)}."
        )
    if path.resolve() == Path(file).resolve():
        raise ValueError(f"--output {path} is FILE itself. Name another file.")
    if not path.parent.is_dir():
        raise ValueError(f"--output {path}: there is no folder {path.parent}. Make it.")
    if path.suffix == ".xlsx":
        import_extra("openpyxl", extra="excel", use="Excel workbooks")
    if path.suffix == ".parquet":
        import_extra("pyarrow", extra="parquet", use="parquet files")


def write_table(path, frame):
    """Write a frame as a whole or not at all."""
    with replaced_file(path) as temporary:
        # pandas chooses the format by the ending, which the temporary file lacks.
        with temporary.open("wb") as file:
            _WRITERS[path.suffix](frame, file)


def _write_workbook(frame, file):
    # A workbook can hold no control character.
    frame = frame.map(lambda cell: printable(cell) if isinstance(cell, str) else cell)
    frame.to_excel(file, index=False, engine="openpyxl")
