"""The copy of a file with judged texts, in the format that its name says."""

from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from sklearn_hsae._extras import import_extra
from sklearn_hsae._files import replaced_file
from sklearn_hsae._format import printable

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_ENDINGS = (*_SEPARATORS, ".jsonl", ".xlsx", ".parquet")


def output_path(file, folder):
    """Where the copy of a file goes: into the folder, in its format where possible."""
    name = Path(file).name
    stem, _, _ = name.partition(".")
    ending = next((end for end in _ENDINGS if end in Path(file).suffixes), ".csv")
    return folder / f"{stem}_judged{ending}"


def check_output(path, file):
    """Refuse a path that cannot be written, before any work is done."""
    if path.suffix not in _ENDINGS:
        raise ValueError(
            f"--output {path} ends with {path.suffix!r}. Files that can be written end "
            f"with {', '.join(_ENDINGS)}."
        )
    if path.resolve() == Path(file).resolve():
        raise ValueError(f"--output {path} is FILE itself. Name another file.")
    if not path.parent.is_dir():
        raise ValueError(f"--output {path}: there is no folder {path.parent}. Make it.")
    if path.suffix == ".xlsx":
        import_extra("openpyxl", extra="excel", use="Excel workbooks")
    if path.suffix == ".parquet":
        import_extra("pyarrow", extra="parquet", use="parquet files")


@contextmanager
def table_writer(path, given_rows):
    """Yield a function that adds a frame to a file; it is written whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
    given_rows : callable
        Yields frames of the first columns of all rows. The types of parquet, which has
        one per column, are found in them beforehand.
    """
    with replaced_file(path) as temporary:
        if path.suffix == ".parquet":
            writer = _parquet_writer(temporary, _given_schema(path, given_rows))
        else:
            write = _write_workbook if path.suffix == ".xlsx" else _write_lines
            writer = write(temporary, path.suffix)
        with writer as add:
            yield add


@contextmanager
def _write_lines(path, ending):
    with path.open("wb") as file:

        def add(frame):
            if ending == ".jsonl":
                if len(frame):  # pandas writes an empty line for no row
                    frame.to_json(file, orient="records", lines=True, force_ascii=False)
                return
            frame.to_csv(
                file, index=False, sep=_SEPARATORS[ending], header=file.tell() == 0
            )

        yield add


@contextmanager
def _write_workbook(path, ending):
    frames = []  # a workbook cannot be longer than a million rows
    yield frames.append
    frame = pd.concat(frames, ignore_index=True)
    # A workbook can hold no control character.
    frame = frame.map(lambda cell: printable(cell) if isinstance(cell, str) else cell)
    with path.open("wb") as file:  # pandas would look for the ending of a path
        frame.to_excel(file, index=False, engine="openpyxl")


def _given_schema(path, given_rows):
    """The fields of pyarrow that hold the columns of all pieces."""
    arrow = import_extra("pyarrow", extra="parquet", use="parquet files")
    schema = arrow.schema([])
    try:
        for rows in given_rows():
            of_piece = arrow.Schema.from_pandas(rows, preserve_index=False)
            schema = arrow.unify_schemas(
                [schema, of_piece.remove_metadata()], promote_options="permissive"
            )
    except arrow.ArrowException as error:
        raise ValueError(
            f"--output {path}: a column of parquet holds values of one kind, and this "
            f"file has one with several ({error}). Name a .jsonl file."
        ) from error
    return schema


@contextmanager
def _parquet_writer(path, given_schema):
    arrow = import_extra("pyarrow", extra="parquet", use="parquet files")
    parquet = import_extra("pyarrow.parquet", extra="parquet", use="parquet files")
    writer = None
    try:

        def add(frame):
            nonlocal writer
            if writer is None:
                schema = arrow.Schema.from_pandas(frame, preserve_index=False)
                fields = [*given_schema, *list(schema)[len(given_schema) :]]
                schema = arrow.schema(fields, metadata=schema.metadata)
                writer = parquet.ParquetWriter(path, schema)
            writer.write_table(
                arrow.Table.from_pandas(frame, writer.schema, preserve_index=False)
            )

        yield add
    finally:
        if writer is not None:
            writer.close()
