"""The head that predicts the target of a text from the activations of its tokens."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.reader._text_head import TextHead, _steps, fit_with_text_head

WIDTH, N_TEXTS = 12, 120


@pytest.fixture(scope="module")
def tokens():
    """States, their texts, and a target: whether one token shows a weak direction."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(4, 12, size=N_TEXTS)
    texts = np.repeat(rng.permutation(N_TEXTS), lengths)  # in the order of reading
    states = rng.normal(size=(len(texts), WIDTH)) * np.linspace(3, 0.5, WIDTH)
    y = rng.integers(0, 2, size=N_TEXTS)
    first = np.flatnonzero(np.diff(texts, prepend=-1))
    states[first[y[texts[first]] == 1], -1] += 4
    return states.astype(np.float16), texts, y


def make_sae(**options):
    options = {"max_epochs": 5, "random_state": 0, "target_weight": 0.5} | options
    return MatryoshkaSAETransformer(16, 3, **options)


def largest(sae, states, texts):
    activations = sae.transform(states)
    return np.array([activations[texts == i].max(axis=0) for i in range(N_TEXTS)])


@pytest.mark.parametrize("prefixes", [None, (6, 16)])
def test_loss_and_prediction_are_those_of_plain_code(tokens, prefixes):
    states, _, _ = tokens
    sae = make_sae(target_weight=0.0, prefixes=prefixes).fit(states)
    network = TextHead(sae, 2)
    rng = np.random.default_rng(1)
    head, shift = rng.normal(size=(2, sae.prefixes_[0])), rng.normal(size=2)
    network.head.weight.data = torch.tensor(head, dtype=torch.float32)
    network.head.bias.data = torch.tensor(shift, dtype=torch.float32)
    picked = states[:9].astype(np.float32)
    rows = (picked - sae.input_mean_) / sae.input_scale_
    fvu, prediction = network(torch.tensor(rows, dtype=torch.float32), [4, 5])
    activations = sae.transform(picked)
    errors = [
        np.square(
            rows - activations[:, :size] @ sae.decoder_[:size] - sae.decoder_bias_
        ).sum(axis=1)
        for size in sae.prefixes_
    ]
    assert fvu.item() == pytest.approx(np.mean(errors), rel=1e-4)
    pooled = np.array([part.max(axis=0) for part in np.split(activations, [4])])
    expected = pooled[:, : sae.prefixes_[0]] @ head.T + shift
    np.testing.assert_allclose(prediction.detach(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("activation", ["topk", "batch_topk"])
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_texts_are_told_apart_by_what_one_token_shows(tokens, task, activation):
    states, texts, y = tokens
    without = make_sae(target_weight=0.0, activation=activation).fit(states)
    sae = make_sae(task=task, activation=activation)
    fit_with_text_head(sae, states, texts, y)
    assert (sae.target_weight, sae.head_) == (0.5, None)
    np.testing.assert_allclose(np.linalg.norm(sae.decoder_, axis=1), 1, rtol=1e-5)
    scores = []
    for fitted in (without, sae):
        Z = largest(fitted, states, texts)
        scores.append(LinearRegression().fit(Z[:60], y[:60]).score(Z[60:], y[60:]))
    assert scores[1] > scores[0]
    assert sae.score(states) > without.score(states) - 0.05


def test_the_same_seed_gives_the_same_weights_and_three_classes_work(tokens):
    states, texts, y = tokens
    words = np.array(["no", "yes", "perhaps"])[y + (np.arange(N_TEXTS) % 5 == 0)]
    saes = [make_sae(), make_sae()]
    for sae in saes:
        fit_with_text_head(sae, states, texts, words)
    np.testing.assert_array_equal(saes[0].encoder_, saes[1].encoder_)


def test_a_wrong_target_is_an_error_before_the_training(tokens):
    states, texts, y = tokens
    sae = make_sae()
    with pytest.raises(ValueError, match="y is constant"):
        fit_with_text_head(sae, states, texts, np.ones(N_TEXTS))
    sae.set_params(activation="l1", decoder_activation="tanh")
    with pytest.raises(ValueError, match="decoder_activation='identity' only"):
        fit_with_text_head(sae, states, texts, y)
    assert not hasattr(sae, "encoder_")


def test_a_step_has_few_texts_and_few_tokens():
    lengths = np.array([10] * 40 + [3000, 3000, 9000])
    steps = list(_steps(np.arange(43), lengths))
    assert np.concatenate(steps).tolist() == list(range(43))
    assert [len(step) for step in steps] == [16, 16, 9, 1, 1]
