"""Between the estimator and the network: settings go in, NumPy arrays come out."""

from numbers import Integral

import numpy as np
import torch
from sklearn.utils import assert_all_finite, check_random_state

from sklearn_hsae.sae._best_epochs import weights_of_model
from sklearn_hsae.sae._checkpoint import checkpoint_path
from sklearn_hsae.sae._encoding import Encoder, calibrate_threshold
from sklearn_hsae.sae._interrupts import interrupts_pass
from sklearn_hsae.sae._penalty import PENALTIES
from sklearn_hsae.sae._plan import (
    choose_batch_size,
    choose_epochs,
    choose_precision,
    peak_learning_rate,
    suitable_threads,
)
from sklearn_hsae.sae._prefixes import resolve_prefix_weights
from sklearn_hsae.sae._processes import choose_device, join_processes
from sklearn_hsae.sae._rows import (
    ResidentRows,
    Rows,
    RowsSideBySide,
    StreamedRows,
    mean_and_scale,
)
from sklearn_hsae.sae._sources import RowFile
from sklearn_hsae.sae._state import (
    restore_training_state,
    to_numpy,
    training_state,
)
from sklearn_hsae.sae._threads import own_threads, torch_threads
from sklearn_hsae.sae._training import build_net

_WEIGHTS = ("encoder", "encoder_bias", "decoder", "decoder_bias")
_HEAD = ("head", "head_bias")
_ONE_A_MODEL = ("decoder_bias", "head_bias")  # rather than one a neuron
# Without an end in sight the rate cannot fall to zero, so it stays where half of a
# one-cycle schedule's progress is made.
_CONSTANT_RATE = 0.25
_ROWS_A_BLOCK = 1024  # whose float64 copy stays in the cache
# Enough for a loss that is right to 1 %, and they are kept in memory.
_MOST_VALIDATION_ROWS = 2**15


def make_encoder(estimator):
    """The fitted encoder on the device that the estimator asks for."""
    return Encoder(
        estimator.encoder_,
        estimator.encoder_bias_,
        estimator.input_mean_,
        estimator.input_scale_,
        estimator.k,
        estimator.threshold_,
        choose_device(estimator.device),
    )


def fit_network(estimator, X, target, coding):
    """Train from scratch; set the learned attributes of `estimator`.

    Parameters
    ----------
    estimator : MatryoshkaSAETransformer
    X : array or RowFile of shape (n_samples, n_features)
    target : array of shape (n_samples,) or None
        As coded by `coding`.
    coding : TargetCoding or None
    """
    rng = check_random_state(estimator.random_state)
    training, validation = _split_rows(estimator, X, target, rng)
    network_seed, order_seed = _seeds(rng)
    net = _net(
        [estimator],
        coding,
        seeds=[network_seed],
        order=np.random.default_rng(order_seed),
        **plan(estimator, len(training)),
        validation_rows=validation,
        patience=estimator.patience,
        checkpoint=_checkpoint(estimator, X, target),
    )
    _run(net, net.fit, training)
    _keep_weights(estimator, net)
    if estimator.checkpoint is not None:
        dict(net.callbacks_)["checkpoint"].remove()
    estimator.history_ = [_without_batches(epoch) for epoch in net.history]
    estimator.n_iter_ = len(estimator.history_)
    _calibrate(estimator, validation.X[validation.chosen])


def fit_networks(estimators, X, target, coding):
    """As :func:`fit_network`, for several of equal shape in the same steps."""
    rngs = [check_random_state(estimator.random_state) for estimator in estimators]
    rows = [
        _split_rows(estimator, X, target, rng)
        for estimator, rng in zip(estimators, rngs, strict=True)
    ]
    training, validation = map(RowsSideBySide, zip(*rows, strict=True))
    network_seeds, order_seeds = zip(*map(_seeds, rngs), strict=True)
    first = estimators[0]
    net = _net(
        estimators,
        coding,
        seeds=network_seeds,
        order=[np.random.default_rng(seed) for seed in order_seeds],
        **plan(first, len(training)),
        validation_rows=validation,
        patience=first.patience,
    )
    _run(net, net.fit, training)
    n_epochs = dict(net.callbacks_)["best_epoch"].n_epochs_
    for model, estimator in enumerate(estimators):
        _keep_weights(estimator, net, model)
        estimator.n_iter_ = n_epochs[model]
        estimator.history_ = [
            {
                key: value[model] if isinstance(value, list) else value
                for key, value in _without_batches(epoch).items()
            }
            for epoch in net.history[: n_epochs[model]]
        ]
        held = validation.parts[model]
        _calibrate(estimator, held.X[held.chosen])


