"""Sphinx configuration: ``sphinx-build -W docs docs/_build/html``."""

import logging
import os
import re
from pathlib import Path

from sphinx_gallery.sorting import ExplicitOrder

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
    "sphinx_gallery.gen_gallery",
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

# The examples need no network. A text is embedded once, and not in the user's cache.
os.environ["XDG_CACHE_HOME"] = str(Path(__file__).parent / "_build" / "cache")
os.environ["HF_HUB_OFFLINE"] = "1"
# Otherwise a package below furo does it, and has the progress of all packages shown.
logging.basicConfig(level=logging.WARNING)
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    # The other scripts are whole jobs that run for the tests.
    "ignore_pattern": r"^(?!plot_)",
    "within_subsection_order": ExplicitOrder(
        [
            "plot_main_job.py",
            "plot_own_file.py",
            "plot_report.py",
            "plot_language_model.py",
            "plot_distilled_judge.py",
            "plot_search.py",
            "plot_controls_and_groups.py",
            "plot_corpora.py",
            "plot_pairs.py",
            "plot_reader.py",
            "plot_new_texts.py",
            "*",
        ]
    ),
    "reference_url": {"sklearn_hsae": None},
    "show_signature": False,
    "download_all_examples": False,
    "write_computation_times": False,  # a page that loads scripts from elsewhere
    "ignore_repr_types": r"matplotlib|sklearn_hsae\.plot",
}

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["gallery.css"]
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
