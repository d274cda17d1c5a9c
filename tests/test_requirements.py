"""The two files of exact versions follow from the ranges in pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
# On PyPI, torch for Linux is the build for CUDA, with 3 GB of libraries.
NOT_AT_THE_LOWEST = {"torch"}


@pytest.fixture(scope="module")
def ranges():
    """The allowed versions of each package, by its name, of all extras but dev."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = project["dependencies"] + [
        line for extra in extras if extra != "dev" for line in extras[extra]
    ]
    return {
        canonicalize_name(required.name): required.specifier
        for required in map(Requirement, lines)
    }


def exact_versions(file):
    lines = re.findall(r"^([^#\s]+)==(\S+)", (ROOT / file).read_text("utf-8"), re.M)
    return {canonicalize_name(name): Version(version) for name, version in lines}


def test_every_package_has_an_exact_version_in_its_range(ranges):
    # A package that is missing in the file would be installed in any version.
    pinned = exact_versions("constraints.txt")
    assert ranges.keys() <= pinned.keys()
    assert not [n for n in ranges if not ranges[n].contains(pinned[n])]


def test_the_lowest_versions_are_those_that_the_ranges_begin_with(ranges):
    # A bound that is lowered must be tested at the version that it now allows.
    pinned = exact_versions("constraints-lowest.txt")
    lowest = {
        name: Version(bound.version)
        for name, specifier in ranges.items()
        for bound in specifier
        if bound.operator == ">=" and name not in NOT_AT_THE_LOWEST
    }
    assert lowest == {name: pinned[name] for name in lowest}
