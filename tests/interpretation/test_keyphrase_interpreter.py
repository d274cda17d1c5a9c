import ast
import re

import numpy as np
import pandas as pd
import pytest

from sklearn_hsae import (
    ConceptAnnotator,
    EmbeddingTransformer,
    HypothesisRegressor,
    KeyphraseInterpreter,
    with_texts,
)
from sklearn_hsae.interpretation._literal_share import literal_shares

WORDS = (
    "alpha bravo chess delta event fjord globe hotel india joker kayak lemon".split()
)


def texts_with(marker, has, seed=0):
    """Texts of six random words; those in `has` hold `marker` as well."""
    rng = np.random.default_rng(seed)
    return [
        " ".join(
            rng.permutation([*rng.choice(WORDS, 6, replace=False), marker][: 6 + h])
        )
        for h in has
    ]


def interpreter_of(**parameters):
    return KeyphraseInterpreter(judge="keyphrase", random_state=0, **parameters)


@pytest.mark.parametrize(
    "share, judge",
    [
        (0.02, "keyphrase"),
        (0.3, "keyphrase"),
        (0.6, "keyphrase"),
        (0.9, "keyphrase"),
        (0.6, "embedding"),
    ],
)
def test_the_word_that_a_neuron_is_names_it_however_frequent(share, judge):
    has = np.arange(300) % 100 < 100 * share
    X = with_texts(has[:, None].astype(float), texts_with("refund", has))
    interpreter = KeyphraseInterpreter(judge=judge, random_state=0)
    annotator = ConceptAnnotator(judge=judge)
    annotations = annotator.fit_transform(interpreter.fit_transform(X))
    assert interpreter.concepts_.tolist() == ["mentions refund"]
    assert np.corrcoef(annotations.to_numpy()[:, 0], has)[0, 1] > 0.95


def test_a_function_word_names_nothing_however_well_it_goes_with_a_neuron():
    has = np.arange(300) % 10 < 3
    texts = texts_with("the refund", has)
    X = with_texts(has[:, None].astype(float), texts)
    assert interpreter_of().fit(X).concepts_.tolist() == ["mentions refund"]


def test_stop_words_may_be_given():
    has = np.arange(300) % 10 < 3
    X = with_texts(has[:, None].astype(float), texts_with("retour refund", has))
    assert interpreter_of(stop_words=["Retour"]).fit(X).concepts_ == "mentions refund"
    with pytest.raises(ValueError, match="'xx' is no language"):
        interpreter_of(stop_words="xx").fit(X)


def with_a_nameless_neuron():
    """A neuron that is a word, and one that fires where no phrase is more frequent."""
    has = np.arange(300) % 10 < 3
    X = np.column_stack([np.zeros(300), has])
    return with_texts(X, texts_with("refund", has)), has


def test_a_neuron_without_a_name_is_no_hypothesis():
    X, has = with_a_nameless_neuron()
    with pytest.warns(UserWarning, match="goes with x0. A neuron without a name"):
        interpreter = interpreter_of().fit(X)
    named = interpreter.transform(X)
    assert list(named) == interpreter.concepts_.tolist() == ["mentions refund"]
    assert interpreter.get_feature_names_out().tolist() == ["mentions refund"]
    fidelity = interpreter.fidelity_
    assert fidelity["neuron"].tolist() == ["x0", "x1"]
    assert fidelity["reason"].tolist() == ["no phrase goes with it", ""]
    assert np.isnan(fidelity["f1"][0]) and fidelity["f1"][1] == 1
    annotations = ConceptAnnotator(judge="keyphrase").fit_transform(named)
    table = HypothesisRegressor().fit(annotations, 2.0 * has + X.index.codes[0] % 2)
    assert table.summary_["hypothesis"].tolist() == ["mentions refund"]


def test_neurons_of_which_none_has_a_name_are_an_error_that_says_why():
    X, _ = with_a_nameless_neuron()
    with pytest.raises(ValueError, match=r"goes with any of the 1 neurons.*3 texts"):
        interpreter_of().fit(X[["x0"]])


@pytest.mark.parametrize("judge", ["keyphrase", "embedding"])
def test_an_emoji_may_name(judge):
    has = np.arange(300) % 10 < 3
    X = with_texts(has[:, None].astype(float), texts_with("\U0001f621", has))
    interpreter = KeyphraseInterpreter(judge=judge, random_state=0).fit(X)
    assert "\U0001f621" in interpreter.concepts_[0]
    assert interpreter.fidelity_["f1"][0] > 0.9


