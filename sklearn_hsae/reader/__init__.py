"""Reading: texts to what a language model makes of their tokens.

From a text to a row of `ReaderSAETransformer.transform`:

1. `_windows.py` splits the text into windows of tokens and says which tokens count.
2. `_hidden_states.py` runs the first layers of the model on batches of windows.
3. `_token_encoder.py` encodes each token, by a `MatryoshkaSAETransformer` or by a
   `_pretrained_sae.py`, whose files `_sae_files.py` reads.
4. `_pooling.py` makes one row of the tokens of a text; `_row_reader.py` keeps it in the
   cache. `_token_activations.py` keeps the tokens apart, and marks them in the text.
"""

from sklearn_hsae.reader._token_activations import TokenActivations
from sklearn_hsae.reader._transformer import ReaderSAETransformer

__all__ = ["ReaderSAETransformer", "TokenActivations"]
