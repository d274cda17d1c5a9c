"""Tanh and sigmoid after the decoder: against plain float64 code, and their use."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.reader._saelens_files import save_as_saelens
from sklearn_hsae.sae._model import SparseAutoencoder, TrainingLoss
from sklearn_hsae.sae._model._decoder_output import DecoderOutput
from sklearn_hsae.sae._model._penalty import ActivityReward

PARAMETERS = ("encoder", "encoder_bias", "decoder", "decoder_bias")
RANGES = {"tanh": (-1, 1), "sigmoid": (0, 1)}
D, PREFIXES, SCALE = 5, (3, 8), 0.6


def plain_output(kind, reconstruction, mean):
    """The function of a reconstruction, in the units of standardised rows."""
    if kind == "tanh":
        start, slope = np.arctanh(mean), 1 - mean**2
        raw = np.tanh(start + SCALE * reconstruction / slope)
    else:
        start, slope = np.log(mean / (1 - mean)), mean * (1 - mean)
        raw = 1 / (1 + np.exp(-(start + SCALE * reconstruction / slope)))
    return (raw - mean) / SCALE


def plain_loss(kind, weights, rows, row_weights, mean, penalty):
    activations = np.maximum(rows @ weights["encoder"].T + weights["encoder_bias"], 0)
    loss = penalty * (activations.sum(axis=1) * row_weights).mean()
    for size in PREFIXES:
        linear = activations[:, :size] @ weights["decoder"][:size]
        left = rows - plain_output(kind, linear + weights["decoder_bias"], mean)
        loss += (np.square(left).sum(axis=1) * row_weights).mean() / len(PREFIXES)
    return loss


@pytest.fixture
def make_network():
    def make(kind, activation, seed=0):
        rng = np.random.default_rng(seed)
        low, high = RANGES[kind]
        mean = rng.uniform(low + 0.1, high - 0.1, size=D)
        torch.set_default_dtype(torch.float64)
        network = SparseAutoencoder(
            D,
            PREFIXES,
            2,
            activation,
            precision=torch.float64,
            output=(kind, mean, SCALE),
        )
        for parameter in network.parameters():
            noise = rng.normal(size=parameter.shape)
            parameter.data += 0.3 * torch.tensor(noise)
        return network, mean, rng

    yield make
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("kind", ["tanh", "sigmoid"])
def test_loss_and_gradients_are_those_of_plain_code(make_network, kind):
    network, mean, rng = make_network(kind, "l1")
    network.penalty.weight.fill_(0.05)
    network.penalty.steer = lambda n_active: None
    rows, row_weights = rng.normal(size=(7, D)), rng.uniform(0.5, 1.5, size=7)
    loss, _ = TrainingLoss(network, None, [0.0])(
        torch.tensor(rows)[None], None, torch.tensor(row_weights)[None], ()
    )
    loss.sum().backward()
    weights = {n: getattr(network, n).detach().numpy()[0] for n in PARAMETERS}
    arguments = rows, row_weights, mean, 0.05
    expected = plain_loss(kind, weights, *arguments)
    assert loss.item() == pytest.approx(expected, rel=1e-10)
    for name in PARAMETERS:
        gradient = getattr(network, name).grad.numpy()[0]
        for place in np.ndindex(gradient.shape):
            moved = []
            for step in (1e-6, -1e-6):
                other = {n: value.copy() for n, value in weights.items()}
                other[name][place] += step
                moved.append(plain_loss(kind, other, *arguments))
            numeric = (moved[0] - moved[1]) / 2e-6
            assert gradient[place] == pytest.approx(numeric, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("kind", ["tanh", "sigmoid"])
def test_a_reward_knows_what_a_small_activation_gains(make_network, kind):
    # Each neuron is switched alone, and the error computed again.
    network, _, rng = make_network(kind, "reward")
    rows = torch.tensor(rng.normal(size=(1, 4, D)))
    penalty = ActivityReward(2, seed=0)
    codes = penalty.encode(torch.tensor(rng.normal(size=(1, 4, PREFIXES[-1]))) * 1e-3)
    gains = penalty._gains(codes, rows, network)

    def errors(switched_on):
        codes.activations = codes.values * switched_on
        reconstructions = codes.reconstructions(
            network.decoder, network.decoder_bias, PREFIXES
        )
        squares = [
            (rows - network.output(r)).square().sum(dim=2) for r in reconstructions
        ]
        return sum(squares) / len(PREFIXES)

    for neuron in range(PREFIXES[-1]):
        on, off = codes.switched_on.clone(), codes.switched_on.clone()
        on[..., neuron], off[..., neuron] = 1, 0
        expected = errors(off) - errors(on)
        torch.testing.assert_close(gains[..., neuron], expected, rtol=0.02, atol=1e-6)


@pytest.mark.parametrize("kind", ["tanh", "sigmoid"])
def test_near_the_mean_it_is_no_function_at_all(kind):
    mean = np.array([0.1, 0.5, 0.8])
    output = DecoderOutput(kind, mean, SCALE)
    small = torch.tensor([[1e-3, -2e-3, 5e-4]])
    torch.testing.assert_close(output(small), small, rtol=0.01, atol=1e-6)
    large = torch.tensor([[100.0, -100.0, 50.0]])
    low, high = RANGES[kind]
    raw = output(large) * SCALE + torch.tensor(mean)
    expected = torch.tensor([[high, low, high]], dtype=torch.float64)
    torch.testing.assert_close(raw, expected, rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def bounded():
    """Rows between 0 and 1, the sigmoid of sums of three directions."""
    rng = np.random.default_rng(0)
    codes = np.zeros((500, 12))
    for row in codes:
        row[rng.permutation(12)[:3]] = rng.uniform(2, 4, size=3)
    X = 1 / (1 + np.exp(-codes @ rng.normal(size=(12, 16))))
    return X.astype(np.float32)


@pytest.fixture(scope="module")
def fitted(bounded):
    return {
        name: MatryoshkaSAETransformer(
            16,
            4,
            activation="l1",
            decoder_activation=name,
            max_epochs=25,
            random_state=0,
        ).fit(bounded)
        for name in ("identity", "sigmoid")
    }


def test_bounded_rows_are_reconstructed_within_their_bounds(bounded, fitted):
    sae = fitted["sigmoid"]
    rows = sae.inverse_transform(sae.transform(bounded))
    assert rows.min() >= 0
    assert rows.max() <= 1
    left = np.square(bounded - rows).sum() / np.square(sae.input_scale_) / len(bounded)
    assert sae.score(bounded) == pytest.approx(1 - left, rel=1e-4)
    plain = fitted["identity"]
    rows = plain.inverse_transform(plain.transform(bounded))
    assert rows.min() < 0  # what the function is for
    assert sae.score(bounded) > plain.score(bounded)


def test_the_validation_measures_what_score_does(bounded, fitted):
    best = min(epoch["valid_fvu"] for epoch in fitted["sigmoid"].history_)
    assert 1 - fitted["sigmoid"].score(bounded) == pytest.approx(best, abs=0.1)


def test_it_survives_cloning_and_saving(bounded, fitted, tmp_path):
    sae = fitted["sigmoid"]
    assert clone(sae).decoder_activation == "sigmoid"
    sae.save_pretrained(tmp_path)
    again = MatryoshkaSAETransformer.from_pretrained(tmp_path)
    activations = again.transform(bounded[:9])
    np.testing.assert_array_equal(activations, sae.transform(bounded[:9]))
    np.testing.assert_array_equal(
        again.inverse_transform(activations), sae.inverse_transform(activations)
    )


def test_saelens_has_no_such_decoder(fitted, tmp_path):
    with pytest.raises(ValueError, match="SAELens has no decoder with 'sigmoid'"):
        save_as_saelens(fitted["sigmoid"], tmp_path, {})


@pytest.mark.parametrize("activation", ["l1", "reward"])
@pytest.mark.parametrize("kind", ["tanh", "sigmoid"])
def test_each_kind_can_be_trained_further(bounded, activation, kind):
    sae = MatryoshkaSAETransformer(
        16, 4, activation=activation, decoder_activation=kind, random_state=0
    )
    first = sae.partial_fit(bounded).score(bounded)
    for _ in range(5):
        sae.partial_fit(bounded)
    assert sae.score(bounded) > first


def test_what_makes_no_sense_is_refused(bounded):
    sae = MatryoshkaSAETransformer(16, 4, decoder_activation="tanh")
    with pytest.raises(
        ValueError, match='needs activation="l1" or "reward", got "topk"'
    ):
        sae.fit(bounded)
    sae.set_params(activation="l1", decoder_activation="sigmoid", max_epochs=1)
    with pytest.warns(
        UserWarning, match=r"between 0 and 1, and \d+\.\d% of the entries"
    ):
        sae.fit(bounded * 2)
    sae.set_params(decoder_activation="tanh")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sae.fit(bounded)
