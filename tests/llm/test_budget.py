import json
import subprocess
import sys
import threading

import numpy as np
import pytest
from joblib import Parallel, delayed
from llm_server import LLMServer, chat, language_model
from sklearn.base import clone

from sklearn_hsae import ConceptAnnotator, LanguageModel, LLMInterpreter
from sklearn_hsae.llm import LLMClient, Request
from sklearn_hsae.llm._budget import Account, Budget
from sklearn_hsae.llm._usage import Usage

PRICED = "openai/gpt-4o-mini"


def questions(n, start=0):
    return [
        Request(
            [{"role": "user", "content": f"question {i}"}],
            {"type": "object"},
            lambda found: found["echo"],
        )
        for i in range(start, start + n)
    ]


def echo(prompt):
    return json.dumps({"echo": prompt})


def ask(llm, n, start=0):
    """Ask n questions; return the number of replies."""
    replies = LLMClient(llm).ask(questions(n, start), "")
    return sum(reply is not None for reply in replies)


def test_two_steps_and_their_clones_spend_from_one_limit():
    with LLMServer(echo) as server:
        llm = language_model(server, {"max_calls": 10})
        assert ask(llm, 4) == 4
        assert ask(clone(llm), 4, start=100) == 4
        assert ask(clone(clone(llm)), 4, start=200) == 2
    assert len(server.calls) == 10


def test_a_higher_limit_goes_on_where_the_lower_one_stopped():
    with LLMServer(echo) as server:
        llm = language_model(server, {"max_calls": 3})
        assert ask(llm, 5) == 3
        assert ask(clone(llm).set_params(max_calls=5), 5, start=100) == 2


def test_workers_of_a_search_spend_from_one_limit(tmp_path):
    with LLMServer(echo) as server:
        llm = language_model(server, {"max_calls": 12, "cache_dir": str(tmp_path)})
        # Forks: new processes would import litellm again.
        answered = Parallel(n_jobs=2, backend="multiprocessing")(
            delayed(ask)(clone(llm), 10, start) for start in (0, 100)
        )
    assert sum(answered) == len(server.calls) == 12


_SCRIPT = """
import sys
from sklearn_hsae import ConceptAnnotator, LanguageModel, LLMInterpreter
llm = LanguageModel("openai/m", api_base=sys.argv[1], cache_dir=sys.argv[2],
                    max_calls=6, budget="spring", max_concurrency=1)
texts = [f"{sys.argv[3]} {i} " + "long " * 500 for i in range(10)]
annotate = ConceptAnnotator(["mentions long"], llm=llm)
annotate.fit_transform([[0.0]] * 10, texts=texts)
"""


@pytest.mark.filterwarnings("ignore:.* were not judged:UserWarning")
def test_a_restart_goes_on_with_what_is_left_of_a_named_budget(tmp_path, monkeypatch):
    with LLMServer(latency=0.2) as server:
        arguments = [server.url, str(tmp_path), "first"]
        with subprocess.Popen([sys.executable, "-c", _SCRIPT, *arguments]) as process:
            while len(server.calls) < 3:
                assert process.poll() is None
                threading.Event().wait(0.02)
            process.kill()
        # What was asked for when it was killed counts as well.
        n_before = len(server.calls)
        monkeypatch.setattr(sys, "argv", ["script", *arguments[:2], "second"])
        exec(_SCRIPT, {})
    assert n_before < len(server.calls) <= 6


def test_a_call_that_never_returned_counts_with_what_was_expected(tmp_path):
    llm = LanguageModel(PRICED, max_cost=1.0, cache_dir=str(tmp_path), budget="b")
    message = [{"role": "user", "content": "x" * 3000}]
    Budget(llm, Usage()).reserve(message)  # and the process ends here
    prompt, completion = 0.15e-6 * 1000, 0.6e-6 * 300  # dollars of gpt-4o-mini
    spent = []
    Account(llm).add(0, 0.0, lambda calls, dollars: spent.append((calls, dollars)))
    assert spent == [(1, pytest.approx(prompt + completion))]


def test_threads_never_exceed_the_limit(tmp_path):
    llm = LanguageModel("openai/m", max_calls=50, cache_dir=str(tmp_path))
    allowed = []

    def spend():
        budget = Budget(llm, Usage())
        allowed.extend(budget.reserve([]) is not None for _ in range(20))

    threads = [threading.Thread(target=spend) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 50


def test_naming_and_judging_by_two_models_share_the_budget():
    with LLMServer(echo) as server:
        llm = language_model(server, {"max_calls": 5, "budget": "both"})
        other = clone(llm).set_params(name="openai/other")
        assert ask(llm, 3) + ask(other, 3) == 5


@pytest.mark.parametrize("limit_in_calls", [1.5, 2.5, 10.5])
def test_a_model_that_writes_more_than_expected_does_not_exceed_the_limit(
    limit_in_calls,
):
    # 20,000 tokens of reasoning, where 300 were expected.
    usage = {"prompt_tokens": 10, "completion_tokens": 20_000, "total_tokens": 20_010}
    price = 10 * 0.15e-6 + 20_000 * 0.6e-6  # dollars, of this model
    reply = chat('{"echo": "yes"}', usage=usage)
    with LLMServer(latency=0.05, faults=lambda i, body: reply) as server:
        options = {"max_cost": limit_in_calls * price, "max_concurrency": 16}
        client = LLMClient(language_model(server, options, name=PRICED))
        client.ask(questions(50), "")
    assert len(server.calls) == pytest.approx(limit_in_calls - 0.5, abs=1)
    assert client.usage.dollars == pytest.approx(len(server.calls) * price)
    assert client.usage.dollars <= limit_in_calls * price


def test_a_batch_is_not_held_back_for_its_first_bill():
    llm = LanguageModel(PRICED, max_cost=1.0, cache_dir=None)
    message = [{"role": "user", "content": "question"}]
    careful, batch = Budget(llm, Usage()), Budget(llm, Usage(), is_careful=False)
    assert [careful.reserve(message) is None for _ in range(3)] == [False, True, True]
    assert None not in [batch.reserve(message) for _ in range(3)]


def test_the_price_of_the_judge_is_checked_before_naming_is_paid():
    X = np.random.default_rng(0).random((40, 2))
    texts = [f"text {i}" for i in range(40)]
    with LLMServer() as server:
        llm = language_model(server, {"max_cost": 1.0}, name=PRICED)
        interpret = LLMInterpreter(llm, judge_llm="openai/my-own")
        with pytest.raises(ValueError, match="no price for the model 'openai/my-own'"):
            interpret.fit(X, texts=texts)
    assert not server.calls


def test_a_spent_budget_leaves_nan_and_says_what_ended_it():
    with LLMServer() as server:
        llm = language_model(server, {"max_calls": 1})
        texts = [f"text {i} " + "long " * 500 for i in range(3)]
        annotate = ConceptAnnotator(["mentions long"], llm=llm)
        with pytest.warns(UserWarning, match="max_calls=1 is reached"):
            annotations = annotate.fit_transform(np.zeros((3, 1)), texts=texts)
    assert np.isnan(annotations).sum() == 2
