"""Analyses of corpora: what the activations of many texts say about them.

The activations can be those of an autoencoder, annotations of concepts, or other
columns that are 0 where a text lacks a feature. The names of the columns name the
features.
"""

from sklearn_hsae.corpora._compare_corpora import compare_corpora
from sklearn_hsae.corpora._concept_drift import concept_drift
from sklearn_hsae.corpora._directed_clustering import DirectedClustering
from sklearn_hsae.corpora._feature_correlations import feature_correlations
from sklearn_hsae.corpora._feature_retriever import FeatureRetriever
from sklearn_hsae.corpora._neuron_drift import neuron_drift

__all__ = [
    "DirectedClustering",
    "FeatureRetriever",
    "compare_corpora",
    "concept_drift",
    "feature_correlations",
    "neuron_drift",
]
