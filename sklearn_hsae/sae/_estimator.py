"""MatryoshkaSAETransformer, the scikit-learn face of the sparse autoencoder."""

from numbers import Integral, Real
from os import PathLike

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_is_fitted,
    validate_data,
)

from sklearn_hsae._texts import frame_like
from sklearn_hsae.sae._persistence import SavedAsSafetensors
from sklearn_hsae.sae._prefixes import (
    prefix_size,
    resolve_prefix_weights,
    resolve_prefixes,
)
from sklearn_hsae.sae._sources import RowFile, open_rows
from sklearn_hsae.sae._target import TargetCoding, learn_target

_ROWS_A_CHUNK = 8192
_DTYPES = [np.float32, np.float64, np.float16]
_AUTO = StrOptions({"auto"})


class MatryoshkaSAETransformer(SavedAsSafetensors, TransformerMixin, BaseEstimator):
    """Sparse autoencoder whose first neurons reconstruct on their own.

    A row is turned into `n_neurons` activations of which at most `k` are positive
    (Gao et al. [1]_). With `prefixes`, the first 32 neurons, say, must reconstruct
    the row as well as they can before the others refine it (Bussmann et al. [2]_):
    they become the coarse concepts, the others the fine ones. With `target_weight`,
    neurons are drawn towards what predicts the target.

    Parameters
    ----------
    n_neurons : int, default=256
        Number of neurons, M. 64 suits a thousand rows, 256 ten thousand, 1024 a
        hundred thousand.
    k : int, default=8
        How many neurons a row switches on at most, K.
    prefixes : sequence of int or float, or None, default=None
        Nested sizes, growing: ints, or floats as fractions of `n_neurons`.
        `n_neurons` is appended when absent. None trains the full size alone.
    prefix_weights : sequence of float or None, default=None
        Weight of each prefix in the loss, brought to sum 1. None weighs them alike.
    activation : {"topk", "batch_topk", "l1", "reward"}, default="topk"
        How neurons are switched on. ``"topk"``: the `k` largest of each row, so that
        a row's activations depend on that row alone. The others give rows with much
        to say more neurons, `k` on average, by one threshold that is set after
        training on the rows set aside: ``"batch_topk"`` trains with the largest of a
        whole batch [3]_, ``"l1"`` with a price on the sum of activations,
        ``"reward"`` with a price on the number of active neurons, by a
        score-function estimator. The price is found during training.
    target_weight : float, default=0.0
        Weight of the loss of a linear head that predicts y from the activations of
        the first prefix, beside a reconstruction loss of about 0.5. 0 ignores y. 0.1
        to 1 makes the selected neurons predict better and reconstruct a little worse.
    max_epochs : int or "auto", default="auto"
        Passes over the rows. The learning rate falls to zero over all of them.
        ``"auto"`` makes about 2,000 steps: 10 epochs or more, 50 at most.
    batch_size : int or "auto", default="auto"
        Rows a step. ``"auto"`` makes about 32 steps an epoch, of 64 to 512 rows:
        small batches generalise better when there are few rows.
    learning_rate : float, default=0.006
        Peak of the one-cycle schedule, for 256 neurons or fewer; it falls with the
        fourth root of `n_neurons` beyond.
    patience : int or None, default=10
        Stop when the validation loss has not improved for so many epochs; None
        never stops. Either way the weights of the best epoch are kept.
    validation_fraction : float, default=0.1
        Share of the rows set aside for the validation loss.
    aux_weight : float, default=0.03125
        Weight of the loss that lets dead neurons reconstruct what is left over; 1/32
        as in [1]_. It is only computed while neurons are dead.
    resample_dead : bool, default=False
        Whether neurons that are dead after an epoch start anew from the rows that
        are reconstructed worst, instead of being revived by the loss above [4]_.
    checkpoint : str, path-like or None, default=None
        Folder for the state of the training, written after each epoch. A call of
        :meth:`fit` with the same rows and parameters, after one that was killed,
        goes on from there and ends with the same weights, bit for bit on a CPU; the
        file is removed then. It needs an int as `random_state`.
    sparse_output : bool, default=False
        Return a csr matrix for arrays and a frame of pandas-sparse columns for
        frames. Nothing of size n_samples x n_neurons is made on the way.
    callbacks : list of skorch callbacks or None, default=None
        Called at the beginning and the end of training and of each epoch.
    device : str or None, default=None
        Where to compute, ``"cpu"`` or ``"cuda"``; None takes a GPU when there is
        one.
    dtype : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the product that decides which neurons are active in training.
        ``"auto"`` takes bfloat16 where the device is made for it, from 1024 neurons
        on. Weights and activations are float32 in any case.
    random_state : int, RandomState instance or None, default=None
        Decides the first weights, the rows set aside and the order of rows. On a CPU
        an int gives the same weights each time, bit for bit.
    verbose : int, default=0
        Whether to show a progress bar over the epochs.

    Attributes
    ----------
    encoder_ : ndarray of shape (n_neurons, n_features_in_)
        Weights from a standardised row to the neurons.
    encoder_bias_ : ndarray of shape (n_neurons,)
    decoder_ : ndarray of shape (n_neurons, n_features_in_)
        Direction of each neuron in the standardised space, of length 1.
    decoder_bias_ : ndarray of shape (n_features_in_,)
    input_mean_ : ndarray of shape (n_features_in_,)
    input_scale_ : float
        A standardised row is ``(row - input_mean_) / input_scale_``; the mean square
        length of the training rows is then 1.
    head_ : ndarray of shape (prefixes_[0], n_outputs) or None
        Weights of the head when `target_weight` is positive.
    head_bias_ : ndarray of shape (n_outputs,) or None
    threshold_ : float or None
        A neuron is active from this value on; None with ``activation="topk"``.
    prefixes_ : tuple of int
        The nested sizes.
    history_ : list of dict
        For each epoch: `train_loss`, `valid_loss`, `dead_neurons` and `dur`
        (seconds). `valid_loss` is the fraction of variance unexplained (FVU), the
        weighted mean over the prefixes.
    n_iter_ : int
        Number of epochs.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        When `X` had column names.

    See Also
    --------
    NeuronSelector : Keeps the neurons that go with a target.

    References
    ----------
    .. [1] Gao et al., "Scaling and evaluating sparse autoencoders", 2024.
    .. [2] Bussmann et al., "Learning multi-level features with Matryoshka sparse
       autoencoders", 2025.
    .. [3] Bussmann et al., "BatchTopK sparse autoencoders", 2024.
    .. [4] Bricken et al., "Towards monosemanticity", 2023.

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

    _parameter_constraints: dict = {
        "n_neurons": [Interval(Integral, 1, None, closed="left")],
        "k": [Interval(Integral, 1, None, closed="left")],
        "prefixes": ["array-like", None],
        "prefix_weights": ["array-like", None],
        "activation": [StrOptions({"topk", "batch_topk", "l1", "reward"})],
        "target_weight": [Interval(Real, 0, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), _AUTO],
        "batch_size": [Interval(Integral, 1, None, closed="left"), _AUTO],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "patience": [Interval(Integral, 1, None, closed="left"), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "aux_weight": [Interval(Real, 0, None, closed="left")],
        "resample_dead": ["boolean"],
        "checkpoint": [str, PathLike, None],
        "sparse_output": ["boolean"],
        "callbacks": [list, None],
        "device": [str, None],
        "dtype": [StrOptions({"auto", "float32", "bfloat16"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_neurons=256,
        k=8,
        *,
        prefixes=None,
        prefix_weights=None,
        activation="topk",
        target_weight=0.0,
        max_epochs="auto",
        batch_size="auto",
        learning_rate=6e-3,
        patience=10,
        validation_fraction=0.1,
        aux_weight=1 / 32,
        resample_dead=False,
        checkpoint=None,
        sparse_output=False,
        callbacks=None,
        device=None,
        dtype="auto",
        random_state=None,
        verbose=0,
    ):
        self.n_neurons = n_neurons
        self.k = k
        self.prefixes = prefixes
        self.prefix_weights = prefix_weights
        self.activation = activation
        self.target_weight = target_weight
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.aux_weight = aux_weight
        self.resample_dead = resample_dead
        self.checkpoint = checkpoint
        self.sparse_output = sparse_output
        self.callbacks = callbacks
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Train the autoencoder.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Embeddings; frames keep their row index in :meth:`transform`.
        y : array-like of shape (n_samples,), default=None
            The target, used when `target_weight` is positive. Two distinct values
            are classes (logistic loss), so are labels that are no numbers (softmax);
            other numbers are a quantity (squared error of the standardised y).

        Returns
        -------
        self : MatryoshkaSAETransformer

        Raises
        ------
        ValueError
            When `k` exceeds `n_neurons`, prefixes do not grow, or y is missing
            though `target_weight` is positive.
        FloatingPointError
            When the loss is no longer finite.
        """
        from sklearn_hsae.sae._fitting import fit_network

        fit_network(self, *self._prepare_fit(X, y))
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Train on more rows: one pass, from where the last call left off.

        The first call after construction or after :meth:`fit` begins anew and fixes
        the mean, the scale and, with `target_weight`, what the target is; its rows
        should represent those to come. There is no validation, and the learning rate
        stays constant, so :meth:`fit` does better on rows that are all at hand.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), default=None
            As in :meth:`fit`.

        Returns
        -------
        self : MatryoshkaSAETransformer
        """
        from sklearn_hsae.sae._fitting import fit_network_further

        state = vars(self).get("_training_state")
        if state is None:
            self._check_sizes()
        X = self._check_rows(X, reset=state is None, ensure_min_samples=2)
        coding = self._target_coding(y, state)
        target = self._encode_target(X, y, coding)
        fit_network_further(self, X, target, coding)
        return self

    def transform(self, X, *, prefix=None):
        """Compute the activations.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        prefix : int, float or None, default=None
            Keep the activations of the first neurons only, so many or that fraction
            of them; those of the others are 0.

        Returns
        -------
        ndarray, csr matrix or DataFrame of shape (n_samples, n_neurons) of float32
            The positive activations, the others 0. A frame for a frame; sparse with
            `sparse_output`.
        """
        check_is_fitted(self)
        rows = self._check_rows(X, reset=False)
        if self.sparse_output:
            activations = self._sparse_activations(rows, prefix)
        else:
            activations = self._encoder().dense_activations(rows)
            if prefix is not None:
                activations[:, prefix_size(prefix, len(self.encoder_)) :] = 0.0
        return frame_like(activations, X, self.get_feature_names_out())

    def inverse_transform(self, X):
        """Reconstruct rows from activations.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_neurons)
            Frames may have dense or pandas-sparse columns.

        Returns
        -------
        ndarray or DataFrame of shape (n_samples, n_features) of float32
            A frame for a frame.
        """
        check_is_fitted(self)
        activations = check_array(
            X, accept_sparse="csr", dtype=[np.float32, np.float64]
        )
        if activations.shape[1] != len(self.decoder_):
            raise ValueError(
                f"X has {activations.shape[1]} columns, but "
                f"{len(self.decoder_)} neurons were fitted."
            )
        rows = activations @ self.decoder_ + self.decoder_bias_
        rows = (rows * self.input_scale_ + self.input_mean_).astype(np.float32)
        names = getattr(self, "feature_names_in_", None)
        return frame_like(rows, X, names)

    def score(self, X, y=None, *, prefix=None):
        """Share of the variance that the reconstruction explains, 1 - FVU.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            Ignored.
        prefix : int, float or None, default=None
            Reconstruct from the first neurons only.

        Returns
        -------
        float
            1 for a perfect reconstruction, 0 for that by the training mean. The
            variance is that of the training rows, so that one row has a score too.
        """
        check_is_fitted(self)
        rows = self._check_rows(X, reset=False)
        error = 0.0
        for start in range(0, len(rows), _ROWS_A_CHUNK):
            chunk = rows[start : start + _ROWS_A_CHUNK]
            activations = self._sparse_activations(chunk, prefix)
            residual = (chunk - self.input_mean_) / self.input_scale_
            residual -= activations @ self.decoder_ + self.decoder_bias_
            error += np.vdot(residual, residual)
        return float(1.0 - error / len(rows))

    def get_feature_names_out(self, input_features=None):
        """Names of the neurons: "sae0", "sae1", ...

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str of shape (n_neurons,)
        """
        check_is_fitted(self)
        names = [f"sae{i}" for i in range(len(self.encoder_))]
        return np.array(names, dtype=object)

    def _prepare_fit(self, X, y):
        """Rows, the target as the head predicts it, and how it is coded."""
        self._check_sizes()
        X = self._check_rows(X, reset=True, ensure_min_samples=2)
        coding = self._target_coding(y)
        target = self._encode_target(X, y, coding)
        vars(self).pop("_training_state", None)
        return X, target, coding

    def _check_sizes(self):
        if self.k > self.n_neurons:
            raise ValueError(
                f"k={self.k} neurons cannot be active out of "
                f"n_neurons={self.n_neurons}. Lower k or raise n_neurons."
            )
        self.prefixes_ = resolve_prefixes(self.prefixes, self.n_neurons)
        resolve_prefix_weights(self.prefix_weights, len(self.prefixes_))

    def _check_rows(self, X, **options):
        X = open_rows(X)
        if not isinstance(X, RowFile):
            return validate_data(self, X, dtype=_DTYPES, **options)
        reset = options["reset"]
        # validate_data would read the whole file.
        _check_feature_names(self, X, reset=reset)
        _check_n_features(self, X, reset=reset)
        return X

    def _target_coding(self, y, state=None):
        if self.target_weight == 0:
            return None
        if y is None:
            raise ValueError(
                f"target_weight={self.target_weight} needs a target: pass y to fit, "
                "or set target_weight=0."
            )
        if state is None:
            return learn_target(y)
        if state["coding"] is None:
            raise ValueError(
                "target_weight was 0 in the first call of partial_fit, so there is no "
                "head to train. Call fit, or partial_fit of a clone."
            )
        return TargetCoding(**state["coding"])

    def _encode_target(self, X, y, coding):
        if coding is None:
            return None
        target = coding.encode(y)
        check_consistent_length(X, target)
        return target

    def _encoder(self):
        from sklearn_hsae.sae._fitting import make_encoder

        return make_encoder(self)

    def _sparse_activations(self, X, prefix):
        activations = self._encoder().sparse_activations(X)
        if prefix is None:
            return activations
        size = prefix_size(prefix, len(self.encoder_))
        kept = activations.indices < size
        starts = np.concatenate([[0], np.cumsum(kept)])[activations.indptr]
        return sparse.csr_matrix(
            (activations.data[kept], activations.indices[kept], starts),
            shape=activations.shape,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
