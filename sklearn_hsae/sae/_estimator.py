"""MatryoshkaSAETransformer, the scikit-learn face of the sparse autoencoder."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_hsae._texts import frame_like
from sklearn_hsae.sae._prefixes import resolve_prefix_weights, resolve_prefixes
from sklearn_hsae.sae._target import encode_target

_ROWS_A_CHUNK = 8192


class MatryoshkaSAETransformer(TransformerMixin, BaseEstimator):
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
    target_weight : float, default=0.0
        Weight of the loss of a linear head that predicts y from the activations,
        beside a reconstruction loss of about 0.5. 0 ignores y. 0.1 to 1 makes the
        selected neurons predict better and reconstruct a little worse.
    max_epochs : int, default=100
        Passes over the rows. The learning rate falls to zero over all of them.
    batch_size : int, default=512
        Rows a step. With fewer than 16 such batches, batches shrink (to 64 at the
        least), since it takes some hundred steps to learn anything.
    learning_rate : float, default=0.002
        Peak of the one-cycle schedule, for 256 neurons or fewer; it falls with the
        root of `n_neurons` beyond.
    patience : int or None, default=10
        Stop when the validation loss has not improved for so many epochs; None
        never stops. Either way the weights of the best epoch are kept.
    validation_fraction : float, default=0.1
        Share of the rows set aside for the validation loss.
    revival_weight : float, default=0.03125
        Weight of the loss that lets dead neurons reconstruct what is left over; 1/32
        as in [1]_. It is only computed while neurons are dead.
    sparse_output : bool, default=False
        Return a csr matrix for arrays and a frame of pandas-sparse columns for
        frames. Nothing of size n_samples x n_neurons is made on the way.
    callbacks : list of skorch callbacks or None, default=None
        Called at the beginning and the end of training and of each epoch.
    device : str or None, default=None
        Where to compute, ``"cpu"`` or ``"cuda"``; None takes a GPU when there is
        one.
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
    input_mean_ : ndarray of shape (n_features_in_,)
    input_scale_ : float
        A standardised row is ``(row - input_mean_) / input_scale_``; the mean square
        length of the training rows is then 1.
    head_ : ndarray of shape (n_neurons, n_outputs) or None
        Weights of the head when `target_weight` is positive.
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
        "target_weight": [Interval(Real, 0, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "patience": [Interval(Integral, 1, None, closed="left"), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "revival_weight": [Interval(Real, 0, None, closed="left")],
        "sparse_output": ["boolean"],
        "callbacks": [list, None],
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
        prefix_weights=None,
        target_weight=0.0,
        max_epochs=100,
        batch_size=512,
        learning_rate=2e-3,
        patience=10,
        validation_fraction=0.1,
        revival_weight=1 / 32,
        sparse_output=False,
        callbacks=None,
        device=None,
        random_state=None,
        verbose=0,
    ):
        self.n_neurons = n_neurons
        self.k = k
        self.prefixes = prefixes
        self.prefix_weights = prefix_weights
        self.target_weight = target_weight
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.revival_weight = revival_weight
        self.sparse_output = sparse_output
        self.callbacks = callbacks
        self.device = device
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
        if self.k > self.n_neurons:
            raise ValueError(
                f"k={self.k} neurons cannot be active out of "
                f"n_neurons={self.n_neurons}. Lower k or raise n_neurons."
            )
        self.prefixes_ = resolve_prefixes(self.prefixes, self.n_neurons)
        weights = resolve_prefix_weights(self.prefix_weights, len(self.prefixes_))
        X, target, loss, n_outputs = self._check_training_data(X, y)
        self._keep_weights(self._train(X, target, loss, n_outputs, weights))
        return self

    def transform(self, X):
        """Compute the activations.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray, csr matrix or DataFrame of shape (n_samples, n_neurons) of float32
            At most `k` positive values a row, the others 0. A frame for a frame;
            sparse with `sparse_output`.
        """
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, dtype=[np.float32, np.float64])
        values, indices = self._top_activations(rows)
        n_rows = len(rows)
        if self.sparse_output:
            activations = _as_csr(values, indices, self.n_neurons)
        else:
            activations = np.zeros((n_rows, self.n_neurons), dtype=np.float32)
            np.put_along_axis(activations, indices, values, axis=1)
        return frame_like(activations, X, self.get_feature_names_out())

    def inverse_transform(self, X):
        """Reconstruct rows from activations.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_neurons)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        if not sparse.issparse(X):
            X = np.asarray(X)
        if X.shape[1] != len(self.decoder_):
            raise ValueError(
                f"X has {X.shape[1]} columns, but {len(self.decoder_)} neurons were "
                "fitted."
            )
        standardized = np.asarray(X @ self.decoder_)
        return standardized * self.input_scale_ + self.input_mean_

    def score(self, X, y=None):
        """Share of the variance that the reconstruction explains, 1 - FVU.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        float
            1 for a perfect reconstruction, 0 for that by the training mean. The
            variance is that of the training rows, so that one row has a score too.
        """
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, dtype=[np.float32, np.float64])
        values, indices = self._top_activations(rows)
        error, n_rows = 0.0, len(rows)
        for start in range(0, n_rows, _ROWS_A_CHUNK):
            chunk = slice(start, start + _ROWS_A_CHUNK)
            activations = _as_csr(values[chunk], indices[chunk], self.n_neurons)
            residual = self._standardize(rows[chunk]) - activations @ self.decoder_
            error += float(np.square(residual, dtype=np.float64).sum())
        return 1.0 - error / n_rows

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

    def _check_training_data(self, X, y):
        X = validate_data(self, X, dtype=[np.float32, np.float64], ensure_min_samples=2)
        if self.target_weight == 0:
            return X, None, None, 0
        if y is None:
            raise ValueError(
                f"target_weight={self.target_weight} needs a target: pass y to fit, "
                "or set target_weight=0."
            )
        target, loss, n_outputs = encode_target(y)
        if len(target) != len(X):
            raise ValueError(f"X has {len(X)} rows, but y has {len(target)}.")
        return X, target, loss, n_outputs

    def _learn_scale(self, X):
        mean = X.mean(axis=0, dtype=np.float64)
        square_length = sum(
            np.square(X[i : i + _ROWS_A_CHUNK] - mean, dtype=np.float64).sum()
            for i in range(0, len(X), _ROWS_A_CHUNK)
        ) / len(X)
        self.input_mean_ = mean.astype(np.float32)
        self.input_scale_ = float(np.sqrt(square_length)) or 1.0

    def _standardize(self, X):
        return ((X - self.input_mean_) / self.input_scale_).astype(np.float32)

    def _split(self, n_rows, rng):
        order = rng.permutation(n_rows)
        n_valid = int(np.ceil(self.validation_fraction * n_rows))
        n_valid = min(n_valid, n_rows - 1)
        return order[n_valid:], order[:n_valid]

    def _train(self, X, target, loss, n_outputs, prefix_weights):
        from sklearn_hsae.sae._training import train_autoencoder

        rng = check_random_state(self.random_state)
        training, validation = self._split(len(X), rng)
        self._learn_scale(X[training])
        rows = self._standardize(X)
        n_neurons = self.prefixes_[-1]
        return train_autoencoder(
            rows[training],
            None if target is None else target[training],
            rows[validation],
            network={
                "n_features": rows.shape[1],
                "prefixes": self.prefixes_,
                "prefix_weights": tuple(prefix_weights),
                "k": self.k,
                "n_outputs": n_outputs,
                "seed": rng.randint(2**31 - 1),
            },
            batch_seed=rng.randint(2**31 - 1),
            batch_size=_batch_size(len(training), self.batch_size),
            learning_rate=self.learning_rate * min(1.0, (256 / n_neurons) ** 0.5),
            max_epochs=self.max_epochs,
            patience=self.patience,
            prediction_loss=loss,
            target_weight=self.target_weight,
            revival_weight=self.revival_weight,
            callbacks=self.callbacks,
            device=self._device(),
            verbose=self.verbose,
        )

    def _keep_weights(self, net):
        weights = {
            name: value.detach().cpu().numpy().copy()
            for name, value in net.module_.named_parameters()
        }
        self.encoder_ = weights["encoder"]
        self.encoder_bias_ = weights["encoder_bias"]
        self.decoder_ = weights["decoder"]
        self.head_ = weights["head"] if self.target_weight > 0 else None
        self.history_ = [
            {key: value for key, value in epoch.items() if key != "batches"}
            for epoch in net.history
        ]
        self.n_iter_ = len(self.history_)

    def _device(self):
        import torch

        if self.device is not None:
            return self.device
        return "cuda" if torch.cuda.is_available() else "cpu"

    def _top_activations(self, X):
        """Values and positions of the k largest pre-activations of each row."""
        import torch

        from sklearn_hsae.sae._network import top_k

        device = self._device()
        # torch.tensor copies: pandas hands out arrays that must not be written to.
        encoder = torch.tensor(self.encoder_, device=device)
        bias = torch.tensor(self.encoder_bias_, device=device)
        values = np.empty((len(X), self.k), dtype=np.float32)
        indices = np.empty((len(X), self.k), dtype=np.int64)
        for start in range(0, len(X), _ROWS_A_CHUNK):
            chunk = slice(start, start + _ROWS_A_CHUNK)
            rows = torch.from_numpy(self._standardize(X[chunk])).to(device)
            found = top_k(torch.addmm(bias, rows, encoder.T), self.k)
            values[chunk], indices[chunk] = (part.cpu().numpy() for part in found)
        return values, indices

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _as_csr(values, indices, n_columns):
    """A csr matrix from each row's k values and positions; zeros are not stored."""
    positive = values > 0
    counts = positive.sum(axis=1)
    row_starts = np.concatenate([[0], np.cumsum(counts)])
    order = np.argsort(indices, axis=1, kind="stable")
    values = np.take_along_axis(values, order, axis=1)
    indices = np.take_along_axis(indices, order, axis=1)
    positive = np.take_along_axis(positive, order, axis=1)
    shape = (len(values), n_columns)
    return sparse.csr_matrix(
        (values[positive], indices[positive].astype(np.int32), row_starts), shape=shape
    )


def _batch_size(n_rows, largest):
    """At least 16 batches an epoch, as long as a batch keeps 64 rows."""
    return min(largest, max(64, n_rows // 16))