def fit_network_further(estimator, X, target, coding):
    """One pass over more rows, from where the last one left off."""
    state = vars(estimator).get("_training_state")
    everything = np.arange(len(X))
    if state is None:
        blocks = _blocks(X, everything)
        estimator.input_mean_, estimator.input_scale_ = mean_and_scale(blocks)
        estimator.n_iter_ = 0
    rng = check_random_state(estimator.random_state)
    # Another order of rows in each call, and no number drawn twice.
    network_seed, order_seed = _seeds(rng, estimator.n_iter_)
    net = _net(
        [estimator],
        coding,
        seeds=[network_seed],
        order=np.random.default_rng(order_seed),
        **plan(estimator, len(X)) | {"max_epochs": 1},
        constant_rate=_CONSTANT_RATE,
    )
    net.initialize()
    if state is not None:
        _restore(estimator, net, state)
    kind = StreamedRows if isinstance(X, RowFile) else Rows
    _run(net, net.partial_fit, _rows(kind, estimator, X, everything, target))
    _keep_weights(estimator, net)
    coding = None if coding is None else coding._asdict()
    estimator._training_state = training_state(net) | {"coding": coding}
    estimator.n_iter_ += 1
    _calibrate(estimator, X)


def _checkpoint(estimator, X, target):
    if estimator.checkpoint is None:
        return None
    if not isinstance(estimator.random_state, Integral):
        raise ValueError(
            "checkpoint needs an int as random_state, so that the rows set aside are "
            f"the same when the training goes on; got {estimator.random_state!r}."
        )
    return checkpoint_path(estimator, X, target)


def _split_rows(estimator, X, target, rng):
    split = _stream if isinstance(X, RowFile) else _hold
    return split(estimator, X, target, rng)


def _seeds(rng, n_before=0):
    """Seeds of the network and of the order of rows, after so many pairs of them."""
    return rng.randint(2**31 - 1, size=2 * n_before + 2)[-2:].tolist()


def plan(estimator, n_rows):
    """Batch size and number of epochs."""
    batch_size, max_epochs = estimator.batch_size, estimator.max_epochs
    if batch_size == "auto":
        batch_size = choose_batch_size(n_rows)
    if max_epochs == "auto":
        max_epochs = choose_epochs(n_rows, batch_size)
    return {"batch_size": batch_size, "max_epochs": max_epochs}


def _without_batches(epoch):
    return {key: value for key, value in epoch.items() if key != "batches"}


def _run(net, fit, rows):
    n_neurons = len(net.module__seeds) * net.module__prefixes[-1]
    n_features = net.module__n_features
    n_threads = suitable_threads(net.batch_size, n_neurons, n_features)
    has_penalty = net.module__activation in PENALTIES
    # Whole matrices are torch's own work, in threads of its own.
    threads = torch_threads if has_penalty else own_threads
    with interrupts_pass(), threads(n_threads):
        fit(rows)


def _hold(estimator, X, target, rng):
    """Training and validation rows of an array in memory."""
    training, validation = _split(len(X), estimator.validation_fraction, rng)
    blocks = _blocks(X, training)
    estimator.input_mean_, estimator.input_scale_ = mean_and_scale(blocks)
    kind = ResidentRows if _fits_on_gpu(estimator, X) else Rows
    return (
        _rows(kind, estimator, X, chosen, target) for chosen in (training, validation)
    )


