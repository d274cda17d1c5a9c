"""Open the explorer: from Python, and for the command."""

import logging
import threading

from sklearn_hsae._extras import import_extra
from sklearn_hsae.evaluation import evaluate_hypotheses
from sklearn_hsae.explorer._content import read_content
from sklearn_hsae.explorer._label_file import LabelFile

logger = logging.getLogger("sklearn_hsae")


def explore(
    pipeline,
    texts,
    y,
    *,
    columns=None,
    labels=None,
    port=0,
    open_browser=True,
    block=True,
):
    """Look at texts, hypotheses and neurons in the browser.

    The page is served to browsers on this machine alone, under an address with a random
    token, and loads nothing from a network. It needs the extra ``explore``.

    Parameters
    ----------
    pipeline : Pipeline, DiscoverySplit, or a fitted search such as GridSearchCV
        Fitted, as for :func:`evaluate_hypotheses`, with an autoencoder.
    texts : sequence of str of length n_texts, or of pairs of str
        Best texts that the pipeline was not fitted on. They are judged, which costs
        calls where a language model judges.
    y : array-like of shape (n_texts,)
        Their outcome. The name of a Series is shown.
    columns : DataFrame of n_texts rows or None, default=None
        What else is known about each text, such as its year: the page can filter and
        colour by it, and compare the texts of two values.
    labels : path-like or None, default=None
        A JSON file that keeps the labels that a reader corrects. It need not exist.
        None keeps them until the page is closed.
    port : int, default=0
        Port of the server. 0 takes a free one.
    open_browser : bool, default=True
        Whether to open the page. Its address is logged in any case.
    block : bool, default=True
        Whether to serve until Ctrl-C. False returns at once, as a notebook needs it.

    Returns
    -------
    ExplorerServer or None
        With ``block=False``: its `url` is the address of the page, and `stop()` ends
        the server.

    Raises
    ------
    ImportError
        Without the package panel.
    ValueError
        When the pipeline has no autoencoder, lengths differ, or the port is in use.

    Examples
    --------
    >>> from sklearn_hsae import explore
    >>> explore(pipeline, new_texts, new_y)  # doctest: +SKIP
    """
    require_panel()
    if columns is not None and len(columns) != len(texts):
        raise ValueError(f"columns has {len(columns)} rows for {len(texts)} texts.")
    evaluation = evaluate_hypotheses(pipeline, texts, y)
    outcome = str(getattr(y, "name", None) or "the outcome")
    content = read_content(
        pipeline, texts, y, evaluation, outcome=outcome, columns=columns
    )
    server = serve(content, LabelFile(labels), port=port, open_browser=open_browser)
    if not block:
        return server
    try:
        server.wait()
    except KeyboardInterrupt:
        server.stop()
    return None


def require_panel():
    """Say at once how to install what the page is built on."""
    import_extra("panel", extra="explore", use="Pages of the explorer")


def serve(content, labels, *, port, open_browser, say=None):
    """Serve the page.

    Parameters
    ----------
    content : Content
    labels : LabelFile
    port : int
    open_browser : bool
    say : callable or None
        Called with the line that names the address; None logs it.

    Returns
    -------
    ExplorerServer
    """
    from sklearn_hsae.explorer import _server
    from sklearn_hsae.explorer._state import SharedContent

    labels.all()  # a damaged file is told before the page opens
    shared = SharedContent(content, labels)
    server = _server.ExplorerServer(shared, port)
    threading.Thread(target=shared.count_phrases, daemon=True).start()
    line = f"explorer: {server.url}"
    (say or logger.info)(line)
    if open_browser and not _server.open_browser(server.url):
        (say or logger.info)("no browser was found: open this address in one")
    return server
