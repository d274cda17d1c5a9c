"""Write an evaluation as one HTML file."""

import re
from importlib.resources import files
from pathlib import Path

from sklearn_hsae._files import write_text
from sklearn_hsae.evaluation import fingerprints
from sklearn_hsae.report._content import page_content


def write_report(
    evaluation,
    path,
    *,
    texts=None,
    y=None,
    pipeline=None,
    run=None,
    title=None,
    n_examples=3,
    by=None,
):
    """Write an evaluation as one HTML page that needs no other file.

    The page contains its styles and drawings. It loads nothing from a network and runs
    no script, so it can be mailed, archived and printed. Texts and concepts are
    escaped: they are shown as text, never executed.

    Parameters
    ----------
    evaluation : HypothesisEvaluation
        What :func:`evaluate_hypotheses` returned.
    path : str or path
        The file to write. If writing fails, an old file at this path is not changed.
    texts : sequence of str of length n_samples or None, default=None
        The texts that were evaluated, in the order of ``evaluation.annotations``.
        With them, each hypothesis shows random texts that have the concept, and texts
        that do not.
    y : array-like of shape (n_samples,) or None, default=None
        The outcome of each of these texts, shown below the text.
    pipeline : Pipeline or None, default=None
        The fitted pipeline, whose parameters are shown; for a :class:`DiscoverySplit`,
        its `estimator_`.
    run : mapping or None, default=None
        More entries of the section "How it was made": names and values, or titles and
        mappings of names to values. ``run["data"]["target"]`` names the outcome.
        ``run["warnings"]``, a list of str, is shown at the top.
    title : str or None, default=None
        Title of the page. None makes one from the name of the outcome.
    n_examples : int, default=3
        How many texts of each kind a hypothesis shows, at most.
    by : DataFrame or None, default=None
        A comparison of groups, which ``evaluation.by_group`` returned.

    Returns
    -------
    pathlib.Path
        The path of the page.

    Raises
    ------
    ValueError
        When `texts` or `y` have another length than the evaluation, or `texts` are
        others than those that were evaluated, or in another order.

    Examples
    --------
    >>> from sklearn_hsae import write_report
    >>> write_report(evaluation, "report.html", texts=new_texts)  # doctest: +SKIP
    """
    path = Path(path)
    _check_lengths(evaluation, texts=texts, y=y)
    _check_order(evaluation, texts)
    content = page_content(evaluation, texts, y, pipeline, run, title, n_examples, by)
    write_text(path, _render(content))
    return path


def _render(content):
    import jinja2
    from markupsafe import Markup

    folder = files("sklearn_hsae.report")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["options"] = _with_options
    template = environment.from_string(
        folder.joinpath("report.html.jinja").read_text(encoding="utf-8")
    )
    styles = folder.joinpath("report.css").read_text(encoding="utf-8")
    return template.render(css=Markup(styles), **content)


def _with_options(text):
    """A text for the page, in which no line ends within an option such as --chunk."""
    from markupsafe import Markup, escape

    unbroken = r'<span class="option">\g<0></span>'
    return Markup(re.sub(r"--[a-z][a-z-]*", unbroken, str(escape(text))))


def _check_order(evaluation, texts):
    """Refuse texts that would stand under annotations of other texts."""
    known = evaluation.held_out and evaluation.held_out.texts
    given = None if texts is None or known is None else fingerprints(texts)
    if given is None:
        return
    n_others = int((given != known).sum())
    if n_others:
        is_order = sorted(given.tolist()) == sorted(known.tolist())
        problem = "are in another order than" if is_order else "are others than"
        raise ValueError(
            f"{n_others} of {len(known)} texts {problem} those that were evaluated. "
            "Pass the texts that evaluate_hypotheses was given, as they were."
        )


def _check_lengths(evaluation, **columns):
    n_rows = len(evaluation.annotations)
    for name, values in columns.items():
        if values is not None and len(values) != n_rows:
            raise ValueError(
                f"{name} has {len(values)} rows, the evaluation has {n_rows}. Pass the "
                f"{name} that evaluate_hypotheses was given."
            )
