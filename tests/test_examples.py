"""The scripts in examples/ run as they are, in a folder of their own."""

import runpy
import warnings
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        # So few texts leave some phrases out.
        warnings.simplefilter("ignore")
        yield tmp_path


def test_the_political_scientist_finds_what_was_planted(folder, capsys):
    names = runpy.run_path(str(EXAMPLES / "political_scientist.py"))
    evaluation, subject = names["evaluation"], names["subject"][names["held_out"]]
    table = evaluation.table.sort_values("coefficient")
    for row, planted in ((table.iloc[-1], 0), (table.iloc[0], 1)):
        assert row["significant"]
        has = evaluation.annotations[row["hypothesis"]].to_numpy() == 1
        assert (has == (subject == planted)).mean() > 0.95
    printed = capsys.readouterr().out
    assert "\\toprule" in printed and "groups of texts" in printed
    assert (folder / "figures" / "effects.png").exists()


def test_the_product_analyst_gets_a_line_per_week(folder, capsys):
    names = runpy.run_path(str(EXAMPLES / "product_analyst.py"))
    assert names["history"]["rows"].tolist() == [30, 30, 0]
    assert (folder / "results" / "week1_judged.xlsx").exists()
    assert (folder / "results" / "figures" / "effects.svg").exists()


def test_the_engineer_predicts_again(folder, capsys):
    names = runpy.run_path(str(EXAMPLES / "engineer.py"))
    assert names["model"].predict(names["new"]).shape == (75,)
    assert names["evaluation"].controls["control"].tolist() == ["price", "city = B"]


def test_the_service_answers(folder, monkeypatch, reviews):
    from fastapi.testclient import TestClient

    from sklearn_hsae import make_hypothesis_pipeline, save_pipeline

    pipe = make_hypothesis_pipeline(n_neurons=16, k=3, n_select=3, random_state=0)
    pipe.set_params(sae__max_epochs=2).fit(reviews.texts[:90], reviews.target[:90])
    save_pipeline(pipe, "model.skops")
    monkeypatch.setenv("HSAE_MODEL", "model.skops")
    service = runpy.run_path(str(EXAMPLES / "service.py"))
    client = TestClient(service["app"])
    for texts in (reviews.texts[:3], []):
        answer = client.post("/predict", json={"texts": texts}).json()
        assert answer["predictions"] == pipe.predict(texts).tolist()
        annotations = pipe[:-1].transform(texts)
        expected = [annotations.columns[row == 1] for row in annotations.to_numpy()]
        assert answer["concepts"] == list(map(list, expected))
    assert client.post("/predict", json={"texts": "one"}).status_code == 422
