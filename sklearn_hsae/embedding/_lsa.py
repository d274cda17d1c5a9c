"""LSAEmbedder: turn texts into vectors by the words that stand in them."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_hsae._pairs import attach_texts_or_pairs, check_texts_or_pairs
from sklearn_hsae._progress import progress_bar
from sklearn_hsae._sklearn_compat import Interval, fit_context
from sklearn_hsae._texts import (
    CarriesTextsMixin,
    texts_tags,
    warn_of_empty,
)
from sklearn_hsae._words import words_of

_MAX_TEXTS_IN_FIT = 20_000
_TEXTS_PER_STEP = 5000  # a second or two, after which the progress is shown
_TEXTS_PER_RARE_WORD = 2000  # a word is counted if one text in 2,000 has it


class LSAEmbedder(CarriesTextsMixin, TransformerMixin, BaseEstimator):
    """Embed texts by latent semantic analysis, without any model.

    The words of a text are counted, weighted by tf-idf, and compressed by a truncated
    singular value decomposition [1]_. Texts whose words occur together in `X` get
    similar vectors.

    It reads any language, downloads nothing, and reads a long text to its end. Use it
    for a language that your model has not learnt. It knows no synonyms that `X` does
    not show: with short texts in English, :class:`EmbeddingTransformer` is better.

    Parameters
    ----------
    n_dimensions : int, default=384
        Largest length of an embedding, that of the default model of
        :class:`EmbeddingTransformer`. There are fewer when `X` has fewer texts or
        words.
    ngram_range : (int, int), default=(1, 1)
        Smallest and largest number of words side by side that count as one. With
        (1, 3), "soup was cold" is counted beside its words. This helps where two words
        decide together, and hurts where each word decides alone.
    random_state : int, RandomState instance or None, default=None
        Draws the texts that are learnt from when there are more than 20,000, and starts
        the decomposition. Pass an int for the same embeddings each time.
    verbose : int, default=0
        If not 0, a progress bar is shown on stderr while many texts are embedded.

    Attributes
    ----------
    n_dimensions_ : int
        Length of an embedding.
    vectorizer_ : TfidfVectorizer
        Counts and weights the words. Its ``get_feature_names_out()`` lists them.
    svd_ : TruncatedSVD
        The decomposition; ``components_`` has shape (n_dimensions_, n_words).

    See Also
    --------
    EmbeddingTransformer : Embed with a pretrained model.

    References
    ----------
    .. [1] S. Deerwester, S. Dumais, G. Furnas, T. Landauer, R. Harshman, "Indexing by
       Latent Semantic Analysis", Journal of the American Society for Information
       Science, 1990.

    Examples
    --------
    >>> from sklearn_hsae import LSAEmbedder
    >>> texts = ["सेवा बहुत धीमी थी", "कमरा बहुत साफ़ था", "सेवा धीमी थी", "कमरा साफ़ था"]
    >>> vectors = LSAEmbedder(random_state=0).fit_transform(texts)
    >>> cosines_with_first = vectors @ vectors.iloc[0]
    >>> (cosines_with_first > 0.5).tolist()
    [True, False, True, False]
    """

    _embedded = "texts"  # on the progress bar

    _parameter_constraints: dict = {
        "n_dimensions": [Interval(Integral, 1, None, closed="left")],
        "ngram_range": [tuple],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self, n_dimensions=384, *, ngram_range=(1, 1), random_state=None, verbose=0
    ):
        self.n_dimensions = n_dimensions
        self.ngram_range = ngram_range
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the words of the texts, their weights, and which go together.

        Parameters
        ----------
        X : sequence of str of length n_samples
            List, tuple, array, pandas or polars Series, or a frame of one column.
        y : None
            Ignored.

        Returns
        -------
        self : LSAEmbedder

        Raises
        ------
        ValueError
            When a text is missing, empty or not a string, or no word stands in two
            texts.
        """
        texts = check_texts_or_pairs(X, type(self).__name__).ravel()
        rng = check_random_state(self.random_state)
        rows = rng.permutation(len(texts))[:_MAX_TEXTS_IN_FIT]
        self._learn(texts[np.sort(rows)], rng)
        return self

    def transform(self, X):
        """Embed the texts.

        Parameters
        ----------
        X : sequence of str of length n_samples

        Returns
        -------
        DataFrame of shape (n_samples, n_dimensions_) of float32
            Rows of length 1. A text without any known word is a row of zeros; when it
            is empty, with a warning. The row index is that of `X` (a RangeIndex when it
            has none), with the texts as one more level, named "text". Columns are
            "lsa0", ...
        """
        check_is_fitted(self)
        texts = check_texts_or_pairs(X, type(self).__name__, allow_empty=True)
        single = texts.T.ravel()
        warn_of_empty(single)
        vectors = np.zeros((len(single), self.n_dimensions_), dtype=np.float32)
        starts = range(0, len(single), _TEXTS_PER_STEP)
        bar = progress_bar(
            total=len(single),
            desc=f"Embedding {self._embedded}",
            unit="text",
            disable=not self.verbose or len(starts) <= 1,
        )
        with bar:
            for start in starts:
                step = single[start : start + _TEXTS_PER_STEP]
                counts = self.vectorizer_.transform(step)
                vectors[start : start + len(step)] = self.svd_.transform(counts)
                bar.update(len(step))
        if len(single):
            normalize(vectors, copy=False)
        return attach_texts_or_pairs(vectors, X, texts, self.get_feature_names_out())

    def get_feature_names_out(self, input_features=None):
        """Names of the dimensions: "lsa0", "lsa1", ...

        Parameters
        ----------
        input_features : array-like or None, default=None
            Not used: texts have no feature names.

        Returns
        -------
        ndarray of str of shape (n_dimensions_,)
        """
        check_is_fitted(self)
        names = [f"lsa{i}" for i in range(self.n_dimensions_)]
        return np.array(names, dtype=object)

    def _learn(self, texts, rng):
        self.vectorizer_ = TfidfVectorizer(
            tokenizer=words_of,
            token_pattern=None,
            lowercase=False,
            ngram_range=self.ngram_range,
            min_df=max(2, len(texts) // _TEXTS_PER_RARE_WORD),
            sublinear_tf=True,
            dtype=np.float32,
        )
        try:
            counts = self.vectorizer_.fit_transform(texts)
        except ValueError as error:
            if "ngram_range" in str(error):
                raise
            raise ValueError(
                f"LSAEmbedder learns from words that stand in several texts, and the "
                f"{len(texts)} texts have none in common. Pass more texts, or use "
                "EmbeddingTransformer."
            ) from error
        n_dimensions = max(1, min(self.n_dimensions, min(counts.shape) - 1))
        self.svd_ = TruncatedSVD(n_dimensions, random_state=rng).fit(counts)
        self.n_dimensions_ = n_dimensions

    def __sklearn_tags__(self):
        return texts_tags(super().__sklearn_tags__())
