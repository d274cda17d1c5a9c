"""Where a call begins, and how it ends."""

import logging
import re
import sys
import warnings

from sklearn_hsae.cli._arguments import parse_arguments

logger = logging.getLogger("sklearn_hsae")

_INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
_MISTAKE = 2
# How messages name a parameter, and how the command names it.
_OPTIONS = {
    r"task='(\w+)'(, or use Hypothesis\w+\(\))?": r"--task \1",
    r"decimal='([.,])'": r"--decimal \1",
    r"encoding='([^']+)'": r"--encoding \1",
    r"positive='([^']+)'": r"--positive \1",
    r"ignore=\['@\*'\]": "--ignore '@*'",
    r"drop_missing=True": "--drop-missing",
    r"columns=\{'([^']+)': 'classification'\}": r"--controls 'C(\1)'",
}


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
            warnings.showwarning = _show_warning
            _start(arguments, argv)
    except KeyboardInterrupt:
        sys.stderr.write("\n")  # the terminal's "^C" is not part of the line
        return _end(_INTERRUPTED, _interruption(arguments))
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        logger.debug("The error in full:", exc_info=True)
        return _end(_MISTAKE, f"error: {_as_line(error)}")
    return 0


def _start(arguments, argv):
    if arguments.command == "apply":
        from sklearn_hsae.cli._apply import apply

        return apply(arguments)
    if arguments.command == "report":
        from sklearn_hsae.cli._report import report

        return report(arguments)
    from sklearn_hsae.cli._results_folder import results_folder

    with results_folder(arguments.out):
        if arguments.command == "demo":
            from sklearn_hsae.cli._demo import demo

            demo(arguments, argv)
        else:
            from sklearn_hsae.cli._run import run

            run(arguments, argv)


def _show_warning(message, category, filename, lineno, file=None, line=None):
    """Print a warning as one line, without the file and the line of code."""
    sys.stderr.write(f"sklearn-hsae: warning: {_as_line(message)}\n")


def _as_line(message):
    """A message for Python users in one line, with the options of the command."""
    # Line ends only: two blanks may be part of the name of a column.
    line = re.sub(r"\s*\n\s*", " ", str(message).strip())
    for parameter, option in _OPTIONS.items():
        line = re.sub(parameter, option, line)
    return line


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
