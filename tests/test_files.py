"""Hashes of files."""

import hashlib

from sklearn_hsae._files import file_hash


def test_the_hash_is_that_of_sha256sum(tmp_path):
    """run.json names the data by it."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,y\n" * 10**6)
    assert file_hash(path) == hashlib.sha256(path.read_bytes()).hexdigest()
