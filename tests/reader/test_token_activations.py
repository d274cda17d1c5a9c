"""Tokens one by one, and their marks in the texts."""

import numpy as np
import pytest
from reader_models import WORDS

from sklearn_hsae import MatryoshkaSAETransformer, ReaderSAETransformer


@pytest.fixture(scope="module")
def fitted(tiny_model, texts):
    sae = MatryoshkaSAETransformer(32, 4, max_epochs=3, random_state=0)
    return ReaderSAETransformer(tiny_model, sae).fit(texts)


def test_tokens_have_the_activations_of_their_states(
    tiny_model, plain_states, texts, fitted
):
    found = fitted.token_activations(texts)
    assert found.indptr[0] == 0 and found.indptr[-1] == len(found.spans)
    for i, text in enumerate(texts):
        tokens = slice(found.indptr[i], found.indptr[i + 1])
        states = plain_states(tiny_model, text, fitted.layer_)
        is_kept = np.linalg.norm(states, axis=1) <= fitted.largest_norm_
        words = np.array(text.split()[1:])[is_kept]
        assert [text[a:b] for a, b in found.spans[tokens]] == words.tolist()
        expected = fitted.sae_.transform(states[is_kept].astype(np.float16))
        np.testing.assert_allclose(
            found.activations[tokens].toarray(), expected, atol=2e-3
        )


def test_a_row_is_pooled_from_these_tokens(texts, fitted):
    found = fitted.token_activations(texts)
    rows = fitted.transform(texts).to_numpy()
    for i, row in enumerate(rows):
        tokens = slice(found.indptr[i], found.indptr[i + 1])
        largest = found.activations[tokens].toarray().max(axis=0)
        np.testing.assert_allclose(row, largest, atol=1e-6)


def test_some_features_by_name_or_position(texts, fitted):
    every = fitted.token_activations(texts).activations
    some = fitted.token_activations(texts, ["sae7", 3])
    assert some.features.tolist() == ["sae7", "sae3"]
    np.testing.assert_array_equal(
        some.activations.toarray(), every[:, [7, 3]].toarray()
    )
    for one in ("sae7", 7):
        alone = fitted.token_activations(texts, one).activations
        np.testing.assert_array_equal(alone.toarray(), every[:, [7]].toarray())
    assert repr(some).endswith(f"tokens in {len(texts)} texts, 2 features>")
    for unknown in ("x", 32, -1):
        with pytest.raises(ValueError, match=r"'sae0' to 'sae31', or .* 0 to 31"):
            fitted.token_activations(texts, [unknown])


def test_hidden_states_have_no_activations(tiny_model, texts):
    with pytest.raises(ValueError, match="no activations"):
        ReaderSAETransformer(tiny_model).fit(texts).token_activations(texts)


def test_long_texts_keep_their_places(tiny_model, texts, fitted):
    long = " ".join(texts[:8])
    reader = ReaderSAETransformer(
        tiny_model, fitted.sae, max_tokens=16, max_norm_ratio=float("inf")
    ).fit(texts)
    found = reader.token_activations(["the", long])
    assert found.indptr.tolist() == [0, 0, len(long.split()) - 1]
    assert [long[a:b] for a, b in found.spans] == long.split()[1:]


def test_marks_are_where_the_neuron_is_active(texts, fitted):
    found = fitted.token_activations(texts)
    neuron = int(found.activations.sum(axis=0).argmax())
    for threshold in (0, 0.5):
        marked = fitted.mark(texts, neuron, threshold=threshold)
        for i, (text, with_marks) in enumerate(zip(texts, marked, strict=True)):
            tokens = slice(found.indptr[i], found.indptr[i + 1])
            values = found.activations[tokens, neuron].toarray()[:, 0]
            is_active = values > threshold * values.max(initial=0)
            words = {text[a:b] for a, b in found.spans[tokens][is_active]}
            inside = [p.split(">>")[0] for p in with_marks.split("<<")[1:]]
            assert {w for part in inside for w in part.split()} == words
            assert with_marks.replace("<<", "").replace(">>", "") == text


def test_a_silent_neuron_and_an_empty_text_get_no_marks(fitted):
    assert fitted.mark(["", WORDS[0]], "sae0") == ["", WORDS[0]]


def test_other_marks(texts, fitted):
    neuron = int(fitted.token_activations(texts).activations.sum(axis=0).argmax())
    usual = fitted.mark(texts, neuron)
    others = fitted.mark(texts, neuron, marks=("[[", "]]"))
    assert [m.replace("[[", "<<").replace("]]", ">>") for m in others] == usual
    with pytest.raises(ValueError, match="two characters or more"):
        fitted.mark(texts, neuron, marks=("*", "*"))


def test_texts_that_show_a_neuron(texts, fitted):
    rows = fitted.transform(texts).to_numpy()
    share = (rows > 0).mean(axis=0)
    neuron = int(np.abs(share - 0.5).argmin())
    values = rows[:, neuron]
    found = {
        kind: fitted.top_texts(texts, f"sae{neuron}", 4, kind=kind)
        for kind in ("top", "quantiles", "silent", "near_misses")
    }
    for kind, table in found.items():
        assert len(table) == 4 and table["row"].is_unique
        np.testing.assert_array_equal(table["activation"], values[table["row"]])
        for row, text in zip(table["row"], table["text"], strict=True):
            assert text.replace("<<", "").replace(">>", "") == texts[row]
            assert ("<<" in text) == (kind in ("top", "quantiles"))
    np.testing.assert_array_equal(found["top"]["activation"], np.sort(values)[:-5:-1])
    weakest = np.quantile(values[values > 0], 0.25)
    assert found["quantiles"]["activation"].iloc[-1] <= weakest
    # The cosine with the sum of the top rows, by loops.
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1), 1e-12)[:, None]
    likeness = unit @ unit[found["top"]["row"]].sum(axis=0)
    silent = np.flatnonzero(values == 0)
    expected = silent[np.argsort(-likeness[silent])[:4]]
    np.testing.assert_allclose(
        likeness[found["near_misses"]["row"]], likeness[expected], rtol=1e-5
    )
    with pytest.raises(ValueError, match="kind must be one of"):
        fitted.top_texts(texts, neuron, kind="best")
    with pytest.raises(ValueError, match="int >= 1"):
        fitted.top_texts(texts, neuron, 0)


def test_a_neuron_that_never_fires_has_no_top_texts(texts, fitted):
    neuron = int(fitted.transform(texts[:1]).to_numpy()[0].argmin())
    assert len(fitted.top_texts(texts[:1], neuron)) == 0
    assert len(fitted.top_texts(texts[:1], neuron, kind="quantiles")) == 0
    assert len(fitted.top_texts(texts[:1], neuron, kind="near_misses")) == 1
