"""What is given to the factory reaches every step that takes it."""

import inspect

import pytest

from sklearn_hsae import EmbeddingTransformer, make_hypothesis_pipeline

# Not one of them is a default. A parameter of the factory that is missing here fails.
VALUES = {
    "task": "classification",
    "positive": "no",
    "pairs": True,
    "n_neurons": 48,
    "clean": ("links",),
    "k": 3,
    "prefixes": (0.25, 1.0),
    "target_weight": 0.35,
    "n_select": 7,
    "llm": "openai/some-model",
    "judge": "keyphrase",
    "instructions": "The texts are reviews.",
    "random_state": 5,
    "verbose": 1,
}
PARAMETERS = inspect.signature(make_hypothesis_pipeline).parameters


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "no-key")


def test_a_missing_key_is_told_before_the_embedding(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.warns(UserWarning, match="set the environment variable OPENAI_API_KEY"):
        make_hypothesis_pipeline(llm="openai/gpt-4o-mini")


@pytest.mark.parametrize("with_llm", [False, True], ids=["keyphrases", "llm"])
@pytest.mark.parametrize("name", [n for n in PARAMETERS if n != "embedder"])
def test_each_parameter_reaches_every_step_that_has_it(name, with_llm):
    assert VALUES[name] != PARAMETERS[name].default
    options = {"llm": VALUES["llm"]} if with_llm else {}
    options |= {"task": "classification"} if name == "positive" else {}
    pipe = make_hypothesis_pipeline(**options | {name: VALUES[name]})
    reached = {
        step: estimator.get_params(deep=False)[name]
        for step, estimator in pipe.named_steps.items()
        if name in estimator.get_params(deep=False)
    }
    assert set(reached.values()) <= {VALUES[name]}


def test_with_all_parameters_given_each_is_used_by_some_step():
    pipe = make_hypothesis_pipeline(**VALUES)
    found = [
        value
        for estimator in pipe.named_steps.values()
        for value in estimator.get_params(deep=False).values()
    ]
    missing = {
        name
        for name, value in VALUES.items()
        if not any(type(value) is type(other) and value == other for other in found)
    }
    assert not missing


@pytest.mark.parametrize("llm", [None, "openai/some-model"])
@pytest.mark.parametrize(
    "embedder", ["some/model", EmbeddingTransformer("some/model", batch_size=7)]
)
def test_the_embedder_is_that_of_every_step(embedder, llm):
    pipe = make_hypothesis_pipeline(embedder=embedder, llm=llm)
    if isinstance(embedder, str):
        embedder = EmbeddingTransformer(embedder)
    steps = [pipe["interpret"], pipe["annotate"]]
    for used in (pipe["embed"], *(step.embedder for step in steps)):
        assert used.get_params() == embedder.get_params()


def test_a_quantity_has_no_positive_class():
    with pytest.raises(ValueError, match="Pass task='classification', or leave"):
        make_hypothesis_pipeline(positive="yes")


@pytest.mark.parametrize("name", ["llm", "embedder"])
def test_what_is_no_model_is_refused_at_once(name):
    with pytest.raises(ValueError, match=f"{name} must be .*got 3"):
        make_hypothesis_pipeline(**{name: 3})
