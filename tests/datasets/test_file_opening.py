"""Packed files and encodings."""

import bz2
import gzip
import lzma
import re
import zipfile

import pytest

from sklearn_hsae.datasets import load_texts

CONTENT = "text,y\ncafé,1\nnaïve “quote”,2\n"
TEXTS = ["café", "naïve “quote”"]


def save(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def zipped(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "name", ["a.csv", "a.csv.gz", "a.csv.bz2", "a.csv.xz", "A.CSV.GZ", "a.v2.csv.gz"]
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_the_bytes_tell_how_a_file_is_packed(tmp_path, name, pack):
    """Browsers and colleagues unpack files, or pack them, and keep the name."""
    path = save(tmp_path, name, pack(CONTENT.encode()))
    assert load_texts(path, text="text")[0].tolist() == TEXTS


@pytest.mark.parametrize(
    "name, member", [("a.csv.zip", "a.csv"), ("a.zip", "x/b.csv"), ("a.csv", "a.csv")]
)
def test_a_zip_archive_of_one_file_is_read(tmp_path, name, member):
    """The file inside tells what it is; what macOS adds does not count."""
    members = {member: CONTENT, "__MACOSX/._a.csv": b"\0", "x/": b""}
    assert (
        load_texts(zipped(tmp_path / name, members), text="text")[0].tolist() == TEXTS
    )


@pytest.mark.parametrize(
    "members, message",
    [
        ({"a.csv": CONTENT, "b.csv": CONTENT}, r" 2 files \('a.csv', 'b.csv'\)"),
        ({}, "contains 0 files|damaged"),
        ({"a.docx": b"x"}, r"ends with '\.docx'"),
        ({"[Content_Types].xml": b"x"}, r"ends with '\.xml'"),  # Word, not Excel
    ],
)
def test_a_zip_archive_of_something_else_is_named(tmp_path, members, message):
    """Which of two files was meant cannot be guessed."""
    with pytest.raises(ValueError, match=message):
        load_texts(zipped(tmp_path / "a.zip", members), text="text")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path, name, encoding):
    """Excel's "Unicode text" is UTF-16, and its "CSV UTF-8" begins with a mark."""
    content = CONTENT.encode(encoding)
    path = save(tmp_path, name, gzip.compress(content) if "gz" in name else content)
    texts, y, frame = load_texts(path, text="text", target="y")
    assert texts.tolist() == TEXTS and y.tolist() == [1, 2]
    assert frame.columns.tolist() == ["text", "y"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_shows_without_a_mark(tmp_path, encoding):
    """Some databases export it so."""
    path = save(tmp_path, "a.csv", CONTENT.encode(encoding))
    assert load_texts(path, text="text")[0].tolist() == TEXTS


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.csv.gz"])
@pytest.mark.parametrize("at", [1, 9000])
def test_cp1252_is_named_with_the_fix_and_an_excerpt(tmp_path, name, at):
    """A wrong guess would garble texts silently; the excerpt lets the user see."""
    rows = [f"t{i},1\n" for i in range(at)]
    content = ("text,y\n" + "".join(rows) + CONTENT[7:]).encode("cp1252")
    path = save(tmp_path, name, gzip.compress(content) if "gz" in name else content)
    with pytest.raises(ValueError, match=r"not UTF-8.*'CSV UTF-8'.*'cp1252'.*'café,1'"):
        load_texts(path, text="text")


def test_the_encoding_can_be_named(tmp_path):
    """The line that the message gives works; an unknown name is told."""
    path = save(tmp_path, "a.csv", CONTENT.encode("cp1252"))
    assert load_texts(path, text="text", encoding="cp1252")[0].tolist() == TEXTS
    with pytest.raises(ValueError, match=r"encoding='no-such' is not known.*'cp1252'"):
        load_texts(path, text="text", encoding="no-such")
    with pytest.raises(ValueError, match="not ascii"):
        load_texts(path, text="text", encoding="ascii")


def test_a_named_utf_8_may_have_a_mark(tmp_path):
    """The mark would stick to the first name."""
    path = save(tmp_path, "a.csv", CONTENT.encode("utf-8-sig"))
    assert load_texts(path, text="text", encoding="UTF8")[0].tolist() == TEXTS


LINES = b"".join(b'{"text": "%d"}\n' % i for i in range(9999))
TABLE = b"text\n" + b"".join(b"t%d\n" % i for i in range(9999))


@pytest.mark.parametrize("name, content", [("a.jsonl", LINES), ("a.csv", TABLE)])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_damaged_file_is_named(tmp_path, name, content, pack):
    """A download that broke off must not pass for a shorter file."""
    packed = pack(content)
    middle = len(packed) // 2
    for broken in (packed[:-100], packed[:middle] + b"\xff" * 9 + packed[middle + 9 :]):
        path = save(tmp_path, name, broken)
        with pytest.raises(
            ValueError, match=f"{re.escape(str(path))} .*(damaged|JSON)"
        ):
            load_texts(path, text="text")
