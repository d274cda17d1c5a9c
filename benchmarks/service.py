"""The service of examples/service.py: latency, texts per second, memory, and R2.

    python benchmarks/service.py yelp_train.jsonl.gz --target stars

Pipelines with another judge or embedder learn from the first texts of the file. Each
is saved and served in a process of its own, with an empty cache, by the example as it
is, through the test client of FastAPI. All requests hold texts that are new: some of
one text, then some of 100.
"""

import argparse
import gzip
import json
import multiprocessing
import os
import resource
import runpy
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import r2_score

_EXAMPLE = Path(__file__).parent.parent / "examples" / "service.py"
_KINDS = {
    "default": {},
    "judge='keyphrase'": {"judge": "keyphrase"},
    "embedder='lsa'": {"embedder": "lsa"},
}
_TEXTS_PER_REQUEST = 100


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--text", default="text")
    parser.add_argument("--target", required=True)
    parser.add_argument("--n-train", type=int, default=900)
    parser.add_argument("--n-single", type=int, default=100)
    parser.add_argument("--n-requests", type=int, default=10)
    parser.add_argument("--kinds", default=",".join(_KINDS))
    args = parser.parse_args()
    n_texts = args.n_train + args.n_single + _TEXTS_PER_REQUEST * args.n_requests
    texts, y = read(args.file, args.text, args.target, n_texts)
    n_words = np.mean([len(text.split()) for text in texts[args.n_train :]])
    print(f"{len(texts):,} texts, {n_words:.0f} words each on average")
    for kind in args.kinds.split(","):
        with tempfile.TemporaryDirectory() as folder:
            n = args.n_train
            apart(learn, kind, folder, texts[:n], y[:n])
            os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
            os.environ["HSAE_MODEL"] = f"{folder}/model.skops"
            apart(serve, kind, texts[n:], y[n:], args.n_single)
            del os.environ["XDG_CACHE_HOME"]


def read(path, text, target, n_texts):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][:n_texts]
    return [row[text] for row in rows], np.array([row[target] for row in rows], float)


def apart(function, *args):
    process = multiprocessing.get_context("spawn").Process(target=function, args=args)
    process.start()
    process.join()


def learn(kind, folder, texts, y):
    from sklearn_hsae import make_hypothesis_pipeline, save_pipeline

    pipe = make_hypothesis_pipeline(random_state=0, **_KINDS[kind])
    save_pipeline(pipe.fit(texts, y), f"{folder}/model.skops")


def serve(kind, texts, y, n_single):
    from fastapi.testclient import TestClient

    start = time.perf_counter()
    client = TestClient(runpy.run_path(str(_EXAMPLE))["app"])
    print(f"{kind}: started in {time.perf_counter() - start:.1f} s", flush=True)
    requests = [[text] for text in texts[:n_single]]
    rest = range(n_single, len(texts), _TEXTS_PER_REQUEST)
    requests += [texts[i : i + _TEXTS_PER_REQUEST] for i in rest]
    predictions, seconds = [], {1: [], _TEXTS_PER_REQUEST: []}
    client.post("/predict", json={"texts": ["The first request takes longer."]})
    for request in requests:
        start = time.perf_counter()
        answer = client.post("/predict", json={"texts": request}).json()
        seconds[len(request)].append(time.perf_counter() - start)
        predictions += answer["predictions"]
    for size, measured in seconds.items():
        p50, p95 = np.percentile(measured, [50, 95])
        print(
            f"  {size:4d} per request: p50 {1000 * p50:7.1f} ms, p95 {1000 * p95:7.1f} "
            f"ms, {size / p50:8.1f} texts/s"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak memory {peak:.0f} MiB, R2 {r2_score(y, predictions):.3f}")
    print(f"  load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    main()
