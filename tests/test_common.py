"""scikit-learn's own checks, once on every estimator that takes numbers.

The autoencoder is checked twice, because sparse output is made by other code.

The readers of texts are checked through subclasses that make up a text for each row,
and the readers of concepts through one that makes up a concept for each column.
"""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_hsae import (
    ConceptAnnotator,
    HypothesisClassifier,
    HypothesisRegressor,
    KeyphraseInterpreter,
    MatryoshkaSAETransformer,
    NeuronSelector,
)
from sklearn_hsae.corpora import DirectedClustering, FeatureRetriever

WORDS = ["slow service", "lovely view", "loud music", "cold soup", "parking", "fish"]


def texts_for(X):
    """Texts that follow the row's content: equal rows get equal texts."""
    try:
        rows = np.asarray(X, dtype=np.float64)
        codes = np.nan_to_num(rows).reshape(len(rows), -1).mean(axis=1)
    except (TypeError, ValueError):  # the checks on wrong input: what is said counts
        return None
    if len(rows) == 0 or not np.isfinite(codes).all():
        return None
    picks = (np.abs(codes) * 21).astype(int) % len(WORDS)
    # A word of about half of the rows: some of the checks have ten rows in all.
    tone = np.select([codes > 1.5, codes > 0.5], ["huge noisy", "noisy"], "quiet")
    return [f"a {t} place with {WORDS[i]}" for t, i in zip(tone, picks, strict=True)]


class InterpreterWithTexts(KeyphraseInterpreter):
    def fit(self, X, y=None):
        return super().fit(X, y, texts=texts_for(X))

    def fit_transform(self, X, y=None):
        return self.fit(X, y).transform(X)


class AnnotatorWithTexts(ConceptAnnotator):
    def fit(self, X, y=None):
        return super().fit(X, y, texts=texts_for(X))

    def transform(self, X):
        return super().transform(X, texts=texts_for(X))

    def fit_transform(self, X, y=None):
        return self.fit(X, y).transform(X)


class ClusteringWithConcepts(DirectedClustering):
    def fit(self, X, y=None):
        n_columns = np.shape(X)[1] if np.ndim(X) == 2 else 1
        concepts = [WORDS[i % len(WORDS)] for i in range(n_columns)]
        return super().fit(X, y, concepts=concepts)


def expected_failures(estimator):
    if isinstance(estimator, HypothesisRegressor | HypothesisClassifier):
        reason = "a row of weight 2 is one row: the tests count rows, not weights"
    elif isinstance(estimator, MatryoshkaSAETransformer):
        reason = "a repeated row is in other batches than a row of weight 2"
    else:
        return {}
    return {"check_sample_weight_equivalence_on_dense_data": reason}


@pytest.mark.filterwarnings("ignore:No phrase of the texts:UserWarning")
@pytest.mark.filterwarnings("ignore:All .* features that the texts have:UserWarning")
@pytest.mark.filterwarnings("ignore:Only .* columns were selected:UserWarning")
@parametrize_with_checks(
    [
        MatryoshkaSAETransformer(8, 2, max_epochs=3),
        MatryoshkaSAETransformer(8, 2, max_epochs=3, sparse_output=True),
        NeuronSelector(1, min_support=1),
        HypothesisRegressor(),
        HypothesisClassifier(),
        InterpreterWithTexts(judge="keyphrase"),
        AnnotatorWithTexts(["mentions view, soup"], judge="keyphrase"),
        ClusteringWithConcepts("food", 2),
        FeatureRetriever(),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn(estimator, check):
    check(estimator)
