"""What other sparse autoencoders got wrong, one test each.

The defects were found in sparsify, dictionary_learning, SAELens, OpenAI's
sparse_autoencoder, matryoshka_sae, sentence-transformers, latent-sae, saev, saerch and
HypotheSAEs. Those that other tests of this folder pin down are not repeated: an
inference threshold that is an average started at 0 or -1, or compared strictly
(test_sae_activations), prefix weights that sum to 1 / n (test_sae_network), best
weights that are not restored (test_sae), pickled weights (test_sae_persistence).
"""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.sae._network import SparseAutoencoder
from sklearn_hsae.sae._sparse_codes import SparseCodes, Support
from sklearn_hsae.sae._topk import top_k


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(400, 10)) + 4).astype(np.float32)


def sae(**options):
    options = {"max_epochs": 4, "random_state": 0, **options}
    return MatryoshkaSAETransformer(16, 3, **options)


class Spy(Callback):
    """Keeps the net, and what a function of it gives before each epoch."""

    def __init__(self, look=lambda net: None):
        self.look = look
        self.seen = []

    def on_epoch_begin(self, net, **kwargs):
        self.net = net
        self.seen.append(self.look(net))


@pytest.mark.parametrize("activation", ["batch_topk", "l1", "reward"])
def test_a_training_of_one_step_has_a_threshold(X, activation):
    # A threshold that starts at -1 and waits for 1,000 steps keeps every neuron.
    fitted = sae(activation=activation, max_epochs=1, batch_size=400).fit(X)
    assert (fitted.transform(X) > 0).sum(axis=1).mean() == pytest.approx(3, rel=0.2)


def test_three_dimensions_are_refused(X):
    # Elsewhere the batch of a three-dimensional input is counted by its first axis.
    with pytest.raises(ValueError, match="dim 3"):
        sae().fit(X.reshape(40, 10, 10))


def test_batch_topk_keeps_k_a_row_of_the_batch():
    network = SparseAutoencoder(10, (16,), (1.0,), 3, "batch_topk")
    codes = network(torch.randn(7, 10, generator=torch.Generator().manual_seed(0)))
    assert len(codes.values) == 3 * 7


@pytest.mark.parametrize("bias", [0.0, 100.0])
def test_the_auxiliary_loss_has_no_decoder_bias(bias):
    # The residual is what is left after the bias; adding it again spoils the target.
    network = SparseAutoencoder(4, (6,), (1.0,), 2)
    network.decoder_bias.data.fill_(bias)
    rows = torch.ones(5, 4)
    loss = network.auxiliary_loss(rows, 0.5 * rows, torch.tensor([0, 3]))
    assert float(loss.detach()) < 5


def test_selecting_dead_neurons_changes_no_scores():
    # An in-place mask of the dead corrupted every later top-k of the same scores.
    scores = torch.randn(9, 64, generator=torch.Generator().manual_seed(0))
    before = scores.clone()
    top_k(scores, 2)
    assert torch.equal(scores, before)
    network = SparseAutoencoder(4, (6,), (1.0,), 2)
    rows = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    codes = network(rows)
    values = codes.values.detach().clone()
    network.auxiliary_loss(rows, rows, torch.tensor([1, 2]))
    assert torch.equal(codes.values, values)


def test_only_training_rows_advance_the_dead_counter(X):
    # Validation rows did too, so that neurons died of being looked at.
    spy = Spy(lambda net: net.rows_since_fired_.clone())
    fitted = sae(callbacks=[spy]).fit(X)
    assert int(spy.net.rows_since_fired_.max()) <= 4 * 360
    counts = spy.net.rows_since_fired_.clone()
    fitted.transform(X)
    fitted.score(X)
    assert torch.equal(spy.net.rows_since_fired_, counts)


def test_the_dead_counter_counts_rows(X):
    # Not rows times dimensions, nor steps: its window is then another for each shape.
    def silence(net):
        with torch.no_grad():
            net.module_.encoder[5] = 0
            net.module_.encoder_bias[5] = -1e6
        return int(net.rows_since_fired_[5])

    spy = Spy(silence)
    sae(callbacks=[spy], batch_size=50, aux_weight=0).fit(X)
    assert spy.seen == [0, 360, 720, 1080]


def test_the_dead_counter_goes_on_in_partial_fit(X, tmp_path):
    # It was not saved: after loading, no neuron was dead for a whole window.
    first = sae().partial_fit(X)
    first._training_state["rows_since_fired"][:] = 77
    first.save_pretrained(tmp_path)
    loaded = MatryoshkaSAETransformer.from_pretrained(tmp_path)
    assert (loaded._training_state["rows_since_fired"] == 77).all()


