"""Epochs and steps: which rows count, in which precision, and what is logged.

Several tests pin down what other sparse autoencoders got wrong; the comment names them.
"""

import numpy as np
import pytest
import torch

from sklearn_hsae.sae._model import _loss
from sklearn_hsae.sae._training import _net


class Spy:
    """Keeps the net, and what a function of it gives before each epoch."""

    def __init__(self, look=lambda net: None):
        self.look = look
        self.seen = []

    def __call__(self, net):
        self.net = net
        self.seen.append(self.look(net))


@pytest.mark.parametrize("activation", ["batch_topk", "l1", "reward"])
def test_a_training_of_one_step_has_a_threshold(X, make_sae, activation):
    # A threshold that starts at -1 and waits for 1,000 steps keeps every neuron
    # (dictionary_learning); one that starts at 0 stays too low (SAELens, HypotheSAEs).
    sae = make_sae(activation=activation, max_epochs=1, batch_size=600).fit(X)
    assert (sae.transform(X) > 0).sum(axis=1).mean() == pytest.approx(4, rel=0.2)


def test_three_dimensions_are_refused(X, make_sae):
    # Elsewhere the batch of a three-dimensional input is counted by its first axis.
    with pytest.raises(ValueError, match="dim 3"):
        make_sae().fit(X.reshape(60, 10, 20))


def test_only_training_rows_advance_the_dead_counter(X, make_sae, at_epoch_begin):
    # In HypotheSAEs validation and inference advance it too, so that neurons die of
    # being looked at.
    spy = Spy(lambda net: net.rows_since_fired_.clone())
    at_epoch_begin(spy)
    fitted = make_sae(max_epochs=4).fit(X)
    assert int(spy.net.rows_since_fired_.max()) <= 4 * 540
    counts = spy.net.rows_since_fired_.clone()
    fitted.transform(X)
    fitted.score(X)
    assert torch.equal(spy.net.rows_since_fired_, counts)


def test_the_dead_counter_counts_rows(X, make_sae, at_epoch_begin, monkeypatch):
    # Not rows times dimensions (latent-sae), nor steps: the window would then be
    # another one for each shape.
    def silence(net):
        with torch.no_grad():
            net.module_.encoder[0, 5] = 0
            net.module_.encoder_bias[0, 5] = -1e6
        return int(net.rows_since_fired_[0, 5])

    monkeypatch.setattr(_loss, "_AUXILIARY_WEIGHT", 0.0)
    spy = Spy(silence)
    at_epoch_begin(spy)
    make_sae(max_epochs=4, batch_size=50).fit(X)
    assert spy.seen == [0, 540, 1080, 1620]


def test_the_stopping_loss_has_no_auxiliary_part(
    X, make_sae, at_epoch_begin, monkeypatch
):
    # HypotheSAEs stops by a loss with a constant 1/32 when no neuron is dead, and with
    # progress on another goal when some are.
    def kill(net):
        with torch.no_grad():
            net.module_.encoder_bias[:, 8:] = -1e6
        net.rows_since_fired_[:, 8:] = 10**6

    monkeypatch.setattr(_loss, "_AUXILIARY_WEIGHT", 1.0)
    at_epoch_begin(kill)
    fitted = make_sae(max_epochs=4, patience=None).fit(X)
    best = min(fitted.history_, key=lambda epoch: epoch["valid_loss"])
    assert best["dead_neurons"] == 24
    validation = X[np.random.RandomState(0).permutation(600)[:60]]
    residual = validation - fitted.inverse_transform(fitted.transform(validation))
    fvu = (residual**2).sum(axis=1).mean() / fitted.input_scale_**2
    assert best["valid_loss"] == pytest.approx(fvu, rel=1e-3)


def test_auxiliary_loss_is_idle_while_no_neuron_is_dead(X, make_sae, monkeypatch):
    first = make_sae(max_epochs=20).fit(X)
    monkeypatch.setattr(_loss, "_AUXILIARY_WEIGHT", 0.0)
    second = make_sae(max_epochs=20).fit(X)
    assert max(epoch["dead_neurons"] for epoch in first.history_) == 0
    np.testing.assert_array_equal(first.encoder_, second.encoder_)


def test_the_decoder_is_normalised_after_the_step(X, make_sae, at_epoch_begin):
    # Before the step, what is saved has rows of any length (OpenAI, matryoshka_sae).
    spy = Spy(lambda net: net.module_.decoder.detach().norm(dim=2))
    at_epoch_begin(spy)
    fitted = make_sae().fit(X)
    for norms in spy.seen:
        torch.testing.assert_close(norms, torch.ones(1, 32), atol=1e-5, rtol=0)
    np.testing.assert_allclose(np.linalg.norm(fitted.decoder_, axis=1), 1.0, atol=1e-5)


def test_the_encoder_bias_is_used_and_learned(X, make_sae):
    # matryoshka_sae declares it and leaves it out of the encoding.
    fitted = make_sae().fit(X)
    assert np.abs(fitted.encoder_bias_).max() > 1e-3
    A = fitted.transform(X)
    fitted.encoder_bias_ = fitted.encoder_bias_ + 1.0
    assert not np.allclose(fitted.transform(X), A)


def test_encoder_and_decoder_share_no_memory(X, make_sae):
    fitted = make_sae(max_epochs=1).fit(X)
    assert not np.shares_memory(fitted.encoder_, fitted.decoder_)


def test_bfloat16_leaves_weights_and_moments_in_float32(
    X, make_sae, at_epoch_begin, monkeypatch
):
    # Parameters in bfloat16 train poorly: small steps round to nothing (SAELens).
    score = make_sae(max_epochs=10).fit(X).score(X)
    monkeypatch.setattr(_net, "_NEURONS_FOR_BFLOAT16", 0)
    monkeypatch.setattr(_net, "has_fast_bfloat16", lambda device: True)
    spy = Spy(lambda net: net.module_.precision)
    at_epoch_begin(spy)
    sae = make_sae(max_epochs=10).fit(X)
    assert set(spy.seen) == {torch.bfloat16}
    states = spy.net.optimizer_.state.values()
    dtypes = {value.dtype for state in states for value in state.values()}
    assert dtypes | {p.dtype for p in spy.net.module_.parameters()} == {torch.float32}
    assert sae.encoder_.dtype == sae.transform(X).dtype == np.float32
    assert sae.score(X) == pytest.approx(score, abs=0.03)


def test_a_loss_that_is_not_finite_is_an_error(X, make_sae, at_epoch_begin):
    # HypotheSAEs goes on and saves weights that are all NaN.
    at_epoch_begin(lambda net: net.module_.encoder.data.fill_(float("nan")))
    with pytest.raises(FloatingPointError, match=r"became nan.*Lower learning_rate"):
        make_sae().fit(X)
