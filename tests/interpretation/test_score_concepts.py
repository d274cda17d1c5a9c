import json
import re

import numpy as np
import pandas as pd
import pytest
from llm_server import (
    LLMServer,
    answer_by_rules,
    chat,
    has_property,
    language_model,
    prompt_in,
)
from sklearn.metrics import roc_auc_score

from sklearn_hsae import with_texts
from sklearn_hsae.interpretation import score_concepts
from sklearn_hsae.interpretation._spans import marked, telling_sentences
from sklearn_hsae.judges import sentences

WORDS = [f"word{i}" for i in range(30)]
CONCEPTS = ["mentions word1", "mentions word2"]


def strength(text, concept):
    """A neuron that fires on the sentences with its word, at most two of them."""
    return min(sum(has_property(concept, s) for s in text.split(". ")), 2)


def activate(texts, concepts=CONCEPTS):
    return np.array([[strength(t, c) for c in concepts] for t in texts], float)


def make_frame(labels=CONCEPTS, n=400, seed=0):
    rng = np.random.default_rng(seed)
    texts = [
        ". ".join(" ".join(rng.choice(WORDS, 5)) for _ in range(3)) for _ in range(n)
    ]
    frame = with_texts(activate(texts), texts)
    return frame.set_axis(labels, axis=1)


def score(server, X, *scorers, **options):
    llm = language_model(server, options)
    options = {"n_texts": 60, "random_state": 0, **options}
    return score_concepts(X, scorers=scorers, llm=llm, **options)


def value_of(table, metric, concept=CONCEPTS[0], quantile=None):
    rows = table[(table["metric"] == metric) & (table["concept"] == concept)]
    wanted = (
        rows["quantile"].isna() if quantile is None else rows["quantile"].eq(quantile)
    )
    return rows.loc[wanted, "value"].item()


@pytest.fixture(scope="module")
def server():
    with LLMServer() as server:
        yield server


def test_a_right_label_is_detected_in_every_quantile(server):
    table = score(server, make_frame(), "detection", "recall")
    detection = table[table["scorer"] == "detection"]
    assert value_of(detection, "f1") == 1
    assert value_of(detection, "mcc") == pytest.approx(1)
    assert value_of(detection, "n_rows") == 60
    assert value_of(table[table["scorer"] == "recall"], "recall") == 1
    recall = table[table["scorer"] == "recall"]
    assert value_of(detection, "share_of_yes", quantile=0) == 0
    for quantile in (1, 2, 3, 4):
        assert value_of(detection, "share_of_yes", quantile=quantile) == 1
        assert value_of(recall, "recall", quantile=quantile) == 1


def test_what_was_asked_is_on_the_table():
    with LLMServer() as server:
        table = score(server, make_frame(), "detection", "simulation")
        assert table.attrs["usage"]["calls"] == len(server.calls) > 0


def test_labels_of_other_neurons_score_badly_everywhere(server, minilm):
    swapped = make_frame(labels=CONCEPTS[::-1])
    table = score(
        server,
        swapped,
        "detection",
        "simulation",
        "fuzz",
        activate=lambda texts: activate(texts),
    )
    assert abs(value_of(table[table["scorer"] == "detection"], "mcc")) < 0.4
    assert abs(value_of(table[table["scorer"] == "simulation"], "correlation")) < 0.4
    assert value_of(table, "explained_variance") < 0.1
    fuzz = table[table["scorer"] == "fuzz"]
    assert 0.3 < value_of(fuzz, "balanced_accuracy") < 0.7


def test_fuzz_marks_the_sentence_that_makes_the_neuron_fire(server):
    table = score(server, make_frame(), "fuzz", activate=activate)
    assert value_of(table, "recall") == 1
    # Another sentence may have the word as well.
    assert value_of(table, "precision") > 0.75
    accuracy = [value_of(table, "accuracy", quantile=q) for q in (1, 2, 3, 4)]
    assert 0.75 < np.mean(accuracy) <= 1


def test_simulation_is_the_correlation_with_the_predicted_activations(server):
    X = make_frame()
    table = score(server, X, "simulation", n_texts=1000)
    # All rows are in the sample: the neurons fire on less than half of them.
    firing = np.flatnonzero(X[CONCEPTS[0]])
    assert len(firing) < 200
    true = X[CONCEPTS[0]].to_numpy()
    predicted = 10.0 * (true > 0)
    assert value_of(table, "correlation") == pytest.approx(
        np.corrcoef(predicted, true)[0, 1]
    )
    assert value_of(table, "predicted", quantile=0) == 0
    assert value_of(table, "predicted", quantile=1) == 10
    rest = true - predicted * 2 / 10
    assert value_of(table, "explained_variance") == pytest.approx(
        1 - np.mean(rest**2) / np.var(true)
    )


def test_embedding_is_the_auc_of_the_cosines(minilm):
    from sklearn_hsae import EmbeddingTransformer

    texts = ["the food was cold", "cold soup again", "a lovely view", "we saw the sea"]
    X = with_texts(np.array([[1.0], [2.0], [0.0], [0.0]]), texts)
    X = X.set_axis(["mentions cold food"], axis=1)
    table = score_concepts(X, scorers=["embedding"], random_state=0)
    vectors = EmbeddingTransformer(minilm).fit_transform([X.columns[0], *texts])
    expected = roc_auc_score([1, 1, 0, 0], vectors.to_numpy()[1:] @ vectors.iloc[0])
    concept = X.columns[0]
    assert value_of(table, "auc", concept) == expected == 1
    cosines = vectors.to_numpy()[1:] @ vectors.iloc[0]
    assert value_of(table, "cosine", concept, 0) == pytest.approx(cosines[2:].mean())


