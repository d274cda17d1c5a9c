"""Which texts each process is reading now, so that no other process reads them too.

A claim is two files: the keys of some texts, and a lock that its process holds. The
operating system frees the lock when the process ends, however it ends. So a claim whose
lock is free is one that a killed process left, and is removed.
"""

import contextlib
import uuid

from filelock import FileLock, Timeout

from sklearn_hsae._files import replaced_file

KEY_BYTES = 16  # of the key of a text
_ENTRANCE = "entrance.lock"


class Claims:
    """The claims in one folder.

    Parameters
    ----------
    folder : Path
        Made by `entrance`.
    """

    def __init__(self, folder):
        self.folder = folder

    def entrance(self):
        """A context manager: a lock for looking at claims and making them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / _ENTRANCE)

    def keys(self):
        """The keys that are claimed: a set of bytes. Call it inside `entrance`."""
        claimed = set()
        for path in self.folder.glob("*.claim"):
            lock = FileLock(path)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                with contextlib.suppress(FileNotFoundError):  # it ends just now
                    claimed |= _split(path.with_suffix(".keys").read_bytes())
            else:
                _remove(lock, path)
        return claimed

    def make(self, keys):
        """Claim texts, inside `entrance`; return a function that ends the claim."""
        path = self.folder / f"{uuid.uuid4().hex}.claim"
        # Another thread may end it: that in which a generator is closed.
        lock = FileLock(path, thread_local=False)
        lock.acquire()
        with replaced_file(path.with_suffix(".keys")) as temporary:
            temporary.write_bytes(b"".join(keys))
        return lambda: _remove(lock, path)


def _split(content):
    starts = range(0, len(content), KEY_BYTES)
    return {content[start : start + KEY_BYTES] for start in starts}


def _remove(lock, path):
    path.with_suffix(".keys").unlink(missing_ok=True)
    lock.release()
    path.unlink(missing_ok=True)
