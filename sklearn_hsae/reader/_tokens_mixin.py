"""What a fitted reader says about single tokens: numbers, and marks in the texts."""

import os
import re
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted

from sklearn_hsae._marks import MARKS, mark_spans
from sklearn_hsae._texts import check_texts, readable
from sklearn_hsae.reader._delphi import write_delphi
from sklearn_hsae.reader._token_activations import TokenActivations


class TokensMixin:
    """Methods about tokens. The estimator has `sae` and makes an `ActivationReader`."""

    def token_activations(self, X, features=None):
        """Activations of the single tokens.

        Parameters
        ----------
        X : sequence of str of length n_samples
        features : str, int, sequence of them, or None, default=None
            Names of columns, such as "sae17", or their positions. None is all of them.

        Returns
        -------
        TokenActivations
            Of the tokens that count, text after text.

        Raises
        ------
        ValueError
            When there is no autoencoder, or no such feature.
        """
        self._check_has_neurons()
        texts = check_texts(X, type(self).__name__, allow_empty=True)
        names = self.get_feature_names_out()
        columns = np.arange(len(names))
        if isinstance(features, str | Integral):
            features = [features]
        if features is not None:
            columns = np.array([_column(name, names) for name in features], dtype=int)
        reader = self._row_reader()
        activations, indptr, positions = reader.tokens(texts, columns)
        spans = reader.states.spans(texts) if len(texts) else []
        spans = [spans[p] for spans, p in zip(spans, positions, strict=True)]
        return TokenActivations(
            activations,
            indptr,
            np.concatenate([np.empty((0, 2), dtype=int), *spans]),
            features=names[columns],
        )

    def mark(self, X, feature, *, threshold=0.3, marks=MARKS):
        """Put marks around the tokens at which a neuron is active.

        Parameters
        ----------
        X : sequence of str of length n_samples
        feature : str or int
            Name of a column, such as "sae17", or its position.
        threshold : float, default=0.3
            A token is marked when its activation is above this share of the largest
            one in its text. Some neurons are active at most tokens, but weakly at most
            of them. 0 marks all tokens with an activation.
        marks : tuple of two str, default=("<<", ">>")
            Put before and behind each run of such tokens; two characters or more each.
            A space breaks up the same characters in the texts themselves: ``< <``.

        Returns
        -------
        list of str
            The texts with their marks.

        Raises
        ------
        ValueError
            When there is no autoencoder, no such feature, or a mark is too short.

        Examples
        --------
        >>> reader.mark(texts[:1], "sae17")  # doctest: +SKIP
        ['We waited <<an hour>> for a <<cold>> soup.']
        """
        if not all(isinstance(mark, str) and len(mark) > 1 for mark in marks):
            raise ValueError(
                "marks must be two strings of two characters or more, such as "
                f"('<<', '>>'); got {marks!r}."
            )
        tokens = self.token_activations(X, [feature])
        values = tokens.activations.toarray()[:, 0]
        marked = []
        for i, text in enumerate(check_texts(X, type(self).__name__, allow_empty=True)):
            in_text = slice(tokens.indptr[i], tokens.indptr[i + 1])
            limit = threshold * values[in_text].max(initial=0)
            spans = tokens.spans[in_text][values[in_text] > limit]
            marked.append(mark_spans(readable(text), spans, marks))
        return marked

    def top_texts(self, X, feature, n_texts=10, *, kind="top"):
        """Find texts that show what a neuron stands for.

        Parameters
        ----------
        X : sequence of str of length n_samples
        feature : str or int
            Name of a column, such as "sae17", or its position.
        n_texts : int, default=10
            Largest number of texts.
        kind : {"top", "quantiles", "silent", "near_misses"}, default="top"
            - "top": the texts with the largest values;
            - "quantiles": of the texts on which the neuron fires, sorted and divided
              into `n_texts` parts, the one in the middle of each part. They show
              whether weak activations mean the same as strong ones;
            - "silent": texts on which it does not fire, evenly spread over `X`;
            - "near_misses": texts on which it does not fire, but whose other neurons
              are most like those of the top texts, by the cosine.

        Returns
        -------
        DataFrame
            One row per text: `row` (its position in `X`), `activation` (the value in
            the result of ``transform``) and `text`, with marks as in :meth:`mark`. The
            strongest or nearest come first.

        Examples
        --------
        >>> reader.top_texts(texts, "sae17", 3)["text"]  # doctest: +SKIP
        """
        if kind not in _KINDS:
            raise ValueError(f"kind must be one of {[*_KINDS]}, got {kind!r}.")
        if not isinstance(n_texts, Integral) or n_texts < 1:
            raise ValueError(f"n_texts must be an int >= 1, got {n_texts!r}.")
        self._check_has_neurons()
        texts = check_texts(X, type(self).__name__, allow_empty=True)
        rows = self._row_reader().rows(texts)
        column = _column(feature, self.get_feature_names_out())
        values = rows[:, [column]].toarray()[:, 0]
        chosen = _KINDS[kind](values, rows, n_texts)
        marked = self.mark(texts[chosen], feature) if len(chosen) else []
        return pd.DataFrame(
            {"row": chosen, "activation": values[chosen], "text": marked}
        )

    def save_delphi(self, X, folder, *, context=256, n_splits=5):
        """Write the activations of texts in the layout of delphi.

        Parameters
        ----------
        X : sequence of str of length n_samples
        folder : str or path-like
            The folder of one layer, for example ``results/latents/layers.16``.
        context : int, default=256
            Tokens per window.
        n_splits : int, default=5
            Number of files. Each has a range of neurons.

        Notes
        -----
        As in delphi, all texts are joined and cut into windows of equal length.
        ``documents.json`` says where each text begins.
        """
        self._check_has_neurons()
        texts = check_texts(X, type(self).__name__, allow_empty=True)
        reader = self._row_reader()
        config = {
            "dataset_repo": "",
            "dataset_split": "",
            "dataset_name": "",
            "dataset_column": "text",
            "batch_size": self.batch_size,
            "cache_ctx_len": context,
            "n_tokens": 0,
            "n_splits": n_splits,
            "model_name": os.fspath(self.model),
        }
        ids = reader.states.ids(texts)
        config["n_tokens"] = sum(map(len, ids))
        write_delphi(
            folder,
            ids,
            reader.stored(texts),
            context=context,
            n_splits=n_splits,
            config=config,
        )

    def _check_has_neurons(self):
        check_is_fitted(self)
        if self.sae is None:
            raise ValueError(
                "Without an autoencoder there are hidden states, and no activations. "
                "Pass sae= and fit again."
            )


