"""JSON: rows in lines, in an array, over several lines."""

import json
import re

import pytest

from sklearn_hsae.datasets import load_texts

ROWS = [{"text": "a", "y": 1.5}, {"text": "b", "y": 2.5}]
LINES = "\n".join(map(json.dumps, ROWS))
INDENTED = "\n".join(json.dumps(row, indent=2) for row in ROWS)


def save(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json"])
@pytest.mark.parametrize(
    "content",
    [LINES, LINES.replace("\n", "\r\n"), LINES.replace("\n", "\r\n\r\n")]
    + [json.dumps(ROWS), json.dumps(ROWS, indent=2), INDENTED, " \n" + json.dumps(ROWS)]
    + ["\ufeff" + LINES, "\ufeff" + json.dumps(ROWS), LINES.replace("\n", "\r")],
)
def test_rows_are_read_however_they_are_laid_out(tmp_path, name, content):
    """The endings are used for any of these."""
    texts, y, _ = load_texts(save(tmp_path, name, content), text="text", target="y")
    assert texts.tolist() == ["a", "b"] and y.tolist() == [1.5, 2.5]


def test_unusual_line_separators_stay_in_the_text(tmp_path):
    """JSON allows U+2028 within a string; str.splitlines would cut there."""
    path = save(tmp_path, "a.jsonl", '{"text": "a\u2028b\x85c"}\n')
    assert load_texts(path, text="text")[0].tolist() == ["a\u2028b\x85c"]


@pytest.mark.parametrize(
    "content, message",
    [
        ('{"text": "a"}\n{"text":\n', "line 2: no JSON"),
        ('{"text": "a"}\n\n["b"]\n', "line 3: .*got list"),
        ('{"text": "a"} {"text": "b"}\n{"text": "c"\n', "line 1: no JSON"),
        ("[" * 100_000, "brackets are nested too deep"),
        ('{"text":' * 100_000, "brackets are nested too deep"),
        ('[{"text": "a"}, "b"]', "item 2: .*got str"),
        ('[{"text": "a"},\n{"text" "b"}]', "line 2: no JSON"),
        ('[{"text": "a"}]\n[{"text": "b"}]', "line 2: something follows"),
        (
            '{"text": ["a", "b"], "y": [1, 2]}',
            "one JSON object for all rows.*orient='records'",
        ),
        ('{"text": {"0": "a", "1": "b"}}', "one JSON object for all rows"),
        ('{"text": "a"}\n{"text": "b", "text": "c"}', "line 2: .*'text' occurs twice"),
        ("", "holds no row"),
        ("[]", "holds no row"),
        ("text,y\na,1\n", "line 1: no JSON"),
    ],
)
@pytest.mark.parametrize("max_rows", [None, 100])
def test_what_is_wrong_is_named_with_its_line(tmp_path, content, message, max_rows):
    """Editors show the line; a traceback of the json module shows nothing."""
    path = save(tmp_path, "a.jsonl", content)
    with pytest.raises(ValueError, match=f"(?s){re.escape(str(path))}.*{message}"):
        load_texts(path, text="text", max_rows=max_rows)


def test_a_null_is_missing_and_a_word_is_not(tmp_path):
    """JSON has a value of its own for nothing."""
    rows = [{"text": f"t{i}", "y": y} for i, y in enumerate(["N/A", "None", None, "x"])]
    path = save(tmp_path, "a.jsonl", "\n\n".join(map(json.dumps, rows)))
    with pytest.raises(ValueError, match=r"no value of 'y' in line 5"):
        load_texts(path, text="text", target="y")
    with pytest.warns(UserWarning, match="1 of 4 rows"):
        _, y, _ = load_texts(path, text="text", target="y", drop_missing=True)
    assert y.tolist() == ["N/A", "None", "x"]


def test_a_key_that_some_rows_lack_is_missing_there(tmp_path):
    """Exports of databases leave out empty fields."""
    path = save(tmp_path, "a.jsonl", '{"text": "a", "y": 1}\n{"text": "b"}\n')
    with pytest.raises(ValueError, match="no value of 'y' in line 2"):
        load_texts(path, text="text", target="y")


@pytest.mark.parametrize(
    "half", [r"\ud83d", r"\ude00", r"\ud83d\ud83d", r"\ude00\ud83d"]
)
def test_half_an_emoji_is_mended_with_its_line(tmp_path, half):
    """Texts cut after n characters of UTF-16 end so; UTF-8 cannot hold them."""
    path = save(tmp_path, "a.jsonl", '{"text": "fine"}\n{"text": "cut ' + half + '."}')
    with pytest.warns(
        UserWarning, match=r"lone surrogate.*in line 2,.*U\+FFFD"
    ) as caught:
        texts, *_ = load_texts(path, text="text")
    assert texts[1] == "cut " + "\ufffd" * half.count("u") + "."
    assert caught[0].filename == __file__


def test_half_an_emoji_in_a_label_is_mended(tmp_path):
    """Labels are printed and written like texts."""
    path = save(
        tmp_path, "a.jsonl", '{"text": "a", "y": "\\ud83d"}\n{"text": "b", "y": "c"}'
    )
    with pytest.warns(UserWarning, match="column 'y'.*line 1"):
        assert load_texts(path, text="text", target="y")[1].tolist() == ["\ufffd", "c"]


def test_a_whole_emoji_is_left_alone(tmp_path):
    """JSON writes it as two surrogates, which belong together."""
    path = save(tmp_path, "a.jsonl", r'{"text": "yes \ud83d\ude00"}')
    assert load_texts(path, text="text")[0].tolist() == ["yes 😀"]
