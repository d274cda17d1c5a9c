"""Sparse autoencoders that others have trained: to encode tokens, and to check."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

_SCORES_PER_CHUNK = 2**24  # 64 MB as float32


@dataclass(frozen=True)
class PretrainedSAE:
    """Weights and rules of one autoencoder.

    A state is normalised; its scores are ``state @ encoder.T + encoder_bias``; the
    activation makes activations of them; the reconstruction is ``activations @ decoder
    + decoder_bias``, with the normalisation undone. A transcoder predicts another place
    of the model instead, so it has no reconstruction.

    Parameters
    ----------
    activation : {"relu", "topk", "groupmax", "jumprelu", "gated", "matching_pursuit"}
    encoder : tensor of shape (n_neurons, n_features)
    encoder_bias : tensor of shape (n_neurons,)
        Not used by "matching_pursuit".
    decoder : tensor of shape (n_neurons, n_features)
    decoder_bias : tensor of shape (n_features,)
    k : int or None
        Active neurons per token, of "topk"; number of groups, of "groupmax"; largest
        number of steps, of "matching_pursuit".
    threshold : tensor of shape (n_neurons,) or None
        Of "jumprelu": scores up to it are no activation.
    gain, gain_bias : tensor of shape (n_neurons,) or None
        Of "gated": an open gate lets pass ``(state @ encoder.T) * gain + gain_bias``.
    residual_threshold : float
        Of "matching_pursuit": a token is done when less than this is left of its state.
    stops_at_repetition : bool
        Of "matching_pursuit": whether a token is also done when a step takes no new
        neuron.
    normalisation : {"none", "layer_norm", "constant_norm_rescale"}
    is_transcoder : bool
    """

    activation: str
    encoder: torch.Tensor
    encoder_bias: torch.Tensor
    decoder: torch.Tensor
    decoder_bias: torch.Tensor
    k: int | None = None
    threshold: torch.Tensor | None = None
    gain: torch.Tensor | None = None
    gain_bias: torch.Tensor | None = None
    residual_threshold: float = 0.0
    stops_at_repetition: bool = True
    normalisation: str = "none"
    is_transcoder: bool = False

    @property
    def n_features_in_(self):
        return self.encoder.shape[1]

    @property
    def n_neurons(self):
        return len(self.encoder)

    def transform(self, states):
        """Activations of tokens.

        Parameters
        ----------
        states : ndarray of shape (n_tokens, n_features) of float32

        Returns
        -------
        csr matrix of shape (n_tokens, n_neurons) of float32
        """
        size = max(1, _SCORES_PER_CHUNK // self.n_neurons)
        chunks = [
            self._encode(torch.from_numpy(states[start : start + size]))
            for start in range(0, len(states), size)
        ]
        empty = sparse.csr_matrix((0, self.n_neurons), dtype=np.float32)
        return sparse.vstack([empty, *chunks], format="csr")

    def reconstruct(self, states):
        """The reconstruction of states: an array of the same shape."""
        states = np.ascontiguousarray(states, dtype=np.float32)
        rows = self.transform(states) @ self.decoder.numpy()
        rows = torch.from_numpy(rows + self.decoder_bias.numpy())
        _, shift, scale = self._normalise(torch.from_numpy(states))
        return (rows * scale + shift).numpy()

    def _encode(self, states):
        states, _, _ = self._normalise(states)
        if self.activation == "matching_pursuit":
            activations = self._matching_pursuit(states)
        else:
            scores = states @ self.encoder.T + self.encoder_bias
            activations = getattr(self, f"_{self.activation}")(scores)
        tokens, neurons = activations.nonzero(as_tuple=True)
        counts = np.bincount(tokens.numpy(), minlength=len(states))
        return sparse.csr_matrix(
            (
                activations[tokens, neurons].numpy(),
                neurons.numpy().astype(np.int32),
                np.concatenate([[0], np.cumsum(counts)]),
            ),
            shape=(len(states), self.n_neurons),
        )

    def _normalise(self, states):
        """The normalised states, and the shift and the scale that undo it."""
        shift, scale = torch.zeros(()), torch.ones(())
        if self.normalisation == "layer_norm":
            shift = states.mean(dim=1, keepdim=True)
            scale = states.std(dim=1, keepdim=True) + 1e-5
        elif self.normalisation == "constant_norm_rescale":
            scale = states.norm(dim=1, keepdim=True) / states.shape[1] ** 0.5
        return (states - shift) / scale, shift, scale

    def _relu(self, scores):
        return scores.relu()

    def _jumprelu(self, scores):
        return scores.relu() * (scores > self.threshold)

    def _gated(self, scores):
        passed = (scores - self.encoder_bias) * self.gain + self.gain_bias
        return passed.relu() * (scores > 0)

    def _topk(self, scores):
        values, neurons = scores.topk(self.k, dim=1)
        return torch.zeros_like(scores).scatter_(1, neurons, values.relu())

    def _groupmax(self, scores):
        groups = scores.relu().unflatten(1, (self.k, -1))
        values, places = groups.max(dim=2, keepdim=True)
        return torch.zeros_like(groups).scatter_(2, places, values).flatten(1)

    def _matching_pursuit(self, states):
        """Take the neuron that explains most of what is left of a state, and repeat."""
        left = states - self.decoder_bias
        activations = torch.zeros(len(states), self.n_neurons)
        is_done = torch.zeros(len(states), 1, dtype=torch.bool)
        for _ in range(self.k):
            neurons = (left @ self.encoder.T).argmax(dim=1, keepdim=True)
            weights = self.encoder[neurons[:, 0]]
            values = (left * weights).sum(dim=1, keepdim=True).relu() * ~is_done
            if self.stops_at_repetition:
                is_known = activations.gather(1, neurons) > 0
                is_done = is_done | is_known | (values == 0)
            activations.scatter_add_(1, neurons, values)
            left = left - values * weights
            is_done = is_done | (
                left.norm(dim=1, keepdim=True) < self.residual_threshold
            )
            if is_done.all():
                break
        return activations
