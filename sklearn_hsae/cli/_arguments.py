"""The options of the command line."""

import argparse
import csv
import math
import re
from pathlib import Path

import sklearn_hsae
from sklearn_hsae.cli._cache_command import add_cache
from sklearn_hsae.cli._explain_arguments import add_explain


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
    _add_run(commands)
    _add_apply(commands)
    _add_report(commands)
    _add_explore(commands)
    add_cache(commands)
    add_explain(
        commands,
        positive=_positive,
        add_common=_add_place,
        add_llm=_add_language_model,
    )
    return parser.parse_args(argv)


def _add_demo(commands):
    demo = commands.add_parser(
        "demo",
        help="find the concepts that were planted in generated reviews",
        description="Generate reviews in which some concepts drive the rating, find "
        "hypotheses without a language model, and list which of the planted concepts "
        "were found.",
    )
    _add_common(demo)


def _add_run(commands):
    run = commands.add_parser(
        "run",
        help="find and test hypotheses on a file",
        description="Find hypotheses on one part of the texts, test them on the other, "
        "and write report.html, hypotheses.csv and run.json.",
    )
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
    _add_cleaning(run)
    _add_columns(run)
    run.add_argument(
        "--baselines",
        action="store_true",
        help="compare with a lasso on words and with clusters of texts",
    )
    run.add_argument(
        "--repeat",
        type=_positive,
        default=0,
        metavar="N",
        help="search N times again with other seeds, and say how often each hypothesis "
        "comes back (default: do not)",
    )
    _add_max_texts(run)
    _add_file_options(run)
    _add_sizes(run)
    _add_models(run)
    _add_common(run)


def _add_apply(commands):
    apply = commands.add_parser(
        "apply",
        help="judge and predict new texts with the model of a run",
        description="Judge which of the new texts have which concept, predict their "
        "outcome, add both as columns to a copy of FILE, compare with the training "
        "texts, and add a line to history.csv in RESULTS. FILE may hold no text.",
    )
    _add_results(apply)
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
    _add_file_options(apply)


def _add_report(commands):
    report = commands.add_parser(
        "report",
        help="write the report of a run again",
        description="Write report.html again, from what is stored in RESULTS. No text "
        "is embedded or judged.",
    )
    _add_results(report)
    _add_views(report)


def _add_explore(commands):
    explore = commands.add_parser(
        "explore",
        help="look at the results of a run in the browser",
        description="Serve a page to browsers on this machine, until Ctrl-C: a map of "
        "the held-out texts, the hypotheses and the neurons with their texts, and two "
        "groups of texts against each other. Labels that are corrected there are kept "
        "in RESULTS, and used by report and apply.",
    )
    _add_results(explore)
    explore.add_argument(
        "--port",
        type=_port,
        default=0,
        metavar="N",
        help="port of the page (default: a free one)",
    )
    explore.add_argument(
        "--no-browser",
        action="store_true",
        help="print the address of the page, and open no browser",
    )


def _add_views(parser):
    views = parser.add_argument_group("what is written for readers")
    views.add_argument(
        "--figures",
        action="store_true",
        help="write figures as PNG and SVG into the folder figures",
    )
    views.add_argument(
        "--examples",
        type=_count,
        default=3,
        metavar="N",
        help="texts with and without each concept, in the report and in examples.csv "
        "(%(default)s of each)",
    )


def _add_results(parser):
    parser.add_argument(
        "results",
        metavar="RESULTS",
        type=Path,
        help="the folder that run wrote into",
    )


