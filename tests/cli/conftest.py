"""Files of generated reviews."""

import csv
import gzip
import json
import urllib.request

import numpy as np
import pytest

from sklearn_hsae.cli import _explore as command


@pytest.fixture(scope="session")
def train_file(reviews, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "train.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for text, stars in zip(reviews.texts[:180], reviews.target[:180], strict=True):
            file.write(json.dumps({"review": text, "stars": float(stars)}) + "\n")
    return path


@pytest.fixture(scope="session")
def class_file(reviews, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "classes.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "text", "verdict", "year", "author", "city"])
        middle = np.median(reviews.target)
        for i, (text, stars) in enumerate(
            zip(reviews.texts, reviews.target, strict=True)
        ):
            verdict = "good" if stars > middle else "bad"
            rows.writerow(
                [i, text, verdict, 2000 + i % 7, f"author {i // 2}", "ABA"[i % 3]]
            )
    return path


@pytest.fixture
def served(monkeypatch):
    """What the command serves; it does not wait for Ctrl-C."""
    contents = []

    def serve(content, labels, **options):
        contents.append(content)
        server = real(content, labels, **options)
        with urllib.request.urlopen(server.url) as page:
            assert page.status == 200
        server.stop()
        return server

    real = command.serve
    monkeypatch.setattr(command, "serve", serve)
    return contents
