"""The options of ``sklearn-hsae explain``."""

from pathlib import Path

from sklearn_hsae.cli._argument_types import positive
from sklearn_hsae.cli._shared_arguments import add_language_model, add_place

_SCORERS = ("detection", "recall", "fuzz", "simulation", "embedding", "surprisal")


def add_explain(commands):
    """Add the command to what ``add_subparsers`` returned."""
    explain = commands.add_parser(
        "explain",
        help="explain and score the features of an autoencoder of a language model",
        description="Read texts with a language model, name the features of its sparse "
        "autoencoder, and score the names on other texts. Writes explanations/, "
        "scores/, latents/ and run_config.json. The same command goes on where an "
        "earlier one stopped.",
    )
    explain.add_argument(
        "model", metavar="MODEL", help="name on the hub, folder or GGUF"
    )
    explain.add_argument(
        "sae",
        metavar="SAE",
        help="folder or file of an autoencoder, or a folder with one per hookpoint; "
        "on this machine or on the hub, as owner/repository/folder",
    )
    explain.add_argument(
        "--hookpoints",
        action="extend",
        nargs="+",
        metavar="NAME",
        help="layers whose output is read, such as layers.16 (default: the one that "
        "the files of SAE name)",
    )
    explain.add_argument(
        "--embedder",
        metavar="MODEL",
        default="sentence-transformers/all-MiniLM-L6-v2",
        help="for --negatives similar and --scorers embedding (%(default)s)",
    )
    explain.add_argument(
        "--device", metavar="NAME", help="where MODEL runs (default: a GPU if there is)"
    )
    _add_texts(explain)
    examples = explain.add_argument_group("features and examples")
    _add_features(examples)
    _add_examples(examples)
    _add_scores(examples)
    add_language_model(explain.add_argument_group("language model"))
    add_place(explain)


def _add_texts(explain):
    texts = explain.add_argument_group("texts")
    texts.add_argument(
        "--file",
        type=Path,
        metavar="FILE",
        help="one text per line (.txt), a table as for run, or a folder of .txt files, "
        "one text each (default: generated reviews)",
    )
    texts.add_argument(
        "--dataset",
        metavar="NAME",
        help="a data set of the Hugging Face hub, as OWNER/NAME or OWNER/NAME/FOLDER; "
        "its tables are read one by one until there are --max-texts",
    )
    texts.add_argument(
        "--split", metavar="NAME", default="train", help="of --dataset (%(default)s)"
    )
    texts.add_argument(
        "--text", metavar="COLUMN", default="text", help="of a table (%(default)s)"
    )
    texts.add_argument(
        "--max-texts", type=positive, metavar="N", help="the first N texts only"
    )
    texts.add_argument(
        "--max-tokens",
        type=positive,
        default=512,
        metavar="N",
        help="tokens that MODEL reads at once (%(default)s)",
    )


def _add_features(examples):
    examples.add_argument(
        "--max-latents",
        type=positive,
        metavar="N",
        help="the first N features with enough examples (default: all)",
    )
    examples.add_argument(
        "--min-examples",
        type=positive,
        default=20,
        metavar="N",
        help="texts that a feature must be active in (%(default)s)",
    )


def _add_examples(examples):
    examples.add_argument(
        "--n-examples",
        type=positive,
        default=20,
        metavar="N",
        help="texts shown per feature, half of them silent (%(default)s)",
    )
    examples.add_argument(
        "--sampling",
        choices=("top", "quantiles"),
        default="quantiles",
        help="which active texts are shown (%(default)s)",
    )
    examples.add_argument(
        "--negatives",
        choices=("random", "similar", "co-occurring"),
        default="random",
        help="which silent texts are shown (%(default)s)",
    )
    examples.add_argument(
        "--max-words",
        type=positive,
        default=64,
        metavar="N",
        help="words shown of a text, around its first mark (%(default)s)",
    )
    examples.add_argument(
        "--context",
        type=positive,
        metavar="N",
        help="tokens shown of a text, with the one at which the feature is most active "
        "in the middle (default: --max-words alone)",
    )


def _add_scores(examples):
    examples.add_argument(
        "--scorers",
        action="extend",
        nargs="+",
        choices=_SCORERS,
        metavar="NAME",
        help=f"{', '.join(_SCORERS)} (default: detection fuzz; without --llm: "
        "embedding)",
    )
    examples.add_argument(
        "--log-probs",
        action="store_true",
        help="record how probable each yes and no of the judge was, and score by them "
        "too; the server must give log-probabilities",
    )
    examples.add_argument(
        "--estimate",
        action="store_true",
        help="print the number of calls and their price, and stop",
    )
