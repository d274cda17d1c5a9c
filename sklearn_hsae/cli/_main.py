"""Where a call begins, and how it ends."""

import logging
import sys
import warnings

from sklearn_hsae.cli._arguments import parse_arguments
from sklearn_hsae.cli._told import Told, as_line

logger = logging.getLogger("sklearn_hsae")

_INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
_MISTAKE = 2


def main(argv=None):
    """Run the command line; return its exit code.

    0: done. 2: a mistake in the call or the file, reported in one line. 130:
    interrupted.
    """
    arguments = parse_arguments(argv)
    if hasattr(sys.stdout, "reconfigure"):
        # A terminal whose encoding lacks a character shows "?" instead of failing.
        sys.stdout.reconfigure(errors="replace")
    try:
        with warnings.catch_warnings():
            told = Told()
            warnings.showwarning = told.show
            _start(arguments, argv, told)
    except KeyboardInterrupt:
        sys.stderr.write("\n")  # the terminal's "^C" is not part of the line
        return _end(_INTERRUPTED, _interruption(arguments))
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        logger.debug("The error in full:", exc_info=True)
        return _end(_MISTAKE, f"error: {as_line(error)}")
    return 0


def _start(arguments, argv, told):
    if arguments.command == "apply":
        from sklearn_hsae.cli._apply import apply

        return apply(arguments)
    if arguments.command == "explore":
        from sklearn_hsae.cli._explore import explore

        return explore(arguments)
    if arguments.command == "cache":
        from sklearn_hsae.cli._cache_command import cache

        return cache(arguments)
    from sklearn_hsae.cli._results_folder import check_views, results_folder

    if arguments.command == "explain":
        from sklearn_hsae.cli._explain import explain

        with results_folder(arguments.out):
            return explain(arguments, argv)
    check_views(arguments)
    if arguments.command == "report":
        from sklearn_hsae.cli._report import report

        return report(arguments)
    with results_folder(arguments.out):
        if arguments.command == "demo":
            from sklearn_hsae.cli._demo import demo

            demo(arguments, argv, told)
        else:
            from sklearn_hsae.cli._run import run

            run(arguments, argv, told)


def _end(code, message):
    sys.stderr.write(f"sklearn-hsae: {message}\n")
    return code


def _interruption(arguments):
    if getattr(arguments, "cache_dir", "auto") is None:
        return "interrupted. Without a cache the next call starts from the beginning."
    return (
        "interrupted. What was embedded or judged is kept: the same command goes on "
        "from there."
    )
