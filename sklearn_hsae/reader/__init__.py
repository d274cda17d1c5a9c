"""Reading: texts to what a language model makes of their tokens.

From a text to a row of `ReaderSAETransformer.transform`:

1. `_windows.py` splits the text into windows of tokens and says which tokens count.
2. `_hidden_states.py` runs the first layers of the model on batches of windows.
3. `_pretrained_sae.py`, or a `MatryoshkaSAETransformer`, encodes each token;
   `_sae_files.py` reads the files that others write.
4. `_pooling.py` makes one row of the tokens of a text.
"""

from sklearn_hsae.reader._transformer import ReaderSAETransformer

__all__ = ["ReaderSAETransformer"]