def _add_columns(run):
    columns = run.add_argument_group("more columns of the file")
    columns.add_argument(
        "--controls",
        type=_controls,
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
        type=_positive,
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


def _add_cleaning(run):
    run.add_argument(
        "--clean",
        type=_cleaned,
        metavar="PART,...",
        help="remove handles, links or numbers from the texts before all steps: "
        "handles,links,numbers (default: leave the texts as they are)",
    )


def _add_file_options(run):
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


def _add_max_texts(run):
    run.add_argument(
        "--max-texts",
        type=_positive,
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
        "--n-neurons", type=_positive, metavar="M", help="neurons of the autoencoder"
    )
    sizes.add_argument(
        "--k", type=_positive, metavar="K", help="active neurons per text"
    )
    sizes.add_argument(
        "--prefixes",
        type=_prefixes,
        default="auto",
        metavar="P,P,...",
        help="nested sizes, as 32,256 or 0.125,1.0, or none",
    )
    sizes.add_argument(
        "--n-select",
        type=_positive,
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
    _add_language_model(models)
    _add_judging(models)


def _add_language_model(models):
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
        type=_dollars,
        metavar="DOLLARS",
        help="stop before --llm costs more; a call repeated for the same files goes "
        "on with what is left",
    )
    models.add_argument(
        "--timeout",
        type=_seconds,
        default=120.0,
        metavar="SECONDS",
        help="give up a call to --llm after this time (120)",
    )
    models.add_argument(
        "--instructions",
        metavar="TEXT",
        help="what the texts are and which kind of concept is wanted, for --llm",
    )


def _add_judging(models):
    models.add_argument(
        "--judge",
        choices=("auto", "embedding", "keyphrase", "llm", "distilled"),
        default="auto",
        help="who judges which text has which concept",
    )
    models.add_argument(
        "--stop-words",
        type=_stop_words,
        default="auto",
        metavar="LANGUAGE",
        help="words that name nothing, without --llm: a language such as de, a file "
        "with one word per line, or none (auto: the languages of the texts)",
    )
    models.add_argument(
        "--ignore",
        action="extend",
        type=_listed,
        default=[],
        metavar="WORD,...",
        help="words that stand in no name, without --llm: words, patterns such as "
        "'united*', or '@*' for all handles, with commas between them",
    )


def _add_common(parser):
    _add_views(parser)
    _add_place(parser)


def _add_place(parser):
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results"),
        metavar="FOLDER",
        help="where the files go (%(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=_seed,
        default=0,
        metavar="N",
        help="the same seed gives the same hypotheses (%(default)s)",
    )
    parser.add_argument(
        "--cache-dir",
        type=_cache_dir,
        default="auto",
        metavar="FOLDER",
        help="where embeddings and annotations are kept; none turns it off "
        "(the user's cache folder)",
    )


def _positive(text):
    number = _whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _count(text):
    number = _whole(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number


def _port(text):
    number = _whole(text)
    if not 0 <= number < 2**16:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 65535")
    return number


def _seed(text):
    number = _whole(text)
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 2**32 - 1")
    return number


def _whole(text):
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _dollars(text):
    return _number(text, "a number of dollars such as 2.50", lambda x: x >= 0)


def _seconds(text):
    return _number(text, "a number of seconds above 0", lambda x: x > 0)


def _number(text, wanted, is_allowed):
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and is_allowed(number)):
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return number


def _prefixes(text):
    if text in ("auto", "none"):
        return None if text == "none" else text
    try:
        sizes = tuple(_prefix(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of sizes such as 32,256 or 0.125,1.0"
        ) from None
    if list(sizes) != sorted(set(sizes)) or not sizes[0] > 0:
        raise argparse.ArgumentTypeError(f"{text} does not grow from above 0")
    return sizes


def _prefix(text):
    if "." not in text:
        return int(text)
    share = float(text)
    if not 0 < share <= 1 or math.isnan(share):
        raise ValueError
    return share


def _stop_words(text):
    if text in ("auto", "none"):
        return [] if text == "none" else text
    from sklearn_hsae.judges import stop_word_languages

    if text in stop_word_languages():
        return text
    try:
        return Path(text).read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a file in UTF-8 nor one of: auto, none, "
            f"{', '.join(stop_word_languages())}"
        ) from None


def _controls(text):
    controls = {}
    for part in _listed(text):
        code = re.fullmatch(r"C\((.+)\)", part)
        name = code[1] if code else part
        if name in controls:
            raise argparse.ArgumentTypeError(f"{name!r} is named twice")
        controls[name] = "classification" if code else "auto"
    return controls


def _cleaned(text):
    from sklearn_hsae.cleaning import CLEANED

    parts = _listed(text)
    for part in parts:
        if part not in CLEANED:
            raise argparse.ArgumentTypeError(
                f"{part!r} is none of {', '.join(CLEANED)}"
            )
    return parts


def _listed(text):
    """The entries between the commas; one with a comma stands in double quotes."""
    entries = next(csv.reader([text], skipinitialspace=True), [])
    entries = [entry.strip() for entry in entries]
    if not entries or "" in entries:
        raise argparse.ArgumentTypeError(f"{text!r} has an empty entry")
    return entries


def _cache_dir(text):
    return None if text == "none" else text
