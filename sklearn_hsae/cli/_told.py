"""The warnings of a call: printed at once, and kept for the report and the record."""

import re
import sys

# How messages name a parameter, and how the command names it.
_OPTIONS = {
    r"task='(\w+)'(, or use Hypothesis\w+\(\))?": r"--task \1",
    r"decimal='([.,])'": r"--decimal \1",
    r"encoding='([^']+)'": r"--encoding \1",
    r"positive='([^']+)'": r"--positive \1",
    r"ignore=\[([^\]]+)\]": lambda found: f"--ignore {_listed(found[1])}",
    r"clean=\[([^\]]+)\]": lambda found: f"--clean {_listed(found[1])}",
    r"drop_missing=True": "--drop-missing",
    r"as cache_dir= a": "as --cache-dir a",
    r"cache_dir=None": "--cache-dir none",
    r"pass api_base=": "pass --api-base",
    r"columns=\{'([^']+)': 'classification'\}": r"--controls 'C(\1)'",
}


def _listed(entries):
    """The entries of a Python list as one word of the command."""
    words = entries.replace("'", "").replace(", ", ",")
    return f"'{words}'" if "*" in words else words


class Told(list):
    """The warnings so far, as lines."""

    def warn(self, message):
        """Print a warning in one line, and keep it."""
        line = as_line(message)
        if line not in self:
            self.append(line)
        sys.stderr.write(f"sklearn-hsae: warning: {line}\n")
        sys.stderr.flush()

    def show(self, message, category, filename, lineno, file=None, line=None):
        """Stand for `warnings.showwarning`: without the file and the line of code.

        What libraries tell their programmers, such as a FutureWarning, is printed and
        not kept.
        """
        n_kept = len(self)
        self.warn(message)
        if category is not UserWarning:
            del self[n_kept:]


def as_line(message):
    """A message for Python users in one line, with the options of the command."""
    # Line ends only: two blanks may be part of the name of a column.
    line = re.sub(r"\s*\n\s*", " ", str(message).strip())
    for parameter, option in _OPTIONS.items():
        line = re.sub(parameter, option, line)
    return line