def test_selected_but_zero_is_not_firing():
    # A top-k must select k neurons even where all scores are negative.
    rows = torch.ones(2, 3)
    encoder, bias = torch.zeros(4, 3), torch.tensor([1.0, -1.0, -2.0, -3.0])
    support = Support(torch.tensor([0, 1, 0, 1]), torch.tensor([0, 2, 4]), 4)
    codes = SparseCodes.encode(rows, encoder, bias, support)
    assert codes.fired().tolist() == [True, False, False, False]


def test_the_stopping_loss_has_no_auxiliary_part(X):
    # A constant 1/32 with no neuron dead; when some are, progress on the wrong goal.
    class Kill(Callback):
        def on_epoch_begin(self, net, **kwargs):
            with torch.no_grad():
                net.module_.encoder_bias[8:] = -1e6
            net.rows_since_fired_[8:] = 10**6

    fitted = sae(callbacks=[Kill()], aux_weight=1.0, patience=None).fit(X)
    best = min(fitted.history_, key=lambda epoch: epoch["valid_loss"])
    assert best["dead_neurons"] == 8
    order = np.random.RandomState(0).permutation(400)[:40]
    residual = X[order] - fitted.inverse_transform(fitted.transform(X[order]))
    fvu = (residual**2).sum(axis=1).mean() / fitted.input_scale_**2
    assert best["valid_loss"] == pytest.approx(fvu, rel=1e-3)


def test_the_decoder_is_normalised_after_the_step(X):
    # Before it, what is saved has rows of any length.
    spy = Spy(lambda net: net.module_.decoder.detach().norm(dim=1))
    sae(callbacks=[spy]).fit(X)
    for norms in spy.seen:
        torch.testing.assert_close(norms, torch.ones(16), atol=1e-5, rtol=0)


def test_the_encoder_bias_is_used_and_learned(X):
    # One network declared it and left it out of the encoding.
    fitted = sae().fit(X)
    assert np.abs(fitted.encoder_bias_).max() > 1e-3
    A = fitted.transform(X)
    fitted.encoder_bias_ = fitted.encoder_bias_ + 1.0
    assert not np.allclose(fitted.transform(X), A)


def test_encoder_and_decoder_share_no_memory(X):
    # A tied start as a view stays tied for ever.
    network = SparseAutoencoder(4, (6,), (1.0,), 2)
    before = network.decoder.detach().clone()
    network.encoder.data.fill_(9.0)
    assert torch.equal(network.decoder.detach(), before)
    fitted = sae().fit(X)
    assert not np.shares_memory(fitted.encoder_, fitted.decoder_)


def test_few_dead_neurons_cost_no_full_size_product():
    # By a boolean mask over all neurons the auxiliary loss took three times as long.
    network = SparseAutoencoder(8, (500,), (1.0,), 4)
    rows = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    sizes = []
    original = torch.nn.functional.linear

    def linear(*arguments):
        sizes.append(len(arguments[1]))
        return original(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sklearn_hsae.sae._network.functional.linear", linear)
        network.auxiliary_loss(rows, rows, torch.tensor([3, 400]))
    assert sizes == [2]


def test_bfloat16_leaves_weights_and_moments_in_float32(X):
    # Parameters in bfloat16 train poorly: small steps round to nothing.
    spy = Spy()
    sae(dtype="bfloat16", callbacks=[spy]).fit(X)
    states = spy.net.optimizer_.state.values()
    dtypes = {value.dtype for state in states for value in state.values()}
    assert dtypes | {p.dtype for p in spy.net.module_.parameters()} == {torch.float32}


def test_an_interrupt_is_passed_on(X):
    # skorch takes it for the end of training: a pipeline would go on to what costs.
    import sklearn_hsae.sae._training as training

    def interrupt(*arguments):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.AutoencoderNet, "_step", interrupt)
        with pytest.raises(KeyboardInterrupt):
            sae().fit(X)


@pytest.mark.parametrize("moment", ["on_epoch_begin", "on_epoch_end", "on_train_begin"])
def test_ctrl_c_between_epochs_is_passed_on(X, moment):
    def ctrl_c(callback, net, **kwargs):
        os.kill(os.getpid(), signal.SIGINT)

    callback = type("CtrlC", (Callback,), {moment: ctrl_c})()
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            sae(callbacks=[callback]).fit(X)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, usual)


def test_handlers_of_others_and_other_threads_are_left_alone(X):
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        sae(max_epochs=2).fit(X)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(sae(max_epochs=2).fit, X).result().n_iter_ == 2
    assert signal.getsignal(signal.SIGINT) is usual


def test_a_callback_may_end_the_training(X):
    # skorch's own EarlyStopping does so by the same exception.
    from skorch.callbacks import EarlyStopping

    stop = EarlyStopping(patience=1, monitor="dead_neurons")
    assert sae(max_epochs=9, callbacks=[stop]).fit(X).n_iter_ == 2
