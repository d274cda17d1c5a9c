import json
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from llm_server import LLMServer, answer_by_rules, language_model
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_hsae import LLMInterpreter, with_texts

WORDS = [f"word{i}" for i in range(60)]


def make_activations(*words, n_rows=400, seed=0):
    """Random texts, and for each "a|b" a neuron that fires where a or b is in them."""
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS, 12)) for _ in range(n_rows)]
    fires = [
        [any(w in text.split() for w in word.split("|")) for word in words]
        for text in texts
    ]
    strength = rng.uniform(0.5, 1.5, (n_rows, len(words)))
    return pd.DataFrame(
        with_texts(np.array(fires) * strength, texts).to_numpy(),
        index=with_texts(np.zeros((n_rows, 1)), texts).index,
        columns=[f"sae{j}" for j in range(len(words))],
    )


def interpreter_of(server, **options):
    llm = language_model(server, options)
    return LLMInterpreter(**{"llm": llm, "random_state": 0, **options})


def prompts_of(server, marker="which-it-fires"):
    prompts = [call["body"]["messages"][0]["content"] for call in server.calls]
    return [p for p in prompts if marker in p]


def shown_in(prompt):
    lists = re.findall(r"texts-on-which-it[a-z-]*>\n(\[.*?\])\n</", prompt, re.DOTALL)
    return [text for found in lists for text in json.loads(found)]


def plain(text):
    return text.replace("[[", "").replace("]]", "")


@pytest.mark.parametrize("sampling", ["top", "quantiles", (50, 100)])
@pytest.mark.parametrize("negatives", ["random", "co-occurring", "similar"])
def test_neurons_get_the_names_they_have(sampling, negatives, minilm):
    X = make_activations("word3", "word8", "word11")
    with LLMServer() as server:
        interpreter = interpreter_of(
            server, sampling=sampling, negatives=negatives, embedder=minilm
        )
        out = interpreter.fit_transform(X)
    expected = ["mentions word3", "mentions word8", "mentions word11"]
    assert interpreter.concepts_.tolist() == out.columns.tolist() == expected
    assert interpreter.get_feature_names_out().tolist() == expected
    assert out.index.equals(X.index)
    np.testing.assert_array_equal(out, X)
    fidelity = interpreter.fidelity_
    assert fidelity["neuron"].tolist() == ["sae0", "sae1", "sae2"]
    np.testing.assert_allclose(fidelity[["precision", "recall", "f1", "mcc"]], 1)
    assert interpreter.usage_["calls"] == len(server.calls)


def test_fidelity_is_measured_on_texts_that_no_prompt_showed():
    X = make_activations("word3", "word8", n_rows=300)
    texts = X.index.get_level_values("text")
    with LLMServer() as server:
        interpreter_of(server, n_scoring=1000, refine=1).fit(X)
    shown = {text for p in prompts_of(server) for text in shown_in(p)}
    judged = "".join(prompts_of(server, "<properties>"))
    assert len(shown) > 20
    assert not any(text in judged for text in shown)
    assert sum(text in judged for text in texts) == 150  # half of them are for naming


def test_the_best_of_the_candidates_is_kept():
    def alternate(prompt):
        if "<properties>" in prompt:
            return answer_by_rules(prompt)
        labels = ["mentions word1", "mentions word3", "mentions word3, word9"]
        return json.dumps({"property": labels[len(prompts_of(server)) % 3]})

    X = make_activations("word3")
    with LLMServer(alternate) as server:
        interpreter = interpreter_of(server, max_concurrency=1).fit(X)
    assert interpreter.concepts_ == ["mentions word3"]
    assert len(interpreter.candidates_) == 3
    best = interpreter.candidates_.sort_values("correlation").iloc[-1]
    assert best["concept"] == "mentions word3"


