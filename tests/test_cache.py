import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

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
    values = {cache_key(i=i): b"%d" % i for i in range(40_000)}
    with DiskCache(tmp_path, "kind") as cache:
        cache.put_many(values)
        assert cache.get_many(values) == values
        assert cache.get_many([]) == {}


def test_a_claim_ends_with_its_block_and_with_a_kill(tmp_path):
    keys = [cache_key(text=text) for text in "abc"]
    code = (
        "import sys, time; from sklearn_hsae._cache import DiskCache\n"
        "with DiskCache(sys.argv[1], 'kind').claimed(sys.argv[2:]) as mine:\n"
        "    print(len(mine), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), *keys[:2]]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    cache = DiskCache(tmp_path, "kind")
    try:
        assert other.stdout.readline() == "2\n"
        with cache.claimed(keys) as mine:
            assert mine == {keys[2]}
    finally:
        other.kill()
        other.communicate()
    for _ in range(2):
        with cache.claimed(keys) as mine:
            assert mine == set(keys)


def test_threads_claim_from_each_other(tmp_path):
    keys = [cache_key(text=text) for text in "abc"]
    cache = DiskCache(tmp_path, "kind")

    def rest():
        with cache.claimed(keys) as mine:
            return mine

    with ThreadPoolExecutor(1) as threads:
        with cache.claimed(keys[:2]):
            assert threads.submit(rest).result(timeout=20) == {keys[2]}
        assert threads.submit(rest).result(timeout=20) == set(keys)


def test_the_oldest_entries_make_room(tmp_path):
    cache = DiskCache(tmp_path, "kind")
    cache.limit = 2_000_000
    for step in range(40):
        cache.put_many({f"{step}-{i}": bytes(1000) for i in range(100)})
        n_entries, n_bytes = cache.size()
        assert n_bytes <= 2_000_000
    assert n_entries > 1000  # of 4,000: no more is deleted than has to be
    last = [f"39-{i}" for i in range(100)]
    assert len(cache.get_many(last)) == 100
    assert cache.get_many(["0-0"]) == {}
    assert DiskCache(tmp_path, "kind").limit == 2_000_000  # other processes keep it
    cache.limit = None
    cache.put_many({f"more{i}": bytes(1000) for i in range(3000)})
    assert cache.size()[1] > 3_000_000
    cache.clear()
    assert cache.size()[0] == 0
    assert cache.path.stat().st_size < 100_000


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


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path):
    (tmp_path / "kind.sqlite").mkdir()
    with pytest.raises(OSError, match=r"kind\.sqlite cannot be used.*cache_dir=None"):
        DiskCache(tmp_path, "kind").get_many(["a"])


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a read-only disk")
def test_a_read_only_disk_is_named():
    # /proc takes no new folder, not even from root.
    for method, content in (("get_many", ["a"]), ("put_many", {"a": b"1"})):
        cache = DiskCache("/proc/cache", "kind")
        with pytest.raises(OSError, match=r"cannot be used.*a writable folder"):
            getattr(cache, method)(content)


def test_a_file_that_turned_read_only_can_still_be_read(tmp_path):
    # SQLite's own switch: whether a file may be written does not depend on the user.
    cache = DiskCache(tmp_path, "kind")
    cache.put_many({"a": b"1"})
    cache._connection().execute("PRAGMA query_only = ON")
    assert cache.get_many(["a"]) == {"a": b"1"}
    with pytest.raises(OSError, match=r"readonly database.*cache_dir=None"):
        cache.put_many({"b": b"2"})


def test_a_full_disk_is_named_and_what_was_written_stays(tmp_path):
    # The limit on pages is SQLite's own; it fails like a disk without space.
    cache = DiskCache(tmp_path, "kind")
    cache.put_many({"early": b"1"})
    cache._connection().execute("PRAGMA max_page_count = 10")
    with pytest.raises(OSError, match=r"disk is full.*with free space"):
        cache.put_many({str(i): b"x" * 10_000 for i in range(20)})
    assert cache.get_many(["early", "0", "19"]) == {"early": b"1"}
    with DiskCache(tmp_path, "kind") as other:
        other.put_many({"late": b"2"})
        assert other.get_many(["early", "late"]) == {"early": b"1", "late": b"2"}


def test_a_file_cut_short_is_named(tmp_path):
    # What a copy that was broken off leaves behind.
    with DiskCache(tmp_path, "kind") as cache:
        cache.put_many({str(i): b"x" * 1000 for i in range(1000)})
    path = tmp_path / "kind.sqlite"
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(OSError, match=r"kind\.sqlite is damaged.*Delete it"):
        DiskCache(tmp_path, "kind").get_many([str(i) for i in range(1000)])


def test_a_database_of_another_program_is_named_and_left_alone(tmp_path):
    path = tmp_path / "kind.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE items (name TEXT)")
    with pytest.raises(OSError, match=r"kind\.sqlite cannot be used"):
        DiskCache(tmp_path, "kind").get_many(["a"])
    assert sqlite3.connect(path).execute("SELECT * FROM items").fetchall() == []


def test_values_are_plain_bytes_in_plain_sqlite(tmp_path):
    # No pickle: whoever can write a cache file must not be able to run code.
    DiskCache(tmp_path, "kind").put_many({"a": b"\x00\x01"})
    rows = sqlite3.connect(tmp_path / "kind.sqlite").execute("SELECT * FROM items")
    assert rows.fetchall() == [("a", b"\x00\x01")]
