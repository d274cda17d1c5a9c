"""Generated reviews whose truth is known, and texts from users' files."""

import gzip
import itertools
import json
import re
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from sklearn_hsae.datasets import load_texts, make_reviews
from sklearn_hsae.datasets._review_phrases import CONCEPTS, FILLERS, SLOTS

TEXTS = ["Slow, rude service", 'They said "hi"', "Crème brûlée ☕"]
STARS = [1, 4, 5]
TEMPLATES = [way for *_, ways in CONCEPTS for way in ways] + FILLERS


@pytest.fixture(scope="module")
def reviews():
    return make_reviews(3000, random_state=0)


def all_sentences():
    """Each template with every combination of what fits in its slots."""
    for template in TEMPLATES:
        parts = re.split(r"\{(\w+)\}", template)
        for fillers in itertools.product(*[SLOTS[name] for name in parts[1::2]]):
            yield "".join(
                itertools.chain(
                    *itertools.zip_longest(parts[::2], fillers, fillvalue="")
                )
            )


def test_reviews_are_decided_by_the_seed():
    """Examples and benchmarks quote numbers, so a seed must give the same rows."""
    first, again = (make_reviews(50, random_state=3) for _ in range(2))
    assert first.texts == again.texts
    np.testing.assert_array_equal(first.target, again.target)
    np.testing.assert_array_equal(first.truth, again.truth)
    assert first.texts != make_reviews(50, random_state=4).texts


def test_a_global_seed_is_neither_needed_nor_disturbed():
    """Data that draws from the global generator would change a user's later draws."""
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    make_reviews(20, random_state=0)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_least_squares_on_the_truth_recovers_the_effects(reviews):
    """What is said to drive the rating does: each effect within 4.5 of its errors."""
    n, n_concepts = reviews.truth.shape
    A = np.column_stack([np.ones(n), reviews.truth])
    found, *_ = np.linalg.lstsq(A, reviews.target, rcond=None)
    errors = 0.5 * np.sqrt(np.diag(np.linalg.inv(A.T @ A)))  # the default noise
    assert (np.abs(found[1:] - reviews.effects) < 4.5 * errors[1:]).all()
    assert n_concepts == len(reviews.concepts) == len(reviews.effects) == 12
    assert (reviews.effects != 0).sum() == 8
    noise = reviews.target - A @ found
    assert noise.std() == pytest.approx(0.5, rel=0.05)


def test_without_noise_the_rating_is_a_sum(reviews):
    """`noise=0` gives exact data, on which a test can ask for exact answers."""
    exact = make_reviews(100, noise=0.0, random_state=0)
    rest = exact.target - exact.truth @ exact.effects
    np.testing.assert_allclose(rest, rest[0], atol=1e-12)


def test_each_concept_has_about_its_share(reviews):
    """The truth is as common as the list of concepts says."""
    shares = np.array([share for _, _, share, _ in CONCEPTS])
    assert np.abs(reviews.truth.mean(axis=0) - shares).max() < 0.04


def test_truth_says_what_the_text_tells(reviews):
    """A text of fillers alone has no concept; each concept adds sentences."""
    slots = re.compile(r"\\{\w+\\}")
    ways = [
        re.compile(
            "|".join(slots.sub(".+?", re.escape(way)) for way in told), re.IGNORECASE
        )
        for *_, told in CONCEPTS
    ]
    for text, told in zip(reviews.texts[:500], reviews.truth, strict=False):
        for j in np.flatnonzero(told):
            assert ways[j].search(text), (text, reviews.concepts[j])


def test_no_word_gives_a_concept_away(reviews):
    """Otherwise a search for the word would do, and nothing would be shown."""
    vectorizer = CountVectorizer(
        ngram_range=(1, 2), binary=True, token_pattern=r"\b\w+\b"
    )
    has_word = vectorizer.fit_transform(reviews.texts)
    both = has_word.T @ reviews.truth.astype(float)
    n_word = np.asarray(has_word.sum(axis=0)).ravel()[:, None]
    f1 = 2 * both / (n_word + reviews.truth.sum(axis=0))
    assert f1.max() <= 0.6, vectorizer.get_feature_names_out()[f1.max(axis=1).argmax()]


