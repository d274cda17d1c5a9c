import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from sklearn_hsae._cache import DiskCache, cache_key, open_cache


def test_every_part_decides_the_key():
    key = cache_key(model="a", text="x", options={"p": 1, "q": None})
    assert key == cache_key(options={"q": None, "p": 1}, text="x", model="a")
    for other in (
        {"model": "b", "text": "x", "options": {"p": 1, "q": None}},
        {"model": "a", "text": "x ", "options": {"p": 1, "q": None}},
        {"model": "a", "text": "x", "options": {"p": 2, "q": None}},
        {"model": "ax", "text": "", "options": {"p": 1, "q": None}},
    ):
        assert cache_key(**other) != key
    # What JSON escapes alike is not alike: half characters, and the whole one.
    assert cache_key(text="\ud83d\ude00") != cache_key(text="😀")
    # A lone surrogate, which UTF-8 cannot write, is a text like any other.
    assert cache_key(text="\ud800") != cache_key(text="\ud801")


def test_what_was_put_is_there_for_the_next_process(tmp_path):
    values = {f"key{i}": bytes([i % 256]) * i for i in range(1200)}
    DiskCache(tmp_path, "kind").put_many(values)
    cache = DiskCache(tmp_path, "kind")
    assert cache.get_many([*values, "unknown"]) == values
    assert DiskCache(tmp_path, "other").get_many(values) == {}


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = open_cache(None, "kind")
    cache.put_many({"a": b"1"})
    assert cache.get_many(["a", "b"]) == {"a": b"1"}
    assert list(tmp_path.iterdir()) == []


def _write(folder, writer):
    cache = DiskCache(folder, "kind")
    for i in range(50):
        cache.put_many({f"{writer}-{i}": b"%d" % i, "shared": b"same"})


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_write_at_once(tmp_path, method):
    # Each opens a file that may not exist yet: the moment SQLite is touchy about.
    context = multiprocessing.get_context(method)
    workers = [context.Process(target=_write, args=(tmp_path, w)) for w in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4
    keys = [f"{w}-{i}" for w in range(4) for i in range(50)] + ["shared"]
    assert len(DiskCache(tmp_path, "kind").get_many(keys)) == len(keys)


def test_threads_share_one_cache_object(tmp_path):
    cache = DiskCache(tmp_path, "kind")
    threads = [
        threading.Thread(
            target=lambda t=t: [cache.put_many({f"{t}-{i}": b"x"}) for i in range(30)]
        )
        for t in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    keys = [f"{t}-{i}" for t in range(4) for i in range(30)]
    assert len(cache.get_many(keys)) == len(keys)


def test_a_forked_child_opens_a_connection_of_its_own(tmp_path):
    # SQLite forbids to carry a connection across a fork.
    cache = DiskCache(tmp_path, "kind")
    cache.put_many({"parent": b"1"})
    child = multiprocessing.get_context("fork").Process(
        target=cache.put_many, args=({"child": b"2"},)
    )
    child.start()
    child.join(60)
    assert cache.get_many(["parent", "child"]) == {"parent": b"1", "child": b"2"}


def test_what_was_committed_survives_a_kill(tmp_path):
    code = (
        "import sys; from sklearn_hsae._cache import DiskCache\n"
        "cache = DiskCache(sys.argv[1], 'kind')\n"
        "for i in range(10**6):\n"
        "    cache.put_many({str(i): b'%d' % i})\n"
        "    print(i, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    last = -1
    deadline = time.monotonic() + 30
    while last < 20 and time.monotonic() < deadline:
        last = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    last = max([last, *map(int, process.stdout.read().split())])
    process.wait()
    found = DiskCache(tmp_path, "kind").get_many([str(i) for i in range(last + 1)])
    assert found == {str(i): b"%d" % i for i in range(last + 1)}


def test_a_damaged_file_is_named_and_left_alone(tmp_path):
    path = tmp_path / "kind.sqlite"
    path.write_bytes(b"this is no database " * 100)
    with pytest.raises(OSError, match=r"kind\.sqlite is damaged.*Delete it"):
        DiskCache(tmp_path, "kind").get_many(["a"])
    assert path.exists()


def test_damage_in_the_middle_of_a_file_is_named(tmp_path):
    cache = DiskCache(tmp_path, "kind")
    cache.put_many({str(i): b"x" * 1000 for i in range(1000)})
    cache.close()  # the last connection moves the log into the file
    path = tmp_path / "kind.sqlite"
    content = bytearray(path.read_bytes())
    content[len(content) // 4 : len(content) // 2] = b"\xff" * (len(content) // 4)
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"kind\.sqlite is damaged.*Delete it"):
        DiskCache(tmp_path, "kind").get_many([str(i) for i in range(1000)])


def test_many_keys_at_once(tmp_path):
    # More than SQLite takes variables in one statement (32,766 or 999).
    values = {cache_key(i=i): b"%d" % i for i in range(100_000)}
    with DiskCache(tmp_path, "kind") as cache:
        cache.put_many(values)
        assert cache.get_many(values) == values
        assert cache.get_many([]) == {}


def test_a_closed_cache_opens_again(tmp_path):
    cache = DiskCache(tmp_path, "kind")
    cache.put_many({"ключ 😀": b"1"})
    cache.close()
    assert cache.get_many(["ключ 😀"]) == {"ключ 😀": b"1"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="is root")
def test_a_folder_without_the_right_to_write_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="writable folder"):
        DiskCache(tmp_path, "kind").put_many({"a": b"1"})


def test_auto_is_the_users_cache_folder(user_cache):
    path = open_cache("auto", "kind").path
    assert path == user_cache / "sklearn_hsae" / "kind.sqlite"


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="cache_dir=None"):
        DiskCache(tmp_path / "file", "kind").get_many(["a"])


def test_values_are_plain_bytes_in_plain_sqlite(tmp_path):
    # No pickle: whoever can write a cache file must not be able to run code.
    DiskCache(tmp_path, "kind").put_many({"a": b"\x00\x01"})
    rows = sqlite3.connect(tmp_path / "kind.sqlite").execute("SELECT * FROM items")
    assert rows.fetchall() == [("a", b"\x00\x01")]