def _fits_on_gpu(estimator, X):
    """Whether there is a GPU, of which rows in float32 would take less than half."""
    device = torch.device(choose_device(estimator.device))
    if device.type != "cuda":
        return False
    n_free, _ = torch.cuda.mem_get_info(device)
    return 4 * X.size < n_free / 2


def _stream(estimator, X, target, rng):
    """Training rows that stay on disk; validation rows, which are read and kept.

    The mean, the check for missing values and the validation rows come out of one
    pass.
    """
    fraction = min(estimator.validation_fraction, _MOST_VALIDATION_ROWS / len(X))
    training, validation = map(np.sort, _split(len(X), fraction, rng))
    kept = []

    def training_blocks():
        for start in range(0, len(X), _ROWS_A_BLOCK):
            block = X[start : start + _ROWS_A_BLOCK]
            assert_all_finite(block, input_name="X")
            first, last = np.searchsorted(validation, [start, start + len(block)])
            held = validation[first:last] - start
            kept.append(block[held])
            yield np.delete(block, held, axis=0)

    estimator.input_mean_, estimator.input_scale_ = mean_and_scale(training_blocks())
    held_target = None if target is None else target[validation]
    held = np.arange(len(validation))
    return (
        _rows(StreamedRows, estimator, X, training, target),
        _rows(Rows, estimator, np.concatenate(kept), held, held_target),
    )


def _blocks(X, chosen):
    for start in range(0, len(chosen), _ROWS_A_BLOCK):
        yield X[chosen[start : start + _ROWS_A_BLOCK]]


def _split(n_rows, validation_fraction, rng):
    order = rng.permutation(n_rows)
    n_valid = min(int(np.ceil(validation_fraction * n_rows)), n_rows - 1)
    return order[n_valid:], order[:n_valid]


def _rows(kind, estimator, X, chosen, target):
    return kind(
        X,
        chosen,
        estimator.input_mean_,
        estimator.input_scale_,
        target,
        choose_device(estimator.device),
    )


def _net(estimators, coding, seeds, **options):
    estimator = estimators[0]
    device = choose_device(estimator.device)
    weights = resolve_prefix_weights(estimator.prefix_weights, len(estimator.prefixes_))
    return build_net(
        network={
            "n_features": len(estimator.input_mean_),
            "prefixes": estimator.prefixes_,
            "prefix_weights": tuple(weights),
            "k": estimator.k,
            "activation": estimator.activation,
            "n_outputs": 0 if coding is None else coding.n_outputs,
            "precision": choose_precision(estimator.dtype, device, estimator.n_neurons),
            "seeds": tuple(seeds),
        },
        learning_rate=peak_learning_rate(estimator.learning_rate, estimator.n_neurons),
        prediction=None if coding is None else coding.loss,
        target_weights=[float(each.target_weight) for each in estimators],
        aux_weight=estimator.aux_weight,
        resample_dead=estimator.resample_dead,
        processes=join_processes(device),
        callbacks=estimator.callbacks,
        device=device,
        verbose=estimator.verbose,
        **options,
    )


def _keep_weights(estimator, net, model=0):
    names = [name for name, _ in net.module_.named_parameters()]
    weights = dict(zip(names, weights_of_model(net, model), strict=True))
    has_head = estimator.target_weight > 0
    for name in (*_WEIGHTS, *_HEAD):
        value = to_numpy(weights[name]) if name in _WEIGHTS or has_head else None
        if name in _ONE_A_MODEL and value is not None:
            value = value[0]
        setattr(estimator, f"{name}_", value)


def _calibrate(estimator, X):
    """Set the threshold on rows, of which there may be none."""
    estimator.threshold_ = None
    if estimator.activation != "topk":
        encoder = make_encoder(estimator)
        estimator.threshold_ = calibrate_threshold(encoder, X)


def _restore(estimator, net, state):
    weights = net.module_.state_dict()
    for name in (*_WEIGHTS, *_HEAD):
        value = getattr(estimator, f"{name}_")
        if value is not None:
            weights[name] = torch.tensor(value).view_as(weights[name])
    net.module_.load_state_dict(weights)
    restore_training_state(net, state)
