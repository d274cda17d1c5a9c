"""Options that several commands have."""

from pathlib import Path

from sklearn_hsae.cli._argument_types import (
    cache_dir,
    count,
    dollars,
    seconds,
    seed,
)


def add_results(parser):
    parser.add_argument(
        "results",
        metavar="RESULTS",
        type=Path,
        help="the folder that run wrote into",
    )


def add_views(parser):
    views = parser.add_argument_group("what is written for readers")
    views.add_argument(
        "--figures",
        action="store_true",
        help="write figures as PNG and SVG into the folder figures",
    )
    views.add_argument(
        "--examples",
        type=count,
        default=3,
        metavar="N",
        help="texts with and without each concept, in the report and in examples.csv "
        "(%(default)s of each)",
    )


def add_file_options(run):
    files = run.add_argument_group("how the files are read")
    files.add_argument(
        "--drop-missing",
        action="store_true",
        help="leave out rows without a text, an outcome or a value of another column "
        "that is named, and say how many",
    )
    files.add_argument(
        "--decimal",
        choices=(".", ","),
        help="the decimal sign of the outcome (default: found)",
    )
    files.add_argument(
        "--encoding",
        metavar="NAME",
        help="such as cp1252 (default: UTF-8, or what the file's first bytes tell)",
    )


def add_common(parser):
    add_views(parser)
    add_place(parser)


def add_place(parser):
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results"),
        metavar="FOLDER",
        help="where the files go (%(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=seed,
        default=0,
        metavar="N",
        help="the same seed gives the same hypotheses (%(default)s)",
    )
    parser.add_argument(
        "--cache-dir",
        type=cache_dir,
        default="auto",
        metavar="FOLDER",
        help="where embeddings and annotations are kept; none turns it off "
        "(the user's cache folder)",
    )


def add_language_model(models):
    models.add_argument(
        "--llm",
        metavar="MODEL",
        help="language model that names and judges, as provider/name; without it "
        "nothing leaves this machine",
    )
    models.add_argument(
        "--api-base", metavar="URL", help="an OpenAI-compatible server for --llm"
    )
    models.add_argument(
        "--max-cost",
        type=dollars,
        metavar="DOLLARS",
        help="stop before --llm costs more; a call repeated for the same files goes "
        "on with what is left",
    )
    models.add_argument(
        "--timeout",
        type=seconds,
        default=120.0,
        metavar="SECONDS",
        help="give up a call to --llm after this time (120)",
    )
    models.add_argument(
        "--instructions",
        metavar="TEXT",
        help="what the texts are and which kind of concept is wanted, for --llm",
    )
