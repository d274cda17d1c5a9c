"""Run a training: checked data in, learned weights out."""

from typing import NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state

from sklearn_hsae.sae._data import mean_and_scale
from sklearn_hsae.sae._kernels import (
    has_compiled_loops,
    own_threads,
    suitable_threads,
    torch_threads,
)
from sklearn_hsae.sae._model import Encoder, calibrate_threshold
from sklearn_hsae.sae._settings import CONSTANT_RATE
from sklearn_hsae.sae._training._batches import RowsPerModel
from sklearn_hsae.sae._training._interrupts import interrupts_pass
from sklearn_hsae.sae._training._net import build_net
from sklearn_hsae.sae._training._progress import epoch_of_model
from sklearn_hsae.sae._training._split import all_rows, blocks_of, split_rows, used_rows
from sklearn_hsae.sae._training._state import (
    restore_training_state,
    to_numpy,
    training_state,
)

_PARAMETERS = (
    "encoder",
    "encoder_bias",
    "decoder",
    "decoder_bias",
    "head",
    "head_bias",
)


class LearnedWeights(NamedTuple):
    """The learned weights of one model.

    The estimator stores each field as the fitted attribute of the same name, with an
    underscore at the end. Its docstring describes them.
    """

    encoder: np.ndarray
    encoder_bias: np.ndarray
    decoder: np.ndarray
    decoder_bias: np.ndarray
    head: np.ndarray | None
    head_bias: np.ndarray | None
    input_mean: np.ndarray
    input_scale: float
    threshold: float | None
    history: list


def train(settings, data, checkpoint=None, on_epoch_end=None):
    """Train one or several models from the beginning, in the same steps.

    Parameters
    ----------
    settings : TrainingSettings
    data : TrainingData
    checkpoint : pathlib.Path or None
        File for the state after each epoch.
    on_epoch_end : callable or None
        Called after each epoch with its figures, for the training of one model.

    Returns
    -------
    list of LearnedWeights
        One per model.
    """
    rngs = [check_random_state(state) for state in settings.random_states]
    splits = [split_rows(settings, data, rng) for rng in rngs]
    network_seeds, order_seeds = zip(*map(_draw_seeds, rngs), strict=True)
    training, validation, means, scales = zip(*splits, strict=True)
    net = build_net(
        settings,
        data.rows.shape[1],
        network_seeds,
        [np.random.default_rng(seed) for seed in order_seeds],
        validation=RowsPerModel(validation),
        checkpoint=checkpoint,
        on_epoch_end=on_epoch_end,
        output=_output(settings, means[0], scales[0]),
    )
    _run(net.fit, RowsPerModel(training), settings)
    callbacks = dict(net.callbacks_)
    if checkpoint is not None:
        callbacks["checkpoint"].remove()
    n_epochs = callbacks["best_epochs"].n_epochs_
    return [
        _learned_weights(
            net,
            settings,
            model,
            means[model],
            scales[model],
            history=[
                epoch_of_model(epoch, model)
                for epoch in net.history[: int(n_epochs[model])]
            ],
            calibration_rows=rows.X[rows.indices],
        )
        for model, rows in enumerate(validation)
    ]


def train_further(settings, data, n_passes, learned=None, state=None):
    """Train with one pass over more rows.

    Parameters
    ----------
    settings : TrainingSettings
        Settings of one model.
    data : TrainingData
    n_passes : int
        Number of earlier passes.
    learned : LearnedWeights or None
        Initial weights; None for random weights.
    state : dict or None
        The state that belongs to `learned`.

    Returns
    -------
    learned : LearnedWeights
    state : dict
        State for the next call; see :func:`training_state`.
    """
    (random_state,) = settings.random_states
    rng = check_random_state(random_state)
    # Each call has other seeds, so that the order of rows differs.
    network_seed, order_seed = _draw_seeds(rng, n_passes)
    if learned is None:
        mean, scale = mean_and_scale(blocks_of(data, used_rows(data)))
    else:
        mean, scale = learned.input_mean, learned.input_scale
    net = build_net(
        settings,
        data.rows.shape[1],
        [network_seed],
        [np.random.default_rng(order_seed)],
        rate=CONSTANT_RATE,
        output=_output(settings, mean, scale),
    )
    net.initialize()
    if learned is not None:
        _restore(net, learned, state)
    rows = RowsPerModel([all_rows(settings, data, mean, scale)])
    _run(net.partial_fit, rows, settings)
    learned = _learned_weights(
        net, settings, 0, mean, scale, history=[], calibration_rows=data.rows
    )
    return learned, training_state(net)


def _output(settings, mean, scale):
    """What follows the decoder. With a penalty there is one model only."""
    if settings.decoder_activation == "identity":
        return None
    return settings.decoder_activation, mean, scale


def _draw_seeds(rng, n_before=0):
    """Seeds of the network and of the order of rows, after `n_before` earlier pairs."""
    return rng.randint(2**31 - 1, size=2 * n_before + 2)[-2:].tolist()


def _run(fit, rows, settings):
    """Call a method of the net with a suitable number of threads."""
    n_neurons = settings.n_models * settings.n_neurons
    n_features = rows.parts[0].X.shape[1]
    n_threads = suitable_threads(settings.batch_size * n_neurons * n_features)
    # What is not compiled, such as the dense products of a penalty, torch parallelises.
    device = torch.device(settings.device)
    is_compiled = has_compiled_loops(device) and not settings.has_penalty
    threads = own_threads if is_compiled else torch_threads
    with interrupts_pass(), threads(n_threads):
        fit(rows)


def _learned_weights(net, settings, model, mean, scale, history, calibration_rows):
    weights = {
        name: to_numpy(getattr(net.module_, name)[model]) for name in _PARAMETERS
    }
    if settings.target_kind is None:
        weights |= {"head": None, "head_bias": None}
    threshold = None
    if settings.activation != "topk":
        encoder = Encoder(
            weights["encoder"],
            weights["encoder_bias"],
            mean,
            scale,
            settings.k,
            None,
            settings.device,
        )
        threshold = calibrate_threshold(encoder, calibration_rows)
    return LearnedWeights(
        **weights,
        input_mean=mean,
        input_scale=scale,
        threshold=threshold,
        history=history,
    )


def _restore(net, learned, state):
    weights = net.module_.state_dict()
    for name in _PARAMETERS:
        value = getattr(learned, name)
        if value is not None:
            weights[name] = torch.tensor(value)[None]
    net.module_.load_state_dict(weights)
    restore_training_state(net, state)
