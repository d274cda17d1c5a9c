"""Lines of progress, apart from the results."""

import sys


def say(message):
    """Write one line to standard error; results go to standard output."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
