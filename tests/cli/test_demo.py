"""``sklearn-hsae demo`` and its comparison with the truth."""

import json

import numpy as np

from sklearn_hsae.cli import main
from sklearn_hsae.cli._demo import match_concepts


def test_demo_compares_with_the_truth(tmp_path, cache, capsys, monkeypatch):
    # 7,000 reviews take a minute; 400 show that the parts fit together.
    monkeypatch.setattr("sklearn_hsae.cli._demo.N_REVIEWS", 400)
    monkeypatch.setattr("sklearn_hsae.cli._demo._N_HELD_OUT", 150)
    assert main(["demo", "--out", str(tmp_path), "--cache-dir", cache]) == 0
    printed = capsys.readouterr().out
    planted = json.loads((tmp_path / "run.json").read_text("utf-8"))["planted"]
    acting = [row for row in planted if row["effect"]]
    found = sum(row["found"] for row in acting)
    assert f"Of {len(acting)} planted concepts that act, {found} were found" in printed
    for row in acting:
        assert row["concept"] in " ".join(printed.split())
        assert row["found"] == (row["f1"] >= 0.7)
    assert (tmp_path / "report.html").exists()


def test_planted_concepts_are_matched_one_to_one():
    # Greedy matching would give column 0 to the first concept; the second fits better.
    truth = np.array([[1, 1], [1, 1], [1, 0], [0, 0]]).astype(bool)
    answers = np.array([[1.0, 1.0], [1.0, np.nan], [0.0, 1.0], [0.0, 0.0]])
    assert match_concepts(answers, truth) == [(1, 0.8), (0, 1.0)]
    assert match_concepts(answers[:, :1], truth) == [(None, 0.0), (0, 1.0)]
