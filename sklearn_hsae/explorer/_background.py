"""Long computations beside the page, which can be used meanwhile."""

import logging
from concurrent.futures import ThreadPoolExecutor

import panel as pn

logger = logging.getLogger("sklearn_hsae")
_workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="explorer")


def soon(change):
    """Change models of Bokeh from an event of Panel, which may lack their lock."""
    document = pn.state.curdoc
    if document is None or document.session_context is None:
        change()
    else:
        document.add_next_tick_callback(change)


def in_background(compute, done, failed=logger.warning):
    """Compute in another thread, and show the result on the page that asked for it.

    Parameters
    ----------
    compute : callable
    done : callable
        Called on the page's own thread with what `compute` returned.
    failed : callable
        Called on the page's own thread with the message of an error.
    """
    document = pn.state.curdoc

    def work():
        try:
            result, then = compute(), done
        except Exception as error:  # shown on the page: the server goes on
            logger.debug("The error in full:", exc_info=True)
            result, then = str(error), failed
        if document is None:
            then(result)
        else:
            document.add_next_tick_callback(lambda: then(result))

    return _workers.submit(work)
