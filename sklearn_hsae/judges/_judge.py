"""What every judge offers, so that any of them can annotate."""

from typing import Protocol

from sklearn_hsae.llm import Usage


class Judge(Protocol):
    """Says which texts have which concepts.

    Attributes
    ----------
    is_paid : bool
        Whether judging a text costs money or the time of a language model. Known
        before `fit`.
    usage : Usage
        What was asked of a language model so far; all zeros where none is asked.
    """

    is_paid: bool
    usage: Usage

    def fit(self, concepts, texts, activations=None):
        """Take the concepts, and learn how to read them.

        Parameters
        ----------
        concepts : sequence of str of length n_concepts
        texts : ndarray of str of shape (n_texts,)
            The training texts.
        activations : ndarray of shape (n_texts, n_concepts) or None
            Of the neurons that the concepts name; None for concepts given by hand.

        Returns
        -------
        self
        """

    def judge(self, texts):
        """Return annotations: a float array (n_texts, n_concepts) of 0, 1 and NaN."""

    def estimate_cost(self, concepts, texts):
        """What `judge` would cost, before a call is made and before `fit`.

        Returns
        -------
        dict
            `calls`, `prompt_tokens`, `completion_tokens` and `dollars`.
        """


class FreeJudge:
    """The part of the protocol about cost, for judges that ask no language model."""

    is_paid = False

    @property
    def usage(self):
        return Usage()

    def estimate_cost(self, concepts, texts):
        """Nothing."""
        return {"calls": 0, "prompt_tokens": 0, "completion_tokens": 0, "dollars": 0.0}
