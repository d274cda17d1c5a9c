"""Autoencoders of other libraries: against their published formulas, in loops."""

import json
import shutil

import numpy as np
import pytest
from reader_models import WIDTH, save_model
from safetensors.numpy import save_file

from sklearn_hsae import MatryoshkaSAETransformer, ReaderSAETransformer
from sklearn_hsae.reader._sae_files import load_sae

N_NEURONS, K = 24, 4


def random_weights(kind):
    rng = np.random.default_rng(1)

    def draw(*shape):
        return rng.normal(size=shape).astype(np.float32)

    weights = {
        "W_enc": draw(WIDTH, N_NEURONS),
        "W_dec": draw(N_NEURONS, WIDTH),
        "b_dec": draw(WIDTH),
    }
    if kind == "gated":
        names = ("b_gate", "b_mag", "r_mag")
        return weights | {name: draw(N_NEURONS) for name in names}
    weights["b_enc"] = draw(N_NEURONS)
    if kind == "jumprelu":
        weights["threshold"] = np.abs(draw(N_NEURONS))
    return weights


def save_saelens(folder, kind, *, weights=None, metadata=None, **config):
    weights = random_weights(kind) if weights is None else weights
    metadata = {"hook_name": "blocks.1.hook_resid_post"} | (metadata or {})
    config = {"architecture": kind, "metadata": metadata, **config}
    if kind == "topk":
        config.setdefault("k", K)
    folder.mkdir(exist_ok=True)
    (folder / "cfg.json").write_text(json.dumps(config))
    save_file(weights, folder / "sae_weights.safetensors")
    return weights


def top_k(scores, k):
    kept = np.zeros_like(scores)
    largest = np.argsort(-scores)[:k]
    kept[largest] = np.maximum(scores[largest], 0)
    return kept


