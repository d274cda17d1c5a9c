"""Annotation: which texts have which concepts."""

import logging
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_hsae._pairs import carries_pairs, pair_index, side_difference
from sklearn_hsae._sklearn_compat import (
    Interval,
    StrOptions,
    fit_context,
    get_feature_names,
    validate_params,
)
from sklearn_hsae._texts import (
    are_empty,
    carries_texts,
    drop_texts,
    get_texts,
    warn_of_empty,
)
from sklearn_hsae.embedding import EMBEDDER_TYPES, make_embedder
from sklearn_hsae.judges import (
    DistilledJudge,
    EmbeddingJudge,
    KeyphraseJudge,
    LLMJudge,
)
from sklearn_hsae.llm import LanguageModel, make_language_model

_N_PAID_ROWS = 2000  # by default; enough for the effects of some twenty concepts
_JUDGES = ("auto", "embedding", "keyphrase", "llm", "distilled")

logger = logging.getLogger("sklearn_hsae")


def _log_annotations(annotations):
    logger.info(
        "Annotation: %d texts judged by %d concepts; %d annotations are missing.",
        *annotations.shape,
        np.isnan(annotations).sum(),
    )


class ConceptAnnotator(TransformerMixin, BaseEstimator):
    """Judge which texts have which concepts.

    The concepts are the column names of the frame that an interpreter returns, or
    those of `concepts`. The annotation of a text and a concept is 1 (yes), 0 (no)
    or NaN (not judged, or the judgement failed), never a guess.

    Four judges read the concepts:

    - ``"embedding"``: yes where the text is near the concept's phrases in an
      embedding space. How near is near enough is set for each concept, on the
      activations of the neuron that it names. Where that follows the neuron less than
      a fifth better than the phrases do word for word, these decide. Free.
    - ``"keyphrase"``: yes where the text contains one of the phrases, word for
      word. Free, and the strictest.
    - ``"llm"``: a language model reads the text. Paid for, or run by yourself.
    - ``"distilled"``: a language model judges about `n_teaching` of the training
      texts, a linear probe on their embeddings learns each concept from it and
      judges all others for free. Concepts that it learns badly stay with the model.

    Parameters
    ----------
    concepts : list of str or None, default=None
        What to judge. None takes the column names of `X`, which are the concepts
        behind :class:`LLMInterpreter` or :class:`KeyphraseInterpreter`.
    judge : {"auto", "embedding", "keyphrase", "llm", "distilled"}, default="auto"
        Who judges. "auto" is "llm" when an `llm` is given, else "embedding".
    llm : str, LanguageModel or None, default=None
        The language model for ``judge="llm"`` and ``judge="distilled"``: its name as
        litellm writes it, ``"provider/name"``, or a :class:`LanguageModel` with limits
        and other settings.
    embedder : str, EmbeddingTransformer, LSAEmbedder or None, default=None
        The embedder for ``judge="embedding"`` and ``judge="distilled"``: the name of a
        model, "lsa" for an :class:`LSAEmbedder`, or a transformer, which is cloned.
        Best that of the pipeline's first step: its cached embeddings are used again.
        None is the default model of :class:`EmbeddingTransformer`.
    fit_sample : "auto", int or None, default="auto"
        How many random rows :meth:`fit_transform` judges; the others are NaN. None
        judges all rows. "auto" judges 2000 where a language model reads them, enough
        to estimate the coefficients of some twenty concepts, and all rows where it is
        free.
    n_teaching : int, default=1000
        For ``judge="distilled"``: about how many texts the language model judges to
        teach the probes.
    min_f1 : float, default=0.7
        For ``judge="distilled"``: a concept whose probe has a lower cross-validated
        F1 against the language model is left to the model. At 0 only concepts too
        rare to be learnt are.
    concepts_per_call : int, default=20
        How many concepts a language model judges at once.
    max_words : int, default=256
        Words of a text that a language model is shown; the rest is cut off.
    random_state : int, RandomState instance or None, default=None
        Draws the rows of `fit_sample` and the order of concepts in a call.
    verbose : int, default=0
        Whether to show progress bars.

    Attributes
    ----------
    concepts_ : ndarray of str of shape (n_concepts,)
        What is judged.
    judge_ : object
        The fitted judge.
    usage_ : dict
        What :meth:`fit` and every call since asked of the language model: calls,
        tokens, dollars, cache hits, retries and failures.
    distillation_ : DataFrame of n_concepts rows
        With ``judge="distilled"`` alone: `concept`, `f1` of its probe against the
        language model (cross-validated; NaN when too rare to be learnt) and
        `is_distilled`, whether the probe judges it.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Column names of `X`, when it had any.

    See Also
    --------
    KeyphraseInterpreter, LLMInterpreter : Where the concepts come from.
    HypothesisRegressor : What the annotations are for.

    Notes
    -----
    As in scikit-learn's TargetEncoder, ``fit(X).transform(X)`` and
    ``fit_transform(X)`` differ: only the latter leaves rows out (`fit_sample`),
    since it is what a Pipeline calls on the training rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_hsae import ConceptAnnotator, with_texts
    >>> X = with_texts(np.zeros((2, 1)), ["We waited an hour.", "Lovely view!"])
    >>> ConceptAnnotator(["mentions waited, slow"], judge="keyphrase").fit_transform(X)
       mentions waited, slow
    0                    1.0
    1                    0.0
    """

    _parameter_constraints: dict = {
        "concepts": ["array-like", None],
        "judge": [StrOptions(set(_JUDGES))],
        "llm": [str, LanguageModel, None],
        "embedder": EMBEDDER_TYPES,
        "fit_sample": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "n_teaching": [Interval(Integral, 1, None, closed="left")],
        "min_f1": [Interval(Real, 0, 1, closed="both")],
        "concepts_per_call": [Interval(Integral, 1, None, closed="left")],
        "max_words": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        concepts=None,
        *,
        judge="auto",
        llm=None,
        embedder=None,
        fit_sample="auto",
        n_teaching=1000,
        min_f1=0.7,
        concepts_per_call=20,
        max_words=256,
        random_state=None,
        verbose=0,
    ):
        self.concepts = concepts
        self.judge = judge
        self.llm = llm
        self.embedder = embedder
        self.fit_sample = fit_sample
        self.n_teaching = n_teaching
        self.min_f1 = min_f1
        self.concepts_per_call = concepts_per_call
        self.max_words = max_words
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, *, texts=None):
        """Learn the concepts, and what the judge needs to read them.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_concepts)
            What an interpreter returned: activations, with the concepts as columns
            and the texts in the row-index level "text". With `concepts` given, any
            numbers.
        y : None
            Ignored.
        texts : sequence of str of length n_samples, default=None
            The text of each row, when `X` does not carry them.

        Returns
        -------
        self : ConceptAnnotator
        """
        values = validate_data(self, X, dtype=np.float64)
        texts = get_texts(X, texts, self)
        self.concepts_ = self._concepts(getattr(self, "feature_names_in_", None))
        activations = values if self.concepts is None else None
        self.judge_ = self._judge().fit(self.concepts_, texts, activations)
        return self

    @property
    def usage_(self):
        check_is_fitted(self)
        return self.judge_.usage.to_dict()

    @property
    def distillation_(self):
        check_is_fitted(self)
        if not isinstance(self.judge_, DistilledJudge):
            raise AttributeError("distillation_ is there with judge='distilled' alone.")
        return pd.DataFrame(
            {
                "concept": self.concepts_,
                "f1": self.judge_.f1_,
                "is_distilled": self.judge_.is_distilled_,
            }
        )

    def transform(self, X, *, texts=None):
        """Judge every row.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features_in_)
        texts : sequence of str of length n_samples, default=None
            The text of each row, when `X` does not carry them.

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_concepts)
            1.0, 0.0 or NaN. A frame for a frame, without the texts in its index. An
            empty text has no concept: 0.0.
        """
        check_is_fitted(self)
        validate_data(self, X, ensure_min_samples=0, reset=False)
        strings = get_texts(X, texts, self, allow_empty=True)
        if texts is not None:  # else who attached them has warned
            warn_of_empty(strings)
        return self._like_input(self._annotate(strings), X)

    def fit_transform(self, X, y=None, *, texts=None):
        """Fit, then judge the rows, or a sample of them (see `fit_sample`).

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_concepts)
        y : None
            Ignored.
        texts : sequence of str of length n_samples, default=None

        Returns
        -------
        DataFrame or ndarray of shape (n_samples, n_concepts)
            As from :meth:`transform`, with NaN in the rows that were not judged.
        """
        self.fit(X, y, texts=texts)
        texts = get_texts(X, texts, self)
        rows = self._sample(X, len(texts), self._n_to_judge(self.judge_))
        annotations = np.full((len(texts), len(self.concepts_)), np.nan)
        annotations[rows] = self.judge_.judge(texts[rows])
        _log_annotations(annotations[rows])
        return self._like_input(annotations, X)

    def estimate_cost(self, X, *, texts=None):
        """What :meth:`fit_transform` would cost, before a call is made.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_concepts)
        texts : sequence of str of length n_samples, default=None

        Returns
        -------
        dict
            `calls`, `prompt_tokens`, `completion_tokens` and `dollars`, which is None
            when litellm knows no price. An upper bound for models that do not reason:
            it allows 300 tokens per reply. What the cache holds is not counted. With
            ``judge="distilled"`` the calls that teach the probes are counted, and not
            those for concepts that the language model keeps judging.
        """
        validate_params(self)
        texts = get_texts(X, texts, self)
        concepts, judge = self._concepts(get_feature_names(X)), self._judge()
        if self.judge != "distilled":  # its lessons are drawn from all texts
            texts = texts[self._sample(X, len(texts), self._n_to_judge(judge))]
        return judge.estimate_cost(concepts, texts)

    def get_feature_names_out(self, input_features=None):
        """The concepts.

        Parameters
        ----------
        input_features : array-like or None, default=None
            Not used; for the signature of scikit-learn.

        Returns
        -------
        ndarray of str of shape (n_concepts,)
        """
        check_is_fitted(self)
        return self.concepts_

    def _concepts(self, names):
        concepts = names if self.concepts is None else self.concepts
        if concepts is None:
            raise ValueError(
                "ConceptAnnotator takes the concepts from the column names of X, but X "
                "has none. Put it behind LLMInterpreter or KeyphraseInterpreter, pass "
                "a DataFrame, or set concepts=[...]."
            )
        concepts = np.array(list(concepts), dtype=object)
        is_wrong = [not isinstance(c, str) or not c.strip() for c in concepts]
        if len(concepts) == 0 or any(is_wrong):
            raise ValueError(
                "concepts must be one or more non-empty strings, got "
                f"{list(concepts)!r}."
            )
        if len(set(concepts)) < len(concepts):
            twice = sorted({c for c in concepts if list(concepts).count(c) > 1})
            raise ValueError(f"Each concept must be given once; got {twice} twice.")
        return concepts

    def _annotate(self, texts):
        """Annotations of all texts; an empty text is not judged."""
        has_words = ~are_empty(texts)
        annotations = np.zeros((len(texts), len(self.concepts_)))
        if has_words.any():
            annotations[has_words] = self.judge_.judge(texts[has_words])
        _log_annotations(annotations)
        return annotations

    def _who_judges(self):
        if self.judge != "auto":
            return self.judge
        return "embedding" if self.llm is None else "llm"

    def _judge(self):
        who = self._who_judges()
        if who == "keyphrase":
            return KeyphraseJudge()
        if who == "embedding":
            return EmbeddingJudge(make_embedder(self.embedder, self.verbose))
        if self.llm is None:
            raise ValueError(
                f"judge={who!r} needs a language model: pass llm='provider/name', "
                "for example llm='openai/gpt-5-mini', or use judge='embedding' or "
                "judge='keyphrase', which need none."
            )
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        reader = LLMJudge(
            make_language_model(self.llm),
            concepts_per_call=self.concepts_per_call,
            max_words=self.max_words,
            random_state=seed,
            verbose=self.verbose,
        )
        if who == "llm":
            return reader
        return DistilledJudge(
            reader,
            make_embedder(self.embedder, self.verbose),
            n_teaching=self.n_teaching,
            min_f1=self.min_f1,
            random_state=seed,
        )

    def _n_to_judge(self, judge):
        if self.fit_sample != "auto":
            return self.fit_sample
        return _N_PAID_ROWS if judge.is_paid else None

    def _sample(self, X, n_rows, size):
        """Random rows of `X`; of pairs, both texts of random ones."""
        are_pairs = carries_pairs(X)
        n_rows = n_rows // 2 if are_pairs else n_rows
        rows = np.arange(n_rows)
        if size is not None and size < n_rows:
            order = check_random_state(self.random_state).permutation(n_rows)
            rows = np.sort(order[:size])
        return np.concatenate([rows, n_rows + rows]) if are_pairs else rows

    def _like_input(self, annotations, X):
        if not isinstance(X, pd.DataFrame):
            return annotations
        if carries_pairs(X):
            annotations, rows = side_difference(annotations), pair_index(X)
            return pd.DataFrame(annotations, index=rows, columns=self.concepts_)
        rows = drop_texts(X.iloc[:, :0]).index if carries_texts(X) else X.index
        return pd.DataFrame(annotations, index=rows, columns=self.concepts_, copy=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # yes and no are float64
        return tags
