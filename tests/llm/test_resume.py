"""Killed, or several at once: what was answered is never paid for again."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from llm_server import LLMServer, answer_by_rules, has_property

from sklearn_hsae import LanguageModel
from sklearn_hsae._cache import open_cache
from sklearn_hsae.judges._llm_judge import LLMJudge

N_TEXTS, CONCURRENCY = 200, 4
TEXTS = [f"text {i} word{i % 7}" for i in range(N_TEXTS)]
CONCEPTS = [f"mentions word{i}" for i in range(3)]
TRUTH = np.array([[has_property(c, t) for c in CONCEPTS] for t in TEXTS], float)

# Imports once, and forks for each piece of work: a new Python would take seconds.
FORKS = """
import asyncio, os, signal, sys
from sklearn_hsae.llm import import_litellm
from test_resume import judge_of
try:  # what litellm imports at the first call; nobody listens there
    asyncio.run(import_litellm().acompletion(
        "openai/m", [{"role": "user", "content": "?"}], api_key="none",
        api_base="http://127.0.0.1:9/v1", num_retries=0, max_retries=0,
    ))
except Exception:
    pass
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        judge_of(*line.split())
        os._exit(0)
    print(pid, flush=True)
"""


def judge_of(url, cache_dir, how="single"):
    llm = LanguageModel(
        "openai/m",
        api_base=url,
        cache_dir=cache_dir,
        max_concurrency=CONCURRENCY,
        batch=how == "batch",
    )
    judge = LLMJudge(llm, texts_per_call=1)
    return judge.fit(CONCEPTS, TEXTS).judge(TEXTS)


@pytest.fixture(scope="module")
def start():
    """Start judging in a process of its own; return its number."""
    paths = os.pathsep.join(["tests/llm", "tests", ".", *sys.path])
    with subprocess.Popen(
        [sys.executable, "-c", FORKS],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as forks:

        def start(*arguments):
            forks.stdin.write(" ".join(map(str, arguments)) + "\n")
            forks.stdin.flush()
            return int(forks.stdout.readline())

        yield start
        forks.stdin.close()


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def answered_texts(server):
    return Counter(
        call["body"]["messages"][0]["content"].split("<texts>")[1]
        for call in server.calls
    )


def test_kill_9_at_random_moments_and_resume(start, tmp_path):
    rng, n_kills = random.Random(0), 20
    with LLMServer(answer_by_rules, latency=0.02) as server:
        for _ in range(n_kills):
            n_calls = min(len(server.calls) + rng.randint(1, 7), N_TEXTS - 1)
            pid = start(server.url, tmp_path)
            wait_for(lambda n=n_calls: len(server.calls) >= n)
            time.sleep(rng.uniform(0, 0.03))
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda pid=pid: not is_running(pid))
        answers = judge_of(server.url, tmp_path)
    np.testing.assert_array_equal(answers, TRUTH)
    # Paid for twice are at most those that were under way when it was killed.
    assert len(server.calls) <= N_TEXTS + n_kills * CONCURRENCY
    assert len(answered_texts(server)) == N_TEXTS


def test_after_a_kill_9_the_batch_under_way_is_waited_for(start, tmp_path):
    with LLMServer(answer_by_rules, batch=(10**9, "completed")) as server:
        for n_looks in range(1, 4):
            pid = start(server.url, tmp_path, "batch")
            wait_for(
                lambda n=n_looks: any(b["looks"] >= n for b in server.batches.values())
            )
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda pid=pid: not is_running(pid))
        server.batch = (1, "completed")
        answers = judge_of(server.url, tmp_path, "batch")
    np.testing.assert_array_equal(answers, TRUTH)
    assert len(server.batches) == 1 and len(server.calls) == N_TEXTS


def test_processes_that_share_a_cache_share_the_work(start, tmp_path):
    with LLMServer(answer_by_rules, latency=0.02) as server:
        pids = [start(server.url, tmp_path) for _ in range(4)]
        wait_for(lambda: not any(map(is_running, pids)))
        n_calls = len(server.calls)
        answers = judge_of(server.url, tmp_path)
        assert len(server.calls) == n_calls  # nothing was lost
    np.testing.assert_array_equal(answers, TRUTH)
    assert n_calls == N_TEXTS
    with open_cache(tmp_path, "llm") as cache:
        state = cache._connection().execute("PRAGMA integrity_check").fetchone()
    assert state == ("ok",)
