"""What is read of a text: against a plain forward pass over that text alone."""

import json
import sys

import numpy as np
import pytest
from hub_server import GATED, running_hub, use_hub
from reader_models import N_LAYERS, save_model

from sklearn_hsae import ReaderSAETransformer

LAYER = 1


def read(model, texts, **options):
    options = {
        "max_norm_ratio": float("inf"),
        "layer": LAYER,
        "cache_dir": None,
    } | options
    return ReaderSAETransformer(model, **options).fit_transform(texts).to_numpy()


@pytest.mark.parametrize("layer", range(N_LAYERS - 1))
def test_states_are_those_of_the_whole_model(tiny_model, plain_states, texts, layer):
    # Only the layers up to this one are run, in padded batches of different lengths.
    rows = read(tiny_model, texts[:9], layer=layer, batch_size=4)
    for text, row in zip(texts, rows, strict=False):
        expected = plain_states(tiny_model, text, layer).mean(axis=0)
        np.testing.assert_allclose(row, expected, atol=2e-6)


def test_the_last_layer_is_read_before_the_final_norm(tiny_model, texts):
    import torch
    import transformers

    rows = read(tiny_model, texts[:3], layer=-1, aggregate="last")
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_model)
    for text, row in zip(texts, rows, strict=False):
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.no_grad():
            normed = model.model.norm(torch.tensor(row))
            last = model(ids, output_hidden_states=True).hidden_states[-1][0, -1]
        np.testing.assert_allclose(normed, last, atol=2e-6)


def test_the_middle_layer_is_the_default(tiny_model, texts):
    reader = ReaderSAETransformer(tiny_model).fit(texts)
    assert reader.layer_ == 1  # of 0 to 3
    assert reader.get_feature_names_out()[:2].tolist() == ["hidden0", "hidden1"]


def test_a_model_with_other_names_for_its_parts(plain_states, texts, tmp_path):
    model = save_model(tmp_path, is_gpt2=True)
    for text, row in zip(texts[:5], read(model, texts[:5]), strict=True):
        expected = plain_states(model, text, LAYER).mean(axis=0)
        np.testing.assert_allclose(row, expected, rtol=1e-5, atol=1e-4)


def test_a_model_is_loaded_once_for_its_middle_layer(tiny_model, texts):
    from sklearn_hsae.reader._hidden_states import _load

    _load.cache_clear()
    for layer in ("auto", 1, -3):
        read(tiny_model, texts, layer=layer)
    assert _load.cache_info().misses == 1


def test_the_padding_side_of_the_tokenizer_changes_nothing(tiny_model, texts, tmp_path):
    left = save_model(tmp_path, padding_side="left")
    np.testing.assert_array_equal(read(left, texts), read(tiny_model, texts))


def test_the_other_texts_of_a_call_change_nothing_but_rounding(tiny_model, texts):
    reader = ReaderSAETransformer(
        tiny_model, layer=LAYER, batch_size=7, cache_dir=None
    ).fit(texts)
    together = reader.transform(texts).to_numpy()
    alone = np.vstack([reader.transform([text]).to_numpy() for text in texts])
    np.testing.assert_allclose(together, alone, atol=2e-6)
    reversed_ = reader.transform([*texts[::-1], texts[0]]).to_numpy()
    np.testing.assert_allclose(reversed_[:-1][::-1], alone, atol=2e-6)


def test_a_token_that_begins_each_sequence_stands_in_the_first_position(
    plain_states, texts, tmp_path
):
    # Then the first word counts, and the token before it does not.
    model = save_model(tmp_path, has_bos=True)
    rows = read(model, texts[:3])
    for text, row in zip(texts, rows, strict=False):
        expected = plain_states(model, text, LAYER, head=[1]).mean(axis=0)
        np.testing.assert_allclose(row, expected, atol=2e-6)


def test_special_tokens_in_a_text_do_not_count(tiny_model, plain_states):
    text = "the soup </s> was cold <s>"
    expected = plain_states(tiny_model, text, LAYER, n_left_out=0)[[1, 3, 4]]
    (row,) = read(tiny_model, [text])
    np.testing.assert_allclose(row, expected.mean(axis=0), atol=2e-6)


def test_an_unknown_word_counts(tiny_model, plain_states):
    expected = plain_states(tiny_model, "the blancmange", LAYER)[0]
    (row,) = read(tiny_model, ["the blancmange"])
    np.testing.assert_allclose(row, expected, atol=2e-6)


def test_the_tokens_of_a_chat_template_do_not_count(plain_states, texts, tmp_path):
    template = (
        "{% for m in messages %}the {{ m.role }} . {{ m.content }} late</s>{% endfor %}"
    )
    model = save_model(tmp_path, template=template)
    rows = read(model, texts[:3], chat_role="waiter")
    for text, row in zip(texts, rows, strict=False):
        states = plain_states(model, f"the waiter . {text}", LAYER, n_left_out=3)
        np.testing.assert_allclose(row, states.mean(axis=0), atol=2e-6)
    with pytest.raises(ValueError, match="leaves out what the role 'x'"):
        silent = template.replace("m.content", "''")
        read(save_model(tmp_path, template=silent), texts[:3], chat_role="x")


