"""The folder of a run: what `run` writes, and what `apply` and `report` read."""

import json
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from sklearn_hsae import load_pipeline, save_pipeline
from sklearn_hsae._extras import import_extra
from sklearn_hsae._files import file_hash, json_value, write_text
from sklearn_hsae.evaluation import (
    HypothesisEvaluation,
    class_name,
    load_evaluation,
    save_evaluation,
)
from sklearn_hsae.explorer import LABEL_FILE, LabelFile
from sklearn_hsae.plot import FIGURE_FILES, save_figures
from sklearn_hsae.report import draw_examples, write_report

_FORMAT = 2
_RECORD = "run.json"
_MODEL, _EVALUATION, _HELD_OUT = "model.skops", "evaluation.json", "held_out.jsonl"
_FIGURES = "figures"
_STORED = (_MODEL, _EVALUATION, _HELD_OUT)
_BY_GROUP = "by_group.csv"


@dataclass
class Results:
    """What a run has stored.

    Attributes
    ----------
    folder : pathlib.Path
    record : dict
        The content of run.json.
    """

    folder: Path
    record: dict

    @property
    def target(self):
        """The name of the outcome."""
        return self.record["data"]["target"]

    @property
    def control_kinds(self):
        """For each control, how `load_texts` reads it."""
        return self.record["stored"]["control kinds"]

    def model(self):
        """The fitted pipeline."""
        return load_pipeline(self.folder / _MODEL)

    @property
    def model_hash(self):
        """The hash of the file of the pipeline."""
        return self.record["stored"]["files"][_MODEL]

    def evaluation(self) -> HypothesisEvaluation:
        """What the run found on the held-out texts."""
        return load_evaluation(self.folder / _EVALUATION)

    def labels(self):
        """The labels that a reader has corrected in the explorer."""
        return LabelFile(self.folder / LABEL_FILE).all()

    def by_group(self):
        """The comparison of groups; None without one."""
        if _BY_GROUP not in self.record["stored"]["files"]:
            return None
        table = _read_table(self.folder / _BY_GROUP)
        table.attrs["by"] = self.record["data"]["by"]
        return table

    def held_out(self):
        """The held-out texts: a frame with `row`, `text`, `outcome`, maybe `id`."""
        lines = (self.folder / _HELD_OUT).read_text(encoding="utf-8").splitlines()
        return pd.DataFrame([json.loads(line) for line in lines])


@contextmanager
def results_folder(path):
    """Make the folder for the results, and make sure that files can be written.

    When the block fails, folders that were made for it and are empty are removed.
    """
    new = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        _make_writable(path)
        yield
    except BaseException:
        for folder in new:
            with suppress(OSError):  # it holds something by now
                folder.rmdir()
        raise


def _make_writable(path):
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ValueError(
            f"cannot write into --out {path}: {error.strerror}. Name another folder."
        ) from None


def write_results(arguments, split, pipeline, evaluation, record, by=None):
    """Write the files of a run, each whole or not at all; return their paths.

    run.json comes last. It names the others by their hashes, so that a folder that was
    written by halves is found out.
    """
    folder = arguments.out
    tables = {
        "hypotheses.csv": _with_direction(_hypotheses(evaluation), evaluation, record),
        "concepts.csv": _concepts(evaluation),
        "controls.csv": evaluation.controls,
        _BY_GROUP: by,
        "stability.csv": evaluation.stability,
        "drift.csv": evaluation.drift,
        "neuron_drift.csv": evaluation.neuron_drift,
    }
    names = _STORED if by is None else (*_STORED, _BY_GROUP)
    written = _write_tables(folder, tables)
    held_out = _held_out(split)
    write_text(folder / _HELD_OUT, _as_lines(held_out))
    save_pipeline(pipeline, folder / _MODEL)
    save_evaluation(evaluation, folder / _EVALUATION)
    stored = {
        "format": _FORMAT,
        "control kinds": _control_kinds(split.texts),
        "files": {name: file_hash(folder / name) for name in names},
    }
    record = json_value({**record, "stored": stored})
    for path in FIGURE_FILES:  # of an earlier call, which say something else
        (folder / _FIGURES / path).unlink(missing_ok=True)
    paths = write_views(
        folder, evaluation, record, held_out, arguments, by=by, pipeline=pipeline
    )
    paths += written
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(folder / _RECORD, text + "\n")
    return [*paths, folder / _MODEL, folder / _RECORD]


def check_views(arguments):
    """Refuse figures that cannot be drawn, before any work is done."""
    if arguments.figures:
        import_extra("matplotlib", extra="plot", use="figures")


