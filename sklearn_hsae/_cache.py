"""One disk cache for everything that costs time or money: key -> bytes in SQLite.

A file holds one kind of content ("embeddings", "llm"). The key is a hash of all that
decides the answer, so an entry is never stale and never changed: several processes
that write the same key write the same value. Values are raw bytes, never pickles:
reading a cache cannot run code.
"""

import contextlib
import hashlib
import json
import os
import sqlite3
import threading
import time
from pathlib import Path

import platformdirs

# SQLite before 3.32 takes at most 999 variables in one statement.
_KEYS_PER_QUERY = 900
_BUSY_TIMEOUT = 60.0  # seconds to wait for another process that is writing

# Connections that came through a fork. SQLite forbids even to close them in the
# child, so they are kept from the garbage collector.
_INHERITED = []


def cache_key(**parts):
    """SHA-256 (hex) of the canonical JSON of all parts: str, numbers, None, lists."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    # A lone surrogate is legal in a str and has no UTF-8 form of its own.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def open_cache(cache_dir, name):
    """The cache `name` in `cache_dir`; one that forgets if `cache_dir` is None."""
    if cache_dir is None:
        return MemoryCache()
    if isinstance(cache_dir, str) and cache_dir == "auto":
        cache_dir = platformdirs.user_cache_dir("sklearn_hsae")
    return DiskCache(cache_dir, name)


class DiskCache:
    """A persistent map from str to bytes that several processes and threads share.

    Each thread of each process has its own connection, opened at first use; the
    write-ahead log lets readers go on while one writes. What `put_many` wrote is
    there after kill -9; a power failure may lose the latest entries, never the file.

    Parameters
    ----------
    cache_dir : str or path
        The folder, made at first use. It must lie on a local disk: the write-ahead
        log of SQLite does not work over a network file system.
    name : str
        The file is called ``{name}.sqlite``.
    """

    def __init__(self, cache_dir, name):
        self._connections = {}
        self.path = Path(cache_dir).expanduser() / f"{name}.sqlite"

    def get_many(self, keys):
        """Return the entries there are, as a dict of key to bytes."""
        keys = list(keys)
        found = {}
        with self._clear_errors():
            connection = self._connection()
            for start in range(0, len(keys), _KEYS_PER_QUERY):
                wanted = keys[start : start + _KEYS_PER_QUERY]
                marks = ",".join("?" * len(wanted))
                query = f"SELECT key, value FROM items WHERE key IN ({marks})"
                found.update(connection.execute(query, wanted))
        return found

    def put_many(self, items):
        """Write all entries of a mapping in one transaction, committed on return."""
        with self._clear_errors():
            connection = self._connection()
            with connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO items VALUES (?, ?)", items.items()
                )

    def close(self):
        """Close the connections that this process opened; a later call reopens."""
        while self._connections:
            (pid, _), connection = self._connections.popitem()
            if pid == os.getpid():
                connection.close()
            else:
                _INHERITED.append(connection)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def __del__(self):
        self.close()

    def _connection(self):
        owner = (os.getpid(), threading.get_ident())
        if owner not in self._connections:
            self._connections[owner] = self._open()
        return self._connections[owner]

    def _open(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Only its own thread uses a connection, but any thread may close it.
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_TIMEOUT, check_same_thread=False
        )
        try:
            _use_write_ahead_log(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            with connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS items "
                    "(key TEXT PRIMARY KEY, value BLOB NOT NULL)"
                )
        except BaseException:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def _clear_errors(self):
        try:
            yield
        except (sqlite3.OperationalError, OSError) as error:
            raise OSError(
                f"The cache file {self.path} cannot be used: {error}. Pass "
                "cache_dir= a writable folder on a local disk, or cache_dir=None to "
                "work without a cache."
            ) from error
        except sqlite3.DatabaseError as error:
            raise OSError(
                f"The cache file {self.path} is damaged: {error}. Delete it (and "
                "the files beside it that end in -wal and -shm); what it held is "
                "then computed or paid again."
            ) from error


def _use_write_ahead_log(connection):
    # SQLite does not wait for others here, unlike everywhere else: two processes that
    # make the same file at once would fail.
    deadline = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            return connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


class MemoryCache:
    """The two methods of `DiskCache` over a dict, for ``cache_dir=None``."""

    def __init__(self):
        self._items = {}

    def get_many(self, keys):
        """Return the entries there are, as a dict of key to bytes."""
        return {key: self._items[key] for key in keys if key in self._items}

    def put_many(self, items):
        """Keep all entries of a mapping."""
        self._items.update(items)

    def close(self):
        """Nothing to close."""

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()
