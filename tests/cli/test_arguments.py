"""The options of the command line."""

import pytest

from sklearn_hsae.cli._arguments import parse_arguments

_RUN = ["run", "reviews.csv", "--text", "text", "--target", "stars"]
_EXPLAIN = ["explain", "model", "sae", "--out", "results"]


def test_a_list_that_is_given_twice_is_one_list():
    """The last one alone would test the effects without the first control."""
    options = ["--controls", "year", "--controls", "C(place),price"]
    options += ["--clean", "links", "--clean", "handles,numbers"]
    arguments = parse_arguments(_RUN + options)
    kinds = {"year": "auto", "place": "classification", "price": "auto"}
    assert arguments.controls == kinds
    assert arguments.clean == ["links", "handles", "numbers"]
    options = ["--hookpoints", "layers.3", "--hookpoints", "layers.5", "layers.7"]
    options += ["--scorers", "fuzz", "--scorers", "embedding"]
    arguments = parse_arguments(_EXPLAIN + options)
    assert arguments.hookpoints == ["layers.3", "layers.5", "layers.7"]
    assert arguments.scorers == ["fuzz", "embedding"]


def test_lists_that_are_not_given_are_none():
    arguments = parse_arguments(_RUN)
    assert arguments.controls is None
    assert arguments.clean is None
    assert parse_arguments(_EXPLAIN).scorers is None


def test_a_control_is_named_once(capsys):
    with pytest.raises(SystemExit):
        parse_arguments([*_RUN, "--controls", "year", "--controls", "C(year)"])
    assert "argument --controls: 'year' is named twice" in capsys.readouterr().err
