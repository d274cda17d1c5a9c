import pickle

import pytest
from llm_server import LLMServer, language_model
from sklearn.base import clone

from sklearn_hsae import (
    ConceptAnnotator,
    LanguageModel,
    LLMInterpreter,
    make_hypothesis_pipeline,
)
from sklearn_hsae.llm import make_language_model


def test_a_name_stands_for_the_model_with_the_defaults():
    assert repr(make_language_model("openai/m")) == repr(LanguageModel("openai/m"))


def test_a_second_name_takes_the_settings_of_the_first_model():
    first = LanguageModel("openai/large", api_base="http://h/v1", max_cost=3)
    second = make_language_model("openai/small", like=first)
    assert second.name == "openai/small" and second.max_cost == 3
    assert second.account == first.account
    assert first.name == "openai/large"


@pytest.mark.parametrize(
    "wrong",
    [{"timeout": 0}, {"max_cost": -1}, {"max_calls": 1.5}, {"extra_body": "x"}],
)
def test_wrong_settings_are_named(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"The '{name}' parameter of LanguageModel"):
        make_language_model(LanguageModel("openai/m", **wrong))


def test_every_setting_reaches_the_server():
    llm = LanguageModel("openai/m", temperature=0.5, extra_body={"top_k": 7})
    with LLMServer() as server:
        llm.set_params(api_base=server.url, cache_dir=None)
        annotate = ConceptAnnotator(["mentions late"], llm=llm)
        annotate.fit_transform([[0.0]], texts=["a train that was late"])
    body = server.calls[0]["body"]
    assert body["temperature"] == 0.5 and body["top_k"] == 7


def test_copies_share_the_account_and_another_model_has_its_own():
    llm = LanguageModel("openai/m", max_calls=5)
    same = [clone(llm), pickle.loads(pickle.dumps(llm)), clone(clone(llm))]
    assert {other.account for other in same} == {llm.account}
    assert LanguageModel("openai/m", max_calls=5).account != llm.account
    named = LanguageModel("openai/m", budget="spring")
    assert named.account == LanguageModel("openai/n", budget="spring").account


def test_nested_parameters_reach_the_model_of_each_step(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    pipe = make_hypothesis_pipeline(llm=LanguageModel("openai/m", max_calls=9))
    pipe = clone(pipe).set_params(annotate__llm__max_cost=2.0)
    assert pipe["annotate"].llm.max_cost == 2.0 and pipe["annotate"].llm.max_calls == 9
    assert pipe["interpret"].llm.max_cost is None
    assert pipe["interpret"].llm.account == pipe["annotate"].llm.account


def test_fit_does_not_change_the_model_that_was_passed():
    with LLMServer() as server:
        llm = language_model(server)
        before = repr(llm)
        step = LLMInterpreter(llm, n_candidates=1, n_scoring=0, random_state=0)
        texts = [f"word{i % 2} text {i}" for i in range(40)]
        step.fit([[float(i % 2)] for i in range(40)], texts=texts)
    assert step.llm is llm and repr(llm) == before
