"""The disk cache for results that cost time or money: key -> bytes, in SQLite.

There is one file per kind of content. In "embeddings" and "llm", the key is a hash of
everything that the content depends on, so an entry is never out of date. When two
processes write the same key at the same time, both values are valid, and the last one
stays. Entries of "budget" (calls and dollars spent) and "batches" (ids of running
batches) change. Values are raw bytes, never pickles: reading a cache cannot run code.
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

from sklearn_hsae._claims import KEY_BYTES, claim

# SQLite before 3.32 accepts at most 999 variables per statement.
_KEYS_PER_QUERY = 900
_MEGABYTE = 10**6
_SHARE_KEPT = 0.9  # of the limit, when entries have to make room
_BUSY_TIMEOUT = 60.0  # seconds to wait for another process that is writing
# One encoder for all keys: json.dumps with options makes a new one at each call.
_CANONICAL_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False)

# Connections inherited through a fork. SQLite forbids even closing them in the child,
# so this list keeps them from the garbage collector.
_INHERITED = []


def cache_key(**parts):
    """Hash everything that the content of an entry depends on.

    Parameters
    ----------
    **parts : JSON-able values
        Strings, numbers, None, lists and dicts of them.

    Returns
    -------
    str
        SHA-256 (hex) of the canonical JSON of all parts.
    """
    text = _CANONICAL_JSON.encode(parts)
    # A str may hold a lone surrogate, which plain UTF-8 cannot encode.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def cache_folder(cache_dir):
    """The folder that `cache_dir` names; "auto" is the user's cache folder."""
    if isinstance(cache_dir, str) and cache_dir == "auto":
        cache_dir = platformdirs.user_cache_dir("sklearn_hsae")
    return Path(cache_dir).expanduser()


def open_cache(cache_dir, name):
    """Open a cache.

    Parameters
    ----------
    cache_dir : "auto", str, path-like or None
        Folder of the cache. "auto" is the user's cache folder. With None, the entries
        are in memory, and end with the returned object.
    name : str
        Kind of content.

    Returns
    -------
    DiskCache or MemoryCache
    """
    if cache_dir is None:
        return MemoryCache()
    return DiskCache(cache_folder(cache_dir), name)


