"""The estimator: what fit and transform compute, and which parameters they refuse."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.sae import suggest_sizes


@pytest.fixture
def small(make_sae):
    """A function that makes an autoencoder, trained for 20 epochs."""
    return lambda **options: make_sae(**{"max_epochs": 20} | options)


def naive_activations(sae, X):
    """The definition, row by row in float64."""
    rows = []
    for x in np.asarray(X, dtype=np.float64):
        x = (x - sae.input_mean_) / sae.input_scale_
        pre = sae.encoder_.astype(np.float64) @ x + sae.encoder_bias_
        active = np.argsort(-pre)[: sae.k_]
        row = np.zeros(len(pre))
        row[active] = np.maximum(pre[active], 0)
        rows.append(row)
    return np.array(rows)


def test_transform_is_the_definition(data, small):
    X, _ = data
    sae = small(prefixes=(0.25, 1.0)).fit(X)
    np.testing.assert_allclose(
        sae.transform(X[:50]), naive_activations(sae, X[:50]), atol=1e-4
    )


def test_it_learns(data, small):
    X, _ = data
    sae = small(max_epochs=100).fit(X[:500])
    # Four numbers per row, out of a dictionary, must beat the four best directions.
    pca = PCA(4).fit(X[:500])
    error = ((X[500:] - pca.inverse_transform(pca.transform(X[500:]))) ** 2).sum()
    assert sae.score(X[500:]) > 1 - error / 100 / sae.input_scale_**2
    reconstructed = sae.inverse_transform(sae.transform(X[500:]))
    residual = ((X[500:] - reconstructed) ** 2).sum() / len(X[500:])
    assert 1 - residual / sae.input_scale_**2 == pytest.approx(
        sae.score(X[500:]), abs=1e-4
    )


def test_same_seed_same_bits_and_nobody_elses_generator(data, small):
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


def test_csr_and_sparse_frames_equal_dense(data, small):
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


@pytest.mark.parametrize("n_rows", [2, 3, 64 + 1, 72, 513])
def test_a_last_batch_of_one_row_is_no_infinity(n_rows):
    # The peer divides by the variance of the batch: one row left over, all NaN.
    X = np.random.default_rng(0).normal(size=(n_rows, 5))
    sae = MatryoshkaSAETransformer(6, 2, max_epochs=2, random_state=0).fit(X)
    assert np.isfinite(sae.encoder_).all() and np.isfinite(sae.transform(X)).all()


def test_transform_changes_nothing(data, small):
    # The peer's counter of dead neurons also ran in validation and inference.
    X, _ = data
    sae = small().fit(X)
    state = pickle.dumps(sae)
    sae.transform(X)
    sae.score(X)
    assert pickle.dumps(sae) == state
    assert len(state) < 40_000  # weights and history, no net, no optimiser


@pytest.mark.parametrize("kind", ["number", "two", "labels"])
def test_the_head_draws_neurons_to_the_target(data, small, kind):
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


def test_units_of_the_target_do_not_matter(data, small):
    X, y = data
    first = small(target_weight=0.3).fit(X, y)
    second = small(target_weight=0.3).fit(X, 1e6 * y + 3)
    np.testing.assert_allclose(first.encoder_, second.encoder_, atol=1e-4)


def test_y_is_ignored_without_a_weight(data, small):
    X, y = data
    np.testing.assert_array_equal(small().fit(X).encoder_, small().fit(X, y).encoder_)


def test_prefixes_learn_to_reconstruct_alone(data, small):
    X, _ = data

    def explained_by_first_eight(sae):
        A = sae.transform(X).copy()
        A[:, 8:] = 0
        return ((X - sae.inverse_transform(A)) ** 2).sum()

    nested, plain = small(prefixes=(8,)).fit(X), small().fit(X)
    assert explained_by_first_eight(nested) < explained_by_first_eight(plain)


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
def test_wrong_parameters_are_named(data, small, options, message):
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
def test_wrong_targets_are_named(data, small, y, message):
    with pytest.raises(ValueError, match=message):
        small(target_weight=0.3).fit(data[0], y)


@pytest.mark.parametrize("prefix", [8, 0.25])
def test_prefix_parameter_is_what_transform_and_score_use(data, small, prefix):
    X, _ = data
    whole = small(prefixes=(8,)).fit(X)
    first = small(prefixes=(8,), prefix=prefix).fit(X)
    np.testing.assert_array_equal(first.encoder_, whole.encoder_)
    np.testing.assert_array_equal(first.transform(X), whole.transform(X, prefix=8))
    assert first.score(X) == whole.score(X, prefix=8)
    np.testing.assert_array_equal(first.transform(X, prefix=1.0), whole.transform(X))
    csr = first.set_params(sparse_output=True).transform(X)
    np.testing.assert_array_equal(csr.toarray(), first.transform(X).toarray())
    assert csr.indices.max() < 8


def test_a_search_reaches_the_prefix_in_a_pipeline(data, small):
    X, y = data
    pipe = Pipeline([("sae", small(max_epochs=2)), ("ridge", Ridge())])
    search = GridSearchCV(pipe, {"sae__prefix": [1, 1.0]}, cv=2).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] > scores[0]  # one neuron says less than all


@pytest.mark.parametrize("prefix", [0, 33, 1.5, -1, "8"])
def test_a_prefix_that_cannot_be_is_refused_by_fit(data, small, prefix):
    with pytest.raises(ValueError, match="prefix"):
        small(prefix=prefix).fit(data[0])


def test_auto_sizes_are_the_suggested_ones(data, make_sae):
    X, _ = data
    sizes = suggest_sizes(len(X))
    auto = make_sae(n_neurons="auto", k="auto", prefixes="auto", max_epochs=2).fit(X)
    given = make_sae(**sizes, max_epochs=2).fit(X)
    assert len(auto.encoder_) == sizes["n_neurons"] and auto.k_ == sizes["k"]
    assert auto.prefixes_ == given.prefixes_
    np.testing.assert_array_equal(auto.encoder_, given.encoder_)
    assert auto.n_neurons == auto.k == auto.prefixes == "auto"


def test_auto_sizes_stay_through_partial_fit(data, make_sae):
    # A later call has another number of rows, but the weights have their shape.
    X, _ = data
    sae = make_sae(n_neurons="auto", k="auto", prefixes="auto").partial_fit(X)
    assert sae.partial_fit(X[:40]).encoder_.shape == (
        suggest_sizes(600)["n_neurons"],
        20,
    )


def test_components_are_the_directions_of_the_decoder(data, small):
    X, _ = data
    sae = small()
    assert not hasattr(sae, "components_")
    sae.fit(X)
    assert sae.components_ is sae.decoder_
    np.testing.assert_allclose(np.linalg.norm(sae.components_, axis=1), 1.0, atol=1e-5)
    expected = sae.transform(X) @ sae.components_ + sae.decoder_bias_
    expected = expected * sae.input_scale_ + sae.input_mean_
    found = sae.inverse_transform(sae.transform(X))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("target_weight", [0.0, 0.3])
def test_equal_weights_are_no_weights(data, make_sae, method, target_weight):
    X, y = data
    unweighted, weighted = (make_sae(target_weight=target_weight) for _ in range(2))
    getattr(unweighted, method)(X, y)
    getattr(weighted, method)(X, y, sample_weight=np.full(600, 0.3))
    for name in ("encoder_", "encoder_bias_", "decoder_", "decoder_bias_"):
        np.testing.assert_array_equal(
            getattr(unweighted, name), getattr(weighted, name)
        )


@pytest.mark.parametrize("activation", ["topk", "batch_topk", "l1", "reward"])
def test_rows_of_weight_0_teach_nothing(data, make_sae, activation):
    # Neither the weights, nor the mean and the scale, nor the validation see them.
    X, y = data
    weights = np.random.default_rng(0).integers(0, 3, size=600)
    fits = []
    for value in (7.0, -100.0):
        changed, changed_y = X.copy(), y.copy()
        changed[weights == 0], changed_y[weights == 0] = value, y[0]
        sae = make_sae(activation=activation, target_weight=0.5, task="regression")
        fits.append(sae.fit(changed, changed_y, sample_weight=weights))
    np.testing.assert_array_equal(fits[0].input_mean_, fits[1].input_mean_)
    np.testing.assert_array_equal(fits[0].decoder_, fits[1].decoder_)
    assert fits[0].history_[-1]["valid_loss"] == fits[1].history_[-1]["valid_loss"]


def test_heavier_rows_are_reconstructed_better(data, small):
    X, _ = data
    weights = np.where(np.arange(600) < 300, 20.0, 1.0)
    first, second = (small().fit(X, sample_weight=w) for w in (weights, weights[::-1]))
    scale = first.input_scale_ / second.input_scale_
    assert first.score(X[:300]) > second.score(X[:300])
    assert second.score(X[300:]) > first.score(X[300:])
    assert scale == pytest.approx(1, abs=0.1)  # so that the scores can be compared


def test_heavier_rows_decide_the_head(data, small):
    # Half of the rows say y, the other half -y: the heavier half must win.
    X, y = data
    contradictory = np.where(np.arange(600) < 300, y, -y)
    weights = np.where(np.arange(600) < 300, 20.0, 1.0)
    sae = small(target_weight=1.0).fit(X, contradictory, sample_weight=weights)
    prediction = sae.transform(X) @ sae.head_[:, 0]
    assert np.corrcoef(prediction, y)[0, 1] > 0.3


@pytest.mark.parametrize(
    "weights, message",
    [
        (np.ones(5), "sample_weight"),
        (-np.ones(600), "[Nn]egative"),
        (np.zeros(600), "at least one non-zero|0 of 600 rows"),
        (np.eye(600)[0], "1 of 600 rows"),
        (np.full(600, np.nan), "NaN"),
    ],
)
def test_wrong_weights_are_named(data, small, weights, message):
    with pytest.raises(ValueError, match=message):
        small().fit(data[0], sample_weight=weights)


@pytest.mark.parametrize("value", [1e200, -1e39])
def test_rows_beyond_float32_are_refused(data, small, value):
    # float64 rows of such a size ended in a RuntimeWarning and weights without sense.
    X = data[0].astype(np.float64)
    fitted = small(max_epochs=2).fit(X)
    X[3, 2] = value
    for method in (small().fit, small().partial_fit, fitted.transform, fitted.score):
        with pytest.raises(ValueError, match="X has entries as large as 1e"):
            method(X)
    activations = fitted.transform(data[0]).astype(np.float64)
    activations[3, 2] = abs(value)
    with pytest.raises(ValueError, match="exceeds the range of float32"):
        fitted.inverse_transform(activations)


def test_large_but_representable_rows_are_fitted(data, small):
    X = data[0].astype(np.float64)
    sae, far = small().fit(X), small().fit(1e30 * X)
    assert far.score(1e30 * X) == pytest.approx(sae.score(X), abs=1e-3)
    assert np.isfinite(far.inverse_transform(far.transform(1e30 * X))).all()


def test_task_decides_what_the_target_is(data, small):
    # Three integer classes are a quantity by default, as everywhere in scikit-learn.
    X, y = data
    levels = np.digitize(y, [-0.5, 0.5])
    assert small(target_weight=0.3, max_epochs=1).fit(X, levels).head_.shape[1] == 1
    classes = small(target_weight=0.3, max_epochs=1, task="classification")
    assert classes.fit(X, levels).head_.shape[1] == 3


def test_history_is_a_list_of_plain_dicts(data, small):
    X, y = data
    sae = small(target_weight=0.3, max_epochs=3, prefixes=(8,)).fit(X, y)
    frame = pd.DataFrame(sae.history_)
    assert list(frame["epoch"]) == [1, 2, 3] and sae.n_iter_ == 3
    numbers = ["train_loss", "valid_loss", "valid_fvu", "valid_prediction_loss", "dur"]
    assert all(pd.api.types.is_float_dtype(frame[name]) for name in numbers)
    expected = frame["valid_fvu"] + 0.3 * frame["valid_prediction_loss"]
    np.testing.assert_allclose(frame["valid_loss"], expected, rtol=1e-6)


def test_each_epoch_is_told_and_may_end_the_training(data, small):
    X, _ = data
    noise = np.random.default_rng(0).normal(size=600)
    sae, quiet = (small(target_weight=3.0, patience=1) for _ in range(2))
    told = []
    sae.fit(X, noise, on_epoch_end=told.append)
    assert told == sae.history_
    assert len(told) < 20  # the epoch of early stopping is told as well
    np.testing.assert_array_equal(quiet.fit(X, noise).decoder_, sae.decoder_)

    def stop_at_two(epoch):
        if epoch["epoch"] == 2:
            raise LookupError(epoch["valid_fvu"])

    pipe = Pipeline([("sae", small())])
    with pytest.raises(LookupError) as ended:
        pipe.fit(X, sae__on_epoch_end=stop_at_two)
    assert ended.value.args == (small().fit(X).history_[1]["valid_fvu"],)


def test_multi_k_keeps_k_active_and_serves_more(data, small):
    X, _ = data
    more, usual = small(multi_k=16).fit(X), small().fit(X)
    assert (more.transform(X) > 0).sum(axis=1).max() <= 4
    # With four times as many active neurons than it was trained for.
    more.k_ = usual.k_ = 16
    assert more.score(X) > usual.score(X)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"multi_k": 4}, "must be above k=4"),
        ({"multi_k": 33}, "at most n_neurons=32"),
        ({"multi_k": 8, "activation": "l1"}, 'Choose "topk" or "batch_topk"'),
    ],
)
def test_a_multi_k_that_cannot_be_is_refused(X, make_sae, options, message):
    with pytest.raises(ValueError, match=message):
        make_sae(**options).fit(X)
