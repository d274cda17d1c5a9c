"""A head per token, for the comparison in `reader.py neurons`.

`ReaderSAETransformer` trains with a head that predicts the target of a text. Here each
token has the target of its text instead.
"""

from contextlib import contextmanager

import numpy as np
from sklearn.base import clone

from sklearn_hsae.reader import _transformer


@contextmanager
def head_per_token():
    usual = _transformer.train_on_tokens
    _transformer.train_on_tokens = _train_on_tokens
    try:
        yield
    finally:
        _transformer.train_on_tokens = usual


def _train_on_tokens(sae, spool, y, n_texts):
    rows, texts = spool.rows()
    return clone(sae).fit(rows, np.asarray(y)[texts])
