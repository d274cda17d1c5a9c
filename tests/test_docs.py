"""The documentation names what there is."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

import sklearn_hsae
from sklearn_hsae.cli._arguments import parse_arguments

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
# What a folder exports for the other folders alone, and no user imports.
INTERNAL = {"cli", "inference", "judges", "llm", "report"}


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
    for command in ("demo", "run", "apply", "report", "cache"):
        with pytest.raises(SystemExit):
            parse_arguments([command, "--help"])
        options |= set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
    assert set(re.findall(r"(?<!-)--[a-z][a-z-]*", page)) | {"--help"} == options


def test_every_extra_is_on_the_installation_page():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    page = (DOCS / "installation.rst").read_text("utf-8")
    extras = set(re.findall(r"^   \* - ``(\w+)``$", page, re.MULTILINE))
    assert extras == set(project["optional-dependencies"])
