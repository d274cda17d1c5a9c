"""Where a call begins, and how it ends."""

import logging
import sys
import warnings

from sklearn_hsae.cli._arguments import parse_arguments

logger = logging.getLogger("sklearn_hsae")

_INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
_MISTAKE = 2


def main(argv=None):
    """Run the command line; return its exit code.

    0: done. 2: a mistake of the user, told in one line. 130: interrupted.
    """
    arguments = parse_arguments(argv)
    if hasattr(sys.stdout, "reconfigure"):  # a terminal that lacks a sign shows "?"
        sys.stdout.reconfigure(errors="replace")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            _start(arguments, argv)
    except KeyboardInterrupt:
        sys.stderr.write("\n")  # the terminal's "^C" is not part of the line
        return _end(_INTERRUPTED, _interruption(arguments))
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        logger.debug("The error in full:", exc_info=True)
        return _end(_MISTAKE, f"error: {' '.join(str(error).split())}")
    return 0


def _start(arguments, argv):
    if arguments.command == "demo":
        from sklearn_hsae.cli._demo import demo

        demo(arguments, argv)
    else:
        from sklearn_hsae.cli._run import run

        run(arguments, argv)


def _show_warning(message, category, filename, lineno, file=None, line=None):
    """One line; where in the code it arose says nothing to whoever runs a command."""
    sys.stderr.write(f"sklearn-hsae: warning: {' '.join(str(message).split())}\n")


def _end(code, message):
    sys.stderr.write(f"sklearn-hsae: {message}\n")
    return code


def _interruption(arguments):
    if arguments.cache_dir is None:
        return "interrupted. Without a cache the next call starts from the beginning."
    return (
        "interrupted. What was embedded or judged is kept: the same command goes on "
        "from there."
    )
