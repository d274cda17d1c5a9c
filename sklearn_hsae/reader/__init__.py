"""Read texts token by token with a language model.

From a text to a row of `ReaderSAETransformer.transform`:

1. `_windows.py` splits the text into windows of tokens and says which tokens count.
2. `_hidden_states.py` runs the first layers of the model on batches of windows.
   `_pretrained_model.py` loads it, and `_places.py` says where in a layer the states
   are taken.
3. `_token_encoder.py` encodes each token, by a `MatryoshkaSAETransformer` or by a
   `_pretrained_sae.py`. `_sae_hub.py` finds the files of the latter; `_sae_files.py`
   and `_saelens_files.py` read them.
4. `_activation_reader.py` keeps the activations of the tokens in an
   `_activation_store.py`, and `_pooling.py` makes one row from the tokens of a text.
   Without an autoencoder, `_row_reader.py` pools the states and keeps the rows.

`_readers_mixin.py` makes these readers from the estimator's parameters. `_training.py`
has what `fit` learns and checks, and `_text_head.py` the training with a target.
`_tokens_mixin.py` has the methods about single tokens, whose activations are a
`_token_activations.py`.
"""

from sklearn_hsae.reader._delphi import DelphiActivations, read_delphi
from sklearn_hsae.reader._pretrained_model import (  # for this package alone
    load_pretrained as load_pretrained,
)
from sklearn_hsae.reader._token_activations import TokenActivations
from sklearn_hsae.reader._transformer import ReaderSAETransformer

__all__ = [
    "DelphiActivations",
    "ReaderSAETransformer",
    "TokenActivations",
    "read_delphi",
]