def test_few_reviews_are_alike(reviews):
    """A held-out text that was trained on is no held-out text."""
    assert len(set(reviews.texts)) > 0.995 * len(reviews.texts)


def test_every_slot_is_filled(reviews):
    """A slot with a typing error would reach the reader as {slot}."""
    for sentence in [*all_sentences(), *reviews.texts]:
        assert not set("{}") & set(sentence)


def test_articles_go_with_every_filler():
    """No "a hour" and no "an fork", whatever is drawn."""
    wrong = re.compile(r"\b(a [aeiou]|a hour|an (?!hour\b)[^aeiou])", re.IGNORECASE)
    assert [s for s in all_sentences() if wrong.search(s)] == []


def test_templates_and_slots_are_used_once():
    """A template that stands twice is drawn twice as often."""
    assert len(set(TEMPLATES)) == len(TEMPLATES)
    used = set(re.findall(r"\{(\w+)\}", " ".join(TEMPLATES)))
    assert used == set(SLOTS)


def write(path, frame):
    compression = "gzip" if path.suffix == ".gz" else None
    if ".jsonl" in path.name:
        frame.to_json(path, orient="records", lines=True, compression=compression)
    elif ".parquet" in path.name:
        frame.to_parquet(path)
    else:
        sep = "\t" if ".tsv" in path.name else ","
        frame.to_csv(path, index=False, sep=sep, compression=compression)
    return path


@pytest.mark.parametrize(
    "name",
    ["a.csv", "a.tsv", "a.jsonl", "a.csv.gz", "a.tsv.gz", "a.v2.jsonl.gz", "a.parquet"]
    + ["A.CSV", "a.JSONL.GZ"],
)
def test_what_is_written_is_read(tmp_path, name):
    """Commas, quotes and accents survive in every kind of file."""
    frame = pd.DataFrame({"id": ["x", "y", "z"], "text": TEXTS, "stars": STARS})
    lower = write(tmp_path / name.lower(), frame)
    path = lower.rename(tmp_path / name)
    texts, y, read = load_texts(path, text="text", target="stars")
    assert texts.tolist() == TEXTS
    assert y.tolist() == STARS and y.dtype.kind == "i"
    assert read.columns.tolist() == ["id", "text", "stars"] and len(read) == 3


def save(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_without_a_target_there_is_no_y(tmp_path):
    """New texts to be annotated have no outcome."""
    path = save(tmp_path, "a.csv", "text\nhello\n")
    texts, y, _ = load_texts(str(path), text="text")
    assert texts.tolist() == ["hello"] and y is None


@pytest.mark.parametrize(
    "name, content",
    [("a.csv", "text,y\na,1\n"), ("a.jsonl", '{"text": "a", "y": 1}\n')],
)
def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path, name, content):
    """Spreadsheets write one; the first column would be called '\\ufefftext'."""
    path = save(tmp_path, name, b"\xef\xbb\xbf" + content.encode())
    assert load_texts(path, text="text")[0].tolist() == ["a"]


def test_digits_in_the_text_column_are_text(tmp_path):
    """A column of answers such as "12" is no column of numbers."""
    path = save(tmp_path, "a.csv", "text\n12\n013\n")
    assert load_texts(path, text="text")[0].tolist() == ["12", "013"]


def test_labels_are_plain_strings(tmp_path):
    """The kind of string that pandas uses is not known to every estimator."""
    path = save(tmp_path, "a.csv", "text,y\na,yes\nb,no\n")
    y = load_texts(path, text="text", target="y")[1]
    assert y.dtype == object and [type(label) for label in y] == [str, str]


def test_blank_lines_between_json_rows_are_skipped(tmp_path):
    """Files put together by hand often have them."""
    path = save(tmp_path, "a.jsonl", '{"text": "a"}\n\n  \n{"text": "b"}\n\n')
    assert load_texts(path, text="text")[0].tolist() == ["a", "b"]


def test_unusual_line_separators_stay_in_the_text(tmp_path):
    """JSON allows U+2028 within a string; str.splitlines would cut there."""
    path = save(tmp_path, "a.jsonl", '{"text": "a\u2028b"}\n')
    assert load_texts(path, text="text")[0].tolist() == ["a\u2028b"]