def test_refining_shows_where_the_label_fails_and_gains_on_hidden_rows():
    X = make_activations("word3|word8|word20", n_rows=800)
    with LLMServer() as server:
        plain = interpreter_of(server).fit(X)
        refined = interpreter_of(server, refine=2).fit(X)
    assert set(refined.concepts_[0].removeprefix("mentions ").split(", ")) == {
        "word3",
        "word8",
        "word20",
    }
    gain = refined.fidelity_["f1"] - plain.fidelity_["f1"]
    assert gain[0] > 0.15 and refined.fidelity_["f1"][0] == 1


def test_neurons_of_the_same_label_are_told_apart():
    def answer(prompt):
        if "which-it-fires" in prompt and "<similar-texts" not in prompt:
            return '{"property": "mentions word3, word8"}'
        return answer_by_rules(prompt)

    X = make_activations("word3", "word8")
    with LLMServer(answer) as server:
        interpreter = interpreter_of(server, n_scoring=400).fit(X)
    assert interpreter.concepts_.tolist() == ["mentions word3", "mentions word8"]
    # Shown was what fires for the one and not for the other.
    seen = set()
    for prompt in prompts_of(server, "<similar-texts"):
        texts = [text.split() for text in shown_in(prompt)]
        has = [["word3" in text for text in texts], ["word8" in text for text in texts]]
        assert has[0] == [not h for h in has[1]]
        assert has[0][:10] == [has[0][0]] * 10 and has[0][10:] == [has[1][0]] * 10
        seen.add(has[0][0])
    assert seen == {True, False}


def test_the_same_neuron_twice_is_one_hypothesis():
    X = make_activations("word3", "word3", "word8")
    X["sae1"] = X["sae0"]
    with LLMServer() as server:
        interpreter = interpreter_of(server).fit(X)
    out = interpreter.transform(X)
    expected = ["mentions word3", "mentions word8"]
    assert interpreter.concepts_.tolist() == out.columns.tolist() == expected
    np.testing.assert_array_equal(out, X[["sae0", "sae2"]])
    reasons = interpreter.fidelity_["reason"]
    assert reasons.tolist() == ["", "agrees with 'mentions word3' of sae0", ""]


def test_neurons_whose_annotations_agree_are_told_apart_or_merged():
    # Three labels in different words that hold of the same texts.
    first_labels = ["grumbles", "reacts badly", "is cross"]

    def answer(prompt):
        if "<properties>" in prompt:
            for label in first_labels:
                prompt = prompt.replace(label, "mentions word3, word8")
        elif "<similar-texts" not in prompt:
            return json.dumps({"property": next(labels)})
        return answer_by_rules(prompt)

    X = make_activations("word3", "word8", n_rows=800)
    X["sae2"] = X["sae0"] * np.tile([0.3, 1.0], 400)  # its label fits it less well
    labels = iter(first_labels)
    with LLMServer(answer) as server:
        interpreter = interpreter_of(server, n_candidates=1, max_concurrency=1).fit(X)
    assert len(prompts_of(server, "<similar-texts")) == 3
    assert interpreter.concepts_.tolist() == ["mentions word3", "mentions word8"]
    np.testing.assert_array_equal(interpreter.transform(X), X[["sae0", "sae1"]])
    reasons = interpreter.fidelity_["reason"]
    assert reasons.tolist() == ["", "", "agrees with 'mentions word3' of sae0"]


@pytest.mark.parametrize("negatives", ["random", "co-occurring", "similar"])
def test_examples_are_spread_over_distinct_texts(negatives, minilm):
    # One tweet of 40 words in a tenth of the texts, retweeted and edited a little.
    X = make_activations("word3", n_rows=600)
    texts = X.index.get_level_values("text").to_numpy().copy()
    for sign, words in ((True, "word3 tweeted"), (False, "silent tweeted")):
        rows = np.flatnonzero((X["sae0"] > 0) == sign)[:40]
        for i, row in enumerate(rows):
            texts[row] = (
                f"RT @user{i}: {words} {' '.join(WORDS[30:50])} {i}! http://t.co/{i}"
            )
        X.iloc[rows, 0] = 9.0 if sign else 0.0
    X = with_texts(X.reset_index(drop=True), texts)
    with LLMServer() as server:
        interpreter = interpreter_of(
            server, negatives=negatives, embedder=minilm, n_examples=20, refine=1
        ).fit(X)
    asked = prompts_of(server)
    assert len(asked) >= 2
    for prompt in asked:
        shown = shown_in(prompt)
        shown = [t["text"] if isinstance(t, dict) else t for t in shown]
        assert sum("word3 tweeted" in text for text in shown) <= 1
        assert sum("silent tweeted" in text for text in shown) <= 1
        assert len(shown) >= 18
    assert interpreter.concepts_ == ["mentions word3"]


