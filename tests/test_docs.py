"""The documentation names what there is, and its code runs."""

import importlib
import json
import re
import tomllib
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from pathlib import Path
from unittest import SkipTest

import pytest
from llm_server import LLMServer
from sybil import Document
from sybil.parsers import markdown, rest

import sklearn_hsae
from sklearn_hsae.cli._arguments import parse_arguments

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", DOCS / "index.rst"]
PAGES += [DOCS / f"{name}.rst" for name in ("installation", "troubleshooting")]
PAGES += sorted((DOCS / "user_guide").glob("*.rst"))

_DOCTEST = rest.DocTestParser(NORMALIZE_WHITESPACE | ELLIPSIS)
_PARSERS = {
    ".md": [markdown.PythonCodeBlockParser(), markdown.SkipParser()],
    ".rst": [rest.PythonCodeBlockParser(), _DOCTEST, rest.SkipParser()],
}

# What a folder exports for the other folders alone, and no user imports.
INTERNAL = {"cli", "inference", "judges", "llm", "report"}


@pytest.fixture
def user(reviews, tmp_path, monkeypatch):
    """What a reader of a page has: a file, texts and stars, and a language model."""
    rows = [
        json.dumps({"text": text, "stars": stars})
        for text, stars in zip(reviews.texts, reviews.target, strict=True)
    ]
    (tmp_path / "reviews.jsonl").write_text("\n".join(rows), "utf-8")
    monkeypatch.chdir(tmp_path)
    with LLMServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        yield {
            "texts": reviews.texts[:180],
            "y": reviews.target[:180],
            "new_texts": reviews.texts[180:],
            "new_y": reviews.target[180:],
        }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page, user):
    # One name space per page, as for a reader who types what stands there.
    document = Document.parse(str(page), *_PARSERS[page.suffix])
    document.namespace |= user
    for example in document.examples():
        try:
            example.evaluate()
        except SkipTest:  # the page says why
            pass


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_does_not_run_says_why(page):
    source = page.read_text("utf-8")
    for rest_of_line in re.findall(r"\bskip: +next(.*)", source):
        assert re.match(r' ".+"', rest_of_line)
    assert set(re.findall(r"code-block:: *(\w+)", source)) <= {
        "python",
        "console",
        "text",
    }


def test_every_page_of_the_user_guide_is_in_its_contents():
    contents = (DOCS / "user_guide" / "index.rst").read_text("utf-8")
    pages = {path.stem for path in (DOCS / "user_guide").glob("*.rst")} - {"index"}
    assert pages == set(re.findall(r"^   (\w+)$", contents, re.MULTILINE))


def test_every_public_name_is_on_the_api_page():
    page = (DOCS / "api.rst").read_text("utf-8")
    listed = set(re.findall(r"^   ([\w.]+)$", page, re.MULTILINE))
    public = set(sklearn_hsae.__all__)
    for init in Path(sklearn_hsae.__file__).parent.glob("*/__init__.py"):
        folder = init.parent.name
        if folder not in INTERNAL:
            module = importlib.import_module(f"sklearn_hsae.{folder}")
            names = set(module.__all__) - set(sklearn_hsae.__all__)
            public |= {f"{folder}.{name}" for name in names}
    assert listed == public


def test_the_options_of_the_command_are_those_that_are_described(capsys):
    page = (DOCS / "user_guide" / "command_line.rst").read_text("utf-8")
    options = set()
    for command in ("demo", "run"):
        with pytest.raises(SystemExit):
            parse_arguments([command, "--help"])
        options |= set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
    assert set(re.findall(r"(?<!-)--[a-z][a-z-]*", page)) | {"--help"} == options


def test_every_extra_is_on_the_installation_page():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    page = (DOCS / "installation.rst").read_text("utf-8")
    extras = set(re.findall(r"^   \* - ``(\w+)``$", page, re.MULTILINE))
    assert extras == set(project["optional-dependencies"])
