"""Displays of an autoencoder and its neurons."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_hsae import MatryoshkaSAETransformer, with_texts
from sklearn_hsae.plot import (
    ActivationsDisplay,
    NeuronSimilarityDisplay,
    TrainingDisplay,
)


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).normal(size=(120, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def sae(X):
    sae = MatryoshkaSAETransformer(
        16, 3, prefixes=(4,), target_weight=0.5, max_epochs=5, random_state=0
    )
    return sae.fit(X, X[:, 0])


def test_training_curves_are_those_of_the_history(sae):
    ax = Figure().subplots()
    assert TrainingDisplay.from_estimator(make_pipeline(sae), ax=ax).ax_ is ax
    curves = {line.get_label(): line.get_ydata() for line in ax.lines}
    fvu = np.array([epoch["valid_prefix_fvu"] for epoch in sae.history_])
    np.testing.assert_array_equal(curves["FVU, first 4 neurons"], fvu[:, 0])
    np.testing.assert_array_equal(curves["FVU, 16 neurons"], fvu[:, 1])
    losses = [epoch["valid_loss"] for epoch in sae.history_]
    np.testing.assert_array_equal(curves["validation loss, with the head's"], losses)
    assert f"epoch {1 + np.argmin(losses)}" in ax.get_title(loc="left")


def test_an_autoencoder_without_history_is_refused(X):
    sae = MatryoshkaSAETransformer(16, 3, random_state=0).partial_fit(X)
    with pytest.raises(ValueError, match="Train it with fit"):
        TrainingDisplay.from_estimator(sae)
    with pytest.raises(ValueError, match="got Figure with 0"):
        TrainingDisplay.from_estimator(Figure())


def test_similarities_are_the_cosines_of_the_decoder(sae):
    neurons = [9, 2, 11, 5]
    display = NeuronSimilarityDisplay.from_estimator(
        sae, neurons=neurons, ax=Figure().subplots()
    )
    assert sorted(display.order_) == sorted(neurons)
    directions = sae.decoder_[display.order_].astype(float)
    directions /= np.sqrt((directions**2).sum(axis=1, keepdims=True))
    (image,) = display.ax_.get_images()
    np.testing.assert_allclose(image.get_array(), directions @ directions.T, atol=1e-6)
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names == [f"sae{i}" for i in display.order_]
    with pytest.raises(ValueError, match="some of 0 to 15"):
        NeuronSimilarityDisplay.from_estimator(sae, neurons=[16])


def test_the_order_puts_copies_side_by_side(sae):
    from sklearn.base import clone

    copy = clone(sae)
    vars(copy).update(vars(sae))
    copy.decoder_ = np.random.default_rng(1).normal(size=(16, 8))
    copy.decoder_[13] = copy.decoder_[1] * 1.01
    order = NeuronSimilarityDisplay(copy).order_.tolist()
    assert abs(order.index(13) - order.index(1)) == 1


def test_texts_are_ranked_from_the_strongest_to_the_weakest():
    activations = np.zeros(100)
    rows = np.random.default_rng(0).permutation(100)[:50]
    activations[rows] = np.arange(50, 0, -1)
    texts = [f"text\n{i} for $5 & more" for i in range(100)]
    display = ActivationsDisplay(activations, texts, "sae3", n_texts=7)
    assert display.ranks_.tolist() == [1, 2, 3, 4, 5, 27, 50]
    assert display.rows_.tolist() == rows[display.ranks_ - 1].tolist()
    display.plot()
    display.figure_.canvas.draw()
    widths = [bar.get_width() for bar in display.ax_.patches]
    assert widths == [50, 49, 48, 47, 46, 24, 1]
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert labels[5] == rf"27. text {rows[26]} for \$5 & more"
    assert "active on 50 of 100 texts" in display.ax_.get_title(loc="left")
    few = ActivationsDisplay(activations, texts, "sae3", n_texts=1000)
    assert few.ranks_.tolist() == list(range(1, 51))
    plt.close("all")


@pytest.mark.parametrize("form", ["array", "frame", "sparse"])
def test_activations_are_those_of_the_estimator(sae, X, form):
    texts = [f"text {i}" for i in range(len(X))]
    steps = make_pipeline(sae, FunctionTransformer(feature_names_out="one-to-one"))
    given = {"ax": Figure().subplots(), "n_texts": 5}
    if form == "frame":
        frame = with_texts(X, texts).set_axis(range(8), axis=1)  # no names, as in fit
        display = ActivationsDisplay.from_estimator(sae, frame, "sae5", **given)
    else:
        if form == "sparse":
            steps[-1].func = sparse.csr_matrix
        display = ActivationsDisplay.from_estimator(steps, X, 5, texts=texts, **given)
    expected = sae.transform(X)[:, 5]
    np.testing.assert_allclose(display.activations, expected)
    assert display.rows_[0] == expected.argmax()


def test_what_cannot_be_drawn_is_named(sae, X):
    with pytest.raises(ValueError, match="carries no texts"):
        ActivationsDisplay.from_estimator(sae, X, 0)
    texts = ["a"] * len(X)
    for neuron in (16, -1, "sae16"):
        with pytest.raises(ValueError, match="There is no neuron"):
            ActivationsDisplay.from_estimator(sae, X, neuron, texts=texts)
    with pytest.raises(ValueError, match="sae0 is active on none of 2 texts"):
        ActivationsDisplay([0, 0], ["a", "b"], "sae0")
