"""A pipeline that only judges gives the results of the whole one."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from sklearn_hsae import (
    HypothesisRegressor,
    LSAEmbedder,
    NeuronSelector,
    load_pipeline,
    make_hypothesis_pipeline,
    save_pipeline,
    without_neurons,
)


def small_pipeline(judge, **options):
    pipe = make_hypothesis_pipeline(
        embedder=LSAEmbedder(20, random_state=0),
        judge=judge,
        n_neurons=16,
        k=3,
        n_select=3,
        random_state=0,
        **options,
    )
    return pipe.set_params(sae__max_epochs=2)


@pytest.mark.parametrize("judge", ["embedding", "keyphrase"])
def test_it_judges_and_predicts_the_same(reviews, judge, tmp_path):
    ages = np.arange(200) % 7
    index = pd.Index(ages, name="age")
    texts = pd.Series([f"{text} @me" for text in reviews.texts[:200]], index=index)
    pipe = small_pipeline(judge, clean=["handles"])
    pipe.set_params(regress__controls=["age"])
    pipe.fit(texts[:100], reviews.target[:100])
    served = without_neurons(pipe)
    assert list(served.named_steps) == ["clean", "texts", "annotate", "regress"]
    assert len(served["annotate"].concepts_) < len(pipe["annotate"].concepts_)
    again = load_pipeline(save_pipeline(served, tmp_path / "served.skops"))
    new = texts[100:].tolist()[:-1] + ["?"]
    new = pd.Series(new, index=index[100:])
    for part in (new, new[:1], new[:0]):
        expected = pipe[:-1].transform(part)
        for each in (served, again):
            pd.testing.assert_frame_equal(each[:-1].transform(part), expected)
            if len(part):
                np.testing.assert_array_equal(each.predict(part), pipe.predict(part))


def test_a_judge_by_words_embeds_nothing(reviews, monkeypatch):
    pipe = small_pipeline("keyphrase").fit(reviews.texts[:100], reviews.target[:100])
    expected = pipe.predict(reviews.texts[100:])

    def transform(self, X):
        raise AssertionError("a text was embedded")

    monkeypatch.setattr(LSAEmbedder, "transform", transform)
    found = without_neurons(pipe).predict(reviews.texts[100:])
    np.testing.assert_array_equal(found, expected)


def test_a_selection_of_concepts_stays(reviews):
    pipe = small_pipeline("keyphrase")
    pipe.steps.insert(-1, ("pick", NeuronSelector(2, method="correlation")))
    pipe.set_output(transform="pandas").fit(reviews.texts[:100], reviews.target[:100])
    served = without_neurons(pipe)
    new = reviews.texts[100:]
    expected = pipe[:-1].transform(new)
    assert expected.shape[1] == 2 < pipe["annotate"].n_features_in_
    pd.testing.assert_frame_equal(served[:-1].transform(new), expected)
    np.testing.assert_array_equal(served.predict(new), pipe.predict(new))


def test_pairs_of_texts(reviews):
    pairs = list(zip(reviews.texts[:120], reviews.texts[120:], strict=True))
    y = reviews.target[:120] - reviews.target[120:]
    pipe = small_pipeline("keyphrase", pairs=True).fit(pairs[:80], y[:80])
    found = without_neurons(pipe).predict(pairs[80:])
    np.testing.assert_array_equal(found, pipe.predict(pairs[80:]))


def test_other_pipelines_are_refused(reviews):
    X, y = np.eye(40)[:, :2], np.arange(40.0)
    other = make_pipeline(HypothesisRegressor()).fit(X, y)
    with pytest.raises(ValueError, match=r"got Pipeline .* \['hypothesisregressor'\]"):
        without_neurons(other)
    with pytest.raises(ValueError, match="got HypothesisRegressor"):
        without_neurons(other[-1])
    with pytest.raises(NotFittedError):
        without_neurons(make_hypothesis_pipeline())
