"""Sphinx configuration: ``sphinx-build -W docs docs/_build/html``."""

import re

import sklearn_hsae

project = "sklearn-hsae"
author = "The sklearn-hsae developers"
copyright = f"2026, {author}"
release = version = sklearn_hsae.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "**.md"]
default_role = "code"
nitpicky = False

autosummary_generate = True
# scikit-learn makes these from the signatures; their docstrings refer to labels of
# scikit-learn's own documentation.
autodoc_default_options = {
    "exclude-members": ", ".join(
        f"set_{method}_request"
        for method in ("fit", "partial_fit", "predict", "score", "transform")
    )
}
numpydoc_show_class_members = False

html_theme = "furo"
html_title = f"sklearn-hsae {release}"
html_theme_options = {"navigation_with_keys": True}

# An attribute in a shape, as in "(n_features_in_,)", is no link.
_ATTRIBUTE = re.compile(r"(?<![`*\w.])([A-Za-z]\w*)_(?![\w`*])")


def escape_attributes(app, what, name, obj, options, lines):
    lines[:] = [
        line if ">>>" in line else _ATTRIBUTE.sub(r"\1\\_", line) for line in lines
    ]


def find_in_other_modules(app, env, node, contnode):
    """A docstring may name what another module has without its module."""
    if node.get("refdomain") != "py":
        return None
    node["refspecific"] = True
    names = node["refdoc"], app.builder, node["reftype"], node["reftarget"]
    return env.get_domain("py").resolve_xref(env, *names, node, contnode)


def setup(app):
    app.connect("missing-reference", find_in_other_modules)
    # numpydoc has the default priority, 500, and must be done first.
    app.connect("autodoc-process-docstring", escape_attributes, priority=501)
