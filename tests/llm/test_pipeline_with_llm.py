"""Language models in a pipeline: what they cost is in the report, their key nowhere."""

import io
import logging
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from llm_server import LLMServer, language_model
from sklearn.pipeline import Pipeline

from sklearn_hsae import (
    ConceptAnnotator,
    HypothesisRegressor,
    LLMInterpreter,
    evaluate_hypotheses,
    with_texts,
    write_report,
)

SECRET = "sk-thisisthesecretkey0123456789"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The estimators, the log and the folder of one run with a report."""
    folder, log = tmp_path_factory.mktemp("run"), io.StringIO()
    handler = logging.StreamHandler(log)
    logger = logging.getLogger("sklearn_hsae")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice([f"word{i}" for i in range(9)], 5)) for _ in range(80)]
    fires = np.array([[f"word{j}" in text for j in (1, 2)] for text in texts], float)
    X = with_texts(pd.DataFrame(fires, columns=["sae1", "sae2"]), texts)
    y = fires @ [1.0, -1.0] + rng.normal(size=80)
    with pytest.MonkeyPatch.context() as patch, LLMServer(faults=["500"]) as server:
        patch.setenv("OPENAI_API_KEY", SECRET)
        llm = language_model(
            server, {"cache_dir": str(folder)}, name="openai/gpt-4o-mini"
        )
        options = {"llm": llm, "random_state": 0}
        interpret = LLMInterpreter(n_candidates=1, **options)
        pipeline = Pipeline(
            [
                ("interpret", interpret),
                ("annotate", ConceptAnnotator(**options)),
                ("regress", HypothesisRegressor()),
            ]
        ).fit(X, y)
        evaluation = evaluate_hypotheses(pipeline, X, y)
        write_report(evaluation, folder / "report.html", pipeline=pipeline)
        calls = list(server.calls)
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)
    return pipeline, calls, log.getvalue(), folder


def test_every_call_is_on_the_bill_of_a_step(run):
    pipeline, calls, _, _ = run
    interpret, annotate = pipeline["interpret"].usage_, pipeline["annotate"].usage_
    assert interpret["calls"] + annotate["calls"] == len(calls)
    assert interpret["retries"] == 1
    assert interpret["dollars"] > 0 and annotate["dollars"] > 0
    # Judged in the fit, and found again when the same texts were evaluated.
    assert annotate["cache_hits"] >= 80 * 2


def test_the_report_says_what_was_spent(run):
    pipeline, _, _, folder = run
    html = (folder / "report.html").read_text("utf-8")
    assert "Language models" in html
    for step in ("interpret", "annotate"):
        assert f"Calls: {pipeline[step].usage_['calls']}, Prompt tokens" in html


def test_the_key_was_sent_and_is_nowhere_else(run):
    pipeline, calls, log, folder = run
    assert all(call["authorization"] == f"Bearer {SECRET}" for call in calls)
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    dumped = io.BytesIO()
    joblib.dump(pipeline, dumped)
    shown = [repr(pipeline), repr(pipeline["annotate"].judge_.__dict__), log]
    assert log and len(files) >= 2
    everything = [*files, dumped.getvalue(), pickle.dumps(pipeline)]
    everything += [text.encode() for text in shown]
    assert not any(SECRET.encode() in found for found in everything)
