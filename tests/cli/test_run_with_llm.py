"""The command with a language model: real litellm against a server on loopback."""

import json
import re

import pytest
from llm_server import LLMServer

from sklearn_hsae.cli import main


@pytest.fixture
def call(train_file, tmp_path, cache, monkeypatch, capsys):
    """Run the command with a language model; return (exit code, stdout, stderr)."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")

    def call(server, *options):
        command = ["run", train_file, "--text", "review", "--target", "stars"]
        command += ["--n-neurons", "16", "--k", "2", "--n-select", "2"]
        command += ["--cache-dir", cache, "--out", tmp_path / "results"]
        command += ["--llm", "openai/gpt-4o-mini", "--api-base", server.url, *options]
        return main(list(map(str, command))), *capsys.readouterr()

    return call


def dollars(text):
    return float(re.search(r"\$([\d.]+)", text).group(1))


def test_the_estimate_is_printed_first_and_is_an_upper_bound(call, tmp_path):
    with LLMServer() as server:
        code, printed, progress = call(server, "--timeout", "77", "--repeat", "1")
    assert code == 0 and "mentions" in printed
    estimate = re.search(r"estimate: ([\d,]+) calls .*", progress)
    assert progress.index("estimate:") < progress.index("[4/8]")
    record = json.loads((tmp_path / "results" / "run.json").read_text("utf-8"))
    assert record["parameters"]["annotate"]["llm__timeout"] == 77
    usage = record["usage"].values()
    assert 0 < sum(u["dollars"] for u in usage) <= dollars(estimate.group(0))
    assert len(server.calls) <= int(estimate.group(1).replace(",", ""))


# What the budget did not allow for is NaN, and each step says so.
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_max_cost_holds_over_a_repeated_call(call):
    limit = 0.002
    with LLMServer() as server:
        codes = [call(server, "--max-cost", limit)[0] for _ in range(3)]
        spent = sum(bill_of(entry) for entry in server.calls)
    assert spent <= limit
    assert server.calls and 2 in codes  # nothing is left of it: told in one line


def bill_of(entry):
    """Dollars for one call to gpt-4o-mini, as the server counts tokens."""
    prompt = sum(len(m["content"]) for m in entry["body"]["messages"])
    return prompt // 4 * 0.15e-6
