"""What each process is computing now, so that no other process computes it too.

A claim is two files: some keys, and a lock that its process holds. The operating system
frees the lock when the process ends, however it ends. So a claim whose lock is free is
one that a killed process left, and is removed.
"""

import contextlib
import itertools
import time
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

KEY_BYTES = 16  # of each key
_ENTRANCE = "entrance.lock"
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.2, 30.0, 1.5  # seconds


@contextlib.contextmanager
def claim(folder, choose):
    """Claim keys, until the block or the process ends.

    Parameters
    ----------
    folder : Path
        The claims of processes that share their work. Made if it does not exist.
    choose : callable
        Takes the keys that others have claimed, a set, and returns a list of those to
        claim now. Nobody claims in between.

    Yields
    ------
    list of bytes
        What `choose` returned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / _ENTRANCE):
        keys = choose(_claimed_keys(folder))
        lock = _make(folder, keys) if keys else None
    try:
        yield keys
    finally:
        if lock is not None:
            _remove(lock)


def pauses():
    """Wait, before looking again for what another process computes.

    Each ``next`` sleeps: first 0.2 s, then longer by half each time, up to 30 s. So
    looking costs little, and what is there is seen soon after.
    """
    for i in itertools.count():
        time.sleep(min(_FIRST_PAUSE * _GROWTH ** min(i, 20), _LONGEST_PAUSE))
        yield


def _claimed_keys(folder):
    claimed = set()
    for path in folder.glob("*.claim"):
        lock = FileLock(path)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            with contextlib.suppress(FileNotFoundError):  # it ends just now
                claimed |= _split(path.with_suffix(".keys").read_bytes())
        else:
            _remove(lock)
    return claimed


def _make(folder, keys):
    path = folder / f"{uuid.uuid4().hex}.claim"
    # Another thread may end it: that in which a generator is closed.
    lock = FileLock(path, thread_local=False)
    lock.acquire()
    path.with_suffix(".keys").write_bytes(b"".join(keys))
    return lock


def _split(content):
    starts = range(0, len(content), KEY_BYTES)
    return {content[start : start + KEY_BYTES] for start in starts}


def _remove(lock):
    path = Path(lock.lock_file)
    path.with_suffix(".keys").unlink(missing_ok=True)
    lock.release()
    # On Windows another process may be looking at it; then the next one removes it.
    with contextlib.suppress(PermissionError):
        path.unlink(missing_ok=True)
