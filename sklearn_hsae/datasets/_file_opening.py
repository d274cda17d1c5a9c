"""Open a user's file as bytes or characters, compressed or not."""

import bz2
import codecs
import gzip
import io
import lzma
import re
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import PurePosixPath

_PACKED_ENDINGS = (".gz", ".bz2", ".xz", ".zip")
# The first bytes of a file show how it is compressed. Its ending may be wrong.
_OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")  # the second: an empty archive
_DAMAGED = (EOFError, zlib.error, OSError, lzma.LZMAError, zipfile.BadZipFile)
_EXCERPT_BYTES = 20


def data_ending(path):
    """The ending that shows the format of the data: ".csv" for "a.csv.gz".

    For a zip archive, it is the ending of the file inside.
    """
    endings = [ending.lower() for ending in path.suffixes]
    if endings[-1:] == [".zip"] and _is_zip(path):
        with _readable(path), zipfile.ZipFile(path) as archive:
            return PurePosixPath(_only_member(archive, path)).suffix.lower()
    if endings and endings[-1] in _PACKED_ENDINGS:
        endings.pop()
    return endings[-1] if endings else ""


@contextmanager
def open_bytes(path):
    """Open a file as decompressed bytes."""
    with _readable(path):
        if _is_zip(path) and not is_workbook(path):
            with (
                zipfile.ZipFile(path) as archive,
                archive.open(_only_member(archive, path)) as file,
            ):
                yield file
            return
        with path.open("rb") as file:
            start = file.read(8)
        opener = next(
            (f for mark, f in _OPENERS.items() if start.startswith(mark)), open
        )
        with opener(path, "rb") as file:
            yield file


@contextmanager
def open_text(path, encoding=None):
    """Open a file as characters; line ends are not translated.

    Without `encoding`, the byte order mark decides; without such a mark, the encoding
    is UTF-8.
    """
    with open_bytes(path) as file:
        buffered = io.BufferedReader(file)
        # peek leaves the bytes in the buffer, for the decoder.
        mark = _encoding_by_mark(buffered.peek(4)[:4])
        try:
            text = io.TextIOWrapper(buffered, encoding=encoding or mark, newline="")
        except LookupError:
            raise ValueError(
                f"encoding={encoding!r} is not known. Examples are 'utf-8', 'cp1252', "
                "'utf-16' and 'shift_jis'."
            ) from None
        if codecs.lookup(text.encoding).name == "utf-8":  # skip a mark here too
            text.reconfigure(encoding="utf-8-sig")
        try:
            yield text
        except UnicodeError as error:
            raise ValueError(_describe_encoding(path, text.encoding, error)) from error


def is_workbook(path):
    """Whether a file is an Excel workbook (.xlsx), by its content."""
    if not _is_zip(path):
        return False
    with _readable(path), zipfile.ZipFile(path) as archive:
        return "xl/workbook.xml" in archive.namelist()


def _is_zip(path):
    with _readable(path), path.open("rb") as file:
        return file.read(4) in _ZIP_MARKS


@contextmanager
def _readable(path):
    """Turn all errors of decompression into one error that names the file."""
    try:
        yield
    except PermissionError:
        raise
    except _DAMAGED as error:
        raise ValueError(
            f"{path} cannot be read, it is damaged or cut off: {error}"
        ) from error


def _only_member(archive, path):
    """The name of the one file in a zip archive."""
    names = [
        info.filename
        for info in archive.infolist()
        # macOS adds a folder with metadata.
        if not info.is_dir() and not info.filename.startswith("__MACOSX/")
    ]
    if len(names) != 1:
        listed = f" ({', '.join(map(repr, names[:5]))})" if names else ""
        raise ValueError(
            f"{path} contains {len(names)} files{listed}; it must contain one. Unpack "
            "it, and pass the file to read."
        )
    if archive.getinfo(names[0]).flag_bits & 1:
        raise ValueError(f"{path} is protected by a password. Unpack it first.")
    return names[0]


def _encoding_by_mark(start):
    if start[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        return "utf-32"
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    # Without a mark, UTF-16 is recognised by the zero bytes of its first letters.
    if len(start) == 4 and start[1] == start[3] == 0 and start[0] and start[2]:
        return "utf-16-le"
    if len(start) == 4 and start[0] == start[2] == 0 and start[1] and start[3]:
        return "utf-16-be"
    return "utf-8-sig"


def _describe_encoding(path, encoding, error):
    if encoding != "utf-8-sig":
        return (
            f"{path} is not {encoding} ({error.reason}): it is damaged, or has another "
            "encoding. Pass encoding='NAME'."
        )
    start = max(error.start - _EXCERPT_BYTES, 0)
    before = re.split(rb"[\r\n]", error.object[start : error.start])[-1]
    behind = re.split(rb"[\r\n]", error.object[error.start :][:_EXCERPT_BYTES])[0]
    shown = (before + behind).decode("cp1252", "replace")
    return (
        f"{path} is not UTF-8. In Excel, choose Save As and 'CSV UTF-8'. Or name its "
        "encoding: with encoding='cp1252', which Excel writes in Western Europe and "
        f"the Americas, a part of it reads {shown!r}."
    )