class DiskCache:
    """A persistent map from str to bytes that processes and threads share.

    Each thread of each process has its own connection, which is opened at first use.
    With SQLite's write-ahead log, readers continue while another process writes.
    Entries survive kill -9 as soon as `put_many` has returned. A power failure may lose
    the latest entries, but does not damage the file.

    Parameters
    ----------
    cache_dir : str or path-like
        The folder, created at first use. It must lie on a local disk: the write-ahead
        log of SQLite does not work over a network file system.
    name : str
        The file is called ``{name}.sqlite``.

    Raises
    ------
    OSError
        By every method, when the file cannot be opened, read or written, or is damaged.
        A failed `put_many` writes nothing; earlier entries stay.
    """

    def __init__(self, cache_dir, name):
        self._connections = {}
        self.path = Path(cache_dir).expanduser() / f"{name}.sqlite"

    def get_many(self, keys):
        """Return a dict of the keys that have an entry, with their values."""
        keys = sorted(keys)  # neighbours in the index are read together
        entries = {}
        with self._clear_errors():
            connection = self._connection()
            for start in range(0, len(keys), _KEYS_PER_QUERY):
                chunk = keys[start : start + _KEYS_PER_QUERY]
                marks = ",".join("?" * len(chunk))
                query = f"SELECT key, value FROM items WHERE key IN ({marks})"
                entries.update(connection.execute(query, chunk))
        return entries

    def put_many(self, items):
        """Write all entries of a dict, in one transaction that ends before return.

        With a limit, the entries that were written longest ago make room.
        """
        with self._clear_errors():
            connection = self._connection()
            with connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO items VALUES (?, ?)", items.items()
                )
                self._make_room(connection)

    def update(self, key, change):
        """Replace the value of a key; other processes cannot write in between.

        Parameters
        ----------
        key : str
        change : callable
            Takes the old value, None for a new key, and returns the new value.
        """
        with self._clear_errors():
            connection = self._connection()
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                query = "SELECT value FROM items WHERE key = ?"
                row = connection.execute(query, (key,)).fetchone()
                value = change(None if row is None else row[0])
                connection.execute(
                    "INSERT OR REPLACE INTO items VALUES (?, ?)", (key, value)
                )

    @contextlib.contextmanager
    def claimed(self, keys):
        """Claim keys of `cache_key`, so that no one else computes their entries.

        Yields those of the keys that no other process or thread has claimed, as a set.
        A claim ends with the block or with the process, also after kill -9.
        """
        by_start = {bytes.fromhex(key[: 2 * KEY_BYTES]): key for key in keys}
        folder = self.path.with_name(f"{self.path.stem}_claims")
        with contextlib.ExitStack() as stack:
            with self._clear_errors():
                claimed = stack.enter_context(
                    claim(folder, lambda taken: [*(by_start.keys() - taken)])
                )
            yield {by_start[start] for start in claimed}

    def size(self):
        """Return the number of entries, and the bytes that they take."""
        with self._clear_errors():
            connection = self._connection()
            (n_entries,) = connection.execute("SELECT count(*) FROM items").fetchone()
            return n_entries, _bytes_in_use(connection)

    def clear(self):
        """Delete all entries, and give their space back to the disk."""
        with self._clear_errors():
            connection = self._connection()
            with connection:
                connection.execute("DELETE FROM items")
            _shrink(connection)

    @property
    def limit(self):
        """Number of bytes that the entries may take, kept in the file; or None."""
        with self._clear_errors():
            return _limit(self._connection())

    @limit.setter
    def limit(self, n_bytes):
        megabytes = 0 if n_bytes is None else max(1, n_bytes // _MEGABYTE)
        with self._clear_errors():
            connection = self._connection()
            with connection:
                connection.execute(f"PRAGMA user_version = {megabytes}")
                self._make_room(connection)
            _shrink(connection)

    def close(self):
        """Close the connections of this process. A later call opens a new one."""
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

    def _make_room(self, connection):
        limit = _limit(connection)
        if limit is None or _bytes_in_use(connection) <= limit:
            return
        # More than is needed now, so that not every call has to delete.
        goal = _SHARE_KEPT * limit
        (n_entries,) = connection.execute("SELECT count(*) FROM items").fetchone()
        while n_entries > 0 and _bytes_in_use(connection) > goal:
            share = 1 - goal / _bytes_in_use(connection)
            n_oldest = max(1, int(share * n_entries))
            connection.execute(
                "DELETE FROM items WHERE rowid IN "
                "(SELECT rowid FROM items ORDER BY rowid LIMIT ?)",
                (n_oldest,),
            )
            n_entries -= n_oldest

    def _connection(self):
        owner = (os.getpid(), threading.get_ident())
        if owner not in self._connections:
            self._connections[owner] = self._open()
        return self._connections[owner]

    def _open(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Only its own thread uses a connection, but every thread may close it.
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
                f"The cache file {self.path} cannot be used: {error}. Pass as "
                "cache_dir= a writable folder with free space on a local disk, or "
                "cache_dir=None to work without a cache."
            ) from error
        except sqlite3.DatabaseError as error:
            raise OSError(
                f"The cache file {self.path} is damaged: {error}. Delete it (and "
                "the files beside it that end in -wal and -shm); its entries are "
                "then computed or paid for again."
            ) from error


def _shrink(connection):
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _limit(connection):
    # The header of an SQLite file has room for one number of its user's.
    (megabytes,) = connection.execute("PRAGMA user_version").fetchone()
    return megabytes * _MEGABYTE or None


def _bytes_in_use(connection):
    sizes = ("page_count", "freelist_count", "page_size")
    pages, free, page_size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in sizes
    )
    return (pages - free) * page_size


def _use_write_ahead_log(connection):
    # SQLite does not wait for other processes here. Without the loop, one of two
    # processes that create the same file at the same time would fail.
    deadline = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            return connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


class MemoryCache:
    """The methods of `DiskCache` with a dict instead of a file: ``cache_dir=None``."""

    def __init__(self):
        self._items = {}
        self._lock = threading.Lock()

    def get_many(self, keys):
        """Return a dict of those keys that have an entry, and their values."""
        return {key: self._items[key] for key in keys if key in self._items}

    def put_many(self, items):
        """Keep all entries of a dict."""
        self._items.update(items)

    def update(self, key, change):
        """As in `DiskCache`, for the threads of this process."""
        with self._lock:
            self._items[key] = change(self._items.get(key))

    @contextlib.contextmanager
    def claimed(self, keys):
        """All keys: no other process shares this cache."""
        yield set(keys)

    def close(self):
        """Nothing to close."""

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()
