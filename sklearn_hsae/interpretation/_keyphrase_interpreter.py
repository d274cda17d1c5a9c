"""KeyphraseInterpreter: names neurons by phrases of the texts, without an LLM."""

import warnings
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from sklearn_hsae._correlations import pearson
from sklearn_hsae._sklearn_compat import (
    Interval,
    StrOptions,
    check_feature_names_in,
    fit_context,
)
from sklearn_hsae._texts import get_texts
from sklearn_hsae._words import words_of
from sklearn_hsae.embedding import EMBEDDER_TYPES, make_embedder
from sklearn_hsae.interpretation._literal_share import literal_shares
from sklearn_hsae.interpretation._renaming import RenamingMixin
from sklearn_hsae.judges import (
    EmbeddingJudge,
    KeyphraseJudge,
    PhraseOccurrence,
    PhraseSimilarity,
    agreement_of,
    best_threshold,
    candidate_phrases,
    handle_words,
    is_word_for_word,
    name_words,
    phrase_label,
    soft_maximum,
)

_MAX_ROWS = 10_000  # more rows change the names little and cost memory
_SHORTLIST = 40  # phrases per neuron that are compared in detail
_MANY_HANDLES = 0.2  # share of labels with a handle that causes a warning
# Other names are often a topic: of a label, half of the phrases must hold one.
_MANY_NAMES = 0.3
_LEAST_GAIN = 0.005  # smallest gain in correlation for one more phrase
_SHARE_OF_A_PART = 0.95  # of the gain of a phrase, for a part that replaces it


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
        _warn_of_names(phrases, texts[naming])
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
        shortlists = _shortlists(occurrence, activations, is_certain)
        weighed = np.unique(np.concatenate(shortlists))
        if len(weighed) == 0:
            return [[] for _ in shortlists]
        readings = self._readings(texts, phrases[weighed], occurrence[:, weighed])
        chosen, taken = [], np.zeros(len(weighed), dtype=bool)
        for activation, shortlist in zip(activations.T, shortlists, strict=True):
            columns = np.searchsorted(weighed, shortlist)
            columns = columns[~taken[columns]]
            label = _best_label(
                [
                    _grow_label(
                        agreement[:, columns],
                        activation,
                        phrases[weighed[columns]],
                        self.n_phrases,
                    )
                    for agreement in readings
                ]
            )
            picked = columns[label.chosen]
            taken[picked] = True
            chosen.append(list(phrases[weighed[picked]]))
        return chosen

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


def _warn_of_names(phrases_of_labels, texts):
    """Warn when many labels are made of names, which say who and not what."""
    labels = [phrases for phrases in phrases_of_labels if phrases]
    handles = handle_words(texts)
    n_labels, shown = _labels_with(handles, labels, 0.0)
    if n_labels >= max(_MANY_HANDLES * len(labels), 1):
        shown = ", ".join(f"@{word}" for word in shown)
        warnings.warn(
            f"{n_labels} of {len(labels)} labels contain handles such as {shown}: "
            "they say who writes or is written to. Pass ignore=['@*'] to leave handles "
            "out of the labels, or clean=['handles'] to remove them from the texts.",
            UserWarning,
            stacklevel=4,
        )
        return
    n_labels, shown = _labels_with(handles | name_words(texts), labels, 0.5)
    if n_labels >= max(_MANY_NAMES * len(labels), 2):
        warnings.warn(
            f"{n_labels} of {len(labels)} labels are made of names: words that the "
            f"texts write with a capital, such as {', '.join(map(repr, shown))}. If "
            "they say who writes or is written to, and not what is written, pass "
            f"ignore={shown!r} to leave them out of the labels.",
            UserWarning,
            stacklevel=4,
        )


def _labels_with(words, labels, least_share):
    """How many labels have such a word in enough of their phrases, and such words.

    Enough is one phrase, and `least_share` of the phrases of a label.
    """
    named = [
        phrases
        for phrases in labels
        if sum(not words.isdisjoint(phrase.split()) for phrase in phrases)
        >= max(least_share * len(phrases), 1)
    ]
    found = {word for phrases in named for p in phrases for word in p.split()}
    return len(named), sorted(found & words)[:5]


def _min_count(n_texts):
    """Smallest number of texts in which a phrase must occur."""
    return max(3, n_texts // 1000)


def _shortlists(occurrence, activations, is_certain):
    """For each neuron, the phrases that are most over-represented where it fires.

    A phrase that is not certain, because the embedder may not know it, is kept only
    when it is the very first.
    """
    is_certain = np.broadcast_to(is_certain, occurrence.shape[1])
    n_rows = len(activations)
    share = np.asarray(occurrence.mean(axis=0)).ravel()
    spread = np.sqrt(np.maximum(share * (1 - share), 1e-12))
    shortlists = []
    for activation in activations.T:
        centred = activation - activation.mean()
        scale = np.linalg.norm(centred) * np.sqrt(n_rows)
        if scale == 0:
            shortlists.append(np.array([], dtype=int))
            continue
        correlation = occurrence.T @ centred / (scale * spread)
        best = np.argsort(-correlation, kind="stable")[:_SHORTLIST]
        best = best[is_certain[best] | (best == best[:1])]
        shortlists.append(np.sort(best[correlation[best] > 0]))
    return shortlists


class _Label(NamedTuple):
    """Positions of the phrases, and agreement of their annotations with the neuron."""

    chosen: list
    agreement: float


def _grow_label(agreement, activation, phrases, n_phrases):
    """Choose phrases greedily.

    Each step adds the phrase that raises the correlation most: of the activation with
    the soft maximum of the agreements with all chosen phrases.
    """
    chosen, best = [], 0.0
    so_far = np.full((len(activation), 1), -np.inf, dtype=agreement.dtype)
    allowed = np.ones(len(phrases), dtype=bool)
    while len(chosen) < n_phrases and allowed.any():
        correlation = pearson(soft_maximum(so_far, agreement), activation)
        correlation[~allowed] = -1
        winner = int(np.argmax(correlation))
        if correlation[winner] < best + _LEAST_GAIN:
            break
        winner = _shortest_part(phrases, winner, correlation - best)
        best = correlation[winner]
        chosen.append(winner)
        so_far = soft_maximum(so_far, agreement[:, [winner]])
        allowed &= ~_shares_a_word(phrases, phrases[winner])
    scores = so_far.ravel()
    annotations = scores >= best_threshold(scores, activation)
    return _Label(chosen, agreement_of(annotations, activation))


def _best_label(labels):
    """The label by meaning when it is clearly better, else the one by words."""
    by_words, *by_meaning = labels
    for label in by_meaning:
        if not is_word_for_word(by_words.agreement, label.agreement):
            return label
    return by_words


def _shortest_part(phrases, winner, gain):
    """The shortest part of a phrase that gains nearly as much, or the phrase."""
    stands_in_winner = PhraseOccurrence(phrases).transform(phrases[[winner]])
    parts = stands_in_winner.indices
    parts = parts[gain[parts] >= _SHARE_OF_A_PART * gain[winner]]
    return int(min(parts, key=lambda part: (len(phrases[part]), -gain[part])))


def _shares_a_word(phrases, chosen):
    """Which phrases share a word with the chosen one ("wait", "waited")."""
    stems = _stems(chosen)
    return np.array([not stems.isdisjoint(_stems(phrase)) for phrase in phrases])


def _stems(phrase):
    return {word[:5] for word in words_of(phrase)}
