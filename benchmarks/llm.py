"""What calls to a language model cost here, and with HypotheSAEs.

    python benchmarks/llm.py [--peer PYTHON] [--texts 2000] [--data DIR]

All calls go to the rule-based server of the tests, in a process of its own, so that
answers can be checked and the only thing that differs is the client. ``--peer`` is the
Python of an environment with ``hypothesaes`` installed. Texts and order are drawn with
a fixed seed. ``--data`` is a folder with ``yelp_train.jsonl.gz``, ``yelp_holdout...``
and the same for airline, each row with a ``text``: the distilled judge is taught there.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

HERE = Path(__file__).parent
SERVER = HERE.parent / "tests" / "llm_server.py"
sys.path[:0] = [str(HERE.parent), str(SERVER.parent)]

from llm_server import has_property  # noqa: E402

from sklearn_hsae import EmbeddingTransformer, LanguageModel  # noqa: E402
from sklearn_hsae.judges._distilled_judge import DistilledJudge  # noqa: E402
from sklearn_hsae.judges._llm_judge import LLMJudge  # noqa: E402
from sklearn_hsae.llm import LLMClient, Request, import_litellm  # noqa: E402
from sklearn_hsae.llm._background import run_in_background  # noqa: E402

MODEL = "openai/gpt-4o-mini"
PEER = """
import json, os, sys, time
spec = json.load(open(sys.argv[1]))
from hypothesaes.annotate import annotate_texts_with_concepts
start = time.perf_counter()
answers = annotate_texts_with_concepts(
    texts=spec["texts"], concepts=spec["concepts"], model="gpt-4o-mini",
    cache_name=None, n_workers=30, show_progress=False,
)
seconds = time.perf_counter() - start
answers = {c: [int(a) for a in answers[c]] for c in spec["concepts"]}
json.dump({"seconds": seconds, "answers": answers}, open(sys.argv[2], "w"))
"""


@contextlib.contextmanager
def serve(latency):
    process = subprocess.Popen(
        [sys.executable, str(SERVER), "--latency", str(latency)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def make_texts(n_texts, n_words=40):
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(400)]
    return [" ".join(rng.choice(words, n_words)) for _ in range(n_texts)]


def make_concepts():
    return [f"mentions word{i}, word{i + 50}, word{i + 100}" for i in range(20)]


def truth_of(texts, concepts):
    return np.array([[has_property(c, t) for c in concepts] for t in texts], float)


def model_at(url, **settings):
    return LanguageModel(MODEL, **{"api_base": url, "cache_dir": None, **settings})


def warm_up(url):
    judge = LLMJudge(model_at(url)).fit(["mentions a"], ["a"])
    judge.judge(["a"])


def judge_ours(texts, concepts, texts_per_call):
    with serve(latency=0.2) as url:
        warm_up(url)
        llm = model_at(url, max_concurrency=30)
        judge = LLMJudge(llm, texts_per_call=texts_per_call)
        start = time.perf_counter()
        answers = judge.fit(concepts, texts).judge(texts)
        seconds = time.perf_counter() - start
    return judge.usage.calls, seconds, answers


def judge_peer(python, texts, concepts):
    import json

    with tempfile.TemporaryDirectory() as folder, serve(latency=0.2) as url:
        spec, result = Path(folder, "spec.json"), Path(folder, "result.json")
        spec.write_text(json.dumps({"texts": texts, "concepts": concepts}))
        environment = {**os.environ, "OPENAI_BASE_URL": url, "OPENAI_KEY_SAE": "none"}
        subprocess.run(
            [python, "-c", PEER, str(spec), str(result)], env=environment, check=True
        )
        found = json.loads(result.read_text())
    answers = np.array([found["answers"][c] for c in concepts], float).T
    return len(texts) * len(concepts), found["seconds"], answers


def compare(peer, n_texts):
    texts, concepts = make_texts(n_texts), make_concepts()
    truth = truth_of(texts, concepts)
    rows = [("ours", judge_ours(texts, concepts, 8))]
    rows.append(("ours, one text a call", judge_ours(texts, concepts, 1)))
    if peer:
        rows.append(("hypothesaes", judge_peer(peer, texts, concepts)))
    print(f"{n_texts} texts x 20 concepts, latency 200 ms, 30 calls at once")
    for name, (calls, seconds, answers) in rows:
        is_right = "all right" if np.array_equal(answers, truth) else "NOT all right"
        print(f"  {name:22} {calls:6} calls {seconds:8.1f} s  {is_right}")


def overhead(n_calls=2000, n_rounds=3):
    """Milliseconds a call at 64 at once, when the server answers at once.

    litellm alone is asked in the same way and in turn; the best of the rounds counts.
    """
    prompts = [f"{i} " * 100 for i in range(n_calls)]
    requests = [
        Request([{"role": "user", "content": p}], {"type": "object"}, dict)
        for p in prompts
    ]

    def litellm_alone(url):
        async def work(queue):
            for request in queue:
                await import_litellm().acompletion(
                    model=MODEL,
                    messages=request.messages,
                    response_format=request.response_format,
                    api_base=url,
                    api_key="none",
                    timeout=120.0,
                    num_retries=0,
                    max_retries=0,
                    drop_params=True,
                )

        async def run():
            queue = iter(requests)
            await asyncio.gather(*(work(queue) for _ in range(64)))

        run_in_background(run())

    def ours(url):
        with tempfile.TemporaryDirectory() as folder:
            client = LLMClient(model_at(url, cache_dir=folder, max_concurrency=64))
            client.ask(requests, "")

    def milliseconds(work, url):
        start = time.perf_counter()
        work(url)
        return (time.perf_counter() - start) / n_calls * 1e3

    with serve(latency=0) as url:
        warm_up(url)
        times = [
            [milliseconds(work, url) for work in (litellm_alone, ours)]
            for _ in range(n_rounds)
        ]
    alone, with_all = np.min(times, axis=0)
    print(f"a call at 64 at once, server without latency, {n_calls} calls")
    print(f"  litellm alone {alone:.2f} ms; with cache, budget, retries {with_all:.2f}")


def reread():
    texts, concepts = make_texts(5000), make_concepts()
    with serve(latency=0) as url, tempfile.TemporaryDirectory() as folder:

        def judge():
            judge = LLMJudge(model_at(url, cache_dir=folder, max_concurrency=64))
            start = time.perf_counter()
            judge.fit(concepts, texts).judge(texts)
            return time.perf_counter() - start, judge.usage.calls

        first, second = judge(), judge()
    print("100,000 judgements")
    print(f"  asked {first[0]:.1f} s, {first[1]} calls; re-read {second[0]:.2f} s")


def memory():
    with serve(latency=0) as url:
        sizes = []
        for n_texts in (500, 500, 2000, 8000):
            judge = LLMJudge(model_at(url, max_concurrency=64), texts_per_call=1)
            texts = make_texts(n_texts, n_words=300)
            judge.fit(["mentions word1"], texts).judge(texts)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            sizes.append(f"{n_texts} calls {peak:.0f} MB")
    print("peak memory, texts included:", ", ".join(sizes))


TAUGHT = {
    "yelp": ["waited, minutes, wait", "delicious, amazing", "rude, manager"]
    + ["price, expensive, cheap", "service, staff", "pizza, crust"],
    "airline": ["thank, thanks", "bag, luggage, baggage", "cancelled flight, cancelled"]
    + ["hold, phone, call", "service, staff", "delayed, delay, late"],
}


def distilled(folder):
    print("distilled judge, taught by a model that looks for words (hard for a probe)")
    for name, words in TAUGHT.items():
        concepts = [f"mentions {some}" for some in words]
        texts, new = (
            pd.read_json(folder / f"{name}_{part}.jsonl.gz", lines=True)["text"]
            for part in ("train", "holdout")
        )
        with serve(latency=0) as url:
            teacher = LLMJudge(model_at(url))
            judge = DistilledJudge(teacher, EmbeddingTransformer(), min_f1=0.0)
            judge.fit(concepts, texts.to_numpy(object))  # no concept stays with it
            dollars = judge.usage.dollars
        start = time.perf_counter()
        answers = judge.judge(new.to_numpy(object))[:, judge.is_distilled_]
        seconds = time.perf_counter() - start
        truth = truth_of(new, concepts)[:, judge.is_distilled_]
        f1 = [f1_score(t, a) for t, a in zip(truth.T, answers.T, strict=True)]
        said, unseen = np.round(judge.f1_[judge.is_distilled_], 2), np.round(f1, 2)
        share = 1e5 / len(new)
        print(f"  {name:8} F1 said {said}, unseen {unseen}, mean {np.mean(f1):.2f}")
        print(
            f"           100k texts: lessons ${dollars:.3f}, then free, "
            f"{seconds * share:.0f} s with embedding; all by the model "
            f"${dollars * 1e5 / judge.n_teaching:.2f}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", help="a Python with hypothesaes installed")
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--data", type=Path, help="a folder with real texts")
    arguments = parser.parse_args()
    memory()  # first, while nothing else has been loaded
    overhead()
    reread()
    compare(arguments.peer, arguments.texts)
    if arguments.data:
        distilled(arguments.data)


if __name__ == "__main__":
    main()
