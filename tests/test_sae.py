import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.decomposition import PCA

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.sae._network import SparseAutoencoder
from sklearn_hsae.sae._prefixes import resolve_prefix_weights, resolve_prefixes
from sklearn_hsae.sae._training import one_cycle


@pytest.fixture(scope="module")
def data():
    """Rows that are sums of three of 24 directions, off centre."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(24, 20))
    codes = np.zeros((600, 24))
    for row in codes:
        row[rng.permutation(24)[:3]] = rng.uniform(1, 2, size=3)
    X = codes @ directions + 0.1 * rng.normal(size=(600, 20)) + 5.0
    return X.astype(np.float32), codes[:, 0] - codes[:, 1]


def small(**options):
    options = {"max_epochs": 20, "random_state": 0, **options}
    return MatryoshkaSAETransformer(32, 4, **options)


def naive_activations(sae, X):
    """The definition, row by row in float64."""
    rows = []
    for x in np.asarray(X, dtype=np.float64):
        x = (x - sae.input_mean_) / sae.input_scale_
        pre = sae.encoder_.astype(np.float64) @ x + sae.encoder_bias_
        kept = np.argsort(-pre)[: sae.k]
        row = np.zeros(len(pre))
        row[kept] = np.maximum(pre[kept], 0)
        rows.append(row)
    return np.array(rows)


def naive_loss(network, rows, k, weights, prefixes):
    """Weighted FVU of the prefixes by plain dense sums, in float64."""
    encoder, bias, decoder, mean = (
        p.detach().double().numpy()
        for p in (
            network.encoder,
            network.encoder_bias,
            network.decoder,
            network.decoder_bias,
        )
    )
    total = 0.0
    for x in rows:
        pre = encoder @ x + bias
        activation = np.zeros(len(pre))
        kept = np.argsort(-pre)[:k]
        activation[kept] = np.maximum(pre[kept], 0)
        for weight, end in zip(weights, prefixes, strict=True):
            error = x - mean - activation[:end] @ decoder[:end]
            total += weight * (error**2).sum()
    return total / len(rows)


def loss_of(network, rows, target=None):
    codes = network(rows)
    loss = network.reconstruction(rows, codes)[0][0]
    if target is not None:
        loss = loss + (network.prediction(codes)[0, :, 0] - target).square().mean()
    return loss


def perturbed(*arguments, **options):
    """A network whose parameters are all away from where they start."""
    network = SparseAutoencoder(*arguments, **options)
    generator = torch.Generator().manual_seed(3)
    for parameter in network.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data += 0.1 * noise
    return network


def test_loss_is_the_definition():
    weights, prefixes = (0.2, 0.3, 0.5), (4, 8, 16)
    network = perturbed(6, prefixes, weights, 3)
    rows = np.random.default_rng(0).normal(size=(40, 6))
    loss = loss_of(network, torch.tensor(rows, dtype=torch.float32))
    expected = naive_loss(network, rows, 3, weights, prefixes)
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("activation", ["topk", "batch_topk"])
def test_gradients_agree_with_finite_differences(activation):
    # The gradients are written by hand: sparse products, suffix sums over prefixes.
    network = perturbed(4, (3, 6), (0.3, 0.7), 2, activation, n_outputs=1).double()
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(12, 4, generator=generator).double()
    target = torch.randn(12, generator=generator).double()
    loss_of(network, rows, target).backward()
    for name, parameter in network.named_parameters():
        flat, gradient = parameter.data.view(-1), parameter.grad.view(-1)
        for i in range(len(flat)):
            values = []
            for step in (1e-6, -1e-6):
                flat[i] += step
                values.append(loss_of(network, rows, target).item())
                flat[i] -= step
            assert (values[0] - values[1]) / 2e-6 == pytest.approx(
                float(gradient[i]), abs=1e-6
            ), name


def test_transform_is_the_definition(data):
    X, _ = data
    sae = small(prefixes=(0.25, 1.0)).fit(X)
    np.testing.assert_allclose(
        sae.transform(X[:50]), naive_activations(sae, X[:50]), atol=1e-4
    )


def test_it_learns(data):
    X, _ = data
    sae = small(max_epochs=100).fit(X[:500])
    # Four numbers a row, out of a dictionary, must beat the four best directions.
    pca = PCA(4).fit(X[:500])
    error = ((X[500:] - pca.inverse_transform(pca.transform(X[500:]))) ** 2).sum()
    assert sae.score(X[500:]) > 1 - error / 100 / sae.input_scale_**2
    reconstructed = sae.inverse_transform(sae.transform(X[500:]))
    residual = ((X[500:] - reconstructed) ** 2).sum() / len(X[500:])
    assert 1 - residual / sae.input_scale_**2 == pytest.approx(
        sae.score(X[500:]), abs=1e-4
    )


def test_same_seed_same_bits_and_nobody_elses_generator(data):
    X, y = data
    torch.manual_seed(7)
    legacy = np.random.get_state
    before = torch.random.get_rng_state(), legacy()[1].copy()
    first, second = (small(target_weight=0.3).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.encoder_, second.encoder_)
    np.testing.assert_array_equal(first.decoder_, second.decoder_)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    np.testing.assert_array_equal(legacy()[1], before[1])
    assert not np.array_equal(small(random_state=1).fit(X).encoder_, first.encoder_)


def test_csr_and_sparse_frames_equal_dense(data):
    X, _ = data
    dense = small().fit(X)
    found = small(sparse_output=True).fit(X).transform(X)
    assert (
        sparse.issparse(found) and found.has_sorted_indices and (found.data > 0).all()
    )
    np.testing.assert_array_equal(found.toarray(), dense.transform(X))
    np.testing.assert_allclose(
        dense.inverse_transform(found),
        dense.inverse_transform(dense.transform(X)),
        atol=1e-5,
    )
    frame = pd.DataFrame(X, index=[f"r{i}" for i in range(600)])
    frame.columns = frame.columns.astype(str)
    out = small(sparse_output=True).fit(frame).transform(frame)
    assert out.index.equals(frame.index) and out.columns[3] == "sae3"
    assert all(isinstance(kind, pd.SparseDtype) for kind in out.dtypes)


def test_best_weights_are_kept(data):
    # The peer keeps the last weights; so did everybody who stopped early.
    X, _ = data
    sae = small(learning_rate=0.5, max_epochs=60, patience=3).fit(X)
    losses = [epoch["valid_loss"] for epoch in sae.history_]
    assert np.argmin(losses) < len(losses) - 1
    order = np.random.RandomState(0).permutation(600)[:60]
    rows = (X[order].astype(float) - sae.input_mean_) / sae.input_scale_
    residual = rows - naive_activations(sae, X[order]) @ sae.decoder_
    residual -= sae.decoder_bias_
    assert (residual**2).sum(axis=1).mean() == pytest.approx(min(losses), rel=1e-3)


def test_early_stopping(data):
    X, _ = data
    sae = small(learning_rate=0.5, max_epochs=60, patience=3).fit(X)
    losses = [epoch["valid_loss"] for epoch in sae.history_]
    assert sae.n_iter_ == len(losses) < 60
    assert len(losses) - 1 - int(np.argmin(losses)) == 3


@pytest.mark.parametrize("n_rows", [2, 3, 64 + 1, 72, 513])
def test_a_last_batch_of_one_row_is_no_infinity(n_rows):
    # The peer divides by the variance of the batch: one row left over, all NaN.
    X = np.random.default_rng(0).normal(size=(n_rows, 5))
    sae = MatryoshkaSAETransformer(6, 2, max_epochs=2, random_state=0).fit(X)
    assert np.isfinite(sae.encoder_).all() and np.isfinite(sae.transform(X)).all()


def test_decoder_rows_have_length_one(data):
    X, _ = data
    norms = np.linalg.norm(small().fit(X).decoder_, axis=1)
    np.testing.assert_allclose(norms, 1.0, atol=1e-5)


def test_transform_changes_nothing(data):
    # The peer's counter of dead neurons also ran in validation and inference.
    X, _ = data
    sae = small().fit(X)
    state = pickle.dumps(sae)
    sae.transform(X)
    sae.score(X)
    assert pickle.dumps(sae) == state
    assert len(state) < 40_000  # weights and history, no net, no optimiser


def test_auxiliary_loss_is_idle_while_no_neuron_is_dead(data):
    # With none dead the peer adds a constant 1/32 to the loss that stops training.
    X, _ = data
    first, second = small().fit(X), small(aux_weight=0.0).fit(X)
    assert max(epoch["dead_neurons"] for epoch in first.history_) == 0
    np.testing.assert_array_equal(first.encoder_, second.encoder_)


def test_auxiliary_loss_has_a_fixed_target_and_no_bias():
    network = SparseAutoencoder(4, (6,), (1.0,), 2)
    rows = torch.randn(10, 4, generator=torch.Generator().manual_seed(0))
    residual = (rows * 0.5).requires_grad_()
    dead = torch.tensor([1, 4])
    loss = network.auxiliary_loss(rows, residual, dead)
    loss.backward()
    assert residual.grad is None or not residual.grad.any()
    pre = rows @ network.encoder[dead].T + network.encoder_bias[dead]
    error = residual - pre.relu() @ network.decoder[dead]
    expected = error.square().sum() / residual.square().sum()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    live = [0, 2, 3, 5]
    assert not network.encoder.grad[live].any() and network.encoder.grad[dead].any()


@pytest.mark.parametrize("kind", ["number", "two", "labels"])
def test_the_head_draws_neurons_to_the_target(data, kind):
    X, y = data
    if kind == "two":
        y = (y > 0).astype(int)
    if kind == "labels":
        y = np.array(["low", "mid", "high"])[np.digitize(y, [-0.5, 0.5])]
    plain = small(prefixes=(8,)).fit(X, y)
    drawn = small(prefixes=(8,), target_weight=1.0).fit(X, y)
    assert plain.head_ is None
    assert drawn.head_.shape == (8, 3 if kind == "labels" else 1)
    assert drawn.score(X) < plain.score(X)  # reconstruction pays for it

    def explained(sae):
        """By the first prefix, on which the head sits."""
        A = np.column_stack([np.ones(600), sae.transform(X)[:, :8]])
        Y = pd.get_dummies(y).to_numpy(float) if kind == "labels" else y[:, None]
        Y = Y - Y.mean(axis=0)
        fitted = A @ np.linalg.lstsq(A, Y, rcond=None)[0]
        return (fitted**2).sum() / (Y**2).sum()

    assert explained(drawn) > explained(plain) + 0.1


def test_units_of_the_target_do_not_matter(data):
    X, y = data
    first = small(target_weight=0.3).fit(X, y)
    second = small(target_weight=0.3).fit(X, 1e6 * y + 3)
    np.testing.assert_allclose(first.encoder_, second.encoder_, atol=1e-4)


def test_y_is_ignored_without_a_weight(data):
    X, y = data
    np.testing.assert_array_equal(small().fit(X).encoder_, small().fit(X, y).encoder_)


@pytest.mark.parametrize(
    "prefixes, sizes",
    [
        (None, (64,)),
        ((), (64,)),
        ((8,), (8, 64)),
        ((0.125, 1.0), (8, 64)),
        ([16, 0.5, 64], (16, 32, 64)),
        ((0.001,), (1, 64)),
    ],
)
def test_prefixes(prefixes, sizes):
    assert resolve_prefixes(prefixes, 64) == sizes


@pytest.mark.parametrize(
    "prefixes", [(8, 8), (16, 8), (65,), (0,), (-1,), (1.5,), (0.0,), ("8",), (True,)]
)
def test_prefixes_that_cannot_be(prefixes):
    with pytest.raises(ValueError, match="refix"):
        resolve_prefixes(prefixes, 64)


def test_prefix_weights():
    np.testing.assert_allclose(resolve_prefix_weights(None, 4), 0.25)
    np.testing.assert_allclose(resolve_prefix_weights([1, 3], 2), [0.25, 0.75])
    for wrong in ([1], [0, 0], [-1, 2]):
        with pytest.raises(ValueError, match="prefix_weights"):
            resolve_prefix_weights(wrong, 2)


def test_prefixes_learn_to_reconstruct_alone(data):
    X, _ = data

    def explained_by_first_eight(sae):
        A = sae.transform(X).copy()
        A[:, 8:] = 0
        return ((X - sae.inverse_transform(A)) ** 2).sum()

    nested, plain = small(prefixes=(8,)).fit(X), small().fit(X)
    assert explained_by_first_eight(nested) < explained_by_first_eight(plain)


@pytest.mark.parametrize("n_steps", [1, 2, 9, 10, 500])
def test_the_rate_rises_and_falls_whatever_the_number_of_steps(n_steps):
    rates = [one_cycle(step, n_steps) for step in range(n_steps)]
    assert max(rates) == pytest.approx(1.0) and min(rates) >= 0
    assert rates[-1] <= rates[int(np.argmax(rates))]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"k": 40}, "k=40 neurons cannot be active"),
        ({"n_neurons": 0}, "n_neurons"),
        ({"prefixes": (40,)}, "n_neurons=32"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"patience": 0}, "patience"),
        ({"target_weight": -1}, "target_weight"),
    ],
)
def test_wrong_parameters_are_named(data, options, message):
    with pytest.raises(ValueError, match=message):
        small().set_params(**options).fit(data[0])


@pytest.mark.parametrize(
    "y, message",
    [
        (None, "needs a target"),
        (np.ones(600), "constant"),
        (np.append(np.nan, np.arange(599)), "row position 0"),
        (np.arange(10), "inconsistent numbers of samples"),
    ],
)
def test_wrong_targets_are_named(data, y, message):
    with pytest.raises(ValueError, match=message):
        small(target_weight=0.3).fit(data[0], y)


def test_a_loss_that_is_not_finite_is_an_error(data):
    # The peer goes on and saves weights that are all NaN.
    from skorch.callbacks import Callback

    class Break(Callback):
        def on_epoch_begin(self, net, **kwargs):
            net.module_.encoder.data.fill_(float("nan"))

    with pytest.raises(FloatingPointError, match="Lower learning_rate"):
        small(callbacks=[Break()]).fit(data[0])


def test_callbacks_are_called(data):
    from skorch.callbacks import Callback

    class Count(Callback):
        def on_epoch_end(self, net, **kwargs):
            epochs.append(net.history[-1, "valid_loss"])

    epochs = []
    sae = small(max_epochs=3, callbacks=[Count()]).fit(data[0])
    assert epochs == [epoch["valid_loss"] for epoch in sae.history_]
