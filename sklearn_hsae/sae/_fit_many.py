"""Train several autoencoders in the same steps."""

from collections import defaultdict
from dataclasses import replace

from sklearn_hsae._sklearn_compat import validate_params
from sklearn_hsae.sae._data import RowFile, open_rows
from sklearn_hsae.sae._estimator import MatryoshkaSAETransformer

_MAY_DIFFER = ("random_state", "target_weight")
# Training together is faster up to this number of multiplications per step (for the
# encoding). Above, the arithmetic takes most of the time, and the models share none of
# it.
_MULTIPLICATIONS_PER_STEP = 2**28


def fit_many(autoencoders, X, y=None, sample_weight=None):
    """Fit several autoencoders to the same rows, in the same steps where it is faster.

    A step of a small autoencoder takes longer to set up than to compute. So
    autoencoders that differ only in `random_state` or `target_weight` are trained in
    the same steps. Up to rounding, the result for each is that of its own `fit`.

    Parameters
    ----------
    autoencoders : sequence of MatryoshkaSAETransformer
        Fitted in place. Autoencoders that cannot share steps are fitted one by one:
        large ones; those with other parameters than the rest, with rows on disk, in
        several processes, with `checkpoint`, or with a penalty (``"l1"``,
        ``"reward"``).
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,), default=None
    sample_weight : array-like of shape (n_samples,), default=None
        All three as in :meth:`MatryoshkaSAETransformer.fit`.

    Returns
    -------
    list of MatryoshkaSAETransformer
        The same objects, in the same order.

    Raises
    ------
    TypeError
        When `autoencoders` is a single autoencoder, or has an item of another class.
    ValueError
        For the reasons of :meth:`MatryoshkaSAETransformer.fit`, before any training.

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
        validate_params(autoencoder)
        groups[_shared_params(autoencoder)].append(autoencoder)
    # Compute all sizes first, so that errors are raised before any training.
    sizes = [
        _models_per_step(group[0], X, y, sample_weight) for group in groups.values()
    ]
    for group, size in zip(groups.values(), sizes, strict=True):
        for start in range(0, len(group), size):
            _fit_together(group[start : start + size], X, y, sample_weight)
    return autoencoders


def _check_autoencoders(autoencoders):
    if isinstance(autoencoders, MatryoshkaSAETransformer):
        raise TypeError(
            "fit_many needs a list of MatryoshkaSAETransformer, got a single one; call "
            "its fit."
        )
    autoencoders = list(autoencoders)
    for item in autoencoders:
        if not isinstance(item, MatryoshkaSAETransformer):
            raise TypeError(
                "fit_many needs a list of MatryoshkaSAETransformer, got one of "
                f"{item!r}."
            )
    return autoencoders


def _fit_together(autoencoders, X, y, sample_weight):
    from sklearn_hsae.sae._training import train

    if len(autoencoders) == 1:
        autoencoders[0].fit(X, y, sample_weight)
        return
    prepared = [sae._prepare_fit(X, y, sample_weight) for sae in autoencoders]
    data, settings, _ = prepared[0]
    settings = replace(
        settings,
        random_states=tuple(sae.random_state for sae in autoencoders),
        target_weights=tuple(float(sae.target_weight) for sae in autoencoders),
    )
    for sae, learned in zip(autoencoders, train(settings, data), strict=True):
        sae._set_learned(settings, learned)


def _models_per_step(autoencoder, X, y, sample_weight):
    """How many autoencoders like this one should share their steps."""
    from sklearn_hsae.sae._training import join_processes

    data, settings, _ = autoencoder._prepare_fit(X, y, sample_weight)
    has_file = autoencoder.checkpoint is not None or isinstance(data.rows, RowFile)
    has_processes = join_processes(settings.device).n_processes > 1
    if settings.has_penalty or has_file or has_processes:
        return 1
    batch_size = min(settings.batch_size, data.n_used)
    n_multiplications = batch_size * settings.n_neurons * data.rows.shape[1]
    return max(_MULTIPLICATIONS_PER_STEP // n_multiplications, 1)


def _shared_params(autoencoder):
    """A key that is equal for autoencoders that can share their steps."""
    params = autoencoder.get_params()
    for name in _MAY_DIFFER:
        del params[name]
    has_head = autoencoder.target_weight > 0
    return repr(sorted(params.items())), has_head