_NUMBERED = re.compile(r"sae(\d+)")


def _top(values, rows, n):
    order = np.argsort(-values, kind="stable")
    return order[values[order] > 0][:n]


def _quantiles(values, rows, n):
    firing = _top(values, rows, None)
    parts = np.array_split(firing, min(n, len(firing)) or 1)
    return np.array([part[len(part) // 2] for part in parts if len(part)], dtype=int)


def _silent(values, rows, n):
    silent = np.flatnonzero(values <= 0)
    picks = np.linspace(0, len(silent) - 1, min(n, len(silent)))
    return silent[picks.astype(int)]


def _near_misses(values, rows, n):
    rows = normalize(rows)
    centre = np.asarray(rows[_top(values, rows, n)].sum(axis=0)).ravel()
    silent = np.flatnonzero(values <= 0)
    return silent[np.argsort(-(rows[silent] @ centre), kind="stable")[:n]]


_KINDS = {
    "top": _top,
    "quantiles": _quantiles,
    "silent": _silent,
    "near_misses": _near_misses,
}


def _column(feature, names):
    """Position of a feature that is given by its name or its position."""
    positions = np.flatnonzero(names == feature)
    if len(positions) == 1:
        return positions[0]
    numbered = _NUMBERED.fullmatch(feature) if isinstance(feature, str) else None
    if numbered and int(numbered[1]) < len(names):  # a feature that has a label
        return int(numbered[1])
    if isinstance(feature, Integral) and 0 <= feature < len(names):
        return int(feature)
    raise ValueError(
        f"There is no feature {feature!r}. Pass a name, {names[0]!r} to {names[-1]!r}, "
        f"or a position, 0 to {len(names) - 1}."
    )
