"""ReaderSAETransformer: texts to features of a language model's tokens."""

import os
from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_hsae._sklearn_compat import Interval, StrOptions, fit_context
from sklearn_hsae._texts import (
    CarriesTextsMixin,
    attach_texts,
    check_texts,
    texts_tags,
    warn_of_empty,
)
from sklearn_hsae._tokens import CarriedTokens, carry_tokens
from sklearn_hsae.reader._feature_labels import feature_names, read_labels
from sklearn_hsae.reader._pooling import AGGREGATES
from sklearn_hsae.reader._readers_mixin import ReadersMixin
from sklearn_hsae.reader._token_spool import TokenSpool
from sklearn_hsae.reader._tokens_mixin import TokensMixin
from sklearn_hsae.reader._training import (
    check_width,
    n_counted,
    sample_states,
    train_on_tokens,
    warn_of_mismatch,
)
from sklearn_hsae.sae import MatryoshkaSAETransformer

# torch and transformers are imported at the first fit, not with this module.

_AGGREGATES_OF_STATES = ("max", "mean", "sum", "last")
_AUTO = StrOptions({"auto"})


class ReaderSAETransformer(
    ReadersMixin, TokensMixin, CarriesTextsMixin, TransformerMixin, BaseEstimator
):
    """Features of the tokens that a language model reads, one row per text.

    A causal language model reads the text. A sparse autoencoder encodes the hidden
    state of each token after one layer. The activations of all tokens of a text become
    one row. In a pipeline, this step replaces :class:`EmbeddingTransformer` and
    :class:`MatryoshkaSAETransformer` together.

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
          :meth:`MatryoshkaSAETransformer.save_pretrained`, SAELens or sparsify wrote;
          or the folder or file of Gemma Scope, Llama Scope, Qwen Scope, Goodfire or
          circuit-tracer. It may be a transcoder, whose input is read. Also their place
          on the Hugging Face hub, ``"owner/repository/folder"``, and, when sae-lens is
          installed, ``"saelens:release/id"`` of its registry.
    layer : int or "auto", default="auto"
        Index, from 0, of the layer that is read; negative from the end. "auto" is the
        one that the files of `sae` name, else the one in the middle. Its output is
        read, or the place inside it that the files name.
    aggregate : {"auto", "max", "mean", "sum", "count", "binary", "last"}, \
default="auto"
        How the activations of the tokens of a text become one number per neuron: the
        largest, the mean, the sum, the number of tokens above `threshold`, 1 if there
        is such a token, or the activation of the last token. "auto" is "max" with an
        autoencoder and "mean" without one. "count" and "binary" need an autoencoder.
    threshold : float, default=0.0
        Activations up to it count as 0. Not used without an autoencoder.
    chat_role : str or None, default=None
        A role of the model's chat template, for example "user". Each text is then
        read as the message of this role. The tokens of the template are read but do
        not count. With None, the plain text is read.
    max_norm_ratio : float, default=5.0
        Tokens do not count when their state is longer than this times the median.
        Such tokens are few and say nothing about the text, but the sum of their squares
        exceeds that of all other tokens. ``float("inf")`` keeps them.
    max_tokens : int, default=512
        Number of tokens that the model reads at once. Longer texts are read in windows
        that overlap by a quarter. Each token counts once, and none is left out.
    batch_size : int, default=16
        Windows per batch. A batch has windows of similar length.
    max_train_tokens : int, default=1000000
        Number of tokens on which an autoencoder is trained, about; they are drawn at
        random. A temporary file holds them, with 2 bytes per number: 1.2 GB for a
        million states of length 576.
    sparse_output : bool, default=True
        Whether the columns of the frame are pandas-sparse. If so, no array of size
        n_samples x n_neurons is made. Hidden states are always dense.
    labels : dict, str, path-like or None, default=None
        Words for the features, which become the names of the columns: a dict of labels
        by position or name (``{17: "rude staff"}`` or ``{"sae17": "rude staff"}``), or
        a file of them (JSON, JSONL, CSV or TSV; packed or not). Files need an index and
        a label, under such keys as "index" and "description": an export of Neuronpedia
        has them. A folder may hold such files, or the explanations of delphi and of
        ``sklearn-hsae explain``. A feature without a label keeps its name.
    device : str or None, default=None
        Where the language model runs. None takes a GPU when there is one. An
        autoencoder from files encodes on the CPU.
    dtype : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the language model. "auto" is bfloat16 where the processor
        multiplies it natively, else float32.
    cache_dir : "auto", str, path-like or None, default="auto"
        Folder of the cache. "auto" is the user's cache folder, None turns the cache
        off. With an autoencoder, the activations of all tokens are kept, so any
        `aggregate` and `threshold` and the methods about tokens read a text once: about
        140 bytes per token with 32 active neurons. To train an autoencoder, the texts
        are read again. Without one, rows are kept.
    random_state : int, RandomState instance or None, default=None
        Decides which tokens are drawn when there are more than `max_train_tokens`.
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
    labels_ : dict of int to str
        The labels of the features that have one, by position.
    n_features_out_ : int
        Number of columns.
    reconstruction_score_ : float or None
        Share of the variance of some of the texts' tokens that the autoencoder
        explains. None without an autoencoder, and with a transcoder.

    See Also
    --------
    EmbeddingTransformer : Embeds a text as a whole; several times as fast.
    MatryoshkaSAETransformer : The autoencoder.

    Notes
    -----
    These tokens do not count: the token in the model's first position, special tokens,
    tokens of a template, and tokens of outlying norm. So the first token of a text
    counts only for models that put a token of their own before it.

    The estimator does not store the language model or an autoencoder from a folder, so
    a pickle is small. The folder must stay where it is.

    An autoencoder that is trained here gets states rounded to float16, in `fit` and in
    `transform`. The other texts of a call change a row only by rounding.

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
        "labels": [Mapping, str, os.PathLike, None],
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
        labels=None,
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
        self.labels = labels
        self.device = device
        self.dtype = dtype
        self.cache_dir = cache_dir
        self.random_state = random_state
        self.verbose = verbose

    # The autoencoder checks its own parameters when it is trained.
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Check that the autoencoder fits the model, or train one.

        Parameters
        ----------
        X : sequence of str of length n_samples
            List, tuple, array, pandas or polars Series, or a frame of one column.
        y : array-like of shape (n_samples,), default=None
            The target. It is used when `sae` is trained and has a positive
            `target_weight`: after the training without it, three more passes let a
            head predict the target of a text from the largest activations of its
            tokens.

        Returns
        -------
        self : ReaderSAETransformer

        Raises
        ------
        ValueError
            When a text is missing, empty or not a string; when there is no such model
            on the hub, or no such layer; when the autoencoder is of another width than
            the model; or when its files are torn.
        FileNotFoundError
            When the folder of the model or of the autoencoder, or one of its files, is
            missing.
        """
        texts = check_texts(X, type(self).__name__)
        self._fit(texts, y, transforms=False)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def fit_transform(self, X, y=None):
        """Fit and transform; the texts are read only once if that is possible.

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
        """Names of the columns: "sae0", "sae1", ..., or the labels of the features.

        Without an autoencoder they are "hidden0", "hidden1", ...

        Parameters
        ----------
        input_features : array-like or None, default=None
            Not used: texts have no feature names.

        Returns
        -------
        ndarray of str of shape (n_features_out_,)
        """
        check_is_fitted(self)
        if self.sae is None:
            names = [f"hidden{i}" for i in range(self.n_features_out_)]
            return np.array(names, dtype=object)
        return feature_names(self.n_features_out_, self.labels_)

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
        from sklearn_hsae.reader._saelens_files import save_as_saelens

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
        if source.sae is not None and not source.place.is_input:
            self._check_width(source, self._hidden_size())  # before the model is loaded
        states = self._state_reader(source, layer)
        if source.sae is not None:
            self._check_width(source, states.n_features)
        windows = states.windows(texts)
        sample, norm = sample_states(states, windows)
        self.largest_norm_ = norm * self.max_norm_ratio
        sample = sample[np.linalg.norm(sample, axis=1) <= self.largest_norm_]
        self.layer_, self.sae_ = states.layer, None
        if not isinstance(self.sae, MatryoshkaSAETransformer):
            reader = self._row_reader(source, states)
            self._learn_columns(reader, sample)
            score = self.reconstruction_score_
            warn_of_mismatch(score, source.layer, self.layer_)
            return reader.rows(texts) if transforms else None
        share = self.max_train_tokens / max(n_counted(windows), 1)
        generator = check_random_state(self.random_state)
        with TokenSpool(states.n_features, share, generator) as spool:
            for step in states.read(windows, self.largest_norm_, verbose=self.verbose):
                spool.add(step)
            self.sae_ = train_on_tokens(self.sae, spool, y, len(texts))
            reader = self._row_reader(source, states)
            self._learn_columns(reader, sample)
            if not transforms:
                return None
            return reader.rows(texts, spool.steps() if spool.is_complete else None)

    def _check_width(self, source, n_features):
        check_width(self.sae, source.sae.n_features_in_, self.model, n_features)

    def _learn_columns(self, reader, sample):
        self.n_features_out_ = reader.n_columns
        self.reconstruction_score_, self.labels_ = None, {}
        if reader.encoder is not None:
            self.reconstruction_score_ = reader.encoder.score(sample)
            if self.labels is not None:
                self.labels_ = read_labels(self.labels, reader.n_columns)

    def _check_aggregate(self):
        if self.sae is None and self.aggregate in ("count", "binary"):
            raise ValueError(
                f"aggregate={self.aggregate!r} counts activations, and without an "
                "autoencoder there are none. Pass sae=, or one of "
                f"{', '.join(map(repr, _AGGREGATES_OF_STATES))}."
            )

    def _frame(self, rows, X, texts):
        if sparse.issparse(rows) and not self.sparse_output:
            rows = rows.toarray()
        frame = attach_texts(rows, X, texts)
        frame.columns = self.get_feature_names_out()
        return frame if self.sae is None else carry_tokens(frame, CarriedTokens(self))

    def __sklearn_tags__(self):
        return texts_tags(super().__sklearn_tags__())
