"""A reader whose autoencoder has a head per text, for `reader.py neurons`.

In `ReaderSAETransformer` each token has the target of its text. Here, the head predicts
the target of a text from the largest activations of its tokens instead, which is what
later steps see. It is trained after the reconstruction, together with it.
"""

import numpy as np
import torch
from torch.nn import functional

N_EPOCHS, TEXTS_PER_STEP, LEARNING_RATE = 3, 16, 2e-3


class HeadPerText:
    """A reader whose autoencoder is trained further with a head per text.

    Parameters
    ----------
    steps : ReaderSAETransformer
        Not fitted; its autoencoder has no head.
    task : str
    weight : float
        Of the head's loss, beside that of the reconstruction.
    seed : int
    """

    def __init__(self, steps, task, weight, seed):
        self.steps = steps
        self.task = task
        self.weight = weight
        self.seed = seed

    def fit_transform(self, texts, y):
        self.steps.fit(texts)
        rows, starts = tokens(self.steps, texts)
        y = np.asarray(y, dtype=np.float64)
        if self.task == "regression":
            y = (y - y.mean()) / y.std()
        y = torch.tensor(y, dtype=torch.float32)
        self._train_further(rows, starts, y)
        return self.steps.transform(texts)

    def transform(self, texts):
        return self.steps.transform(texts)

    def _train_further(self, rows, starts, y):
        """Change the weights of the autoencoder; the head is not kept."""
        sae = self.steps.sae_
        names = ("encoder_", "encoder_bias_", "decoder_", "decoder_bias_")
        weights = {name: torch.tensor(getattr(sae, name)) for name in names}
        head, shift = torch.zeros(len(sae.encoder_)), torch.zeros(1)
        leaves = [*weights.values(), head, shift]
        optimizer = torch.optim.Adam(
            [w.requires_grad_() for w in leaves], LEARNING_RATE
        )
        rng = np.random.default_rng(self.seed)
        loss_of_head = functional.mse_loss
        if self.task == "classification":
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
                (fvu + self.weight * error).backward()
                optimizer.step()
                with torch.no_grad():
                    weights["decoder_"].copy_(functional.normalize(weights["decoder_"]))
        for name, tensor in weights.items():
            setattr(sae, name, tensor.detach().numpy())


def tokens(steps, texts):
    """Standardised states of all tokens, and where those of each text begin."""
    states = steps._state_reader(steps._source(), steps.layer_)
    read = list(states.read(states.windows(texts), steps.largest_norm_))
    sae = steps.sae_
    rows = np.concatenate([step.states for step in read])
    rows = (rows - sae.input_mean_) / sae.input_scale_
    lengths = np.concatenate([step.lengths for step in read])
    return torch.tensor(rows, dtype=torch.float32), np.append(0, np.cumsum(lengths))
