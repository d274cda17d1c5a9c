"""The documentation names what there is."""

import re
from pathlib import Path

import pytest

import sklearn_hsae
from sklearn_hsae.cli._arguments import parse_arguments

DOCS = Path(__file__).parent.parent / "docs"


def test_every_public_name_has_an_api_page():
    listed = re.findall(r"^   (\w+)$", (DOCS / "api.rst").read_text("utf-8"), re.M)
    assert sorted(listed) == sorted(sklearn_hsae.__all__)


def test_every_option_of_the_command_is_described(capsys):
    page = (DOCS / "user_guide" / "command_line.rst").read_text("utf-8")
    for command in ("demo", "run"):
        with pytest.raises(SystemExit):
            parse_arguments([command, "--help"])
        options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
        assert options <= set(re.findall(r"--[a-z-]+", page))
