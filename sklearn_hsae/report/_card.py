"""The last section of the report: how the hypotheses were made."""

import platform
from collections.abc import Mapping
from importlib import metadata

from sklearn_hsae import __version__, _format

_PACKAGES = (
    "numpy",
    "pandas",
    "scikit-learn",
    "statsmodels",
    "torch",
    "numba",  # the autoencoder is trained with it where it is installed
    "sentence-transformers",
    "litellm",
)
# Too long for the page; run.json has them.
_LEFT_OUT = ("parameters", "metrics", "ceilings", "planted", "stored", "warnings")
_TITLES = {"seconds": "Time", "usage": "Language models"}


def package_versions():
    """The versions of the packages that the result depends on."""
    versions = {"sklearn-hsae": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def describe_steps(pipeline):
    """Each step of a pipeline with its parameters that differ from the default."""
    return {name: " ".join(repr(step).split()) for name, step in pipeline.steps}


def describe_usage(pipeline):
    """The calls, tokens and costs of each step that asked a language model."""
    usage = {name: getattr(step, "usage_", None) for name, step in pipeline.steps}
    return {
        name: spent for name, spent in usage.items() if spent and any(spent.values())
    }


def card(run, pipeline):
    """Lists of names and values with titles, from a run's record and the pipeline."""
    record = {k: v for k, v in (run or {}).items() if k not in _LEFT_OUT}
    if pipeline is not None:
        record.setdefault("steps", describe_steps(pipeline))
        record.setdefault("usage", describe_usage(pipeline))
    record.setdefault("versions", package_versions())
    loose = {k: v for k, v in record.items() if not isinstance(v, Mapping)}
    parts = {"run": loose} | {k: v for k, v in record.items() if k not in loose}
    return [
        {
            "title": _TITLES.get(title, _words(title)),
            "rows": [(_words(k, title), _value(v, title)) for k, v in values.items()],
        }
        for title, values in parts.items()
        if values
    ]


def _words(name, title=None):
    if title in ("steps", "versions", "seconds"):  # names in the code
        return str(name)
    words = str(name).replace("_", " ")
    return words[:1].upper() + words[1:]


def _value(value, title=None):
    if title == "seconds":
        return _format.seconds(value)
    if value is None:
        return _format.DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return _format.count(value)
    if isinstance(value, float):
        return _format.number(value, 0 if value.is_integer() else 3)
    if isinstance(value, Mapping):
        return ", ".join(f"{_words(k)}: {_value(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return _format.printable(str(value))
