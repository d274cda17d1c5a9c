"""``sklearn-hsae demo`` and its comparison with the truth."""

import json

from sklearn_hsae.cli import main


def test_demo_compares_with_the_truth(tmp_path, cache, capsys, monkeypatch):
    # 3,600 reviews take most of a minute; 240 show that the parts fit together. With
    # this seed, they are those of the other tests.
    monkeypatch.setattr("sklearn_hsae.cli._demo.N_REVIEWS", 240)
    monkeypatch.setattr("sklearn_hsae.cli._demo._N_HELD_OUT", 100)
    assert (
        main(["demo", "--seed", "0", "--out", str(tmp_path), "--cache-dir", cache]) == 0
    )
    printed = capsys.readouterr().out
    planted = json.loads((tmp_path / "run.json").read_text("utf-8"))["planted"]
    acting = [row for row in planted if row["effect"]]
    found = sum(row["found"] for row in acting)
    assert f"Of {len(acting)} planted concepts that act, {found} were found" in printed
    for row in acting:
        assert row["concept"] in " ".join(printed.split())
        assert row["found"] == (row["f1"] >= 0.7)
    assert (tmp_path / "report.html").exists()
