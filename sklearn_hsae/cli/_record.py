"""The files of a call: report.html, hypotheses.csv, controls.csv and run.json."""

import json
import shlex
import sys
import tempfile
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from sklearn.base import BaseEstimator

from sklearn_hsae._files import json_value, write_text
from sklearn_hsae.evaluation import class_name
from sklearn_hsae.report import (
    describe_steps,
    describe_usage,
    package_versions,
    write_report,
)


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


def start_record(arguments, argv, split):
    """What is known before the long work begins."""
    words = ["sklearn-hsae", *(sys.argv[1:] if argv is None else argv)]
    return {
        "command": shlex.join(map(str, words)),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": arguments.seed,
        "data": {
            **split.source,
            "task": split.task,
            "texts to learn from": len(split.texts),
            "texts held out": len(split.new_texts),
        },
    }


def finish_record(record, pipeline, evaluation, seconds):
    """Add the parameters, the results and the versions to the record of a run."""
    return {
        **record,
        "seconds": seconds | {"total": round(sum(seconds.values()), 2)},
        "steps": describe_steps(pipeline),
        "parameters": {name: _parameters(step) for name, step in pipeline.steps},
        "metrics": evaluation.metrics,
        "ceilings": evaluation.to_dict()["ceilings"],
        "usage": describe_usage(pipeline),
        "versions": package_versions(),
    }


def _parameters(step):
    """All parameters of a step, those of its embedder and language model among them."""
    return {
        name: value
        for name, value in step.get_params().items()
        if not isinstance(value, BaseEstimator)
    }


def write_outputs(folder, split, pipeline, evaluation, record):
    """Write the files, each whole or not at all; return their paths."""
    paths = [folder / name for name in ("report.html", "hypotheses.csv", "run.json")]
    write_report(
        evaluation,
        paths[0],
        texts=split.new_texts,
        y=split.new_y,
        pipeline=pipeline,
        run=record,
    )
    write_text(paths[1], _with_direction(evaluation, record).to_csv(index=False))
    text = json.dumps(json_value(record), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(paths[2], text + "\n")
    more = {"controls.csv": evaluation.controls}
    return paths + _write_tables(folder, more)


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


def _with_direction(evaluation, record):
    """The table with a column that says what a positive effect means."""
    table, target = evaluation.table, record["data"]["target"]
    if "class" not in table:
        return table.assign(direction=evaluation.direction(target))
    names = [class_name(label, target) for label in table["class"]]
    return table.assign(direction=[f"+ means more likely {name}" for name in names])