@pytest.mark.parametrize("label", ["", None, "I'm sorry, I can't.", "<the property>"])
def test_what_is_no_label_is_never_one(label):
    # The peer accepts "" and None as hypotheses and pays to have them judged.
    def answer(prompt):
        if "<properties>" in prompt or "word8" in most_common(prompt):
            return answer_by_rules(prompt)
        return json.dumps({"property": label})

    def most_common(prompt):
        return json.loads(answer_by_rules(prompt))["property"]

    X = make_activations("word3", "word8")
    with LLMServer(answer) as server:
        with pytest.warns(UserWarning, match=r"1 of 2 neurons.*sae0 \(no usable label"):
            interpreter = interpreter_of(server).fit(X)
    out = interpreter.transform(X)
    assert interpreter.concepts_.tolist() == out.columns.tolist() == ["mentions word8"]
    np.testing.assert_array_equal(out, X[["sae1"]])
    fidelity = interpreter.fidelity_
    assert fidelity["neuron"].tolist() == ["sae0", "sae1"]
    assert fidelity["concept"].fillna("none").tolist() == ["none", "mentions word8"]
    assert fidelity["reason"].tolist() == ["no usable label", ""]
    assert fidelity["f1"].isna().tolist() == [True, False]


def test_a_neuron_that_never_fires_costs_nothing():
    X = make_activations("word3", "word8")
    X["sae1"] = 0.0
    with LLMServer() as server:
        with pytest.warns(UserWarning, match=r"sae1 \(never fires\)"):
            interpreter = interpreter_of(server).fit(X)
        assert len(prompts_of(server)) == 3
        score = interpreter.score(X)
    assert interpreter.concepts_.tolist() == ["mentions word3"]
    assert interpreter.fidelity_["reason"].tolist() == ["", "never fires"]
    answers = X["sae0"] > 0
    assert score == pytest.approx(np.corrcoef(X["sae0"], answers)[0, 1], abs=0.1)


def test_when_nothing_is_named_the_last_error_is_raised():
    X = make_activations("word3", "word8")
    with LLMServer(lambda prompt: "no idea") as server:
        with pytest.raises(RuntimeError, match=r"named none of the 2 .*no complete"):
            interpreter_of(server).fit(X)


def test_a_budget_ends_the_work_and_keeps_what_there_is():
    X = make_activations("word3", "word8")
    with LLMServer() as server:
        with pytest.warns(UserWarning, match="max_calls=6 is reached"):
            interpreter = interpreter_of(server, max_calls=6).fit(X)
    assert len(server.calls) == 6
    assert interpreter.concepts_.tolist() == ["mentions word3", "mentions word8"]
    assert interpreter.fidelity_["f1"].isna().all()


def test_the_estimate_costs_nothing_and_is_on_the_high_side():
    X = make_activations("word3", "word8")
    with LLMServer() as server:
        interpreter = interpreter_of(server).set_params(llm__name="openai/gpt-4o-mini")
        estimate = interpreter.estimate_cost(X)
        assert not server.calls and not hasattr(interpreter, "n_features_in_")
        interpreter.fit(X)
        unknown = interpreter_of(server).estimate_cost(X)
    assert interpreter.usage_["calls"] <= estimate["calls"]
    assert interpreter.usage_["dollars"] <= estimate["dollars"]
    assert estimate["dollars"] < 10 * interpreter.usage_["dollars"]
    assert unknown["dollars"] is None


