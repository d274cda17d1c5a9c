"""The texts of a file that may be larger than the memory, piece by piece."""

import numpy as np
import pandas as pd

from sklearn_hsae._files import check_unchanged, fingerprint
from sklearn_hsae.datasets._file_kinds import iter_file
from sklearn_hsae.datasets._file_table import FileTable
from sklearn_hsae.datasets._read_columns import (
    check_columns,
    check_options,
    mend_surrogates,
    numbers_only,
    read_texts,
    read_values,
    refuse_numbers,
    report_missing,
    warn_of_surrogates,
)


class TextsInPieces:
    """Texts and columns of a file, checked as a whole and then read piece by piece.

    The first reading keeps `columns` and no text. So an error in the last row is told
    before any work, and numbers are read alike in all pieces.

    Parameters
    ----------
    path, text, columns, decimal, encoding, drop_missing
        As in :func:`load_texts`. A file that has the columns and no row is no error.
    n_rows : int
        Number of rows per piece, as in :func:`iter_file`.

    Attributes
    ----------
    n_texts : int
        Number of rows that are kept.
    values : DataFrame of n_texts rows
        The values of `columns`.
    """

    def __init__(
        self,
        path,
        *,
        text,
        columns,
        decimal=None,
        encoding=None,
        drop_missing=False,
        n_rows,
    ):
        check_options(columns.values(), decimal)
        self.path, self.text, self.encoding, self.n_rows = path, text, encoding, n_rows
        self._of_texts = [text] if isinstance(text, str) else list(text)
        self._needed = [*self._of_texts, *columns]
        self._fingerprint = fingerprint(path)
        table, missing = self._scan(list(columns))
        nothing = np.empty(0, dtype=object), np.empty(0, dtype=bool)
        read = {
            name: read_values(path, table, name, kind, decimal, _advice(name))
            if len(table.frame)
            else nothing
            for name, kind in columns.items()
        }
        missing |= {name: lacks for name, (_, lacks) in read.items()}
        self._is_kept = ~np.any(list(missing.values()), axis=0)
        if not self._is_kept.all():
            report_missing(path, table, missing, self._is_kept, drop_missing)
        self.n_texts = int(self._is_kept.sum())
        values = {
            name: found[self._is_kept[~lacks]] for name, (found, lacks) in read.items()
        }
        self.values = pd.DataFrame(values, index=range(self.n_texts))

    def __iter__(self):
        """Yield the rows as they are written, their texts, and their `values`."""
        n_before = 0
        for rows in self.rows():
            n_after = n_before + len(rows)
            cells = rows if len(rows) else rows.reindex(columns=self._of_texts)
            texts = cells[self._of_texts].to_numpy(dtype=object)
            texts = texts[:, 0] if isinstance(self.text, str) else texts
            yield rows, texts, self.values.iloc[n_before:n_after]
            n_before = n_after

    def rows(self):
        """Yield the kept rows as they are written, with the same columns each time."""
        n_before = 0
        for table in self._tables():
            n_after = n_before + len(table.frame)
            is_kept = self._is_kept[n_before:n_after]
            n_before = n_after
            if is_kept.any() or self.n_texts == 0:
                mend_surrogates(table, self._present(table))
                rows = table.frame[is_kept].reset_index(drop=True)
                yield _with_columns(rows, self._names)

    def _tables(self):
        columns = tuple(self._needed)
        for table in iter_file(self.path, columns, self.encoding, n_rows=self.n_rows):
            check_unchanged(self.path, self._fingerprint)
            yield table

    def _present(self, table):
        return [name for name in self._needed if name in table.frame]

    def _scan(self, columns):
        """The cells of `columns` as one table, and which rows lack which text."""
        self._names, cells, numbers, examples = [], [], [], {}
        missing = {name: [] for name in self._of_texts}
        for table in self._tables():
            frame, present = table.frame, self._present(table)
            self._names = self._names or list(frame.columns)
            self._names += [name for name in frame.columns if name not in self._names]
            # In JSON the other columns may come later.
            needed = present if frame.columns.is_unique else self._needed
            check_columns(self.path, frame.columns, needed)
            broken = mend_surrogates(table, present)
            warn_of_surrogates(self.path, table, broken, stacklevel=4)
            frame = _with_columns(frame, list(dict.fromkeys([*present, *self._needed])))
            for name in self._of_texts:
                texts, lacks = read_texts(self.path, table._replace(frame=frame), name)
                missing[name].append(lacks)
                _add_example(examples, name, texts[~lacks])
            cells.append(frame[columns])
            numbers.append(table.numbers)
        if self._names:
            check_columns(self.path, self._names, self._needed)
        for name, example in examples.items():
            if example is not None:
                refuse_numbers(self.path, name, example)
        table = FileTable(
            pd.concat(cells, ignore_index=True), np.concatenate(numbers), table.row_word
        )
        return table, {name: np.concatenate(parts) for name, parts in missing.items()}


def _with_columns(frame, names):
    """A frame with these columns, of which an object of JSON may lack some."""
    if not frame.columns.is_unique:  # a csv, whose pieces have equal columns
        return frame
    return frame.reindex(columns=names)


def _add_example(examples, name, texts):
    """Keep a text that is a number as long as all are; None from the first other on."""
    if len(texts) and examples.get(name, "") is not None:
        first = examples.get(name, texts[0])
        examples[name] = first if numbers_only(texts) else None


def _advice(name):
    return f"pass columns={{{name!r}: 'classification'}}"
