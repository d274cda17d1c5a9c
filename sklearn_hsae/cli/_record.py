"""The record of a call: all that is needed to do it again."""

import shlex
import sys
from datetime import UTC, datetime

from sklearn.base import BaseEstimator

from sklearn_hsae.report import (
    describe_steps,
    describe_usage,
    package_versions,
)


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


def finish_record(record, pipeline, evaluation, seconds, told):
    """Add the warnings, parameters, results and versions to the record of a run."""
    return {
        **record,
        "warnings": list(told),
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
