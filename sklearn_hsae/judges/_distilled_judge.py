"""A costly judge annotates a sample of the texts; probes learn to judge the others."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

_N_FOLDS = 5
_LEAST_OF_EACH = 2 * _N_FOLDS  # texts with a concept, and as many without it
_STRENGTHS = (0.003, 0.03, 0.3)  # of a probe on standardised embeddings


class DistilledJudge:
    """A linear probe on the embeddings for each concept, taught by another judge.

    The teacher, another judge, annotates a sample of the training texts. For each
    concept, a logistic regression learns from these annotations, and then judges at no
    cost. `f1_` is its cross-validated F1 against the teacher. The teacher keeps judging
    the concepts that are not learnt well enough.

    Half of the sample is drawn from all texts, and half from the texts on which the
    neurons of the concepts fire, so that rare concepts are learnt too. Each text is
    weighted by the inverse of its probability to be drawn, so that the frequency of a
    concept is not overestimated (Horvitz and Thompson 1952).

    Parameters
    ----------
    teacher : Judge
        In practice an `LLMJudge`.
    embedder : EmbeddingTransformer
    n_teaching : int
        Expected number of texts that the teacher judges.
    min_f1 : float
        The teacher judges concepts with a lower F1. With 0 these are only the concepts
        that are too rare to be learnt.
    random_state : int

    Attributes
    ----------
    f1_ : ndarray of shape (n_concepts,)
        Cross-validated F1 against the teacher, NaN for a concept too rare to learn.
    is_distilled_ : bool ndarray of shape (n_concepts,)
    coef_ : ndarray of shape (n_concepts, n_dimensions)
    threshold_ : ndarray of shape (n_concepts,)
    """

    def __init__(
        self, teacher, embedder, *, n_teaching=1000, min_f1=0.7, random_state=0
    ):
        self.teacher = teacher
        self.embedder = embedder
        self.n_teaching = n_teaching
        self.min_f1 = min_f1
        self.random_state = random_state

    @property
    def usage(self):
        return self.teacher.usage

    @property
    def is_paid(self):
        """Whether the teacher judges some concepts; True before `fit`."""
        return not hasattr(self, "is_distilled_") or not self.is_distilled_.all()

    def fit(self, concepts, texts, activations=None):
        """Let the teacher judge a sample, and learn from it; see `Judge`."""
        rng = np.random.default_rng(self.random_state)
        chance = _chances(len(texts), activations, self.n_teaching)
        rows = np.flatnonzero(rng.random(len(texts)) < chance)
        taught = None if activations is None else activations[rows]
        annotations = self.teacher.fit(concepts, texts[rows], taught).judge(texts[rows])
        self.embedder.fit(list(texts))
        embeddings = self._embed(texts[rows])
        self.mean_ = embeddings.mean(axis=0)
        self.scale_ = float(embeddings.std(axis=0).mean()) or 1.0
        X, weights = (embeddings - self.mean_) / self.scale_, 1 / chance[rows]
        probes = [_Probe().fit(X, column, weights) for column in annotations.T]
        self.f1_ = np.array([probe.f1 for probe in probes])
        self.is_distilled_ = self.f1_ >= self.min_f1
        self.coef_ = np.array([probe.coef for probe in probes])
        self.threshold_ = np.array([probe.threshold for probe in probes])
        if not self.is_distilled_.all():
            kept = np.flatnonzero(~self.is_distilled_)
            taught = None if activations is None else activations[np.ix_(rows, kept)]
            self.teacher.fit([concepts[j] for j in kept], texts[rows], taught)
        return self

    def judge(self, texts):
        """Return annotations; see `Judge`."""
        X = (self._embed(texts) - self.mean_) / self.scale_
        annotations = (X @ self.coef_.T >= self.threshold_).astype(np.float64)
        if not self.is_distilled_.all():
            annotations[:, ~self.is_distilled_] = self.teacher.judge(texts)
        return annotations

    def estimate_cost(self, concepts, texts):
        """Cost of the sample. What the teacher judges later is not counted."""
        rng = np.random.default_rng(self.random_state)
        n = min(self.n_teaching, len(texts))
        rows = rng.permutation(len(texts))[:n]
        return self.teacher.estimate_cost(concepts, texts[rows])

    def _embed(self, texts):
        return self.embedder.transform(list(texts)).to_numpy(np.float64)


def _chances(n_texts, activations, n_teaching):
    """The probability of each text to be in the sample."""
    if activations is None:
        return np.full(n_texts, min(n_teaching / n_texts, 1.0))
    chance = np.full(n_texts, n_teaching / 2 / n_texts)
    fires = activations > 0
    share = n_teaching / 2 / fires.shape[1] / np.maximum(fires.sum(axis=0), 1)
    return np.minimum(chance + fires @ share, 1.0)


class _Probe:
    """A logistic regression; cross-validation chooses its strength and its threshold.

    coef : ndarray of shape (n_dimensions,)
    threshold : float, of ``X @ coef``
    f1 : float
    """

    def fit(self, X, annotations, weights):
        known = ~np.isnan(annotations)
        X, y, weights = X[known], annotations[known] > 0.5, weights[known]
        if min(y.sum(), (~y).sum()) < _LEAST_OF_EACH:
            self.coef, self.threshold, self.f1 = np.zeros(X.shape[1]), np.inf, np.nan
            return self
        folds = list(
            StratifiedKFold(_N_FOLDS, shuffle=True, random_state=0).split(X, y)
        )
        tried = [
            (_out_of_fold(X, y, weights, folds, strength), strength)
            for strength in _STRENGTHS
        ]
        scores, strength = min(tried, key=lambda t: _log_loss(t[0], y, weights))
        self.f1 = _cross_validated_f1(scores, y, weights, folds)
        model = _regression(strength).fit(X, y, sample_weight=weights / weights.mean())
        self.coef = model.coef_[0]
        self.threshold = _best_cut(scores, y, weights) - model.intercept_[0]
        return self


def _regression(strength):
    return LogisticRegression(C=strength, max_iter=1000)


def _out_of_fold(X, y, weights, folds, strength):
    scores = np.empty(len(y))
    for train, test in folds:
        w = weights[train] / weights[train].mean()
        model = _regression(strength).fit(X[train], y[train], sample_weight=w)
        scores[test] = model.decision_function(X[test])
    return scores


def _log_loss(scores, y, weights):
    return np.average(np.logaddexp(0, np.where(y, -scores, scores)), weights=weights)


def _cross_validated_f1(scores, y, weights, folds):
    """F1, where the threshold of each fold is the best one of the other folds."""
    says_yes = np.empty(len(y), dtype=bool)
    for train, test in folds:
        says_yes[test] = scores[test] >= _best_cut(
            scores[train], y[train], weights[train]
        )
    both = weights[says_yes & y].sum()
    return 2 * both / (weights[says_yes].sum() + weights[y].sum())


def _best_cut(scores, y, weights):
    """The threshold at which ``score >= threshold`` has the highest weighted F1."""
    order = np.argsort(-scores, kind="stable")
    both = np.cumsum(np.where(y, weights, 0.0)[order])
    f1 = 2 * both / (np.cumsum(weights[order]) + weights[y].sum())
    last = np.argmax(f1)
    following = scores[order[min(last + 1, len(order) - 1)]]
    return (scores[order[last]] + following) / 2
