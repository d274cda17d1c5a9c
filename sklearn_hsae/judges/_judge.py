"""The protocol of all judges: attributes and methods that each of them has."""

import copy
from typing import Protocol

from sklearn_hsae.llm import Usage


class Judge(Protocol):
    """Says which texts have which concepts.

    Attributes
    ----------
    is_paid : bool
        Whether a judged text costs money or the time of a language model. It can be
        read before `fit`.
    usage : Usage
        Calls to a language model so far; all zeros for a judge without one.
    """

    is_paid: bool
    usage: Usage

    def fit(self, concepts, texts, activations=None):
        """Store the concepts, and learn from the training texts how to judge them.

        Parameters
        ----------
        concepts : sequence of str of length n_concepts
        texts : ndarray of str of shape (n_texts,)
            The training texts.
        activations : ndarray of shape (n_texts, n_concepts) or None
            Activations of the neurons that the concepts name; None for concepts that
            the user wrote.

        Returns
        -------
        self
        """

    def judge(self, texts):
        """Return annotations: a float array (n_texts, n_concepts) of 0, 1 and NaN."""

    def estimate_cost(self, concepts, texts):
        """Estimate the cost of `judge`, without a call; allowed before `fit`.

        Returns
        -------
        dict
            `calls`, `prompt_tokens`, `completion_tokens` and `dollars`.
        """


class FreeJudge:
    """What judges without a language model have in common.

    They judge each concept by itself, so that concepts can be left out after the fit.
    """

    is_paid = False

    def restricted(self, columns):
        """A fitted judge of some of the concepts, given by number."""
        restricted = copy.copy(self)
        restricted._keep(columns)
        return restricted

    @property
    def usage(self):
        return Usage()

    def estimate_cost(self, concepts, texts):
        """All zeros."""
        return {"calls": 0, "prompt_tokens": 0, "completion_tokens": 0, "dollars": 0.0}