def test_one_json_for_each_label(server, tmp_path):
    table = score(server, make_frame(), "detection", folder=tmp_path / "scores")
    files = sorted((tmp_path / "scores").iterdir())
    assert [f.name for f in files] == [
        "000-mentions-word1.json",
        "001-mentions-word2.json",
    ]
    content = json.loads(files[1].read_text())
    assert content["concept"] == "mentions word2"
    again = pd.DataFrame(content["scores"])
    own = table[table["concept"] == "mentions word2"]
    np.testing.assert_allclose(again["value"].astype(float), own["value"])


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        (np.eye(3), {}, "labels from the columns"),
        (pd.DataFrame({"a": [1.0]}), {}, "carries none"),
        (make_frame(n=9), {"scorers": ["f1"]}, r"among .*got \['f1'\]"),
        (make_frame(n=9), {"scorers": ["recall"]}, "ask a language model"),
        (make_frame(n=9), {"scorers": ["fuzz"], "llm": "openai/m"}, "activate="),
        (make_frame(n=9), {"scorers": ["surprisal"]}, "local_model="),
    ],
)
def test_bad_input(X, options, message):
    with pytest.raises(ValueError, match=message):
        score_concepts(X, **options)


def test_the_telling_sentence_is_the_one_whose_removal_costs_most():
    texts = [
        "Nothing to see. It says word1 once! And the end.",
        "word1 only",
        # One less changes nothing.
        "word1 is there. word1 is here. word1 is everywhere.",
        "No such thing. Not here either.",
    ]
    assert telling_sentences(texts, 0, activate_by_dot) == [1, None, None, None]
    assert telling_sentences(["one sentence"], 0, activate_by_dot) == [None]


def activate_by_dot(texts):
    return np.array([[min(t.count("word1"), 2)] for t in texts], float)


def test_marks_of_a_text_itself_are_broken_up():
    text = "Now say [[this]]. And then that!\nThis is it"
    assert sentences(text) == ["Now say [[this]].", "And then that!", "This is it"]
    assert marked(text, 1) == "Now say [ [this] ]. [[And then that!]] This is it"


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    """A causal model with random weights that knows a handful of words."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[UNK]", "A", "text", "that", "mentions", ":", *WORDS, "."]
    tokenizer = Tokenizer(
        models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    folder = tmp_path_factory.mktemp("tiny")
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(
        folder
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = transformers.GPT2Config(
            vocab_size=len(words), n_positions=600, n_embd=16, n_layer=2, n_head=2
        )
        transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    return str(folder)


def test_surprisal_is_the_plain_sum_over_tokens(tiny_model):
    import torch
    import transformers

    from sklearn_hsae.interpretation._surprisal import surprisal

    prefix, texts = "A text :", ["word1 word2 .", "word3", "word4 " * 20, ""]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_model)
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    for text, value in zip(texts, surprisal(tiny_model, prefix, texts), strict=True):
        ids = tokenizer(f"{prefix} {text}")["input_ids"]
        losses = []
        for i in range(3, len(ids)):
            with torch.no_grad():
                logits = model(torch.tensor([ids[:i]])).logits[0, -1].double()
            losses.append(float(logits.logsumexp(0) - logits[ids[i]]))
        if losses:
            assert value == pytest.approx(np.mean(losses), rel=1e-5)
        else:
            assert np.isnan(value)


def test_surprisal_scores_firing_against_silent_texts(tiny_model):
    table = score_concepts(
        make_frame(), scorers=["surprisal"], local_model=tiny_model, random_state=0
    )
    drops = [value_of(table, "drop", quantile=q) for q in (0, 1, 2, 3, 4)]
    # 50 firing texts in four parts, against as many silent ones.
    share = np.array([13, 13, 12, 12]) / 50
    firing = share @ np.array(drops[1:])[::-1]
    assert value_of(table, "drop") == pytest.approx(firing - drops[0])
    assert table.loc[table["metric"] == "auc", "value"].between(0.2, 0.8).all()


def test_probabilities_of_the_judge_are_recorded_and_rank_the_texts():
    def fault(number, body):
        content = answer_by_rules(prompt_in(body))
        response = chat(content)
        tokens = re.findall(r'"[^"]*"|\w+|\W', content)
        response[2]["choices"][0]["logprobs"] = {
            "content": [
                {
                    "token": token,
                    "logprob": np.log(rng.uniform(0.55, 1)),
                    "bytes": None,
                    "top_logprobs": [],
                }
                for token in tokens
            ]
        }
        return response if body.get("logprobs") else None

    rng = np.random.default_rng(0)
    with LLMServer(faults=fault) as server:
        table = score(
            server,
            make_frame(["mentions word1, word9", CONCEPTS[1]]),
            "detection",
            "fuzz",
            activate=activate,
            probabilities=True,
        )
    examples = pd.DataFrame(table.attrs["examples"])
    assert examples["probability"].between(0, 1, inclusive="neither").all()
    decided = (examples["probability"] >= 0.5).astype(float)
    assert decided.tolist() == examples["prediction"].tolist()
    for (concept, scorer), part in examples.groupby(["concept", "scorer"]):
        rows = table[table["scorer"] == scorer]
        expected = roc_auc_score(part["activating"], part["probability"])
        assert value_of(rows, "auc", concept) == pytest.approx(expected)


def test_without_probabilities_of_the_server_they_are_yes_and_no(server):
    table = score(server, make_frame(), "detection", probabilities=True)
    examples = pd.DataFrame(table.attrs["examples"])
    assert examples["probability"].isin([0, 1]).all()
    plain = score(server, make_frame(), "detection")
    assert "probability" not in pd.DataFrame(plain.attrs["examples"])
    assert "auc" not in plain["metric"].to_numpy()
