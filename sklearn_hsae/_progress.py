"""Progress bars, which a terminal, a notebook and a file can show."""

import sys

from tqdm.auto import tqdm

_SECONDS_IN_A_FILE = 60.0  # between two states: a file keeps each of them


def progress_bar(**options):
    """A bar of tqdm. Where stderr is a file, it is written once a minute at most.

    A bar below another one disappears at its end.

    Parameters
    ----------
    **options
        Those of tqdm: `total`, `desc`, `unit`, `disable` and others.
    """
    if not sys.stderr.isatty() and "ipykernel" not in sys.modules:
        options["mininterval"] = _SECONDS_IN_A_FILE
    return tqdm(leave=None, **options)  # None: only the first bar stays
