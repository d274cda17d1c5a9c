"""Train an autoencoder of tokens with a head that predicts the target of texts."""

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import nn
from torch.nn import functional

from sklearn_hsae._target import read_target, refuse_constant

_EPOCHS, _LEARNING_RATE = 3, 2e-3
_TEXTS_PER_STEP, _TOKENS_PER_STEP = 16, 4096  # what comes first; one text at least
_WEIGHTS = ("encoder", "encoder_bias", "decoder", "decoder_bias")


def fit_with_text_head(sae, states, texts, y):
    """Fit an autoencoder to tokens, then for some more passes with a head for texts.

    The first training is without the target. The second one adds the loss of a linear
    head, which predicts the target of a text from the largest activations of its
    tokens. These are what later steps see. The head is not kept.

    Parameters
    ----------
    sae : MatryoshkaSAETransformer
    states : array of shape (n_tokens, n_features)
        Hidden states, text after text.
    texts : ndarray of shape (n_tokens,) of int
        The text of each token.
    y : array-like of shape (n_texts,)
    """
    if sae.decoder_activation != "identity":
        raise ValueError(
            "A reader learns from y with decoder_activation='identity' only, got "
            f"{sae.decoder_activation!r}. Choose it, or target_weight=0."
        )
    values, loss_of_head, n_outputs = _coded_target(sae, y)
    weight = sae.target_weight
    sae.set_params(target_weight=0.0).fit(states)
    sae.set_params(target_weight=weight)
    network = TextHead(sae, n_outputs)
    optimizer = torch.optim.Adam(network.parameters(), _LEARNING_RATE)
    starts = np.flatnonzero(np.diff(texts, prepend=-1))
    stops = np.append(starts[1:], len(texts))
    generator = check_random_state(sae.random_state)
    for _ in range(_EPOCHS):
        for picked in _steps(generator.permutation(len(starts)), stops - starts):
            parts = [states[starts[i] : stops[i]] for i in picked]
            rows = (np.concatenate(parts) - sae.input_mean_) / sae.input_scale_
            rows = torch.tensor(rows, dtype=torch.float32)
            fvu, prediction = network(rows, [len(part) for part in parts])
            target = values[torch.from_numpy(texts[starts[picked]])]
            loss = fvu + weight * loss_of_head(prediction, target)
            if not loss.isfinite():
                raise FloatingPointError(
                    f"The loss of the training with the target became {loss.item()}. "
                    "Lower target_weight, or check y for extreme values."
                )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            network.normalize()
    for name in _WEIGHTS:
        setattr(sae, f"{name}_", getattr(network, name).detach().numpy())


def _steps(order, lengths):
    """Cut an order of texts into those of one step each."""
    step, n_tokens = [], 0
    for text in order:
        is_full = len(step) == _TEXTS_PER_STEP
        if step and (is_full or n_tokens + lengths[text] > _TOKENS_PER_STEP):
            yield np.array(step)
            step, n_tokens = [], 0
        step.append(text)
        n_tokens += lengths[text]
    yield np.array(step)


def _coded_target(sae, y):
    """The target as a tensor, the loss of the head, and its number of outputs."""
    target = read_target(y, sae.task)
    refuse_constant(target)
    if target.classes is not None:
        return (
            torch.tensor(target.values),
            functional.cross_entropy,
            len(target.classes),
        )
    values = (target.values - target.values.mean()) / target.values.std()
    values = torch.tensor(values[:, None], dtype=torch.float32)
    return values, functional.mse_loss, 1


class TextHead(nn.Module):
    """The weights of an autoencoder, and a head on the first prefix, for training.

    Parameters
    ----------
    sae : fitted MatryoshkaSAETransformer
    n_outputs : int
    """

    def __init__(self, sae, n_outputs):
        super().__init__()
        for name in _WEIGHTS:
            weights = torch.tensor(getattr(sae, f"{name}_"))
            self.register_parameter(name, nn.Parameter(weights))
        self.head = nn.Linear(sae.prefixes_[0], n_outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.k, self.threshold, self.prefixes = sae.k_, sae.threshold_, sae.prefixes_

    def forward(self, rows, lengths):
        """Mean FVU over the prefixes, and the prediction for each text.

        Parameters
        ----------
        rows : tensor of shape (n_tokens, n_features)
            Standardised, text after text.
        lengths : list of int
            Number of tokens of each text.
        """
        activations = self._activations(rows)
        errors = []
        for size in self.prefixes:
            rebuilt = activations[:, :size] @ self.decoder[:size] + self.decoder_bias
            errors.append((rows - rebuilt).square().sum(dim=1).mean())
        first = activations[:, : self.head.in_features].split(lengths)
        largest = torch.stack([of_text.amax(dim=0) for of_text in first])
        return torch.stack(errors).mean(), self.head(largest)

    def _activations(self, rows):
        scores = functional.linear(rows, self.encoder, self.encoder_bias)
        if self.threshold is not None:
            return scores.relu() * (scores >= self.threshold)
        values, active = scores.topk(self.k, dim=1)
        return torch.zeros_like(scores).scatter(1, active, values.relu())

    @torch.no_grad()
    def normalize(self):
        """Give the rows of the decoder length 1."""
        self.decoder.copy_(functional.normalize(self.decoder))
