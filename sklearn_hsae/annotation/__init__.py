"""Annotation: which texts have which concepts."""

from sklearn_hsae.annotation._annotator import ConceptAnnotator

__all__ = ["ConceptAnnotator"]
