import pickle

import numpy as np
import pandas as pd
import pytest
from llm_server import LLMServer, bucket, has_property, language_model
from sklearn.metrics import f1_score

from sklearn_hsae import ConceptAnnotator, with_texts
from sklearn_hsae.embedding import EmbeddingTransformer
from sklearn_hsae.judges._distilled_judge import DistilledJudge, _best_cut, _chances
from sklearn_hsae.judges._llm_judge import LLMJudge

# Forty words and a rare one, of which no two share a dimension of the embeddings.
RARE, *WORDS = {bucket(f"word{i}"): f"word{i}" for i in range(400)}.values()
WORDS = WORDS[:40]
CONCEPTS = [
    f"mentions {WORDS[1]}",
    f"mentions {WORDS[2]}, {WORDS[3]}",
    f"mentions {WORDS[4]}",
]


def make_texts(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([" ".join(rng.choice(WORDS, 8)) for _ in range(n)], dtype=object)


def truth_of(texts, concepts=CONCEPTS):
    return np.array([[has_property(c, t) for c in concepts] for t in texts], float)


@pytest.fixture
def server():
    with LLMServer() as server:
        yield server


def distilled(server, **options):
    teacher = LLMJudge(language_model(server))
    return DistilledJudge(teacher, embedder_of(server), **options)


def embedder_of(server):
    """It embeds a text as a bag of hashed words."""
    return EmbeddingTransformer("openai/embedder", api_base=server.url, cache_dir=None)


def chats(server):
    return sum(call["path"].endswith("completions") for call in server.calls)


def test_the_rest_is_judged_at_no_cost_and_as_well_as_was_said(server):
    texts, new = make_texts(3000), make_texts(2000, seed=1)
    judge = distilled(server, n_teaching=800).fit(CONCEPTS, texts)
    assert chats(server) == judge.usage.calls < 850 / 8 + 2
    assert judge.is_distilled_.all()
    answers = judge.judge(new)
    assert chats(server) == judge.usage.calls < 850 / 8 + 2  # not one more
    f1 = [f1_score(t, a) for t, a in zip(truth_of(new).T, answers.T, strict=True)]
    np.testing.assert_allclose(f1, judge.f1_, atol=0.06)
    assert min(f1) > 0.85


def test_what_is_not_learnt_stays_with_the_teacher(server):
    concepts = [*CONCEPTS, f"mentions {WORDS[5]} {WORDS[6]}"]  # side by side
    texts, new = make_texts(1500), make_texts(200, seed=1)
    judge = distilled(server, n_teaching=600).fit(concepts, texts)
    assert judge.is_distilled_.tolist() == [True, True, True, False]
    before = chats(server)
    answers = judge.judge(new)
    assert chats(server) > before
    np.testing.assert_array_equal(answers[:, 3], truth_of(new, concepts)[:, 3])
    sent = server.calls[-1]["body"]["messages"][0]["content"]
    assert concepts[3] in sent and concepts[1] not in sent


def test_rare_concepts_are_learnt_where_their_neurons_fire(server):
    concepts = [f"mentions {RARE}", CONCEPTS[0]]
    texts = make_texts(4000)
    texts[::100] += f" {RARE}"
    activations = truth_of(texts, concepts)
    judge = distilled(server, n_teaching=400, min_f1=0.0)
    unaided = judge.fit(concepts, texts).f1_[0]
    aided = judge.fit(concepts, texts, activations).f1_[0]
    assert np.isnan(unaided) and aided > 0.6
    new = make_texts(2000, seed=1)
    new[::100] += f" {RARE}"
    # Drawn more often than it is there, and yet not seen where it is not.
    assert judge.judge(new)[:, 0].mean() == pytest.approx(0.01, abs=0.008)


def test_weights_undo_the_draw():
    rng = np.random.default_rng(0)
    activations = rng.random((5000, 3)) * (rng.random((5000, 3)) < [0.5, 0.02, 0.1])
    chance = _chances(5000, activations, 600)
    assert 500 <= chance.sum() <= 600
    assert chance[activations[:, 1] > 0].min() > 0.5  # as good as all of them
    estimates = [
        np.sum((activations[:, 0] > 0)[drawn] / chance[drawn])
        for drawn in (rng.random(5000) < chance for _ in range(200))
    ]
    assert np.mean(estimates) == pytest.approx((activations[:, 0] > 0).sum(), rel=0.02)


def test_the_cut_is_the_best_of_all_by_brute_force():
    rng = np.random.default_rng(0)
    y = rng.random(60) < 0.3
    scores, weights = rng.normal(size=60) + y, rng.uniform(0.5, 3, 60)
    best = max(
        f1_score(y, scores >= cut, sample_weight=weights) for cut in [*scores, -9, 9]
    )
    cut = _best_cut(scores, y, weights)
    assert f1_score(y, scores >= cut, sample_weight=weights) == pytest.approx(best)


def test_a_failed_lesson_is_left_out(server):
    texts = make_texts(600)

    class Absent(LLMJudge):
        def judge(self, texts):
            answers = super().judge(texts)
            answers[::10] = np.nan
            return answers

    judge = distilled(server, n_teaching=600)
    judge.teacher = Absent(language_model(server))
    assert judge.fit(CONCEPTS[:1], texts).f1_[0] > 0.8


def test_pickle(server):
    texts = make_texts(400)
    judge = distilled(server, n_teaching=400).fit(CONCEPTS, texts)
    again = pickle.loads(pickle.dumps(judge))
    np.testing.assert_array_equal(again.judge(texts[:9]), judge.judge(texts[:9]))


def annotator(server, concepts, **options):
    return ConceptAnnotator(
        concepts,
        judge="distilled",
        llm=language_model(server),
        embedder=embedder_of(server),
        random_state=0,
        **options,
    )


def frame_of(texts):
    return with_texts(pd.DataFrame({"any": np.zeros(len(texts))}), texts)


def test_the_annotator_says_how_well_each_concept_was_learnt(server):
    annotate = annotator(server, CONCEPTS, n_teaching=600)
    answers = annotate.fit_transform(frame_of(make_texts(2500)))
    assert not answers.isna().any(axis=None)  # free: every row, not a sample
    n_calls = chats(server)
    assert annotate.usage_["calls"] == n_calls < 650 / 8 + 2
    new = make_texts(500, seed=1)
    judged = annotate.transform(frame_of(new)).to_numpy()
    assert chats(server) == n_calls
    learnt = annotate.distillation_
    assert learnt["concept"].tolist() == CONCEPTS and learnt["is_distilled"].all()
    f1 = [f1_score(t, a) for t, a in zip(truth_of(new).T, judged.T, strict=True)]
    np.testing.assert_allclose(learnt["f1"], f1, atol=0.1)


def test_what_falls_back_to_the_model_is_judged_on_a_sample(server):
    concepts = [CONCEPTS[0], f"mentions {WORDS[5]} {WORDS[6]}"]
    annotate = annotator(server, concepts, n_teaching=500)
    answers = annotate.fit_transform(frame_of(make_texts(2300)))
    assert annotate.distillation_["is_distilled"].tolist() == [True, False]
    assert answers.notna().all(axis=1).sum() == 2000


def test_a_distilled_judge_needs_a_model_and_says_so():
    X = frame_of(["a text", "another"])
    with pytest.raises(ValueError, match="judge='distilled' needs a language model"):
        ConceptAnnotator(["mentions a"], judge="distilled").fit(X)
    other = ConceptAnnotator(["mentions text"], judge="keyphrase").fit(X)
    assert not hasattr(other, "distillation_")
    assert other.usage_["calls"] == 0


def test_the_estimate_is_that_of_the_lessons(server):
    X = frame_of(make_texts(900))
    estimate = annotator(server, CONCEPTS, n_teaching=400).estimate_cost(X)
    assert estimate["calls"] == 400 / 8 and not server.calls
