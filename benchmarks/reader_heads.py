"""A head per token against a head per text, in the autoencoder of a reader.

    python benchmarks/reader.py states --model MODEL --data DIR --states FOLDER
    python benchmarks/reader_heads.py --model MODEL --data DIR --states FOLDER

In `ReaderSAETransformer` each token has the target of its text. Here, the head predicts
the target of a text from the largest activations of its tokens instead, which is what
later steps see. It is trained after the reconstruction, together with it. Both have the
same weight. Figures are those of `reader.py neurons`.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from reader import TRAINING, load, own_sae, reader, report
from torch.nn import functional

WEIGHT, N_EPOCHS, TEXTS_PER_STEP, LEARNING_RATE = 0.3, 3, 16, 2e-3


class HeadPerText:
    """A reader whose autoencoder is trained further with a head per text."""

    def __init__(self, steps, task, seed):
        self.steps = steps
        self.task = task
        self.seed = seed

    def fit_transform(self, texts, y):
        self.steps.fit(texts)
        rows, starts = tokens(self.steps, texts)
        y = np.asarray(y, dtype=np.float64)
        if self.task == "regression":
            y = (y - y.mean()) / y.std()
        y = torch.tensor(y, dtype=torch.float32)
        train_further(self.steps.sae_, rows, starts, y, self.task, self.seed)
        return self.steps.transform(texts)

    def transform(self, texts):
        return self.steps.transform(texts)


def tokens(steps, texts):
    """Standardised states of all tokens, and where those of each text begin."""
    states = steps._state_reader(steps._source(), steps.layer_)
    read = list(states.read(states.windows(texts), steps.largest_norm_))
    sae = steps.sae_
    rows = np.concatenate([step.states for step in read])
    rows = (rows - sae.input_mean_) / sae.input_scale_
    lengths = np.concatenate([step.lengths for step in read])
    return torch.tensor(rows, dtype=torch.float32), np.append(0, np.cumsum(lengths))


def train_further(sae, rows, starts, y, task, seed):
    """Change the weights of a fitted autoencoder; the head is not kept."""
    names = ("encoder_", "encoder_bias_", "decoder_", "decoder_bias_")
    weights = {name: torch.tensor(getattr(sae, name)) for name in names}
    head, shift = torch.zeros(len(sae.encoder_)), torch.zeros(1)
    leaves = [*weights.values(), head, shift]
    optimizer = torch.optim.Adam([w.requires_grad_() for w in leaves], LEARNING_RATE)
    rng = np.random.default_rng(seed)
    loss_of_head = functional.mse_loss
    if task == "classification":
        loss_of_head = functional.binary_cross_entropy_with_logits
    for _ in range(N_EPOCHS):
        order = rng.permutation(np.flatnonzero(np.diff(starts)))
        for texts in np.array_split(order, max(len(order) // TEXTS_PER_STEP, 1)):
            parts = [rows[starts[i] : starts[i + 1]] for i in texts]
            batch = torch.cat(parts)
            scores = functional.linear(batch, *list(weights.values())[:2])
            values, active = scores.topk(sae.k_, dim=1)
            codes = torch.zeros_like(scores).scatter(1, active, values.relu())
            left = batch - codes @ weights["decoder_"] - weights["decoder_bias_"]
            fvu = left.square().sum(dim=1).mean()
            largest = torch.stack(
                [some.amax(dim=0) for some in codes.split([len(p) for p in parts])]
            )
            error = loss_of_head(largest @ head + shift, y[texts])
            optimizer.zero_grad()
            (fvu + WEIGHT * error).backward()
            optimizer.step()
            with torch.no_grad():
                weights["decoder_"].copy_(functional.normalize(weights["decoder_"]))
    for name, tensor in weights.items():
        setattr(sae, name, tensor.detach().numpy())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ["airline", "yelp", "imdb", "newsgroups"]
    parser.add_argument("--model")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--states", type=Path)
    parser.add_argument("--names", nargs="+", default=names, choices=names)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--n-train", type=int, default=1000)
    parser.add_argument("--n-test", type=int, default=600)
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        for name in arguments.names:
            data, task = load(arguments, name)
            for title, weight in (("no head", 0.0), ("head per token", WEIGHT)):
                steps = reader(arguments, own_sae(task, seed, weight), **TRAINING)
                report(f"{name}  {title}", steps, data, task, seed)
            steps = reader(arguments, own_sae(task, seed), **TRAINING)
            steps = HeadPerText(steps, task, seed)
            report(f"{name}  head per text", steps, data, task, seed)


if __name__ == "__main__":
    main()
