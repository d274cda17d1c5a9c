"""What a fitted autoencoder computes: activations, reconstructions and their score."""

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from sklearn_hsae._texts import CarriesTextsMixin, frame_like, without_empty_texts
from sklearn_hsae.sae._data import check_rows
from sklearn_hsae.sae._settings import prefix_size

# torch is imported at the first transform, not with this module.

_ROWS_PER_CHUNK = 8192


class EncodingMixin(CarriesTextsMixin, TransformerMixin):
    """Adds `transform`, `inverse_transform`, `score` and the names of the neurons.

    They read the fitted weights, and the parameters `prefix`, `sparse_output`,
    `decoder_activation` and `device`.
    """

    def transform(self, X, *, prefix=None):
        """Compute the activations.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        prefix : int, float or None, default=None
            Compute the activations of the first neurons only; the others are 0. Their
            number, or a fraction. None uses the parameter `prefix`; 1.0 uses all
            neurons.

        Returns
        -------
        ndarray, csr matrix or DataFrame of shape (n_samples, n_neurons) of float32
            The positive activations, and 0 elsewhere. A frame when `X` is a frame;
            sparse with `sparse_output`. For an empty text, all activations are 0.
        """
        check_is_fitted(self)
        encoder = self._encoder(prefix)
        rows = check_rows(self, X, reset=False, ensure_min_samples=0)
        if self.sparse_output:
            activations = encoder.sparse_activations(rows)
        else:
            activations = encoder.dense_activations(rows)
        activations = without_empty_texts(activations, X)
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
            A frame when `X` is a frame.
        """
        check_is_fitted(self)
        activations = check_array(
            X,
            accept_sparse="csr",
            dtype=[np.float32, np.float64],
            ensure_min_samples=0,
        )
        if activations.shape[1] != len(self.decoder_):
            raise ValueError(
                f"X has {activations.shape[1]} columns, but "
                f"{len(self.decoder_)} neurons were fitted."
            )
        with np.errstate(over="ignore", invalid="ignore"):  # found below
            rows = self._decoded(activations)
            rows = (rows * self.input_scale_ + self.input_mean_).astype(np.float32)
        if not np.isfinite(rows).all():
            raise ValueError(
                "The reconstruction exceeds the range of float32: X has entries "
                f"up to {np.abs(activations).max():.3g}. Pass what transform returned."
            )
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
            Reconstruct from the first neurons only, as in :meth:`transform`.

        Returns
        -------
        float
            1 for a perfect reconstruction; 0 when the training mean is used as the
            reconstruction. The variance is that of the training rows, so that a single
            row has a score too.
        """
        check_is_fitted(self)
        encoder = self._encoder(prefix)
        rows = check_rows(self, X, reset=False)
        error = 0.0
        for start in range(0, len(rows), _ROWS_PER_CHUNK):
            chunk = rows[start : start + _ROWS_PER_CHUNK]
            activations = encoder.sparse_activations(chunk)
            residual = (chunk - self.input_mean_) / self.input_scale_
            residual -= self._decoded(activations)
            error += np.vdot(residual, residual)
        return float(1.0 - error / len(rows))

    def _decoded(self, activations):
        """The standardised reconstruction, as an array."""
        rows = activations @ self.decoder_ + self.decoder_bias_
        if self.decoder_activation == "identity":
            return rows
        import torch

        from sklearn_hsae.sae._model import DecoderOutput

        output = DecoderOutput(
            self.decoder_activation, self.input_mean_, self.input_scale_
        )
        return output(torch.from_numpy(rows)).numpy()

    def get_feature_names_out(self, input_features=None):
        """Names of the neurons: "sae0", "sae1", ...

        Parameters
        ----------
        input_features : array-like or None, default=None
            Not used.

        Returns
        -------
        ndarray of str of shape (n_neurons,)
        """
        check_is_fitted(self)
        names = [f"sae{i}" for i in range(len(self.encoder_))]
        return np.array(names, dtype=object)

    @property
    def components_(self):
        """Direction of each neuron; the same array as `decoder_`."""
        return self.decoder_

    def _encoder(self, prefix):
        """The encoder of the first neurons."""
        from sklearn_hsae.sae._model import Encoder
        from sklearn_hsae.sae._training import training_device

        prefix = self.prefix if prefix is None else prefix
        n_neurons = len(self.encoder_)
        return Encoder(
            self.encoder_,
            self.encoder_bias_,
            self.input_mean_,
            self.input_scale_,
            self.k_,
            self.threshold_,
            training_device(self.device),
            n_neurons if prefix is None else prefix_size(prefix, n_neurons),
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
