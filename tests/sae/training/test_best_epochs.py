"""Early stopping, for one model and for several that are trained together."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sklearn_hsae.sae import fit_many
from sklearn_hsae.sae._training._best_epochs import BestEpochs


def run(losses, patience):
    """Feed losses (n_epochs, n_models); the weights of epoch e are all e."""
    module = torch.nn.Linear(1, len(losses[0]), bias=False)
    module.n_models = len(losses[0])
    history = _History()
    net = SimpleNamespace(module_=module, history=history)
    best_epochs = BestEpochs(patience)
    best_epochs.on_train_begin(net)
    for epoch, loss in enumerate(losses, start=1):
        history.append({"valid_loss": loss})
        module.weight.data.fill_(epoch)
        try:
            best_epochs.on_epoch_end(net)
        except KeyboardInterrupt:
            break
    best_epochs.on_train_end(net)
    return best_epochs, module.weight.detach()[:, 0].tolist()


class _History(list):
    def __getitem__(self, key):
        if isinstance(key, tuple):
            return super().__getitem__(key[0])[key[1]]
        return super().__getitem__(key)


def test_one_model_stops_after_its_patience():
    losses = [[5.0], [3.0], [4.0], [3.0], [1.0]]  # an equal loss is no gain
    best_epochs, weights = run(losses, patience=2)
    assert best_epochs.n_epochs_.tolist() == [4]
    assert best_epochs.best_losses_.tolist() == [3.0] and weights == [2]


def test_each_model_stops_by_itself():
    # The first has ended after epoch 3; its better loss in epoch 4 comes too late.
    losses = [[1.0, 9.0], [2.0, 8.0], [3.0, 7.0], [0.0, 6.0], [0.0, 6.5], [0.0, 7.0]]
    best_epochs, weights = run(losses, patience=2)
    assert best_epochs.n_epochs_.tolist() == [3, 6]
    assert best_epochs.best_epochs_.tolist() == [1, 4] and weights == [1, 4]


def test_without_patience_the_best_epoch_is_kept_too():
    best_epochs, weights = run([[2.0], [1.0], [3.0], [4.0]], patience=None)
    assert best_epochs.n_epochs_.tolist() == [4] and weights == [2]


def naive_fvu(sae, X):
    """By the definition, row by row in float64."""
    errors = []
    for x in (X.astype(np.float64) - sae.input_mean_) / sae.input_scale_:
        pre = sae.encoder_.astype(np.float64) @ x + sae.encoder_bias_
        active = np.argsort(-pre)[: sae.k_]
        x = x - np.maximum(pre[active], 0) @ sae.decoder_[active] - sae.decoder_bias_
        errors.append(x @ x)
    return np.mean(errors)


def test_best_weights_are_kept(X, make_sae):
    # HypotheSAEs keeps the last weights, wherever it stops.
    sae = make_sae(learning_rate=0.5, max_epochs=60, patience=3).fit(X)
    losses = [epoch["valid_loss"] for epoch in sae.history_]
    assert sae.n_iter_ == len(losses) < 60
    assert len(losses) - 1 - int(np.argmin(losses)) == 3
    validation = X[np.random.RandomState(0).permutation(600)[:60]]
    assert naive_fvu(sae, validation) == pytest.approx(min(losses), rel=1e-3)


def test_several_stop_early_by_themselves(X, make_sae):
    # Far too high a rate overfits soon, at an epoch of its own in each.
    options = {"prefixes": (8, 32), "max_epochs": 40, "patience": 2}
    saes = [make_sae(random_state=i, learning_rate=0.1, **options) for i in range(4)]
    n_epochs = [fitted.n_iter_ for fitted in fit_many(saes, X)]
    assert len(set(n_epochs)) > 1 and min(n_epochs) < 40
    for fitted in saes:
        losses = [epoch["valid_loss"] for epoch in fitted.history_]
        assert len(losses) == fitted.n_iter_
        best = int(np.argmin(losses)) + 1
        assert fitted.n_iter_ in (best + 2, 40)
        # The weights are those of the best epoch, not of the last.
        rng = np.random.RandomState(fitted.random_state)
        validation = X[rng.permutation(len(X))[:60]]
        fvu = np.mean([1 - fitted.score(validation, prefix=size) for size in (8, 32)])
        assert fvu == pytest.approx(min(losses), rel=1e-4)
