"""How the tokens behind activations travel through a Pipeline: with the frame.

A step that knows the tokens puts a `CarriedTokens` into the ``attrs`` of the frame
that it returns. pandas keeps ``attrs`` when rows or columns are chosen, and the later
steps of this package keep it as well. So a step that names neurons can mark the words
at which they fire. When another step has dropped it, there are no marks.
"""

import pandas as pd

_KEY = "sklearn_hsae.tokens"


class CarriedTokens(str):
    """The reader of the tokens behind the columns of a frame.

    It is an empty str, because pandas writes ``attrs`` as JSON into a parquet file. It
    is not copied with the frame, because it may hold the weights of an autoencoder.

    Parameters
    ----------
    reader : object
        Has ``mark(texts, feature, *, threshold, marks)``, ``token_activations(texts,
        features)`` and ``get_feature_names_out()``, as
        :class:`~sklearn_hsae.ReaderSAETransformer`.
    features : dict of str to str or None
        The feature of `reader` for each column. None: columns have the same names.
    """

    def __new__(cls, reader, features=None):
        carried = super().__new__(cls)
        carried.reader = reader
        carried.features = features
        return carried

    def __getnewargs__(self):
        return self.reader, self.features

    def __deepcopy__(self, memo):
        return self

    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return id(self)

    def mark(self, texts, column, marks):
        """The texts with `marks` around the words at which a column is active."""
        return self.reader.mark(texts, self._feature(column), marks=marks)

    def activations(self, texts, column):
        """`TokenActivations` of one column."""
        return self.reader.token_activations(texts, [self._feature(column)])

    def renamed(self, columns):
        """The same for a frame whose columns have other names.

        Parameters
        ----------
        columns : dict of str to str
            The old name of each new column.
        """
        features = {new: self._feature(old) for new, old in columns.items()}
        return CarriedTokens(self.reader, features)

    def _feature(self, column):
        return column if self.features is None else self.features[column]

    def knows(self, columns):
        """Whether each of the columns is one of the reader's features."""
        known = self.features
        if known is None:
            known = set(self.reader.get_feature_names_out())
        return all(column in known for column in columns)


def carry_tokens(frame, tokens):
    """Put a `CarriedTokens` or None into a frame, and return the frame."""
    if tokens is not None and isinstance(frame, pd.DataFrame):
        frame.attrs[_KEY] = tokens
    return frame


def tokens_behind(X):
    """The `CarriedTokens` of a frame, or None when it offers none for its columns."""
    tokens = X.attrs.get(_KEY) if isinstance(X, pd.DataFrame) else None
    return tokens if tokens is not None and tokens.knows(X.columns) else None
