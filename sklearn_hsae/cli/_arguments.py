"""The options of the command line."""

import argparse
from pathlib import Path

import sklearn_hsae
from sklearn_hsae.cli._argument_types import port
from sklearn_hsae.cli._cache_command import add_cache
from sklearn_hsae.cli._explain_arguments import add_explain
from sklearn_hsae.cli._run_arguments import add_run
from sklearn_hsae.cli._shared_arguments import (
    add_common,
    add_file_options,
    add_results,
    add_views,
)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        """Exit with one line, as for every other mistake, without the usage."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def parse_arguments(argv=None):
    """Return the options of one call; exit with 2 when one of them is wrong."""
    parser = _Parser(
        prog="sklearn-hsae",
        description="Tested natural-language hypotheses from texts and an outcome.",
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {sklearn_hsae.__version__}"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_demo(commands)
    add_run(commands)
    _add_apply(commands)
    _add_report(commands)
    _add_explore(commands)
    add_cache(commands)
    add_explain(commands)
    return parser.parse_args(argv)


def _add_demo(commands):
    demo = commands.add_parser(
        "demo",
        help="find the concepts that were planted in generated reviews",
        description="Generate reviews in which some concepts drive the rating, find "
        "hypotheses without a language model, and list which of the planted concepts "
        "were found.",
    )
    add_common(demo)


def _add_apply(commands):
    apply = commands.add_parser(
        "apply",
        help="judge and predict new texts with the model of a run",
        description="Judge which of the new texts have which concept, predict their "
        "outcome, add both as columns to a copy of FILE, compare with the training "
        "texts, and add a line to history.csv in RESULTS. FILE may hold no text.",
    )
    add_results(apply)
    apply.add_argument(
        "file", metavar="FILE", type=Path, help="the new texts, in a file as for run"
    )
    apply.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where the copy goes: .csv, .tsv, .xlsx, .jsonl or .parquet (default: "
        "into RESULTS)",
    )
    apply.add_argument(
        "--text", metavar="COLUMN", help="the texts (default: the column of the run)"
    )
    apply.add_argument(
        "--text-b",
        metavar="COLUMN",
        help="the second texts of pairs (default: the column of the run)",
    )
    apply.add_argument(
        "--target",
        metavar="COLUMN",
        help="new outcomes, to test the hypotheses again on them (default: FILE has "
        "none)",
    )
    add_file_options(apply)


def _add_report(commands):
    report = commands.add_parser(
        "report",
        help="write the report of a run again",
        description="Write report.html again, from what is stored in RESULTS. No text "
        "is embedded or judged.",
    )
    add_results(report)
    add_views(report)


def _add_explore(commands):
    explore = commands.add_parser(
        "explore",
        help="look at the results of a run in the browser",
        description="Serve a page to browsers on this machine, until Ctrl-C: a map of "
        "the held-out texts, the hypotheses and the neurons with their texts, and two "
        "groups of texts against each other. Labels that are corrected there are kept "
        "in RESULTS, and used by report and apply.",
    )
    add_results(explore)
    explore.add_argument(
        "--port",
        type=port,
        default=0,
        metavar="N",
        help="port of the page (default: a free one)",
    )
    explore.add_argument(
        "--no-browser",
        action="store_true",
        help="print the address of the page, and open no browser",
    )
