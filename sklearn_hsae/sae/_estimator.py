"""MatryoshkaSAETransformer: the sparse autoencoder as a scikit-learn transformer."""

import logging
from dataclasses import replace
from numbers import Integral, Real
from os import PathLike

from sklearn.base import BaseEstimator

from sklearn_hsae._pairs import carries_pairs, mirrored_target, of_both_texts
from sklearn_hsae._sklearn_compat import Interval, StrOptions, fit_context
from sklearn_hsae.sae._data import (
    TargetCoding,
    check_rows,
    learn_target,
    training_data,
    warn_of_range,
)
from sklearn_hsae.sae._encoding import EncodingMixin
from sklearn_hsae.sae._persistence import SavedAsSafetensors
from sklearn_hsae.sae._settings import (
    count_training_rows,
    make_settings,
    prefix_size,
    resolve_sizes,
    suggest_sizes,
)

# torch is imported at the first fit, not with this module.

_AUTO = StrOptions({"auto"})

logger = logging.getLogger("sklearn_hsae")


class MatryoshkaSAETransformer(EncodingMixin, SavedAsSafetensors, BaseEstimator):
    """Sparse autoencoder whose first neurons reconstruct on their own.

    Each row becomes `n_neurons` activations, of which at most `k` are positive (Gao et
    al. [1]_). With `prefixes`, the first neurons, for example the first 32, are trained
    to reconstruct the rows also without the others (Bussmann et al. [2]_). They become
    broad topics, and the others become details. With `target_weight`, neurons are also
    trained to predict the target.

    Parameters
    ----------
    n_neurons : int or "auto", default=256
        Number of neurons, M. ``"auto"`` depends on the number of rows: 96 for 5,000,
        256 for 100,000, see :func:`~sklearn_hsae.sae.suggest_sizes`.
    k : int or "auto", default=8
        Largest number of active neurons per row, K. ``"auto"`` is 8, or 4 with 32
        neurons or fewer.
    prefixes : sequence of int or float, "auto" or None, default=None
        Growing numbers of neurons: ints, or floats as fractions of `n_neurons`.
        `n_neurons` is appended when absent. ``"auto"`` is the first 32 neurons, and all
        neurons. None trains the full size alone. All prefixes have the same weight in
        the loss: with twice the weight for one of them, the predictions of the selected
        neurons changed no more than with another seed.
    prefix : int, float or None, default=None
        Default `prefix` of :meth:`transform` and :meth:`score`, which then use the
        first neurons only: their number, or a fraction. It does not change the
        training. In a search over a pipeline, it is ``sae__prefix``.
    activation : {"topk", "batch_topk", "l1", "reward"}, default="topk"
        Which neurons are active. ``"topk"``: the `k` largest of each row, so that the
        activations of a row depend on this row alone. The other choices use one
        threshold for all rows, which is set after training on the validation rows, so
        that `k` neurons per row are active on average; rows with much content have
        more. They differ in the training: ``"batch_topk"`` uses the largest of a whole
        batch [3]_, ``"l1"`` a penalty on the sum of activations, ``"reward"`` a penalty
        on the number of active neurons, by a score-function estimator. The weight of
        the penalty is adjusted during training.
    decoder_activation : {"identity", "tanh", "sigmoid"}, default="identity"
        Function of the reconstruction, for ``"l1"`` and ``"reward"``. ``"tanh"`` keeps
        it between -1 and 1, ``"sigmoid"`` between 0 and 1, for rows that lie there.
        Embeddings are so near to 0 that ``"tanh"`` changes next to nothing.
    multi_k : int or None, default=None
        Reconstruct the rows also from this number of active neurons, for example 4
        times `k`, with an eighth of the weight, as in Multi-TopK [1]_. The activations
        of :meth:`transform` have `k` in either case. For ``"topk"`` and
        ``"batch_topk"``; training takes about one and a half times as long.
    task : {"auto", "regression", "classification"}, default="auto"
        What the target is. ``"auto"`` takes two whole numbers, booleans, words and
        categories as classes, and other numbers as a quantity.
    target_weight : float, default=0.0
        Weight of the loss of a linear head that predicts y from the activations of the
        first prefix; the reconstruction loss is about 0.5. 0 ignores y. With 0.1 to 1
        the selected neurons predict better, and the reconstruction is a little worse.
    max_epochs : int or "auto", default="auto"
        Passes over the rows; the learning rate falls to zero over all of them.
        ``"auto"`` makes about 2,000 steps in 10 to 50 epochs.
    batch_size : int or "auto", default="auto"
        Rows per step. ``"auto"`` makes about 32 steps per epoch, of 64 to 512 rows:
        small batches generalise better when there are few rows.
    learning_rate : float, default=0.006
        Peak of the one-cycle schedule, for 256 neurons or fewer; above, it falls with
        the fourth root of `n_neurons`.
    patience : int or None, default=10
        Stop after this number of epochs without a lower validation loss; None never
        stops. The weights of the best epoch are kept in either case.
    validation_fraction : float, default=0.1
        Fraction of the rows that is set aside for the validation loss.
    checkpoint : str, path-like or None, default=None
        Folder for the state of the training, which is written after each epoch. When
        :meth:`fit` was killed, a new call with the same rows and parameters continues
        from this state. The weights are the same as without the interruption, bit for
        bit on a CPU. At the end the file is removed. `random_state` must be an int.
    sparse_output : bool, default=False
        Return a csr matrix for arrays and pandas-sparse columns for frames. No array of
        size n_samples x n_neurons is created.
    device : str or None, default=None
        Where to compute, for example ``"cpu"`` or ``"cuda"``. None is a CUDA GPU
        when there is one, else the CPU. Training on a GPU is experimental.
    random_state : int, RandomState instance or None, default=None
        Decides the first weights, the validation rows and the order of rows. On a CPU
        an int gives the same weights each time, bit for bit.
    verbose : int, default=0
        If not 0, a progress bar over the epochs is shown.

    Attributes
    ----------
    components_ : ndarray of shape (n_neurons, n_features_in_)
        Direction of each neuron in the standardised space, with length 1: the rows of
        the decoder. The same array as `decoder_`, under scikit-learn's name.
        With a `decoder_activation`, to first order around the mean.
    encoder_ : ndarray of shape (n_neurons, n_features_in_)
        Weights from a standardised row to the neurons.
    encoder_bias_ : ndarray of shape (n_neurons,)
    decoder_ : ndarray of shape (n_neurons, n_features_in_)
    decoder_bias_ : ndarray of shape (n_features_in_,)
    input_mean_ : ndarray of shape (n_features_in_,)
    input_scale_ : float
        A standardised row is ``(row - input_mean_) / input_scale_``; the mean square
        length of the training rows is then 1.
    head_ : ndarray of shape (prefixes_[0], n_outputs) or None
        Weights of the head when `target_weight` is positive.
    head_bias_ : ndarray of shape (n_outputs,) or None
    threshold_ : float or None
        A neuron is active when it reaches this value; None with ``activation="topk"``.
    k_ : int
        Number of active neurons per row.
    prefixes_ : tuple of int
        The nested sizes.
    history_ : list of dict
        For each epoch: `train_loss`, `valid_loss`, `valid_fvu`, `dead_neurons` and
        `dur` (seconds). `valid_fvu` is the fraction of variance unexplained, the mean
        over the prefixes; `valid_loss` adds the weighted loss of the head.
        ``pandas.DataFrame(sae.history_)`` is a table of it. Only :meth:`fit` sets it.
    n_iter_ : int
        Number of epochs.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        When `X` had column names.

    See Also
    --------
    NeuronSelector : Keeps the neurons that go with a target.
    sklearn_hsae.sae.fit_many : Trains several of these in the same steps.

    References
    ----------
    .. [1] Gao et al., "Scaling and evaluating sparse autoencoders", 2024.
    .. [2] Bussmann et al., "Learning multi-level features with Matryoshka sparse
       autoencoders", 2025.
    .. [3] Bussmann et al., "BatchTopK sparse autoencoders", 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_hsae import MatryoshkaSAETransformer
    >>> X = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
    >>> sae = MatryoshkaSAETransformer(32, 4, prefixes=(0.25, 1.0), random_state=0)
    >>> activations = sae.fit_transform(X)
    >>> activations.shape, int((activations > 0).sum(axis=1).max())
    ((200, 32), 4)
    """

    # With metadata routing, groups are for early stopping wherever they are passed.
    __metadata_request__fit = {"groups": True}

    _parameter_constraints: dict = {
        "n_neurons": [Interval(Integral, 1, None, closed="left"), _AUTO],
        "k": [Interval(Integral, 1, None, closed="left"), _AUTO],
        "prefixes": ["array-like", _AUTO, None],
        "prefix": [Interval(Real, 0, None, closed="neither"), None],
        "activation": [StrOptions({"topk", "batch_topk", "l1", "reward"})],
        "decoder_activation": [StrOptions({"identity", "tanh", "sigmoid"})],
        "multi_k": [Interval(Integral, 1, None, closed="left"), None],
        "task": [StrOptions({"auto", "regression", "classification"})],
        "target_weight": [Interval(Real, 0, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), _AUTO],
        "batch_size": [Interval(Integral, 1, None, closed="left"), _AUTO],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "patience": [Interval(Integral, 1, None, closed="left"), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "checkpoint": [str, PathLike, None],
        "sparse_output": ["boolean"],
        "device": [str, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_neurons=256,
        k=8,
        *,
        prefixes=None,
        prefix=None,
        activation="topk",
        decoder_activation="identity",
        multi_k=None,
        task="auto",
        target_weight=0.0,
        max_epochs="auto",
        batch_size="auto",
        learning_rate=6e-3,
        patience=10,
        validation_fraction=0.1,
        checkpoint=None,
        sparse_output=False,
        device=None,
        random_state=None,
        verbose=0,
    ):
        self.n_neurons = n_neurons
        self.k = k
        self.prefixes = prefixes
        self.prefix = prefix
        self.activation = activation
        self.decoder_activation = decoder_activation
        self.multi_k = multi_k
        self.task = task
        self.target_weight = target_weight
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.checkpoint = checkpoint
        self.sparse_output = sparse_output
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None, groups=None, *, on_epoch_end=None):
        """Train the autoencoder.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Embeddings; frames keep their row index in :meth:`transform`. The path of an
            ``.npy`` or a parquet file, a memory map, and arrays of dask, zarr and h5py
            are read from disk when they are large.
        y : array-like of shape (n_samples,), default=None
            The target, used when `target_weight` is positive; see `task`. The head has
            a logistic loss for two classes, a softmax for more, and the squared error
            of the standardised y for a quantity.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the mean, the scale and all losses: reconstruction,
            penalty and head, in training and in validation. They are scaled to a mean
            of 1; equal weights are the same as None. Rows of weight 0 are left out. The
            number of active neurons is counted without weights.
        groups : array-like of shape (n_samples,), default=None
            Rows that go together, such as the texts of one author. The rows of a group
            are all in training or all in the validation rows of early stopping, and
            `validation_fraction` is a share of the groups.
        on_epoch_end : callable or None, default=None
            Called after each epoch with its entry of `history_`, such as ``{"epoch": 3,
            "valid_fvu": 0.41, ...}``. An error that it raises ends the training, so a
            study of Optuna can prune a trial. In a pipeline it is
            ``fit(X, y, sae__on_epoch_end=...)``.

        Returns
        -------
        self : MatryoshkaSAETransformer

        Raises
        ------
        ValueError
            When `k` exceeds `n_neurons`, prefixes do not grow, y is missing though
            `target_weight` is positive, or X exceeds the range of float32.
        FloatingPointError
            When the loss is no longer finite.
        """
        from sklearn_hsae.sae._training import checkpoint_path, train

        data, settings, _ = self._prepare_fit(X, y, sample_weight, groups)
        checkpoint = None
        if self.checkpoint is not None:
            checkpoint = checkpoint_path(self.checkpoint, self.get_params(), data)
        (learned,) = train(settings, data, checkpoint, on_epoch_end)
        self._set_learned(settings, learned)
        logger.info(
            "Autoencoder: %d neurons, %d active per text, %d epochs.",
            len(self.encoder_),
            settings.k,
            self.n_iter_,
        )
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Continue the training with one pass over more rows.

        The first call after construction or after :meth:`fit` starts a new training. It
        fixes the sizes, the mean, the scale and, with `target_weight`, the classes or
        the scale of the target. So its rows should be similar to the later rows. There
        is no validation, and the learning rate is constant: use :meth:`fit` when all
        rows are available.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), default=None
            As in :meth:`fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            As in :meth:`fit`; scaled to a mean of 1 in each call.

        Returns
        -------
        self : MatryoshkaSAETransformer
        """
        from sklearn_hsae.sae._training import LearnedWeights, train_further

        learned, n_passes = None, 0
        state = vars(self).get("_training_state")
        if state is None:
            data, settings, coding = self._prepare_fit(X, y, sample_weight)
        else:
            data, settings, coding = self._prepare_more(X, y, sample_weight)
            learned = LearnedWeights(
                *(getattr(self, f"{name}_", None) for name in LearnedWeights._fields)
            )
            n_passes = self.n_iter_
        settings = replace(settings, max_epochs=1)
        learned, state = train_further(settings, data, n_passes, learned, state)
        self._set_learned(settings, learned)
        del self.history_  # there is no validation to report
        self.n_iter_ = n_passes + 1
        coding = None if coding is None else coding._asdict()
        self._training_state = state | {"coding": coding}
        return self

    def _prepare_fit(self, X, y, sample_weight=None, groups=None):
        """Check the input of a new training.

        Returns
        -------
        TrainingData, TrainingSettings, TargetCoding or None
        """
        y, sample_weight = self._per_text(X, y, sample_weight)
        groups = of_both_texts(groups) if carries_pairs(X) else groups
        X = check_rows(self, X, reset=True, ensure_min_samples=2)
        n_neurons = self.n_neurons
        if n_neurons == "auto":
            n_neurons = suggest_sizes(len(X))["n_neurons"]
        k, prefixes = resolve_sizes(n_neurons, self.k, self.prefixes)
        if self.prefix is not None:
            prefix_size(self.prefix, n_neurons)
        coding = None
        if self.target_weight > 0:
            coding = learn_target(self._require(y), self.task)
        data = training_data(X, y, sample_weight, coding, groups)
        if self.decoder_activation != "identity":
            warn_of_range(self.decoder_activation, data.rows)
        vars(self).pop("_training_state", None)
        n_training = count_training_rows(data.n_used, self.validation_fraction)
        return data, self._settings(n_training, coding, k, prefixes), coding

    def _prepare_more(self, X, y, sample_weight):
        """As :meth:`_prepare_fit`, after an earlier `partial_fit`."""
        y, sample_weight = self._per_text(X, y, sample_weight)
        X = check_rows(self, X, reset=False, ensure_min_samples=2)
        coding = None
        if self.target_weight > 0:
            coding = self._training_state["coding"]
            if coding is None:
                raise ValueError(
                    "target_weight was 0 in the first call of partial_fit, so there is "
                    "no head to train. Call fit, or partial_fit of a clone."
                )
            coding = TargetCoding(**coding)
            self._require(y)
        data = training_data(X, y, sample_weight, coding)
        settings = self._settings(data.n_used, coding, self.k_, self.prefixes_)
        return data, settings, coding

    def _per_text(self, X, y, sample_weight):
        """Target and weights of each text, where the rows of `X` are texts of pairs."""
        if not carries_pairs(X):
            return y, sample_weight
        if y is not None and self.target_weight > 0:
            y = mirrored_target(y, self.task)
        return y, of_both_texts(sample_weight)

    def _require(self, y):
        if y is None:
            raise ValueError(
                f"target_weight={self.target_weight} needs a target: pass y to fit, "
                "or set target_weight=0."
            )
        return y

    def _settings(self, n_rows, coding, k, prefixes):
        """The settings of a training with `n_rows` training rows."""
        from sklearn_hsae.sae._training import training_device

        device = training_device(self.device)
        return make_settings(self, n_rows, coding, k, prefixes, device)

    def _set_learned(self, settings, learned):
        self.k_ = settings.k
        self.prefixes_ = settings.prefixes
        self.encoder_ = learned.encoder
        self.encoder_bias_ = learned.encoder_bias
        self.decoder_ = learned.decoder
        self.decoder_bias_ = learned.decoder_bias
        self.head_ = learned.head
        self.head_bias_ = learned.head_bias
        self.input_mean_ = learned.input_mean
        self.input_scale_ = learned.input_scale
        self.threshold_ = learned.threshold
        self.history_ = learned.history
        self.n_iter_ = len(learned.history)
