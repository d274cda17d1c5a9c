"""Texts per second of EmbeddingTransformer beside SentenceTransformer.encode.

    python benchmarks/embedding.py reviews.jsonl --text text --n-texts 2000 --n-runs 3

Both embed the same texts on the CPU without a cache, in turns. Seconds are those of the
processor, so that other programs disturb less; set OMP_NUM_THREADS=1. The last line is
what counting the cut texts costs, as a share of the time of float32.
"""

import argparse
import time

import numpy as np
from sentence_transformers import SentenceTransformer

from sklearn_hsae import EmbeddingTransformer
from sklearn_hsae.datasets import load_texts
from sklearn_hsae.embedding import _local
from sklearn_hsae.embedding._hub import MINILM, find_weights


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--text", default="text")
    parser.add_argument("--n-texts", type=int, default=2000)
    parser.add_argument("--n-runs", type=int, default=3)
    args = parser.parse_args()
    texts, *_ = load_texts(args.file, text=args.text)
    texts = list(dict.fromkeys(texts))[: args.n_texts]

    model = SentenceTransformer(find_weights(MINILM).name, device="cpu")
    ways = {"sentence-transformers, float32": lambda: model.encode(texts)}
    for dtype in ("float32", "auto"):
        embed = EmbeddingTransformer(dtype=dtype, device="cpu", cache_dir=None)
        embed.fit(texts)
        ways[f"EmbeddingTransformer, {dtype}"] = lambda e=embed: e.transform(texts)
    seconds = {name: [] for name in ways}
    counting = watch_counting()
    counted = []
    for run in range(args.n_runs):
        for name, embed_all in ways.items():
            del counting[:]
            start = time.process_time()
            embed_all()
            seconds[name].append(time.process_time() - start)
            if name.endswith("Transformer, float32"):
                counted.append(sum(counting) / seconds[name][-1])
            speed = len(texts) / seconds[name][-1]
            print(f"run {run}  {name:34} {speed:8.1f}/s", flush=True)
    for name, times in seconds.items():
        print(f"median {name:34} {len(texts) / np.median(times):8.1f}/s")
    print(f"counting cut texts: {np.median(counted):.2%}")


def watch_counting():
    """Return a list that receives the seconds of each count of cut texts."""
    seconds, count = [], _local._are_cut

    def timed(*args):
        start = time.process_time()
        result = count(*args)
        seconds.append(time.process_time() - start)
        return result

    _local._are_cut = timed
    return seconds


if __name__ == "__main__":
    main()