def test_without_scoring_nothing_is_judged():
    X = make_activations("word3", "word8")
    with LLMServer() as server:
        interpreter = interpreter_of(server, n_scoring=0, n_candidates=1).fit(X)
    assert len(server.calls) == 2
    assert interpreter.fidelity_["f1"].isna().all()


def test_without_scoring_no_text_is_kept_back():
    X = make_activations("word3")
    rare = np.flatnonzero(X["sae0"])[:6]
    X.loc[~np.isin(np.arange(len(X)), rare), "sae0"] = 0
    texts = X.index.get_level_values("text")[rare]
    with LLMServer() as server:
        interpreter_of(server, n_scoring=0, n_candidates=1).fit(X)
        interpreter_of(server, n_candidates=1).fit(X)
    without, with_scoring = (
        set(texts) & {plain(text) for text in shown_in(prompt)}
        for prompt in prompts_of(server)[:2]
    )
    assert without == set(texts) > with_scoring


def test_the_same_seed_asks_nothing_twice(tmp_path):
    X = make_activations("word3", "word8")
    with LLMServer() as server:
        first = interpreter_of(server, cache_dir=tmp_path).fit(X)
        n_calls = len(server.calls)
        again = interpreter_of(server, cache_dir=tmp_path).fit(X)
        assert len(server.calls) == n_calls
    assert again.usage_["calls"] == 0 and again.usage_["cache_hits"] > 0
    pd.testing.assert_frame_equal(first.fidelity_, again.fidelity_)


def test_the_judge_may_be_another_model():
    X = make_activations("word3")
    with LLMServer() as server:
        interpreter_of(server, judge_llm="openai/small").fit(X)
    for call in server.calls:
        is_judging = "<properties>" in call["body"]["messages"][0]["content"]
        assert call["body"]["model"] == ("small" if is_judging else "m")


@pytest.mark.parametrize("prompt", ["default", "contrastive", "reasoning"])
def test_instructions_reach_every_prompt_and_their_absence_is_not_none(prompt):
    # The peer's prompt holds the word "None" where no instructions are given.
    X = make_activations("word3")
    with LLMServer() as server:
        interpreter_of(server, prompt=prompt, instructions="These are jokes.").fit(X)
        assert all("These are jokes." in p for p in prompts_of(server))
        server.calls.clear()
        interpreter_of(server, prompt=prompt).fit(X)
        assert not any("None" in p or "$" in p for p in prompts_of(server))


def test_a_model_may_reason_where_the_prompt_asks_for_it():
    def answer(prompt):
        found = json.loads(answer_by_rules(prompt))
        if "<properties>" in prompt:
            return json.dumps(found)
        reasoning = 'Most say {"property": "mentions rain"}, but not all.'
        return f"Well.\n{json.dumps({'reasoning': reasoning, **found})}"

    def keys_of(prompt):
        with LLMServer(answer) as server:
            interpreter = interpreter_of(server, prompt=prompt, n_scoring=0).fit(X)
        assert interpreter.concepts_ == ["mentions word3"]
        form = server.calls[0]["body"]["response_format"]["json_schema"]["schema"]
        assert form["required"] == list(form["properties"])
        return form["required"]

    X = make_activations("word3")
    # Models that are held to a schema write its keys in this order.
    assert keys_of("reasoning") == ["reasoning", "property"]
    assert keys_of("default") == ["property"]
    own = "<a-which-it-fires>\n$firing\n</a-which-it-fires> $silent {}"
    assert keys_of(own.format('{"reasoning": "", "property": ""}'))[0] == "reasoning"


def test_a_template_of_ones_own():
    X = make_activations("word3")
    template = "F:\n<f-which-it-fires>\n$firing\n</f-which-it-fires> $5 $silent"
    with LLMServer() as server:
        interpreter = interpreter_of(server, prompt=template).fit(X)
        with pytest.raises(ValueError, match=r"\$firing and \$silent"):
            interpreter_of(server, prompt="name it").fit(X)
    assert prompts_of(server, "F:\n")[0].startswith("F:\n<f-which")
    assert interpreter.concepts_ == ["mentions word3"]