def test_chat_role_needs_a_template(tiny_model, texts):
    with pytest.raises(ValueError, match="has none"):
        read(tiny_model, texts, chat_role="user")


def test_a_long_text_is_read_in_windows_that_leave_nothing_out(
    tiny_model, plain_states, texts
):
    words = " ".join(texts).split()[:30]
    (row,) = read(tiny_model, [" ".join(words)], max_tokens=8, aggregate="sum")
    total, n_tokens, done = np.zeros(len(row)), 0, 1
    for start in range(0, 30, 6):  # a quarter of each window is read again
        window = words[start : start + 8]
        new = done - start
        states = plain_states(tiny_model, " ".join(window), LAYER, n_left_out=new)
        total, n_tokens, done = (
            total + states.sum(axis=0),
            n_tokens + len(states),
            start + 8,
        )
        if done >= 30:
            break
    assert n_tokens == 29
    np.testing.assert_allclose(row, total, rtol=1e-4, atol=1e-5)


def test_a_window_is_never_longer_than_the_model_allows(tiny_model, texts):
    long = [" ".join(texts)]  # 400 words, and the model has 128 positions
    np.testing.assert_array_equal(
        read(tiny_model, long, max_tokens=1000), read(tiny_model, long, max_tokens=128)
    )


def test_tokens_of_outlying_norm_do_not_count(plain_states, texts, tmp_path):
    import torch
    import transformers

    folder = save_model(tmp_path)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    cold = transformers.AutoTokenizer.from_pretrained(folder)("cold")["input_ids"][0]
    with torch.no_grad():
        model.model.embed_tokens.weight[cold] *= 1000
    model.save_pretrained(folder)
    text = "the soup was cold . nice view"
    states = plain_states(folder, text, LAYER)
    norms = np.linalg.norm(states, axis=1)
    assert norms[2] > 20 * np.median(norms)
    (row,) = read(folder, [text, *texts], max_norm_ratio=5.0)[:1]
    np.testing.assert_allclose(
        row, np.delete(states, 2, axis=0).mean(axis=0), rtol=1e-4, atol=1e-5
    )


def test_broken_characters_are_read(tiny_model):
    assert np.isfinite(read(tiny_model, ["the soup \ud83d was", "a \udc80 view"])).all()


def test_a_text_without_a_token_that_counts_is_a_row_of_zeros(tiny_model, texts):
    reader = ReaderSAETransformer(tiny_model).fit(texts)
    with pytest.warns(UserWarning, match="1 empty text at row position 1"):
        rows = reader.transform(["soup", " ", "the soup"]).to_numpy()
    assert not rows[:2].any() and rows[2].any()
    with pytest.raises(ValueError, match="None of 2 texts has a token that counts"):
        reader.fit(["soup", "view"])


def test_what_cannot_be_read_is_named(tiny_model, texts, tmp_path):
    with pytest.raises(ValueError, match=r"layer=4 does not exist: .* 0 to 3"):
        ReaderSAETransformer(tiny_model, layer=4).fit(texts)
    for name in ("no-model", "no-model.gguf"):
        with pytest.raises(FileNotFoundError, match=f"no file or folder '.*{name}'"):
            ReaderSAETransformer(str(tmp_path / name)).fit(texts)
    with pytest.raises(ValueError, match=r"\(folder\) cannot be loaded"):
        ReaderSAETransformer(str(tmp_path)).fit(texts)
    with pytest.raises(ValueError, match="counts activations"):
        ReaderSAETransformer(tiny_model, aggregate="count").fit(texts)


def test_a_model_with_code_of_its_own_is_refused(texts, tmp_path):
    config = {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "own.py").write_text("raise SystemExit('it is run')")
    with pytest.raises(ValueError, match="code from its own files, which is never run"):
        ReaderSAETransformer(str(tmp_path)).fit(texts)


def test_a_model_that_needs_consent_says_how(texts, tmp_path, monkeypatch):
    with running_hub() as (address, repositories):
        use_hub(monkeypatch, address, tmp_path)
        repositories["owner/gated"] = GATED
        with pytest.raises(ValueError, match=r"asks for consent.*HF_TOKEN"):
            ReaderSAETransformer("owner/gated").fit(texts)


@pytest.mark.parametrize("missing", ["accelerate", "gguf"])
def test_a_gguf_file_needs_an_extra(texts, tmp_path, monkeypatch, missing):
    (tmp_path / "model.gguf").touch()
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=rf"{missing}.*sklearn-hsae\[reader\]"):
        ReaderSAETransformer(str(tmp_path / "model.gguf")).fit(texts)
