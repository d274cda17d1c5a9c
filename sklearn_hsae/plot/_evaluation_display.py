"""What the displays of an evaluation have in common."""

from sklearn_hsae.evaluation import evaluate_hypotheses
from sklearn_hsae.plot._display import Display


class EvaluationDisplay(Display):
    """A figure of an evaluation. A subclass draws it in `_draw` on `ax_`.

    Parameters
    ----------
    evaluation : HypothesisEvaluation
    outcome : str, default="the outcome"
        The name of y, for the labels of the axes.
    """

    def __init__(self, evaluation, *, outcome="the outcome"):
        self.evaluation = evaluation
        self.outcome = outcome

    @classmethod
    def from_evaluation(cls, evaluation, *, outcome="the outcome", ax=None):
        """Draw an evaluation.

        Parameters
        ----------
        evaluation, outcome
            As for the class.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None makes a figure of a suitable size.

        Returns
        -------
        display
            With the attributes `ax_` and `figure_`.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        ValueError
            When the evaluation lacks what is drawn.
        """
        return cls(evaluation, outcome=outcome).plot(ax=ax)

    @classmethod
    def from_estimator(
        cls,
        pipeline,
        X,
        y,
        *,
        X_train=None,
        y_train=None,
        groups=None,
        outcome="the outcome",
        ax=None,
    ):
        """Evaluate a fitted pipeline on held-out rows, and draw the result.

        Each call judges the texts again. For several displays, call
        :func:`~sklearn_hsae.evaluate_hypotheses` once, and `from_evaluation`.

        Parameters
        ----------
        pipeline, X, y, X_train, y_train, groups
            As for :func:`~sklearn_hsae.evaluate_hypotheses`.
        outcome, ax
            As for :meth:`from_evaluation`.

        Returns
        -------
        display
        """
        evaluation = evaluate_hypotheses(
            pipeline, X, y, X_train=X_train, y_train=y_train, groups=groups
        )
        return cls.from_evaluation(evaluation, outcome=outcome, ax=ax)
