"""ReaderSAETransformer: texts to features of a language model's tokens."""

import functools
import os
import warnings
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_hsae._files import fingerprint
from sklearn_hsae._sklearn_compat import Interval, StrOptions, fit_context
from sklearn_hsae._texts import (
    CarriesTextsMixin,
    attach_texts,
    check_texts,
    readable,
    warn_of_empty,
)
from sklearn_hsae.reader._pooling import AGGREGATES
from sklearn_hsae.reader._row_reader import RowReader
from sklearn_hsae.reader._token_activations import TokenActivations, mark_spans
from sklearn_hsae.reader._token_encoder import TokenEncoder
from sklearn_hsae.reader._token_spool import TokenSpool
from sklearn_hsae.sae import MatryoshkaSAETransformer

# torch and transformers are imported at the first fit, not with this module.

_CHECKED_TEXTS = 16  # a thousand tokens: enough for a median and a reconstruction
_LARGEST_FVU = 0.6
_AGGREGATES_OF_STATES = ("max", "mean", "sum", "last")
_AUTO = StrOptions({"auto"})


class ReaderSAETransformer(CarriesTextsMixin, TransformerMixin, BaseEstimator):
    """Features of the tokens that a language model reads, one row per text.

    Stands in a pipeline where an :class:`EmbeddingTransformer` and a
    :class:`MatryoshkaSAETransformer` stand together. A causal language model reads the
    text; the hidden state of each token, after one layer, is encoded by a sparse
    autoencoder; the activations of all tokens of a text become one row.

    Parameters
    ----------
    model : str or path-like
        A causal language model of transformers: its name on the Hugging Face hub, a
        folder, or a GGUF file (``pip install 'sklearn-hsae[reader]'``). Only the layers
        up to `layer` are run.
    sae : MatryoshkaSAETransformer, str, path-like or None, default=None
        The autoencoder:

        - None: there is none. A row is the pooled hidden state itself, an embedding;
        - a :class:`MatryoshkaSAETransformer`: a clone of it is trained in :meth:`fit`,
          on the tokens of the texts;
        - a trained one: the folder that
          :meth:`MatryoshkaSAETransformer.save_pretrained`, SAELens (standard, topk,
          jumprelu and gated) or sparsify (topk and groupmax) wrote; the ``params.npz``
          of Gemma Scope, or its folder; or the ``.pth`` file of Goodfire.
    layer : int or "auto", default="auto"
        Index, from 0, of the layer whose output is read; negative from the end. "auto"
        is the one that the files of `sae` name, else the one in the middle.
    aggregate : {"auto", "max", "mean", "sum", "count", "binary", "last"}, \
default="auto"
        What a text has of the activations of its tokens: the largest, the mean, the
        sum, the number of tokens above `threshold`, whether there is one, or the
        activation of the last token. "auto" is "max" with an autoencoder and "mean"
        without. "count" and "binary" need an autoencoder.
    threshold : float, default=0.0
        Activations up to it count as 0. Not used without an autoencoder.
    chat_role : str or None, default=None
        With "user", say, each text is read as what this role says in a chat, by the
        model's chat template. The tokens of the template are read but do not count.
        None reads the plain text.
    max_norm_ratio : float, default=5.0
        Tokens whose state is longer than this times the median do not count. There are
        few, anywhere in a text; they say nothing of it, and their squares exceed those
        of all others together. ``float("inf")`` keeps them.
    max_tokens : int, default=512
        Tokens that the model reads at once. Longer texts are read in windows that
        overlap by a quarter; each token counts once, and none is left out.
    batch_size : int, default=16
        Windows per batch. Windows of similar length are put together.
    max_train_tokens : int, default=1000000
        About how many tokens an autoencoder is trained on, drawn at random from all.
        They are kept in a temporary file: 2 bytes times the length of a hidden state
        per token, 1.2 GB for a million of length 576.
    sparse_output : bool, default=True
        Whether the columns of the frame are pandas-sparse. No array of size n_samples
        x n_neurons is then made. Hidden states are always dense.
    device : str or None, default=None
        Where the language model runs. None takes a GPU when there is one. An
        autoencoder from files encodes on the CPU.
    dtype : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the language model. "auto" is bfloat16 where the processor
        multiplies it natively, else float32.
    cache_dir : "auto", str, path-like or None, default="auto"
        Folder of the cache of rows. "auto" is the user's cache folder, None turns the
        cache off. It does not hold the tokens: to train an autoencoder, the texts are
        read again.
    random_state : int, RandomState instance or None, default=None
        Draws the tokens when there are more than `max_train_tokens`.
    verbose : int, default=0
        If not 0, a progress bar is shown on stderr.

    Attributes
    ----------
    layer_ : int
        Index of the layer that is read.
    sae_ : MatryoshkaSAETransformer or None
        The autoencoder that :meth:`fit` trained.
    largest_norm_ : float
        Tokens with a longer state do not count.
    n_features_out_ : int
        Number of columns.
    reconstruction_score_ : float or None
        Share of the variance of some of the texts' tokens that the autoencoder
        explains. None without an autoencoder.

    See Also
    --------
    EmbeddingTransformer : Embeds a text as a whole; several times as fast.
    MatryoshkaSAETransformer : The autoencoder.

    Notes
    -----
    Does not count: a token in the model's first position, special tokens, those of a
    template, and those of outlying norm. The first token of a text therefore counts
    only for models with a token of their own before it.

    Neither the language model nor an autoencoder from a folder is stored in the
    estimator, so a pickle is small. The folder must stay where it is.

    An autoencoder that is trained here gets states rounded to float16, in `transform`
    as in `fit`. The other texts of a call change a row by rounding alone.

    Examples
    --------
    >>> from sklearn_hsae import MatryoshkaSAETransformer, ReaderSAETransformer
    >>> reader = ReaderSAETransformer(
    ...     "HuggingFaceTB/SmolLM2-135M", MatryoshkaSAETransformer(2048, 32)
    ... )
    >>> activations = reader.fit_transform(texts)  # doctest: +SKIP
    """

    _parameter_constraints: dict = {
        "model": [str, os.PathLike],
        "sae": [MatryoshkaSAETransformer, str, os.PathLike, None],
        "layer": [Integral, _AUTO],
        "aggregate": [StrOptions({"auto", *AGGREGATES})],
        "threshold": [Interval(Real, 0, None, closed="left")],
        "chat_role": [str, None],
        "max_norm_ratio": [Interval(Real, 1, None, closed="right")],
        "max_tokens": [Interval(Integral, 4, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_train_tokens": [Interval(Integral, 2, None, closed="left")],
        "sparse_output": ["boolean"],
        "device": [str, None],
        "dtype": [StrOptions({"auto", "float32", "bfloat16"})],
        "cache_dir": [str, os.PathLike, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        model,
        sae=None,
        *,
        layer="auto",
        aggregate="auto",
        threshold=0.0,
        chat_role=None,
        max_norm_ratio=5.0,
        max_tokens=512,
        batch_size=16,
        max_train_tokens=1_000_000,
        sparse_output=True,
        device=None,
        dtype="auto",
        cache_dir="auto",
        random_state=None,
        verbose=0,
    ):
        self.model = model
        self.sae = sae
        self.layer = layer
        self.aggregate = aggregate
        self.threshold = threshold
        self.chat_role = chat_role
        self.max_norm_ratio = max_norm_ratio
        self.max_tokens = max_tokens
        self.batch_size = batch_size
        self.max_train_tokens = max_train_tokens
        self.sparse_output = sparse_output
        self.device = device
        self.dtype = dtype
        self.cache_dir = cache_dir
        self.random_state = random_state
        self.verbose = verbose

    # The autoencoder checks its own parameters when it is trained.
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Check that model, autoencoder and texts belong together; or train one.

        Parameters
        ----------
        X : sequence of str of length n_samples
            List, tuple, array, pandas or polars Series, or a frame of one column.
        y : array-like of shape (n_samples,), default=None
            The target. Used where `sae` is trained and has a positive `target_weight`:
            each token then has the target of its text.

        Returns
        -------
        self : ReaderSAETransformer

        Raises
        ------
        ValueError
            When a text is missing, empty or not a string; when there is no such model
            or layer; or when the autoencoder is of another width than the model.
        FileNotFoundError
            When the folder of the autoencoder, or one of its files, is missing.
        """
        texts = check_texts(X, type(self).__name__)
        self._fit(texts, y, transforms=False)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def fit_transform(self, X, y=None):
        """Fit and transform, where the texts are read only once if that is possible.

        Parameters
        ----------
        X : sequence of str of length n_samples
        y : array-like of shape (n_samples,), default=None
            See :meth:`fit`.

        Returns
        -------
        DataFrame of shape (n_samples, n_features_out_) of float32
            See :meth:`transform`.
        """
        texts = check_texts(X, type(self).__name__)
        return self._frame(self._fit(texts, y, transforms=True), X, texts)

    def transform(self, X):
        """Read the texts.

        Parameters
        ----------
        X : sequence of str of length n_samples

        Returns
        -------
        DataFrame of shape (n_samples, n_features_out_) of float32
            The row index is that of `X` (a RangeIndex when it has none), with the
            texts as one more level, named "text". Columns are "sae0", ... or, without
            an autoencoder, "hidden0", ... A text without a token that counts becomes a
            row of zeros.
        """
        check_is_fitted(self)
        texts = check_texts(X, type(self).__name__, allow_empty=True)
        warn_of_empty(texts)
        return self._frame(self._row_reader().rows(texts), X, texts)

    def get_feature_names_out(self, input_features=None):
        """Names of the columns: "sae0", "sae1", ..., or "hidden0", ... without one.

        Parameters
        ----------
        input_features : array-like or None, default=None
            Not used: texts have no feature names.

        Returns
        -------
        ndarray of str of shape (n_features_out_,)
        """
        check_is_fitted(self)
        stem = "hidden" if self.sae is None else "sae"
        names = [f"{stem}{i}" for i in range(self.n_features_out_)]
        return np.array(names, dtype=object)

    def token_activations(self, X, features=None):
        """Activations of the single tokens.

        Parameters
        ----------
        X : sequence of str of length n_samples
        features : sequence of str or int, or None, default=None
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
        check_is_fitted(self)
        texts = check_texts(X, type(self).__name__, allow_empty=True)
        if self.sae is None:
            raise ValueError(
                "Without an autoencoder there are hidden states, and no activations. "
                "Pass sae= and fit again."
            )
        names = self.get_feature_names_out()
        columns = np.arange(len(names))
        if features is not None:
            columns = np.array([_column(name, names) for name in features], dtype=int)
        found = self._row_reader().tokens(texts, columns)
        return TokenActivations(*found, features=names[columns])

    def mark(self, X, feature, *, threshold=0.3):
        """Put marks around the tokens at which a neuron is active.

        Parameters
        ----------
        X : sequence of str of length n_samples
        feature : str or int
            Name of a column, such as "sae17", or its position.
        threshold : float, default=0.3
            A token is marked when its activation is above this share of the largest
            one in its text. A neuron that is active everywhere is so weakly in most
            places; 0 marks them all.

        Returns
        -------
        list of str
            The texts with ``<<`` and ``>>`` around each run of such tokens. The same
            characters in the texts themselves are broken up by a space: ``< <``.

        Examples
        --------
        >>> reader.mark(texts[:1], "sae17")  # doctest: +SKIP
        ['We waited <<an hour>> for a <<cold>> soup.']
        """
        found = self.token_activations(X, [feature])
        values = found.activations.toarray()[:, 0]
        marked = []
        for i, text in enumerate(check_texts(X, type(self).__name__, allow_empty=True)):
            tokens = slice(found.indptr[i], found.indptr[i + 1])
            limit = threshold * values[tokens].max(initial=0)
            is_active = values[tokens] > limit
            marked.append(mark_spans(readable(text), found.spans[tokens][is_active]))
        return marked

    def save_saelens(self, folder):
        """Write the autoencoder that was trained in :meth:`fit` as SAELens does.

        Parameters
        ----------
        folder : str or path-like
            Made when absent. It gets ``cfg.json`` and ``sae_weights.safetensors``,
            which name the model and the layer. They do not hold `chat_role`.

        Raises
        ------
        ValueError
            When no autoencoder was trained.
        """
        from sklearn_hsae.reader._sae_files import save_as_saelens

        check_is_fitted(self)
        if self.sae_ is None:
            raise ValueError(
                "No autoencoder was trained in fit. Pass sae=MatryoshkaSAETransformer()"
                " and fit again."
            )
        head = self._state_reader(self._source(), self.layer_).identity["head"]
        metadata = {
            "model_name": os.fspath(self.model),
            "hook_name": f"blocks.{self.layer_}.hook_resid_post",
            "prepend_bos": self.chat_role is None and len(head) > 0,
        }
        save_as_saelens(self.sae_, folder, metadata)

    def _fit(self, texts, y, *, transforms):
        """Learn all; return the rows of the texts if `transforms`."""
        self._check_aggregate()
        source = self._source()
        layer = source.layer if self.layer == "auto" else self.layer
        states = self._state_reader(source, layer)
        if source.sae is not None:
            self._check_width(source.sae.n_features_in_, states.n_features)
        windows = states.windows(texts)
        sample = self._sample(states, windows)
        self.layer_ = states.layer
        if isinstance(self.sae, MatryoshkaSAETransformer):
            share = self.max_train_tokens / max(_count(windows), 1)
            generator = check_random_state(self.random_state)
            with TokenSpool(states.n_features, share, generator) as spool:
                self.sae_ = self._train(states, windows, y, spool)
                reader = self._row_reader(source, states)
                self._learn_columns(reader, sample)
                if transforms and spool.is_complete:
                    return reader.rows(texts, spool.steps())
        else:
            self.sae_ = None
            reader = self._row_reader(source, states)
            self._learn_columns(reader, sample)
            self._warn_of_mismatch(source.layer)
        return reader.rows(texts) if transforms else None

    def _train(self, states, windows, y, spool):
        for step in states.read(windows, self.largest_norm_, verbose=self.verbose):
            spool.add(step)
        rows, texts = spool.rows()
        sae = clone(self.sae)
        if y is not None and sae.target_weight > 0:
            check_consistent_length(windows, y)
            y = np.asarray(y)[texts]
        else:
            y = None
        return sae.fit(rows, y)

    def _sample(self, reader, windows):
        """States of some texts; learns from them which norms are outlying."""
        picks = np.linspace(0, len(windows) - 1, min(len(windows), _CHECKED_TEXTS))
        picked = [windows[int(i)] for i in picks]
        states = np.concatenate([step.states for step in reader.read(picked)])
        if len(states) == 0:
            raise ValueError(
                f"None of {len(picked)} texts has a token that counts: the first token "
                "of each is left out, and so are special ones. Pass longer texts."
            )
        norms = np.linalg.norm(states, axis=1)
        # In steps of 41 %: the folds of a cross-validation have the same limit then,
        # and share the cache.
        median = 2 ** (np.round(np.log2(np.median(norms)) * 2) / 2)
        self.largest_norm_ = float(median * self.max_norm_ratio)
        return states[norms <= self.largest_norm_]

    def _learn_columns(self, reader, sample):
        self.n_features_out_ = reader.n_columns
        self.reconstruction_score_ = None
        if reader.encoder is not None:
            self.reconstruction_score_ = reader.encoder.score(sample)

    def _check_aggregate(self):
        if self.sae is None and self.aggregate in ("count", "binary"):
            raise ValueError(
                f"aggregate={self.aggregate!r} counts activations, and without an "
                "autoencoder there are none. Pass sae=, or one of "
                f"{', '.join(map(repr, _AGGREGATES_OF_STATES))}."
            )

    def _check_width(self, width, n_features):
        if width != n_features:
            raise ValueError(
                f"The autoencoder {os.fspath(self.sae)!r} encodes vectors of length "
                f"{width}, and the hidden states of {self.model!r} have "
                f"length {n_features}. Pass the model that it was trained on."
            )

    def _warn_of_mismatch(self, layer):
        if layer is not None and layer != self.layer_:
            warnings.warn(
                f"The autoencoder was trained on layer {layer}, and layer={self.layer_}"
                " is read. Pass layer='auto' for its own.",
                stacklevel=4,
            )
        score = self.reconstruction_score_
        if score is not None and score < 1 - _LARGEST_FVU:
            warnings.warn(
                f"The autoencoder explains {score:.0%} of the variance of the hidden "
                "states. It is probably of another model or another layer, or was "
                "trained on texts with another beginning (see chat_role).",
                stacklevel=4,
            )

    def _source(self):
        """What the files of the autoencoder hold; nothing where it is no file."""
        from sklearn_hsae.reader._sae_files import SAEFile

        if self.sae is None or isinstance(self.sae, MatryoshkaSAETransformer):
            return SAEFile(None)
        path = os.fspath(self.sae)
        version = fingerprint(path) if os.path.exists(path) else None
        return _load_once(path, version)

    def _state_reader(self, source, layer):
        from sklearn_hsae.reader._hidden_states import HiddenStateReader

        return HiddenStateReader(
            os.fspath(self.model),
            layer,
            has_bos=source.has_bos,
            is_centred=source.is_centred,
            chat_role=self.chat_role,
            max_tokens=self.max_tokens,
            batch_size=self.batch_size,
            device=self.device,
            dtype=self.dtype,
        )

    def _row_reader(self, source=None, states=None):
        """What makes rows of texts; opens what it needs when that is not given."""
        source = self._source() if source is None else source
        states = self._state_reader(source, self.layer_) if states is None else states
        aggregate = self.aggregate
        if aggregate == "auto":
            aggregate = "mean" if self.sae is None else "max"
        encoder = version = None
        if self.sae_ is not None:
            encoder = TokenEncoder(self.sae_)
            version = encoder.fingerprint()
        elif self.sae is not None:
            encoder = TokenEncoder(source.sae)
            version = fingerprint(self.sae)
        return RowReader(
            states,
            encoder,
            version,
            aggregate=aggregate,
            threshold=self.threshold,
            largest_norm=self.largest_norm_,
            cache_dir=self.cache_dir,
            verbose=self.verbose,
        )

    def _frame(self, rows, X, texts):
        if sparse.issparse(rows) and not self.sparse_output:
            rows = rows.toarray()
        frame = attach_texts(rows, X, texts)
        frame.columns = self.get_feature_names_out()
        return frame

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags


@functools.lru_cache(maxsize=1)
def _load_once(path, version):
    from sklearn_hsae.reader._sae_files import load_sae

    return load_sae(path)


def _column(feature, names):
    """Position of a feature that is given by its name or its position."""
    found = np.flatnonzero(names == feature)
    if len(found) == 1:
        return found[0]
    if isinstance(feature, Integral) and 0 <= feature < len(names):
        return int(feature)
    raise ValueError(
        f"There is no feature {feature!r}. Pass a name, {names[0]!r} to {names[-1]!r}, "
        f"or a position, 0 to {len(names) - 1}."
    )


def _count(windows):
    return sum(int(w.is_counted.sum()) for some in windows for w in some)
