"""ReaderSAETransformer: texts to features of a language model's tokens."""

import functools
import os
import warnings
from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted
from tqdm.auto import tqdm

from sklearn_hsae._files import fingerprint
from sklearn_hsae._sklearn_compat import Interval, StrOptions, fit_context
from sklearn_hsae._texts import (
    CarriesTextsMixin,
    attach_texts,
    check_texts,
    warn_of_empty,
)
from sklearn_hsae.reader._pooling import AGGREGATES, pool_activations, pool_states
from sklearn_hsae.reader._token_spool import TokenSpool
from sklearn_hsae.sae import MatryoshkaSAETransformer

# torch and transformers are imported at the first fit, not with this module.

_CHECKED_TEXTS = 64  # some thousand tokens: enough for a median and a reconstruction
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
        - a folder with a trained one, written by
          :meth:`MatryoshkaSAETransformer.save_pretrained`, by SAELens (standard, topk,
          jumprelu and gated) or by sparsify (topk and groupmax).
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
        source = self._source()
        reader = self._reader(source, self.layer_)
        codes, distinct = pd.factorize(texts)
        rows = self._read(reader, reader.windows(distinct), self._encoder(source))
        return self._frame(rows[codes], X, texts)

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

    def _fit(self, texts, y, *, transforms):
        """Learn all; return the rows of the texts if `transforms`."""
        self._check_aggregate()
        source = self._source()
        layer = source.layer if self.layer == "auto" else self.layer
        reader = self._reader(source, layer)
        if source.sae is not None:
            self._check_width(source.sae, reader.n_features)
        windows = reader.windows(texts)
        sample = self._sample(reader, windows)
        self.layer_ = reader.layer
        if not isinstance(self.sae, MatryoshkaSAETransformer):
            self.sae_ = None
            self._learn_columns(source.sae, reader.n_features, sample)
            self._warn_of_mismatch(source.layer)
            if not transforms:
                return None
            return self._read(reader, windows, self._encoder(source))
        share = self.max_train_tokens / max(_count(windows), 1)
        generator = check_random_state(self.random_state)
        with TokenSpool(reader.n_features, share, generator) as spool:
            self._train(reader, windows, y, spool)
            self._learn_columns(self.sae_, reader.n_features, sample)
            if not transforms:
                return None
            encoder = self._encoder(source)
            if spool.is_complete:
                return self._pool(spool.steps(), len(texts), encoder)
        return self._read(reader, windows, encoder)

    def _train(self, reader, windows, y, spool):
        for step in self._steps(reader, windows):
            spool.add(step)
        states, texts = spool.rows()
        sae = clone(self.sae)
        if y is not None and sae.target_weight > 0:
            check_consistent_length(windows, y)
            y = np.asarray(y)[texts]
        else:
            y = None
        self.sae_ = sae.fit(states, y)

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
        self.largest_norm_ = float(np.median(norms) * self.max_norm_ratio)
        return states[norms <= self.largest_norm_]

    def _learn_columns(self, sae, n_features, sample):
        self.reconstruction_score_ = None
        self.n_features_out_ = n_features
        if sae is not None:
            self.n_features_out_ = _n_neurons(sae)
            self.reconstruction_score_ = 1 - _unexplained(sae, sample)

    def _check_aggregate(self):
        if self.sae is None and self.aggregate in ("count", "binary"):
            raise ValueError(
                f"aggregate={self.aggregate!r} counts activations, and without an "
                "autoencoder there are none. Pass sae=, or one of "
                f"{', '.join(map(repr, _AGGREGATES_OF_STATES))}."
            )

    def _check_width(self, sae, n_features):
        if sae.n_features_in_ != n_features:
            raise ValueError(
                f"The autoencoder {os.fspath(self.sae)!r} encodes vectors of length "
                f"{sae.n_features_in_}, and the hidden states of {self.model!r} have "
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

    def _reader(self, source, layer):
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

    def _encoder(self, source):
        """The autoencoder, with csr output; None without one."""
        if self.sae_ is None:
            return source.sae
        # Attributes are shared: the weights are not copied.
        sae = clone(self.sae_).set_params(sparse_output=True)
        vars(sae).update(
            {name: v for name, v in vars(self.sae_).items() if name.endswith("_")}
        )
        return sae

    def _steps(self, reader, windows):
        bar = tqdm(
            total=len(windows),
            desc="Reading texts",
            unit="text",
            disable=not self.verbose,
        )
        with bar:
            for step in reader.read(windows, self.largest_norm_):
                yield step
                bar.update(len(step.texts))

    def _read(self, reader, windows, encoder):
        return self._pool(self._steps(reader, windows), len(windows), encoder)

    def _pool(self, steps, n_texts, encoder):
        """The rows of texts, in their order, of their tokens in any."""
        order, rows = [], []
        for step in steps:
            order.append(step.texts)
            rows.append(self._pool_step(step, encoder))
        stack = np.concatenate if encoder is None else sparse.vstack
        place = np.empty(n_texts, dtype=np.int64)
        place[np.concatenate(order)] = np.arange(n_texts)
        return stack(rows)[place] if encoder is None else stack(rows, "csr")[place]

    def _pool_step(self, step, encoder):
        aggregate = self.aggregate
        if encoder is None:
            aggregate = "mean" if aggregate == "auto" else aggregate
            return pool_states(step.states, step.lengths, aggregate)
        aggregate = "max" if aggregate == "auto" else aggregate
        if len(step.states) == 0:
            empty = (len(step.lengths), self.n_features_out_)
            return sparse.csr_matrix(empty, dtype=np.float32)
        activations = encoder.transform(_as_trained(encoder, step.states))
        return pool_activations(activations, step.lengths, aggregate, self.threshold)

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


def _count(windows):
    return sum(int(w.is_counted.sum()) for some in windows for w in some)


def _n_neurons(sae):
    if isinstance(sae, MatryoshkaSAETransformer):
        return len(sae.encoder_)
    return sae.n_neurons


def _as_trained(sae, states):
    """States in the precision in which an autoencoder of ours was trained."""
    if isinstance(sae, MatryoshkaSAETransformer):
        return states.astype(np.float16)
    return states


def _unexplained(sae, states):
    """Fraction of the variance of states that the reconstruction leaves."""
    if isinstance(sae, MatryoshkaSAETransformer):
        return 1 - sae.score(_as_trained(sae, states))
    left = np.square(states - sae.reconstruct(states), dtype=np.float64).sum()
    centred = states - states.mean(axis=0)
    return float(left / max(np.square(centred, dtype=np.float64).sum(), 1e-12))
