"""The options of the command `run`."""

import argparse
from pathlib import Path

from sklearn_hsae.cli._argument_types import (
    cleaned,
    controls,
    listed,
    positive,
    prefixes,
    stop_words,
)
from sklearn_hsae.cli._shared_arguments import (
    add_common,
    add_file_options,
    add_language_model,
)


def add_run(commands):
    run = commands.add_parser(
        "run",
        help="find and test hypotheses on a file",
        description="Find hypotheses on one part of the texts, test them on the other, "
        "and write report.html, hypotheses.csv and run.json.",
    )
    _add_texts_and_outcome(run)
    _add_cleaning(run)
    _add_columns(run)
    _add_more_results(run)
    _add_max_texts(run)
    add_file_options(run)
    _add_sizes(run)
    _add_models(run)
    add_common(run)


def _add_texts_and_outcome(run):
    run.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="csv, tsv, jsonl, json, packed or not, xlsx or parquet",
    )
    run.add_argument("--text", required=True, metavar="COLUMN", help="the texts")
    run.add_argument(
        "--text-b",
        metavar="COLUMN",
        help="the second text of each row, for pairs of texts: --target says which of "
        "both was better (classes), or by how much the first was (numbers)",
    )
    run.add_argument("--target", required=True, metavar="COLUMN", help="the outcome")
    run.add_argument(
        "--holdout",
        type=Path,
        metavar="FILE",
        help="texts to test on (default: half of FILE up to 1,000 texts, a fifth if "
        "that is more, drawn with --seed)",
    )
    run.add_argument(
        "--task",
        choices=("auto", "regression", "classification"),
        default="auto",
        help="auto: classification for words, true/false or two whole numbers",
    )
    run.add_argument(
        "--positive",
        metavar="CLASS",
        help="of two classes, the one that effects point to: + means more likely CLASS "
        "(default: the class that sorts last)",
    )


def _add_more_results(run):
    run.add_argument(
        "--baselines",
        action="store_true",
        help="compare with a lasso on words and with clusters of texts",
    )
    run.add_argument(
        "--repeat",
        type=positive,
        default=0,
        metavar="N",
        help="search N times again with other seeds, and say how often each hypothesis "
        "comes back (default: do not)",
    )


def _add_cleaning(run):
    run.add_argument(
        "--clean",
        action="extend",
        type=cleaned,
        metavar="PART,...",
        help="remove handles, links or numbers from the texts before all steps: "
        "handles,links,numbers (default: leave the texts as they are)",
    )


class _MoreControls(argparse.Action):
    """Given again, the option adds controls: none may be lost without a word."""

    def __call__(self, parser, namespace, values, option_string=None):
        earlier = getattr(namespace, self.dest) or {}
        for name in earlier.keys() & values.keys():
            raise argparse.ArgumentError(self, f"{name!r} is named twice")
        setattr(namespace, self.dest, {**earlier, **values})


def _add_columns(run):
    columns = run.add_argument_group("more columns of the file")
    columns.add_argument(
        "--controls",
        action=_MoreControls,
        type=controls,
        metavar="COLUMN,...",
        help="held equal and not tested: numbers, or categories; C(COLUMN) for numbers "
        "that are the codes of categories",
    )
    columns.add_argument(
        "--groups",
        metavar="COLUMN",
        help="texts that go together, such as those of one author: they are in one "
        "part, and the tests allow for them",
    )
    columns.add_argument(
        "--min-groups",
        type=positive,
        default=1,
        metavar="N",
        help="only neurons that are active in texts of N of --groups (default: 1)",
    )
    columns.add_argument(
        "--by",
        metavar="COLUMN",
        help="compare the effects of the same hypotheses between the values of this "
        "column, such as airlines",
    )
    columns.add_argument(
        "--id",
        metavar="COLUMN",
        help="a name of each text, written into examples.csv and held_out.jsonl beside "
        "its row in FILE",
    )


def _add_max_texts(run):
    run.add_argument(
        "--max-texts",
        type=positive,
        default=200_000,
        metavar="N",
        help="of a larger file, use this number of rows, drawn at random with --seed "
        "(%(default)s)",
    )


def _add_sizes(run):
    sizes = run.add_argument_group(
        "sizes", "The defaults grow with the number of texts, see the user guide."
    )
    sizes.add_argument(
        "--n-neurons", type=positive, metavar="M", help="neurons of the autoencoder"
    )
    sizes.add_argument(
        "--k", type=positive, metavar="K", help="active neurons per text"
    )
    sizes.add_argument(
        "--prefixes",
        type=prefixes,
        default="auto",
        metavar="P,P,...",
        help="nested sizes, as 32,256 or 0.125,1.0, or none",
    )
    sizes.add_argument(
        "--n-select",
        type=positive,
        metavar="N",
        help="number of hypotheses (one per 50 texts to learn from, 3 to 20)",
    )


def _add_models(run):
    models = run.add_argument_group("models")
    models.add_argument(
        "--embedder",
        metavar="MODEL",
        default="auto",
        help="the embedder: a model of sentence-transformers, provider/name, or lsa, "
        "which needs no model (auto: all-MiniLM-L6-v2, which has learnt English; lsa "
        "for other scripts than the Latin one)",
    )
    models.add_argument(
        "--chunk",
        action="store_true",
        help="read long texts to their end, in chunks; else the embedder reads only "
        "their heads",
    )
    add_language_model(models)
    _add_judging(models)


def _add_judging(models):
    models.add_argument(
        "--judge",
        choices=("auto", "embedding", "keyphrase", "llm", "distilled"),
        default="auto",
        help="who judges which text has which concept",
    )
    models.add_argument(
        "--stop-words",
        type=stop_words,
        default="auto",
        metavar="LANGUAGE",
        help="words that name nothing, without --llm: a language such as de, a file "
        "with one word per line, or none (auto: the languages of the texts)",
    )
    models.add_argument(
        "--ignore",
        action="extend",
        type=listed,
        default=[],
        metavar="WORD,...",
        help="words that stand in no name, without --llm: words, patterns such as "
        "'united*', or '@*' for all handles, with commas between them",
    )
