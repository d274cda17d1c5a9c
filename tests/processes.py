"""Code that runs in a process of its own."""

import os
import subprocess
import sys
import textwrap


def run(code, *args, timeout=120, **environment):
    """Run code in a new process and return what it prints.

    A process that takes longer than `timeout` seconds is killed: TimeoutExpired.
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=timeout,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()
