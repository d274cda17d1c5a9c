"""The settings of a training: the user's parameters with every "auto" resolved."""

import math
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real

_NEURONS_PER_STEP, _MOST_NEURONS = 32, 1024
_HEAD_NEURONS = 32
_STEPS_PER_EPOCH, _STEPS = 32, 2000
_SMALLEST_BATCH, _LARGEST_BATCH = 64, 512
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 50
_NEURONS_FOR_PEAK_RATE = 256
# partial_fit does not know how many calls will follow, so its rate stays at a quarter
# of the peak.
CONSTANT_RATE = 0.25


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of one training, or of several models that are trained together.

    Attributes
    ----------
    prefixes : tuple of int
        Growing sizes; the last is the number of neurons.
    k : int
        Active neurons per row.
    multi_k : int or None
        Active neurons per row of a second reconstruction in training.
    activation : {"topk", "batch_topk", "l1", "reward"}
    decoder_activation : {"identity", "tanh", "sigmoid"}
    target_kind : {"regression", "binary", "multiclass"} or None
        Which loss the head has; None for no head.
    n_outputs : int
        Number of outputs of the head; 0 for no head.
    batch_size, max_epochs : int
    learning_rate : float
        Peak of the one-cycle schedule.
    patience : int or None
    validation_fraction : float
    device : str
    verbose : int or bool
    random_states : tuple of int, RandomState or None
        One per model.
    target_weights : tuple of float
        Weight of the head's loss, one per model.
    """

    prefixes: tuple
    k: int
    multi_k: int | None
    activation: str
    decoder_activation: str
    target_kind: str | None
    n_outputs: int
    batch_size: int
    max_epochs: int
    learning_rate: float
    patience: int | None
    validation_fraction: float
    device: str
    verbose: int
    random_states: tuple
    target_weights: tuple

    @property
    def n_neurons(self):
        return self.prefixes[-1]

    @property
    def n_models(self):
        return len(self.random_states)

    @property
    def has_penalty(self):
        """Whether sparsity comes from a penalty instead of a top-k selection."""
        return self.activation in ("l1", "reward")


def make_settings(estimator, n_rows, coding, k, prefixes, device):
    """The settings of one estimator.

    Parameters
    ----------
    estimator : MatryoshkaSAETransformer
    n_rows : int
        Number of training rows.
    coding : TargetCoding or None
    k : int
    prefixes : tuple of int
    device : str

    Returns
    -------
    TrainingSettings
    """
    batch_size, max_epochs = estimator.batch_size, estimator.max_epochs
    if batch_size == "auto":
        batch_size = choose_batch_size(n_rows)
    if max_epochs == "auto":
        max_epochs = choose_epochs(n_rows, batch_size)
    return TrainingSettings(
        prefixes=prefixes,
        k=k,
        multi_k=_checked_multi_k(estimator, k, prefixes[-1]),
        activation=estimator.activation,
        decoder_activation=_checked_decoder_activation(estimator),
        target_kind=None if coding is None else coding.kind,
        n_outputs=0 if coding is None else coding.n_outputs,
        batch_size=batch_size,
        max_epochs=max_epochs,
        learning_rate=peak_learning_rate(estimator.learning_rate, prefixes[-1]),
        patience=estimator.patience,
        validation_fraction=estimator.validation_fraction,
        device=device,
        verbose=estimator.verbose,
        random_states=(estimator.random_state,),
        target_weights=(float(estimator.target_weight),),
    )


def _checked_multi_k(estimator, k, n_neurons):
    multi_k = estimator.multi_k
    if multi_k is None:
        return None
    if not k < multi_k <= n_neurons:
        raise ValueError(
            f"multi_k={multi_k} must be above k={k} and at most n_neurons={n_neurons}. "
            f"For example multi_k={min(4 * k, n_neurons)}, or None."
        )
    if estimator.activation in ("l1", "reward"):
        raise ValueError(
            f"multi_k needs a selection of the largest, got activation="
            f'{estimator.activation!r}. Choose "topk" or "batch_topk", or multi_k=None.'
        )
    return multi_k


def _checked_decoder_activation(estimator):
    chosen = estimator.decoder_activation
    if chosen != "identity" and estimator.activation not in ("l1", "reward"):
        raise ValueError(
            f'decoder_activation="{chosen}" needs activation="l1" or "reward", got '
            f'"{estimator.activation}", whose gradients are those of a linear decoder. '
            'Choose one of the two, or decoder_activation="identity".'
        )
    return chosen


def suggest_sizes(n_rows):
    """Suggest `n_neurons`, `k` and `prefixes` for a number of rows.

    The number of neurons is 96 for 5,000 texts, and doubles when the number of texts
    grows eightfold. It is a multiple of 32, at most 1,024. HypotheSAEs uses more
    neurons. With the supervised head, and with key phrases as names, broad neurons get
    better names than narrow ones.

    Parameters
    ----------
    n_rows : int

    Returns
    -------
    dict
        Arguments of :class:`MatryoshkaSAETransformer`: the values of its "auto".

    Examples
    --------
    >>> from sklearn_hsae.sae import suggest_sizes
    >>> suggest_sizes(5000)
    {'n_neurons': 96, 'k': 8, 'prefixes': (32, 96)}
    """
    n_steps = round(3 * (n_rows / 5000) ** (1 / 3))
    n_neurons = min(max(n_steps, 1) * _NEURONS_PER_STEP, _MOST_NEURONS)
    k, prefixes = resolve_sizes(n_neurons, "auto", "auto")
    prefixes = prefixes if len(prefixes) > 1 else None
    return {"n_neurons": n_neurons, "k": k, "prefixes": prefixes}


def resolve_sizes(n_neurons, k, prefixes):
    """Return `k` as an int and `prefixes` as a tuple of ints that ends in `n_neurons`.

    Parameters
    ----------
    n_neurons : int
    k : int or "auto"
        "auto" is 8, or 4 with 32 neurons or fewer.
    prefixes : sequence of int or float, None or "auto"
        "auto" is the first 32 neurons, and all neurons.

    Raises
    ------
    ValueError
        When `k` exceeds `n_neurons`, or `prefixes` are wrong.
    """
    has_head_prefix = n_neurons > _HEAD_NEURONS
    if isinstance(k, str):
        k = min(8 if has_head_prefix else 4, n_neurons)
    if isinstance(prefixes, str):
        # The head uses the first prefix. 32 neurons are enough for all parts of a
        # target; 16 were too few.
        prefixes = (_HEAD_NEURONS,) if has_head_prefix else None
    if k > n_neurons:
        raise ValueError(
            f"k={k} neurons cannot be active out of n_neurons={n_neurons}. Lower k or "
            "raise n_neurons."
        )
    return k, resolve_prefixes(prefixes, n_neurons)


def resolve_prefixes(prefixes, n_neurons):
    """Return the prefixes as growing ints that end in `n_neurons`.

    Parameters
    ----------
    prefixes : sequence of int or float, or None
        Sizes, or fractions of `n_neurons`. `n_neurons` is appended when absent. None is
        `n_neurons` alone.
    n_neurons : int

    Raises
    ------
    ValueError
        When the prefixes do not grow, or a prefix is not from 1 to `n_neurons`.
    """
    given = [] if prefixes is None else list(prefixes)
    sizes = [prefix_size(prefix, n_neurons) for prefix in given]
    if not sizes or sizes[-1] != n_neurons:
        sizes.append(n_neurons)
    if any(later <= earlier for earlier, later in pairwise(sizes)):
        raise ValueError(
            f"prefixes must grow and be at most n_neurons={n_neurons}, got {given} "
            f"(sizes {sizes}). For example prefixes=(0.125, 1.0)."
        )
    return tuple(sizes)


def prefix_size(prefix, n_neurons):
    """Number of neurons of a prefix that is given as an int or as a fraction."""
    if isinstance(prefix, Real) and not isinstance(prefix, bool):
        if isinstance(prefix, Integral):
            if 1 <= prefix <= n_neurons:
                return int(prefix)
        elif 0.0 < prefix <= 1.0:
            return max(1, round(float(prefix) * n_neurons))
    raise ValueError(
        f"A prefix must be an int from 1 to n_neurons={n_neurons}, or a float in "
        f"(0, 1] as a fraction of it; got {prefix!r}."
    )


def count_training_rows(n_rows, validation_fraction):
    """Number of rows without those for the validation; at least 1."""
    return n_rows - min(math.ceil(validation_fraction * n_rows), n_rows - 1)


def choose_batch_size(n_rows):
    """A power of two that gives about 32 steps per epoch, from 64 to 512.

    Small batches generalise better when there are few rows. From 512 on, the time of a
    step on a CPU grows with its rows.
    """
    size = 2 ** round(math.log2(max(n_rows / _STEPS_PER_EPOCH, 1)))
    return min(max(size, _SMALLEST_BATCH), _LARGEST_BATCH)


def choose_epochs(n_rows, batch_size):
    """Number of epochs for about 2,000 steps, where the loss flattens; 10 to 50."""
    epochs = round(_STEPS / math.ceil(n_rows / batch_size))
    return min(max(epochs, _FEWEST_EPOCHS), _MOST_EPOCHS)


def peak_learning_rate(learning_rate, n_neurons):
    """Peak rate; above 256 neurons it falls with the fourth root of their number.

    Gao et al. 2024, "Scaling and evaluating sparse autoencoders", use the square root.
    In trainings of a thousand steps, the FVU is then 3 to 6 % higher. With a constant
    rate for all sizes, neurons die.
    """
    return learning_rate * min(1.0, (_NEURONS_FOR_PEAK_RATE / n_neurons) ** 0.25)


def one_cycle(step, n_steps):
    """Fraction of the peak rate: up over a tenth of the steps, then down to 0.

    One cycle (Smith & Topin 2017) reaches the loss of a constant rate in about a third
    of the epochs.
    """
    warm_up = max(n_steps // 10, 1)
    if step < warm_up:
        return (step + 1) / warm_up
    return (1 + math.cos(math.pi * (step - warm_up) / max(n_steps - warm_up, 1))) / 2
