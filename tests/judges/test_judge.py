"""One battery that every judge passes: see `sklearn_hsae.judges.Judge`."""

import pickle

import numpy as np
import pytest
from llm_server import LLMServer, has_property, language_model

from sklearn_hsae import EmbeddingTransformer
from sklearn_hsae.judges import (
    DistilledJudge,
    EmbeddingJudge,
    KeyphraseJudge,
    LLMJudge,
)
from sklearn_hsae.llm import Usage

CONCEPTS = ["mentions late, slow", "mentions pasta", "mentions music"]
WORDS = "late slow pasta music view price garden staff table coffee light wine".split()


@pytest.fixture(scope="module")
def server():
    with LLMServer() as server:
        yield server


@pytest.fixture(params=["embedding", "keyphrase", "llm", "distilled"])
def judge(request, server):
    llm = language_model(server)
    # The server embeds a text as a bag of hashed words.
    embedder = EmbeddingTransformer("openai/e", api_base=server.url, cache_dir=None)
    return {
        "embedding": lambda: EmbeddingJudge(embedder),
        "keyphrase": KeyphraseJudge,
        "llm": lambda: LLMJudge(llm),
        "distilled": lambda: DistilledJudge(LLMJudge(llm), embedder, n_teaching=200),
    }[request.param]()


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    some = [" ".join(rng.choice(WORDS, 6, replace=False)) for _ in range(300)]
    return np.array(some, dtype=object)


@pytest.fixture(scope="module")
def truth(texts):
    return np.array([[has_property(c, t) for c in CONCEPTS] for t in texts], float)


def test_what_it_costs_is_known_before_a_call(judge, texts, server):
    n_calls = len(server.calls)
    assert isinstance(judge.is_paid, bool)
    assert judge.usage.to_dict() == Usage().to_dict()
    estimate = judge.estimate_cost(CONCEPTS, texts)
    assert set(estimate) == {"calls", "prompt_tokens", "completion_tokens", "dollars"}
    assert (estimate["calls"] > 0) == judge.is_paid
    assert len(server.calls) == n_calls


def test_annotations_are_a_column_per_concept_of_0_and_1(judge, texts, truth):
    assert judge.fit(CONCEPTS, texts, truth) is judge
    annotations = judge.judge(texts)
    assert annotations.shape == truth.shape and annotations.dtype == np.float64
    assert set(np.unique(annotations)) <= {0.0, 1.0}
    assert (annotations == truth).mean() > 0.9


def test_the_annotation_of_a_text_does_not_depend_on_the_texts_beside_it(
    judge, texts, truth
):
    judge.fit(CONCEPTS, texts, truth)
    whole, order = judge.judge(texts), np.random.default_rng(1).permutation(len(texts))
    np.testing.assert_array_equal(judge.judge(texts[order]), whole[order])
    np.testing.assert_array_equal(judge.judge(texts[:1]), whole[:1])


def test_a_fitted_judge_can_be_pickled(judge, texts, truth):
    judge.fit(CONCEPTS, texts, truth)
    again = pickle.loads(pickle.dumps(judge))
    np.testing.assert_array_equal(again.judge(texts[:20]), judge.judge(texts[:20]))


def test_a_second_fit_forgets_the_first(judge, texts, truth):
    judge.fit(CONCEPTS, texts, truth)
    judge.fit(CONCEPTS[:1], texts, truth[:, :1])
    assert judge.judge(texts[:5]).shape == (5, 1)


def test_a_bill_is_kept_by_those_who_pay(judge, texts, truth):
    judge.fit(CONCEPTS, texts, truth).judge(texts)
    paid = not isinstance(judge, EmbeddingJudge | KeyphraseJudge)
    assert (judge.usage.calls > 0) == paid
