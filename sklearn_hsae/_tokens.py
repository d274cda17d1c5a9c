"""How the tokens behind activations travel through a Pipeline: with the frame.

A step that knows the tokens puts a `CarriedTokens` into the ``attrs`` of the frame
that it returns. pandas keeps ``attrs`` when rows or columns are chosen, and the later
steps of this package keep it as well. So a step that names neurons can mark the words
at which they fire. When another step has dropped it, there are no marks.
"""

import pandas as pd

from sklearn_hsae._marks import mark_spans, token_window

_KEY = "sklearn_hsae.tokens"
_LEAST_SHARE = 0.3  # of the largest activation of a text: what is marked


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
    n_shown : int or None
        Number of tokens of each text that later steps show, see `token_window`. None
        is the whole text.
    """

    def __new__(cls, reader, features=None, n_shown=None):
        carried = super().__new__(cls)
        carried.reader = reader
        carried.features = features
        carried.n_shown = n_shown
        return carried

    def __getnewargs__(self):
        return self.reader, self.features, self.n_shown

    def __deepcopy__(self, memo):
        return self

    def __eq__(self, other):
        # Frames that are joined keep ``attrs`` when they are equal.
        return isinstance(other, CarriedTokens) and self._parts() == other._parts()

    def __hash__(self):
        return id(self.reader)

    def _parts(self):
        return id(self.reader), self.features, self.n_shown

    def mark(self, texts, column, marks):
        """The texts with `marks` around the words at which a column is active."""
        if self.n_shown is None:
            return self.reader.mark(texts, self._feature(column), marks=marks)
        marked = []
        for text, spans, values in self.shown(texts, column):
            limit = _LEAST_SHARE * values.max(initial=0)
            marked.append(mark_spans(text, spans[values > limit], marks))
        return marked

    def activations(self, texts, column):
        """`TokenActivations` of one column."""
        return self.reader.token_activations(texts, [self._feature(column)])

    def shown(self, texts, column):
        """Yield what is shown of each text, and the spans and values of its tokens."""
        of_tokens = self.activations(texts, column)
        values = of_tokens.activations.toarray()[:, 0]
        for i, text in enumerate(texts):
            tokens = slice(of_tokens.indptr[i], of_tokens.indptr[i + 1])
            part = text, of_tokens.spans[tokens], values[tokens]
            yield part if self.n_shown is None else token_window(*part, self.n_shown)

    def renamed(self, columns):
        """The same for a frame whose columns have other names.

        Parameters
        ----------
        columns : dict of str to str
            The old name of each new column.
        """
        features = {new: self._feature(old) for new, old in columns.items()}
        return CarriedTokens(self.reader, features, self.n_shown)

    def showing(self, n_tokens):
        """The same with windows of `n_tokens` tokens, or whole texts for None."""
        return CarriedTokens(self.reader, self.features, n_tokens)

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
