"""Several autoencoders trained in the same steps."""

from collections import defaultdict

from sklearn_hsae.sae._estimator import MatryoshkaSAETransformer
from sklearn_hsae.sae._sources import RowFile, open_rows

_MAY_DIFFER = ("random_state", "target_weight")
# Multiplications of all encodings in a step up to which models side by side gain:
# beyond, the arithmetic takes the time, and what the models share is too little.
_MULTIPLICATIONS_A_STEP = 2**28


def fit_many(autoencoders, X, y=None):
    """Fit several autoencoders to the same rows, in the same steps where it is faster.

    A step of a small autoencoder takes longer to set up than to compute. So those that
    differ only in `random_state` or `target_weight` take their steps together. Each
    ends as its own ``fit(X, y)`` would leave it, but for rounding.

    Parameters
    ----------
    autoencoders : sequence of MatryoshkaSAETransformer
        Fitted in place. Those that cannot share their steps are fitted one by one:
        large ones, those of another shape, with rows on disk, in several processes,
        and with ``callbacks``, ``checkpoint``, ``resample_dead`` or a penalty
        (``"l1"``, ``"reward"``).
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,), default=None
        As in :meth:`MatryoshkaSAETransformer.fit`.

    Returns
    -------
    list of MatryoshkaSAETransformer
        The same objects, in the same order.

    Raises
    ------
    TypeError
        When `autoencoders` is a single one, or holds anything else.
    ValueError
        As :meth:`MatryoshkaSAETransformer.fit` does, before any is trained.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_hsae import MatryoshkaSAETransformer
    >>> from sklearn_hsae.sae import fit_many
    >>> X = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
    >>> saes = [MatryoshkaSAETransformer(32, 4, random_state=i) for i in range(5)]
    >>> [sae.encoder_.shape for sae in fit_many(saes, X)][:2]
    [(32, 16), (32, 16)]
    """
    autoencoders = _check_autoencoders(autoencoders)
    X = open_rows(X)  # a file is opened once
    groups = defaultdict(list)
    for autoencoder in autoencoders:
        autoencoder._validate_params()
        groups[_shared_params(autoencoder)].append(autoencoder)
    # All sizes first: what cannot be fitted is then known before any training.
    sizes = [_models_a_step(group[0], X, y) for group in groups.values()]
    for group, size in zip(groups.values(), sizes, strict=True):
        for start in range(0, len(group), size):
            _fit_together(group[start : start + size], X, y)
    return autoencoders


def _check_autoencoders(autoencoders):
    is_one = isinstance(autoencoders, MatryoshkaSAETransformer)
    found = [autoencoders] if is_one else list(autoencoders)
    wrong = [each for each in found if not isinstance(each, MatryoshkaSAETransformer)]
    if is_one or wrong:
        raise TypeError(
            "fit_many needs a list of MatryoshkaSAETransformer, got "
            + (f"one of {wrong[0]!r}." if wrong else "a single one; call its fit.")
        )
    return found


def _fit_together(autoencoders, X, y):
    from sklearn_hsae.sae._fitting import fit_networks

    if len(autoencoders) == 1:
        autoencoders[0].fit(X, y)
    else:
        prepared = [each._prepare_fit(X, y) for each in autoencoders]
        fit_networks(autoencoders, *prepared[0])


def _models_a_step(autoencoder, X, y):
    """How many autoencoders like this one should share their steps."""
    from sklearn_hsae.sae._fitting import plan
    from sklearn_hsae.sae._processes import choose_device, join_processes

    has_penalty = autoencoder.activation in ("l1", "reward")
    has_work_between_epochs = (
        autoencoder.callbacks
        or autoencoder.checkpoint is not None
        or autoencoder.resample_dead
    )
    rows, _, _ = autoencoder._prepare_fit(X, y)
    is_streamed = isinstance(rows, RowFile)
    is_shared_out = join_processes(choose_device(autoencoder.device)).number > 1
    if has_penalty or has_work_between_epochs or is_streamed or is_shared_out:
        return 1
    n_training = int((1 - autoencoder.validation_fraction) * len(rows))
    batch_size = min(plan(autoencoder, n_training)["batch_size"], n_training)
    step = batch_size * autoencoder.n_neurons * rows.shape[1]
    return max(_MULTIPLICATIONS_A_STEP // step, 1)


def _shared_params(autoencoder):
    """What must be equal in autoencoders that share their steps, as a key."""
    params = autoencoder.get_params()
    for name in _MAY_DIFFER:
        del params[name]
    has_head = autoencoder.target_weight > 0
    return repr(sorted(params.items())), has_head
