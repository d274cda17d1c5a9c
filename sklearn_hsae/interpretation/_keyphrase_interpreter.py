"""KeyphraseInterpreter: names neurons by phrases of the texts, without an LLM."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from sklearn_hsae._sklearn_compat import (
    Interval,
    StrOptions,
    check_feature_names_in,
    fit_context,
)
from sklearn_hsae._texts import get_texts
from sklearn_hsae.embedding import EMBEDDER_TYPES, make_embedder
from sklearn_hsae.interpretation._literal_share import literal_shares
from sklearn_hsae.interpretation._name_warnings import warn_of_names
from sklearn_hsae.interpretation._phrase_choice import (
    choose_phrases,
    shortlist_phrases,
)
from sklearn_hsae.interpretation._renaming import RenamingMixin
from sklearn_hsae.judges import (
    EmbeddingJudge,
    KeyphraseJudge,
    PhraseSimilarity,
    candidate_phrases,
    phrase_label,
)

_MAX_ROWS = 10_000  # more rows change the names little and cost memory


class KeyphraseInterpreter(RenamingMixin, BaseEstimator):
    """Name each neuron by the phrases that switch it on.

    A neuron gets a label such as ``"mentions waited, minutes, slow"``. Its phrases are
    words and short phrases that are more frequent in the texts on which the neuron
    fires. They are added one by one. Each step adds the phrase with which the
    judgements of the label correlate best with the activations of the neuron. When a
    part of a phrase does as well as the whole phrase, the part is used. No phrase is in
    the labels of two neurons.

    All texts stay on this machine, and there are no costs. So start with this
    interpreter, and compare the labels of an LLM with it.

    Parameters
    ----------
    n_phrases : int, default=4
        Largest number of phrases per label. A label with more phrases fits the neuron
        better, but is harder to read.
    judge : {"embedding", "keyphrase"}, default="embedding"
        How :class:`ConceptAnnotator` will judge texts by the labels. "embedding": by
        similarity in meaning where this agrees better with the neuron than the words
        do. "keyphrase": always word for word. The phrases are chosen for this judge.
    embedder : str, EmbeddingTransformer, LSAEmbedder or None, default=None
        The embedder for ``judge="embedding"``: the name of a model, "lsa" for an
        :class:`LSAEmbedder`, or a transformer, which is cloned. Pass the embedder of
        the pipeline's first step, because its embeddings are in the cache. None is the
        default model of :class:`EmbeddingTransformer`.
    stop_words : str or list of str, default="auto"
        Words that no phrase starts or ends with. "auto" finds the languages of the
        texts and uses their lists, or the English list when it finds no language.
        Otherwise the code of a language, such as ``"de"``, or a list of words, which
        can be empty.
    ignore : list of str, default=()
        Words that no label contains, such as the names of authors or airlines. ``*``
        matches any letters (``"united*"``). ``"@*"`` matches the handles of social
        media: words that mostly follow an @.
    validation_fraction : float, default=0.3
        Share of the rows that are not used to name neurons: `fidelity_` is measured on
        them.
    random_state : int, RandomState instance or None, default=None
        Decides which rows are set aside. Pass an int to get the same names each
        time.
    verbose : int, default=0
        If not 0, a progress bar is shown while phrases are embedded.

    Attributes
    ----------
    concepts_ : ndarray of str of shape (n_concepts,)
        One unique label per named neuron. A neuron is left out, with a warning, when no
        phrase is more frequent where it fires.
    fidelity_ : DataFrame of n_features_in_ rows
        How well the judgements of each label agree with its neuron, on rows that were
        not used for naming: `neuron`, `concept`, `precision`, `recall`, `f1`,
        `correlation` and more. `literal_share` is the share of the texts with the
        concept that contain one of its phrases. When it is low, most of these texts are
        only similar in meaning to the phrases.
    n_features_in_ : int
        Number of neurons.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the neurons, when `X` had column names.

    See Also
    --------
    LLMInterpreter : Lets a language model write the labels.
    ConceptAnnotator : Judges which texts have the concepts.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_hsae import KeyphraseInterpreter, with_texts
    >>> texts = ["slow service", "good food", "nice view", "fair price", "warm bread"]
    >>> texts += ["loud music", "cold soup", "clean room"]
    >>> activations = np.eye(8)[:, :1]
    >>> X = with_texts(np.tile(activations, (5, 1)), texts * 5)
    >>> interpreter = KeyphraseInterpreter(judge="keyphrase", random_state=0)
    >>> interpreter.fit(X).concepts_
    array(['mentions slow service'], dtype=object)
    """

    _parameter_constraints: dict = {
        "n_phrases": [Interval(Integral, 1, None, closed="left")],
        "judge": [StrOptions({"embedding", "keyphrase"})],
        "embedder": EMBEDDER_TYPES,
        "stop_words": [str, "array-like"],
        "ignore": ["array-like"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_phrases=4,
        *,
        judge="embedding",
        embedder=None,
        stop_words="auto",
        ignore=(),
        validation_fraction=0.3,
        random_state=None,
        verbose=0,
    ):
        self.n_phrases = n_phrases
        self.judge = judge
        self.embedder = embedder
        self.stop_words = stop_words
        self.ignore = ignore
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, *, texts=None):
        """Name the neurons.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_neurons)
            Activations of the neurons, 0 where a neuron is silent. A frame carries
            its texts in the row-index level "text".
        y : None
            Ignored: a neuron is named by the texts on which it fires.
        texts : sequence of str of length n_samples, default=None
            The text of each row, when `X` does not carry them.

        Returns
        -------
        self : KeyphraseInterpreter

        Raises
        ------
        ValueError
            When no phrase fits any neuron, a text is missing, or `stop_words` is a
            language without a list.
        """
        activations = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        texts = get_texts(X, texts, self)
        naming, hidden = self._split(len(texts))
        phrases = self._choose_phrases(texts[naming], activations[naming])
        warn_of_names(phrases, texts[naming])
        self._set_concepts(*self._labels(phrases, len(naming)))
        named = activations[np.ix_(naming, self._columns)]
        judge = self._judge().fit(self.concepts_, texts[naming], named)
        annotations = judge.judge(texts[hidden])
        self._set_fidelity(annotations, activations[hidden])
        self._set_literal_shares(texts[hidden], annotations)
        return self

    def _set_literal_shares(self, texts, annotations):
        """Add `literal_share` to `fidelity_`."""
        shares = np.full(self.n_features_in_, np.nan)
        shares[self._columns] = literal_shares(self.concepts_, texts, annotations)
        self._fidelity["literal_share"] = shares.tolist()

    def _split(self, n_rows):
        order = check_random_state(self.random_state).permutation(n_rows)[:_MAX_ROWS]
        n_hidden = int(np.ceil(self.validation_fraction * len(order)))
        n_hidden = min(n_hidden, len(order) - 1)
        return np.sort(order[n_hidden:]), np.sort(order[:n_hidden])

    def _judge(self):
        if self.judge == "keyphrase":
            return KeyphraseJudge()
        return EmbeddingJudge(make_embedder(self.embedder, self.verbose))

    def _neurons(self):
        return check_feature_names_in(self)

    def _choose_phrases(self, texts, activations):
        min_count = _min_count(len(texts))
        phrases, occurrence = candidate_phrases(
            texts,
            min_count=min_count,
            stop_words=self.stop_words,
            ignore=list(self.ignore),
        )
        # Most embedders give all emoji the same vector. Word for word they differ.
        is_certain = self.judge == "keyphrase" or np.array(
            [any(map(str.isalpha, phrase)) for phrase in phrases], dtype=bool
        )
        shortlists = shortlist_phrases(occurrence, activations, is_certain)
        compared = np.unique(np.concatenate(shortlists))
        if len(compared) == 0:
            return [[] for _ in shortlists]
        return choose_phrases(
            self._readings(texts, phrases[compared], occurrence[:, compared]),
            activations,
            phrases[compared],
            [np.searchsorted(compared, shortlist) for shortlist in shortlists],
            self.n_phrases,
        )

    def _readings(self, texts, phrases, occurrence):
        """Agreement of each text with each phrase: by words, then also by meaning."""
        word_for_word = occurrence.toarray().astype(np.float32)
        if self.judge == "keyphrase":
            return [word_for_word]
        embedder = make_embedder(self.embedder, self.verbose)
        similarity = PhraseSimilarity(embedder).fit(texts)
        return [word_for_word, similarity.transform(texts, list(phrases))]

    def _labels(self, phrases, n_texts):
        """The label of each neuron or None, and the reasons for None."""
        labels = [phrase_label(chosen) if chosen else None for chosen in phrases]
        unnamed = [
            neuron
            for neuron, label in zip(self._neurons(), labels, strict=True)
            if label is None
        ]
        if len(unnamed) == len(labels):
            raise ValueError(
                f"No phrase of the {n_texts} texts goes with any of the {len(labels)} "
                "neurons. A name is a word, or two or three words side by side, that "
                f"stands in at least {_min_count(n_texts)} texts, and more often where "
                "its neuron fires. Pass more texts, or name the neurons by "
                "LLMInterpreter."
            )
        if unnamed:
            warnings.warn(
                f"No phrase of the texts goes with {', '.join(map(str, unnamed))}. A "
                "neuron without a name is no hypothesis and is left out.",
                UserWarning,
                stacklevel=4,
            )
        reasons = ["no phrase goes with it" if x is None else "" for x in labels]
        return labels, reasons


def _min_count(n_texts):
    """Smallest number of texts in which a phrase must occur."""
    return max(3, n_texts // 1000)