def encode_saelens(state, kind, weights, *, subtracts, normalisation, rescales=False):
    """Activations of one state, as SAELens defines them."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    x = state.astype(np.float64)
    if normalisation == "layer_norm":
        x = (x - x.mean()) / (x.std(ddof=1) + 1e-5)
    elif normalisation == "constant_norm_rescale":
        x = x * np.sqrt(len(x)) / np.linalg.norm(x)
    if subtracts:
        x = x - w["b_dec"]
    if kind == "gated":
        is_open = x @ w["W_enc"] + w["b_gate"] > 0
        passed = x @ (w["W_enc"] * np.exp(w["r_mag"])) + w["b_mag"]
        return is_open * np.maximum(passed, 0)
    h = x @ w["W_enc"] + w["b_enc"]
    if kind == "jumprelu":
        return np.maximum(h, 0) * (h > w["threshold"])
    if kind == "topk":
        scale = np.linalg.norm(w["W_dec"], axis=1) if rescales else 1
        return top_k(h * scale, K)
    return np.maximum(h, 0)


@pytest.fixture(scope="module")
def states():
    rng = np.random.default_rng(2)
    return rng.normal(loc=0.5, scale=2, size=(40, WIDTH)).astype(np.float32)


@pytest.mark.parametrize(
    "normalisation", ["none", "layer_norm", "constant_norm_rescale"]
)
@pytest.mark.parametrize("subtracts", [True, False])
@pytest.mark.parametrize("kind", ["standard", "gated", "jumprelu", "topk"])
def test_saelens(tmp_path, states, kind, subtracts, normalisation):
    weights = save_saelens(
        tmp_path,
        kind,
        apply_b_dec_to_input=subtracts,
        normalize_activations=normalisation,
    )
    sae = load_sae(tmp_path).sae
    expected = [
        encode_saelens(
            state, kind, weights, subtracts=subtracts, normalisation=normalisation
        )
        for state in states
    ]
    activations = sae.transform(states)
    np.testing.assert_allclose(activations.toarray(), expected, atol=1e-4)
    assert activations.data.all()


def test_the_reconstruction_is_in_the_units_of_the_states(tmp_path, states):
    weights = save_saelens(tmp_path, "standard", normalize_activations="layer_norm")
    sae = load_sae(tmp_path).sae
    left = sae.transform(states) @ weights["W_dec"] + weights["b_dec"]
    expected = left * (states.std(axis=1, ddof=1, keepdims=True) + 1e-5)
    expected += states.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(sae.reconstruct(states), expected, rtol=1e-4, atol=1e-4)


def test_topk_with_activations_scaled_by_the_norm_of_the_decoder(tmp_path, states):
    weights = save_saelens(tmp_path, "topk", rescale_acts_by_decoder_norm=True)
    sae = load_sae(tmp_path).sae
    expected = np.array(
        [
            encode_saelens(
                s, "topk", weights, subtracts=True, normalisation="none", rescales=True
            )
            for s in states
        ]
    )
    np.testing.assert_allclose(sae.transform(states).toarray(), expected, atol=1e-4)
    unscaled = expected / np.linalg.norm(weights["W_dec"], axis=1)
    np.testing.assert_allclose(
        sae.reconstruct(states),
        unscaled @ weights["W_dec"] + weights["b_dec"],
        atol=1e-4,
    )


def test_the_flat_config_of_older_files(tmp_path, states):
    # Before version 6: other names, everything in one dict, and other defaults.
    weights = random_weights("topk")
    config = {
        "hook_point": "blocks.3.hook_resid_pre",
        "activation_fn_str": "topk",
        "activation_fn_kwargs": {"k": K},
    }
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    save_file(weights, tmp_path / "sae_weights.safetensors")
    file = load_sae(tmp_path)
    assert (file.layer, file.has_bos, file.is_centred) == (2, True, True)
    expected = [
        encode_saelens(s, "topk", weights, subtracts=True, normalisation="none")
        for s in states
    ]
    np.testing.assert_allclose(
        file.sae.transform(states).toarray(), expected, atol=1e-4
    )


def test_a_threshold_that_is_stored_as_its_logarithm(tmp_path, states):
    weights = random_weights("jumprelu")
    save_saelens(tmp_path / "plain", "jumprelu", weights=dict(weights))
    weights["log_threshold"] = np.log(weights.pop("threshold"))
    save_saelens(tmp_path / "log", "jumprelu", weights=weights)
    plain, log = (load_sae(tmp_path / name).sae for name in ("plain", "log"))
    np.testing.assert_allclose(
        plain.transform(states).toarray(), log.transform(states).toarray(), rtol=1e-5
    )


@pytest.mark.parametrize("kind", ["topk", "groupmax"])
def test_sparsify(tmp_path, states, kind):
    w = random_weights("topk")
    folder = tmp_path / "layers.2"
    folder.mkdir()
    (folder / "cfg.json").write_text(json.dumps({"activation": kind, "k": K}))
    names = {"W_enc": "encoder.weight", "b_enc": "encoder.bias"}
    stored = {names.get(name, name): value for name, value in w.items()}
    stored["encoder.weight"] = np.ascontiguousarray(w["W_enc"].T)
    save_file(stored, folder / "sae.safetensors")
    file = load_sae(folder)
    assert file.layer == 2
    scores = (states.astype(float) - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    if kind == "topk":
        expected = [top_k(row, K) for row in scores]
    else:
        groups = scores.reshape(len(scores), K, -1)
        is_largest = groups == groups.max(axis=2, keepdims=True)
        expected = np.maximum(groups * is_largest, 0).reshape(scores.shape)
    np.testing.assert_allclose(
        file.sae.transform(states).toarray(), expected, atol=1e-4
    )


def test_gemma_scope(tmp_path, states):
    # The bias of the decoder is not taken off the input.
    folder = tmp_path / "layer_3" / "width_16k" / "average_l0_71"
    folder.mkdir(parents=True)
    weights = random_weights("jumprelu")
    np.savez(folder / "params.npz", **weights)
    expected = [
        encode_saelens(s, "jumprelu", weights, subtracts=False, normalisation="none")
        for s in states
    ]
    for path in (folder, folder / "params.npz"):
        file = load_sae(path)
        assert (file.layer, file.has_bos) == (3, True)
        activations = file.sae.transform(states).toarray()
        np.testing.assert_allclose(activations, expected, atol=1e-4)


def test_goodfire(tmp_path, states):
    import torch

    w = {
        name: torch.tensor(value) for name, value in random_weights("standard").items()
    }
    path = tmp_path / "Llama-3.1-8B-Instruct-SAE-l19.pth"
    stored = {
        "encoder_linear.weight": w["W_enc"].T.contiguous(),
        "encoder_linear.bias": w["b_enc"],
        "decoder_linear.weight": w["W_dec"].T.contiguous(),
        "decoder_linear.bias": w["b_dec"],
    }
    torch.save(stored, path)
    file = load_sae(path)
    assert file.layer == 19
    expected = np.maximum(states @ w["W_enc"].numpy() + w["b_enc"].numpy(), 0)
    activations = file.sae.transform(states)
    np.testing.assert_allclose(activations.toarray(), expected, atol=1e-4)
    reconstruction = expected @ w["W_dec"].numpy() + w["b_dec"].numpy()
    np.testing.assert_allclose(
        file.sae.reconstruct(states), reconstruction, rtol=1e-4, atol=1e-3
    )
    del stored["decoder_linear.bias"]
    torch.save(stored, path)
    with pytest.raises(ValueError, match=r"lacks decoder_linear\.bias"):
        load_sae(path)


def test_a_file_of_another_kind_is_named(tmp_path):
    path = tmp_path / "sae.h5"
    path.touch()
    with pytest.raises(ValueError, match="no autoencoder that can be read"):
        load_sae(path)


def test_a_folder_of_ours(tmp_path, states):
    sae = MatryoshkaSAETransformer(8, 2, max_epochs=2, random_state=0).fit(states)
    sae.save_pretrained(tmp_path)
    np.testing.assert_array_equal(
        load_sae(tmp_path).sae.transform(states).toarray(), sae.transform(states)
    )


@pytest.mark.parametrize("activation", ["topk", "batch_topk"])
def test_ours_is_written_as_saelens_does(tiny_model, texts, tmp_path, activation):
    sae = MatryoshkaSAETransformer(
        24, K, activation=activation, max_epochs=3, random_state=0
    )
    reader = ReaderSAETransformer(tiny_model, sae, layer=2).fit(texts)
    reader.save_saelens(tmp_path)
    file = load_sae(tmp_path)
    assert (file.layer, file.has_bos, file.is_centred) == (2, False, False)
    rng = np.random.default_rng(0)
    states = rng.normal(reader.sae_.input_mean_, size=(50, WIDTH)).astype(np.float32)
    ours = reader.sae_.transform(states)
    theirs = file.sae.transform(states).toarray()
    np.testing.assert_allclose(theirs, ours, atol=1e-5)
    np.testing.assert_allclose(
        file.sae.reconstruct(states), reader.sae_.inverse_transform(ours), atol=1e-5
    )
    again = ReaderSAETransformer(tiny_model, tmp_path).fit(texts).transform(texts)
    # Ours rounds states to float16, which may swap the last of the k.
    differs = np.abs(again.to_numpy() - reader.transform(texts).to_numpy()) > 5e-3
    assert differs.mean() < 0.01


def test_only_what_was_trained_is_written(tiny_model, texts, tmp_path):
    with pytest.raises(ValueError, match="No autoencoder was trained"):
        ReaderSAETransformer(tiny_model).fit(texts).save_saelens(tmp_path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"architecture": "temporal"}, "architecture='temporal'"),
        (
            {"normalize_activations": "expected_average_only_in"},
            "normalize_activations='expected_average_only_in'",
        ),
        (
            {"metadata": {"hook_name": "blocks.1.attn.hook_q"}},
            "says hook_name='blocks.1.attn.hook_q'",
        ),
        (
            {"metadata": {"hook_name": "blocks.0.hook_resid_pre"}},
            "hook_resid_pre from block 1 on",
        ),
    ],
)
def test_what_is_not_supported_is_named(tmp_path, config, message):
    save_saelens(tmp_path, "standard")
    saved = json.loads((tmp_path / "cfg.json").read_text())
    (tmp_path / "cfg.json").write_text(json.dumps(saved | config))
    with pytest.raises(ValueError, match=message):
        load_sae(tmp_path)


def test_a_folder_of_sparsify_that_is_no_layer_is_refused(tmp_path):
    folder = tmp_path / "model.embed"
    folder.mkdir()
    (folder / "cfg.json").write_text(json.dumps({"k": K}))
    save_file({"b_dec": np.zeros(2)}, folder / "sae.safetensors")
    with pytest.raises(ValueError, match="no part of a layer"):
        load_sae(folder)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file or folder"):
        load_sae(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="holds no autoencoder"):
        load_sae(tmp_path)
    (tmp_path / "cfg.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"neither sae_weights\.safetensors"):
        load_sae(tmp_path)


def test_torn_files_are_named(tmp_path):
    save_saelens(tmp_path, "standard")
    weights, config = tmp_path / "sae_weights.safetensors", tmp_path / "cfg.json"
    content = weights.read_bytes()
    weights.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=f"{tmp_path}' cannot be read.*are torn"):
        load_sae(tmp_path)
    save_file({"W_dec": np.zeros((2, 2))}, weights)
    with pytest.raises(ValueError, match=r"'b_.*' is missing"):
        load_sae(tmp_path)
    config.write_text("{")
    with pytest.raises(ValueError, match="cannot be read: Expecting"):
        load_sae(tmp_path)
    for name in ("params.npz", "sae-l19.pth"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 torn")
        with pytest.raises(ValueError, match="cannot be read"):
            load_sae(tmp_path / name)


def test_a_folder_with_one_per_layer_says_which_to_pass(tmp_path):
    for layer in (3, 4):
        save_saelens(tmp_path / f"layers.{layer}", "standard")
    with pytest.raises(FileNotFoundError, match=r"in it: layers\.3, layers\.4\.$"):
        load_sae(tmp_path)


def test_features_of_a_text_by_a_folder_of_saelens(
    tiny_model, plain_states, texts, tmp_path
):
    # The layer is the one that its config names.
    weights = save_saelens(tmp_path, "standard")
    reader = ReaderSAETransformer(tiny_model, tmp_path, max_norm_ratio=float("inf"))
    with pytest.warns(UserWarning, match="of another model or another layer"):
        frame = reader.fit_transform(texts)
    assert (reader.layer_, reader.sae_) == (1, None)
    for text, row in zip(texts[:5], frame.to_numpy(), strict=False):
        activations = [
            encode_saelens(s, "standard", weights, subtracts=True, normalisation="none")
            for s in plain_states(tiny_model, text, 1)
        ]
        np.testing.assert_allclose(
            row, np.max(activations, axis=0), rtol=1e-3, atol=1e-3
        )


def test_a_token_before_each_text_where_the_autoencoder_was_trained_with_one(
    tiny_model, plain_states, texts, tmp_path
):
    weights = save_saelens(tmp_path, "standard", metadata={"prepend_bos": True})
    reader = ReaderSAETransformer(tiny_model, tmp_path, max_norm_ratio=float("inf"))
    with pytest.warns(UserWarning, match="explains"):
        row = reader.fit_transform(texts).to_numpy()[0]
    activations = [
        encode_saelens(s, "standard", weights, subtracts=True, normalisation="none")
        for s in plain_states(tiny_model, texts[0], 1, head=[1])
    ]
    np.testing.assert_allclose(row, np.max(activations, axis=0), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("is_gpt2", [True, False])
def test_states_are_centred_where_those_of_the_training_were(
    plain_states, texts, tmp_path, is_gpt2
):
    # What writes to the states of a model with layer norms was centred by default.
    model = save_model(tmp_path / "model", is_gpt2=is_gpt2)
    kwargs = {"model_from_pretrained_kwargs": {"center_writing_weights": True}}
    weights = save_saelens(tmp_path / "sae", "standard", metadata=kwargs)
    reader = ReaderSAETransformer(model, tmp_path / "sae", max_norm_ratio=float("inf"))
    with pytest.warns(UserWarning, match="of another model or another layer"):
        row = reader.fit_transform(texts).to_numpy()[0]
    states = plain_states(model, texts[0], 1)
    if is_gpt2:
        states = states - states.mean(axis=1, keepdims=True)
    activations = [
        encode_saelens(s, "standard", weights, subtracts=True, normalisation="none")
        for s in states
    ]
    np.testing.assert_allclose(row, np.max(activations, axis=0), rtol=1e-3, atol=1e-2)


def test_an_autoencoder_of_another_width_is_an_error(tiny_model, texts, tmp_path):
    weights = random_weights("standard")
    weights["W_enc"] = weights["W_enc"][:8].copy()
    weights["W_dec"] = weights["W_dec"][:, :8].copy()
    weights["b_dec"] = weights["b_dec"][:8].copy()
    save_saelens(tmp_path, "standard", weights=weights)
    # The model's config is enough: its weights may take hours to download.
    (tmp_path / "model").mkdir()
    shutil.copy(f"{tiny_model}/config.json", tmp_path / "model")
    for model in (tiny_model, str(tmp_path / "model")):
        with pytest.raises(ValueError, match=r"length 8, and the hidden states .* 16"):
            ReaderSAETransformer(model, tmp_path).fit(texts)


def test_another_layer_than_that_of_the_files_is_told(tiny_model, texts, tmp_path):
    save_saelens(tmp_path, "standard")
    with pytest.warns(UserWarning) as told:
        ReaderSAETransformer(tiny_model, tmp_path, layer=2).fit(texts)
    assert "was trained on layer 1, and layer=2 is read" in str(told[0].message)


def test_an_autoencoder_of_these_states_passes_the_check(tiny_model, texts, tmp_path):
    # Neurons in pairs, +x and -x of each dimension, reconstruct every state.
    eye = np.eye(WIDTH, dtype=np.float32)
    weights = {
        "W_enc": np.hstack([eye, -eye]),
        "W_dec": np.vstack([eye, -eye]),
        "b_dec": np.zeros(WIDTH, dtype=np.float32),
        "b_enc": np.zeros(2 * WIDTH, dtype=np.float32),
    }
    save_saelens(tmp_path, "standard", weights=weights)
    reader = ReaderSAETransformer(tiny_model, tmp_path).fit(texts)  # warns of nothing
    assert reader.reconstruction_score_ == pytest.approx(1)