@pytest.mark.parametrize(
    "language, clause, nouns, adjectives, expected",
    [
        ("en", "the {} was {}", "soup table price", "cold dirty slow", "soup"),
        ("hi", "{} बहुत {} था", "खाना मेज़ संगीत", "ठंडा गंदा धीमा", "खाना"),
        ("zh", "{}非常{}", "汤 桌子 价格", "冰冷 肮脏 缓慢", "汤"),
    ],
)
def test_a_part_of_a_phrase_that_says_as_much_is_preferred(
    language, clause, nouns, adjectives, expected
):
    # Where the neuron fires, all clauses are "soup" and "cold"; a "soup" elsewhere is
    # so rare that the longer phrase goes with the neuron better by hardly a twentieth.
    soup, *other_nouns = nouns.split()
    cold, *other_adjectives = adjectives.split()
    rng = np.random.default_rng(0)
    has = np.arange(300) % 3 == 0
    texts = [
        clause.format(soup, cold)
        if fires
        else clause.format(
            soup if i % 75 == 1 else rng.choice(other_nouns),
            rng.choice(other_adjectives if i % 75 == 1 else [cold, *other_adjectives]),
        )
        for i, fires in enumerate(has)
    ]
    follows = np.corrcoef([soup in text for text in texts], has)[0, 1]
    assert 0.96 < follows < 1  # the longer phrase follows it in every text
    X = with_texts(has[:, None].astype(float), texts)
    interpreter = interpreter_of(n_phrases=1, stop_words=language).fit(X)
    assert interpreter.concepts_.tolist() == [f"mentions {expected}"]


def test_a_longer_phrase_that_says_more_than_its_parts_is_kept():
    clauses = [f"the {n} was {a}" for n in ("soup", "table") for a in ("cold", "dirty")]
    texts = np.array(clauses * 50)
    has = texts == "the soup was cold"
    X = with_texts(has[:, None].astype(float), texts)
    assert interpreter_of().fit(X).concepts_.tolist() == ["mentions soup was cold"]


class Blind(EmbeddingTransformer):
    """An embedder for which a text with "soup" is a text with "soup", however cold."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return pd.DataFrame([[1.0 * ("soup" in x), 1.0 * ("table" in x)] for x in X])

    def fit_transform(self, X, y=None):
        return self.transform(X)


def test_what_the_embedder_does_not_tell_apart_is_read_word_for_word():
    clauses = [f"the {n} was {a}" for n in ("soup", "table") for a in ("cold", "warm")]
    texts = np.array(clauses * 50)
    has = texts == "the soup was cold"
    X = with_texts(has[:, None].astype(float), texts)
    interpreter = KeyphraseInterpreter(embedder=Blind(), random_state=0)
    annotator = ConceptAnnotator(embedder=Blind())
    annotations = annotator.fit_transform(interpreter.fit_transform(X))
    assert interpreter.concepts_.tolist() == ["mentions soup was cold"]
    np.testing.assert_array_equal(annotations.to_numpy()[:, 0], has)


def tweets():
    """Two neurons: who is written to, and what about."""
    texts = ["@delta thank you", "@delta hello there", "my bag is lost", "nice view"]
    activations = np.array([[1.0, 0], [1, 0], [0, 1], [0, 0]])
    return np.tile(activations, (10, 1)), texts * 10


def test_labels_made_of_handles_are_told_and_can_be_left_out():
    X, texts = tweets()
    options = {"judge": "keyphrase", "random_state": 0}
    with pytest.warns(UserWarning, match=r"1 of 2 labels .*@delta.*ignore=\['@\*'\]"):
        found = KeyphraseInterpreter(**options).fit(X, texts=texts).concepts_
    assert "mentions delta" in found
    ignoring = KeyphraseInterpreter(ignore=["@*"], **options).fit(X, texts=texts)
    assert not any("delta" in concept for concept in ignoring.concepts_)


def test_labels_made_of_names_are_told_with_the_line_that_leaves_them_out():
    texts = ["we ask Mills for a bill", "we ask Ward for a bill"]
    texts += ["we know that it was a day of rain", "they say that this is all"]
    X = np.tile(np.eye(4)[:, :3], (10, 1))
    options = {"judge": "keyphrase", "n_phrases": 1, "random_state": 0}
    with pytest.warns(UserWarning, match="2 of 3 labels are made of names") as caught:
        KeyphraseInterpreter(**options).fit(X, texts=texts * 10)
    (warning,) = caught
    left_out = re.search(r"ignore=(\[.*\]) to leave", str(warning.message))[1]
    assert ast.literal_eval(left_out) == ["mills", "ward"]
    assert warning.filename == __file__


@pytest.mark.filterwarnings("ignore:1 of 2 labels")
def test_a_word_for_word_label_holds_literally():
    X, texts = tweets()
    interpreter = KeyphraseInterpreter(judge="keyphrase", random_state=0)
    table = interpreter.fit(X, texts=texts).fidelity_
    assert table["literal_share"].tolist() == [1.0, 1.0]


def test_the_literal_share_is_counted_among_the_texts_judged_positive():
    texts = ["a bag", "luggage here", "my suitcase", "a BAG again", "nothing"]
    annotations = np.array([[1.0, 0], [1, 0], [1, 0], [np.nan, 0], [0, 0]])
    shares = literal_shares(
        ["mentions bag, luggage", "mentions bag"], texts, annotations
    )
    assert shares[0] == pytest.approx(2 / 3) and np.isnan(shares[1])