def test_texts_are_cut_at_the_word_budget():
    X = make_activations("word3")
    with LLMServer() as server:
        interpreter_of(server, max_words=4).fit(X)
    texts = shown_in(prompts_of(server)[0])
    assert all(len(text.split()) == 5 and text.endswith(" [...]") for text in texts)


def test_score_is_the_mean_correlation_on_new_texts():
    X, new = (
        make_activations("word3", "word8"),
        make_activations("word3", "word8", seed=1),
    )
    with LLMServer() as server:
        interpreter = interpreter_of(server, n_scoring=1000).fit(X)
        score = interpreter.score(new)
    expected = [np.corrcoef(new[c], new[c] > 0)[0, 1] for c in new]
    assert score == pytest.approx(np.mean(expected))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"llm": None}, r"pass llm='provider/name'.*KeyphraseInterpreter"),
        ({"llm": "gibberish"}, "knows no provider"),
        ({"llm__api_base": None}, "OPENAI_API_KEY"),
        ({"judge_llm": "gibberish"}, "knows no provider"),
        ({"sampling": (90, 80)}, "two percentiles"),
        ({"sampling": (1, 2, 3)}, "two percentiles"),
        ({"negatives": "none"}, "'negatives' parameter"),
        ({"n_examples": 1}, "'n_examples' parameter"),
    ],
)
def test_bad_input_is_refused_before_any_call(options, message, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    X = make_activations("word3", n_rows=20)
    with LLMServer() as server:
        interpreter = interpreter_of(server).set_params(**options)
        with pytest.raises(ValueError, match=message):
            interpreter.fit(X)
    assert not server.calls


def test_texts_are_needed_and_may_be_given_apart():
    X = make_activations("word3")
    texts = X.index.get_level_values("text").tolist()
    with LLMServer() as server:
        interpreter = interpreter_of(server)
        with pytest.raises(ValueError, match="X carries no texts"):
            interpreter.fit(X.to_numpy())
        assert not server.calls
        out = interpreter.fit_transform(X.to_numpy(), texts=texts)
    assert out.columns.tolist() == ["mentions word3"]


def test_clone_and_pickle():
    X = make_activations("word3")
    with LLMServer() as server:
        interpreter = interpreter_of(server).fit(X)
    again = pickle.loads(pickle.dumps(interpreter))
    assert again.concepts_.tolist() == interpreter.concepts_.tolist()
    assert repr(clone(interpreter)) == repr(interpreter)


class WithTexts(LLMInterpreter):
    """Takes plain numbers, as scikit-learn's checks give them."""

    def fit(self, X, y=None):
        return super().fit(X, y, texts=_any_texts(X))

    def fit_transform(self, X, y=None):
        return self.fit(X, y).transform(X)

    def score(self, X, y=None):
        return super().score(X, y, texts=_any_texts(X))


def _any_texts(X):
    n_rows = X.shape[0] if hasattr(X, "shape") else len(np.asarray(X))
    return [f"text {i}" for i in range(n_rows)]


def _a_label_for_anything(prompt):
    if "<properties>" in prompt:
        return answer_by_rules(prompt)
    return '{"property": "is a text"}'


@pytest.fixture(scope="module")
def server_from_environment():
    # The address would be part of the tests' names, which must not change from one
    # run, or one worker, to the next.
    with LLMServer(_a_label_for_anything) as server, pytest.MonkeyPatch.context() as p:
        p.setenv("OPENAI_BASE_URL", server.url)
        p.setenv("OPENAI_API_KEY", "none")
        yield


@parametrize_with_checks(
    [WithTexts("openai/m", n_candidates=1, n_scoring=5, random_state=0)],
)
@pytest.mark.usefixtures("server_from_environment")
@pytest.mark.filterwarnings("ignore:.*neurons have no label:UserWarning")
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)
