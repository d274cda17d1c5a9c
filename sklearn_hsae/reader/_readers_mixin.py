"""What reads the texts, made anew for each call from the parameters of a reader."""

import functools
import os

from sklearn_hsae._files import fingerprint
from sklearn_hsae.reader._activation_reader import ActivationReader
from sklearn_hsae.reader._row_reader import StateRowReader
from sklearn_hsae.reader._token_encoder import TokenEncoder
from sklearn_hsae.sae import MatryoshkaSAETransformer

# torch and transformers are imported at the first fit, not with this module.


class ReadersMixin:
    """Makes readers. The estimator has the parameters, and what `fit` has learned."""

    def _source(self):
        """The `SAEFile` of a pretrained autoencoder, or an empty one."""
        from sklearn_hsae.reader._sae_file import SAEFile

        if self.sae is None or isinstance(self.sae, MatryoshkaSAETransformer):
            return SAEFile(None)
        path = self._sae_path()
        return _load_once(path, fingerprint(path))

    def _sae_path(self):
        from sklearn_hsae.reader._sae_hub import find_sae

        return find_sae(os.fspath(self.sae))

    def _hidden_size(self):
        from sklearn_hsae.reader._hidden_states import hidden_size

        return hidden_size(os.fspath(self.model))

    def _state_reader(self, source, layer):
        from sklearn_hsae.reader._hidden_states import HiddenStateReader

        return HiddenStateReader(
            os.fspath(self.model),
            layer,
            place=source.place,
            has_bos=source.has_bos,
            is_centred=source.is_centred,
            chat_role=self.chat_role,
            max_tokens=self.max_tokens,
            batch_size=self.batch_size,
            device=self.device,
            dtype=self.dtype,
        )

    def _row_reader(self, source=None, states=None):
        """An `ActivationReader` or `StateRowReader`; it loads what is not given."""
        source = self._source() if source is None else source
        states = self._state_reader(source, self.layer_) if states is None else states
        aggregate = self.aggregate
        if aggregate == "auto":
            aggregate = "mean" if self.sae is None else "max"
        common = {
            "aggregate": aggregate,
            "largest_norm": self.largest_norm_,
            "cache_dir": self.cache_dir,
            "verbose": self.verbose,
        }
        if self.sae is None:
            return StateRowReader(states, **common)
        if self.sae_ is not None:
            encoder = TokenEncoder(self.sae_)
            version = encoder.fingerprint()
        else:
            encoder = TokenEncoder(source.sae)
            version = fingerprint(self._sae_path())
        return ActivationReader(
            states, encoder, version, threshold=self.threshold, **common
        )


@functools.lru_cache(maxsize=1)
def _load_once(path, version):
    from sklearn_hsae.reader._sae_files import load_sae

    return load_sae(path)