def write_views(
    folder, evaluation, record, held_out, arguments, *, by=None, pipeline=None
):
    """Write what is made of stored results for a reader; return the paths.

    Parameters
    ----------
    folder : pathlib.Path
    evaluation : HypothesisEvaluation
    record : dict
        The content of run.json.
    held_out : DataFrame
        The held-out texts, as `Results.held_out` returns them.
    arguments : argparse.Namespace
    by : DataFrame or None
        The comparison of groups.
    pipeline : Pipeline or None
        For figures of its autoencoder.
    """
    report, examples = folder / "report.html", folder / "examples.csv"
    write_report(
        evaluation,
        report,
        texts=held_out["text"],
        y=held_out["outcome"],
        run=record,
        n_examples=arguments.examples,
        by=by,
    )
    drawn = draw_examples(evaluation, arguments.examples)
    write_text(examples, _example_table(drawn, held_out).to_csv(index=False))
    if not arguments.figures:
        return [report, examples]
    outcome = record["data"]["target"]
    save_figures(
        evaluation, folder / _FIGURES, outcome=outcome, by=by, pipeline=pipeline
    )
    return [report, examples, folder / _FIGURES]


def _example_table(drawn, held_out):
    """The drawn texts of each hypothesis in full, with their rows in the file."""
    values = (1, 0)
    if not isinstance(held_out["text"].iloc[0], str):  # pairs
        first, second = zip(*held_out["text"], strict=True)
        held_out, values = held_out.assign(text=first, text_b=second), (1, -1)
    parts = [
        held_out.iloc[rows].assign(hypothesis=name, annotation=value)
        for name, sides in drawn.items()
        for value, rows in zip(values, sides, strict=True)
    ]
    columns = ["hypothesis", "annotation", *held_out.columns]
    return pd.concat(parts, ignore_index=True)[columns]


def read_results(folder):
    """Open the folder of a run.

    Raises
    ------
    ValueError
        When it is no such folder, of another version, or incomplete.
    """
    if not folder.is_dir():
        raise ValueError(
            f"there is no folder {folder}. Name the folder that sklearn-hsae run wrote "
            "its results into."
        )
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        version = record["versions"]["sklearn-hsae"]
    except FileNotFoundError:
        raise ValueError(
            f"{folder} has no {_RECORD}: it is no folder of sklearn-hsae run, or that "
            "call did not end. Run it again."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{folder / _RECORD} is no record of sklearn-hsae run. Run it again."
        ) from None
    stored = record.get("stored", {})
    if stored.get("format") != _FORMAT:
        raise ValueError(
            f"{folder} was written by sklearn-hsae {version}, which stored no model "
            "that this version can read. Run it again."
        )
    for name, known in stored["files"].items():
        path = folder / name
        if not path.is_file() or file_hash(path) != known:
            state = "is not the file" if path.is_file() else "is missing, the file"
            raise ValueError(
                f"{folder} is incomplete or was changed: {name} {state} that "
                f"{_RECORD} names. Run it again."
            )
    return Results(folder, record)


def _read_table(path):
    """A table of a run; "NA" may be the name of a concept or of a group."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def _held_out(split):
    """The held-out texts, as `Results.held_out` returns them."""
    texts = np.asarray(split.new_texts, dtype=object).tolist()
    return split.new_names.reset_index(drop=True).assign(
        text=texts, outcome=split.new_y
    )


def _as_lines(frame):
    """A JSON object per row; one line each, whatever line ends a text contains."""
    lines = [json.dumps(json_value(row)) for row in frame.to_dict("records")]
    return "\n".join(lines) + "\n"


def _control_kinds(texts):
    """How `load_texts` must read each control, which stands in the index of texts."""
    if not isinstance(texts, pd.Series):
        return {}
    kinds = {True: "regression", False: "classification"}
    return {
        name: kinds[is_numeric_dtype(texts.index.levels[i].dtype)]
        for i, name in enumerate(texts.index.names)
    }


def _write_tables(folder, tables):
    """Write the tables that there are; remove those of an earlier call."""
    written = []
    for name, table in tables.items():
        path = folder / name
        if table is None:
            path.unlink(missing_ok=True)
        else:
            write_text(path, table.to_csv(index=False))
            written.append(path)
    return written


def _hypotheses(evaluation):
    """One row per hypothesis, as the terminal and the report show it."""
    table = evaluation.to_frame()
    return table.assign(members=table["members"].map(" | ".join))


def _concepts(evaluation):
    """One row per concept, where some share a hypothesis; None where none does."""
    is_one_each = len(evaluation.to_frame()) == len(evaluation.table)
    return None if is_one_each else evaluation.table


def _with_direction(table, evaluation, record):
    """The table with a column that says what a positive effect means."""
    target = record["data"]["target"]
    if "class" not in table:
        return table.assign(direction=evaluation.direction(target))
    names = [class_name(label, target) for label in table["class"]]
    return table.assign(direction=[f"+ means more likely {name}" for name in names])