ZIPPED = gzip.compress(b"".join(b'{"text": "%d"}\n' % i for i in range(9999)))
ZIPPED_CSV = gzip.compress(b"text\n" + b"".join(b"t%d\n" % i for i in range(9999)))


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.csv", "", "empty"),
        ("a.csv", "text,stars\n", "holds no row"),
        ("a.jsonl", "", "holds no row"),
        ("a.csv", "review,stars\na,1\n", "no column 'text'.*review, stars"),
        ("a.jsonl", '{"review": "a"}\n', "no column 'text'.*review"),
        ("a.csv", "text,stars\na,1\n,2\n", "row position 1"),
        ("a.jsonl", '{"text": "a"}\n{"text": null}\n', "row position 1"),
        ("a.jsonl", '{"text": "a"}\n{"text": 3}\n', "row position 1"),
        ("a.csv", "text,stars\na,1,9\nb,2,8\n", "cannot be read"),
        ("a.csv", "text,stars\na,1\nb,2,3,4\n", "line 3"),
        ("a.csv", 'text\n"a\n', "cannot be read"),
        ("a.jsonl", '{"text": "a"}\n{"text":\n', "line 2: no JSON"),
        ("a.jsonl", '{"text": "a"}\n\n["b"]\n', "line 3: .*got list"),
        ("a.jsonl", "[" * 100_000, "line 1: brackets"),
        ("a.csv", "text\nfée\n".encode("latin-1"), "not UTF-8"),
        ("a.jsonl", '{"text": "fée"}\n'.encode("latin-1"), "not UTF-8"),
        ("a.jsonl.gz", ZIPPED[:-100], "cut off"),
        ("a.csv.gz", ZIPPED_CSV[:-100], "cut off"),
        ("a.jsonl.gz", ZIPPED[:15] + b"\xff" * 9 + ZIPPED[24:], "cannot be read"),
        ("a.csv.gz", ZIPPED_CSV[:15] + b"\xff" * 9 + ZIPPED_CSV[24:], "cannot be read"),
        ("a.csv.gz", "text\na\n", "cannot be read"),
        ("a.parquet", "no parquet", "cannot be read"),
        ("a.xlsx", "PK", r"\.csv, \.tsv, \.jsonl"),
        ("a.parquet.gz", "PK", r"\.csv, \.tsv, \.jsonl"),
        ("a.gz", "PK", r"\.csv, \.tsv, \.jsonl"),
        ("a", "text\na\n", r"\.csv, \.tsv, \.jsonl"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, name, content, message):
    """Whatever is wrong with a file is a ValueError with its path and the reason."""
    path = save(tmp_path, name, content)
    with pytest.raises(ValueError, match=f"(?s){re.escape(str(path))}.*{message}"):
        load_texts(path, text="text")


def test_rows_without_an_outcome_are_named(tmp_path):
    """The first ten positions are enough to find them, and fit on a screen."""
    rows = [{"text": "a", "y": None if i % 2 else i} for i in range(40)]
    path = save(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)))
    with pytest.raises(ValueError, match=r"in 20 rows, .* 1, 3, 5, .*19, \.\.\.\."):
        load_texts(path, text="text", target="y")


def test_a_missing_target_column_is_named(tmp_path):
    """The columns there are show the typing error."""
    path = save(tmp_path, "a.csv", "text,stars\na,1\n")
    with pytest.raises(ValueError, match=r"no column 'star'.*text, stars"):
        load_texts(path, text="text", target="star")


def test_no_such_file(tmp_path):
    """A wrong path is not reported as a broken file."""
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        load_texts(tmp_path / "nothing.csv", text="text")


def test_a_folder_is_no_file(tmp_path):
    """A folder may have the ending of a file."""
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(ValueError, match="cannot be read"):
        load_texts(tmp_path / "a.csv", text="text")


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    """The package is optional; the message is the line to type."""
    path = write(tmp_path / "a.parquet", pd.DataFrame({"text": TEXTS}))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-hsae\[parquet\]'"):
        load_texts(path, text="text")
