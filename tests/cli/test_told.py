"""Messages for Python users in the words of the command."""

import pytest

from sklearn_hsae.cli._told import as_line


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("Pass ignore=['@*'] to", "Pass --ignore '@*' to"),
        ("pass ignore=['ward', 'mills'] to", "pass --ignore ward,mills to"),
        ("or clean=['handles'] to", "or --clean handles to"),
        ("Pass as cache_dir= a folder", "Pass as --cache-dir a folder"),
        ("two\n  lines", "two lines"),
    ],
)
def test_parameters_become_options(message, line):
    assert as_line(message) == line
