"""Transcoders and more kinds of autoencoders: their formulas, and where they read."""

import json

import numpy as np
import pytest
import torch
import transformers
from reader_models import WIDTH, save_model
from safetensors.numpy import save_file

from sklearn_hsae import ReaderSAETransformer
from sklearn_hsae.reader._places import Place, place_of_hook, place_of_module
from sklearn_hsae.reader._sae_files import load_sae

N_NEURONS, K = 24, 4
N_OUT = 6  # length of what a transcoder predicts


def draw(*shape, seed=0):
    rng = np.random.default_rng((seed, *shape))
    return rng.normal(size=shape).astype(np.float32)


def weights_of(n_out=WIDTH):
    return {
        "W_enc": draw(WIDTH, N_NEURONS),
        "W_dec": draw(N_NEURONS, n_out),
        "b_enc": draw(N_NEURONS),
        "b_dec": draw(n_out),
        "threshold": np.abs(draw(N_NEURONS, seed=1)),
    }


def save_saelens(folder, kind, weights, hook="blocks.1.hook_resid_post", **config):
    config = {"architecture": kind, "metadata": {"hook_name": hook}, **config}
    (folder / "cfg.json").write_text(json.dumps(config))
    save_file(weights, folder / "sae_weights.safetensors")


@pytest.fixture(scope="module")
def states():
    return draw(30, WIDTH, seed=2) * 2 + np.float32(0.5)


def test_abstopk_has_a_column_for_each_sign(tmp_path, states):
    w = weights_of()
    save_saelens(tmp_path, "abstopk", w, k=K)
    sae = load_sae(tmp_path).sae
    activations = sae.transform(states).toarray()
    assert (activations >= 0).all()
    scores = (states - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    kept = np.zeros_like(scores)
    for row, of_state in zip(kept, scores, strict=True):
        largest = np.argsort(-np.abs(of_state))[:K]
        row[largest] = of_state[largest]
    assert (kept < 0).any()
    np.testing.assert_allclose(activations, np.hstack([kept, -kept]).clip(0), atol=1e-4)
    np.testing.assert_allclose(
        sae.reconstruct(states), kept @ w["W_dec"] + w["b_dec"], atol=1e-4
    )


def pursue(state, atoms, *, n_steps, residual, stops):
    """Matching pursuit of one state, step by step."""
    left, activations = state.astype(float), np.zeros(len(atoms))
    for _ in range(n_steps):
        best = int(np.argmax(np.maximum(atoms @ left, 0)))
        value = max(atoms[best] @ left, 0)
        is_known = activations[best] != 0 or value == 0
        activations[best] += value
        left = left - value * atoms[best]
        if (stops and is_known) or np.linalg.norm(left) < residual:
            break
    return activations


@pytest.mark.parametrize(
    ("subtracts", "config"),
    [
        (True, {}),
        (False, {"residual_threshold": 3.0}),
        (True, {"max_iterations": 5, "stop_on_duplicate_support": False}),
    ],
)
def test_matching_pursuit(tmp_path, states, subtracts, config):
    w = weights_of()
    w["W_dec"] /= np.linalg.norm(w["W_dec"], axis=1, keepdims=True)
    stored = {name: w[name] for name in ("W_dec", "b_dec")}
    config = {"apply_b_dec_to_input": subtracts, **config}
    save_saelens(tmp_path, "matching_pursuit", stored, **config)
    sae = load_sae(tmp_path).sae
    shift = w["b_dec"] if subtracts else np.zeros(WIDTH)
    expected = np.array(
        [
            pursue(
                state - shift,
                w["W_dec"].astype(float),
                n_steps=config.get("max_iterations", WIDTH),
                residual=config.get("residual_threshold", 0.01),
                stops=config.get("stop_on_duplicate_support", True),
            )
            for state in states
        ]
    )
    np.testing.assert_allclose(sae.transform(states).toarray(), expected, atol=1e-3)
    np.testing.assert_allclose(
        sae.reconstruct(states), expected @ w["W_dec"] + shift, atol=1e-3
    )


@pytest.mark.parametrize(
    "kind",
    [
        "transcoder",
        "skip_transcoder",
        "jumprelu_transcoder",
        "jumprelu_skip_transcoder",
    ],
)
def test_a_transcoder_of_saelens(tmp_path, states, kind):
    w = weights_of(N_OUT)
    skip = {"W_skip": draw(N_OUT, WIDTH)} if "skip" in kind else {}
    save_saelens(tmp_path, kind, w | skip, hook="blocks.2.mlp.hook_in")
    file = load_sae(tmp_path)
    assert (file.layer, file.place) == (2, Place(("mlp",), is_input=True))
    scores = states @ w["W_enc"] + w["b_enc"]
    least = w["threshold"] if "jumprelu" in kind else 0
    np.testing.assert_allclose(
        file.sae.transform(states).toarray(), scores * (scores > least), atol=1e-4
    )


def test_a_transcoder_of_sparsify_reads_the_input_of_its_module(tmp_path, states):
    w = weights_of(N_OUT)
    folder = tmp_path / "layers.3.mlp"
    folder.mkdir()
    (folder / "cfg.json").write_text(json.dumps({"k": K, "transcode": True}))
    stored = {"W_dec": w["W_dec"], "b_dec": w["b_dec"], "encoder.bias": w["b_enc"]}
    stored["encoder.weight"] = np.ascontiguousarray(w["W_enc"].T)
    save_file(stored, folder / "sae.safetensors")
    file = load_sae(folder)
    assert (file.layer, file.place) == (3, Place(("mlp",), is_input=True))
    scores = states @ w["W_enc"] + w["b_enc"]
    least = np.sort(scores, axis=1)[:, [-K]]
    np.testing.assert_allclose(
        file.sae.transform(states).toarray(),
        (scores * (scores >= least)).clip(0),
        atol=1e-4,
    )


@pytest.mark.parametrize(
    ("folder", "config", "layer", "place"),
    [
        ("resid_post/layer_12_width_16k_l0_big", None, 12, Place()),
        (
            "attn_out_all/layer_1_width_16k_l0_big",
            None,
            1,
            Place(("self_attn.o_proj",), is_input=True),
        ),
        (
            "transcoder/layer_3_width_16k_l0_big",
            "model.layers.3.pre_feedforward_layernorm.output",
            3,
            Place(("pre_feedforward_layernorm",)),
        ),
    ],
)
def test_gemma_scope_2(tmp_path, states, folder, config, layer, place):
    w = weights_of()
    path = tmp_path / folder
    path.mkdir(parents=True)
    stored = {name.replace("W_", "w_"): array for name, array in w.items()}
    save_file(stored, path / "params.safetensors")
    if config is not None:
        config = json.dumps({"hf_hook_point_in": config})
        (path / "config.json").write_text(config)
    file = load_sae(path)
    assert (file.layer, file.has_bos, file.place) == (layer, True, place)
    scores = states @ w["W_enc"] + w["b_enc"]
    np.testing.assert_allclose(
        file.sae.transform(states).toarray(),
        scores * (scores > w["threshold"]),
        atol=1e-4,
    )


def test_the_repository_of_gemma_scope_tells_the_place(tmp_path):
    for name, place in (
        ("gemma-scope-2b-pt-res", Place()),
        ("gemma-scope-2b-pt-mlp", Place(("post_feedforward_layernorm", "mlp"))),
        ("gemma-scope-2b-pt-att", Place(("self_attn.o_proj",), is_input=True)),
    ):
        path = tmp_path / name / "layer_5" / "width_16k"
        path.mkdir(parents=True)
        np.savez(path / "params.npz", **weights_of())
        assert (load_sae(path).layer, load_sae(path).place) == (5, place)
    path = tmp_path / "gemma-scope-2b-pt-transcoders" / "layer_5"
    path.mkdir(parents=True)
    np.savez(path / "params.npz", **weights_of())
    assert load_sae(path).place.is_normalised
    assert load_sae(path).sae.is_transcoder


@pytest.mark.parametrize("out", ["blocks.7.hook_resid_post", "blocks.7.hook_mlp_out"])
def test_llama_scope(tmp_path, states, out):
    w = weights_of()
    config = {
        "d_model": WIDTH,
        "hook_point_in": "blocks.7.hook_resid_post",
        "hook_point_out": out,
        "jump_relu_threshold": 0.2,
        "dataset_average_activation_norm": {"in": 8.0, "out": 2.0},
    }
    (tmp_path / "hyperparams.json").write_text(json.dumps(config))
    with pytest.raises(FileNotFoundError, match=r"final\.safetensors is missing"):
        load_sae(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    stored = {
        "encoder.weight": np.ascontiguousarray(w["W_enc"].T),
        "encoder.bias": w["b_enc"],
        "decoder.weight": np.ascontiguousarray(w["W_dec"].T),
        "decoder.bias": w["b_dec"],
    }
    save_file(stored, tmp_path / "checkpoints" / "final.safetensors")
    file = load_sae(tmp_path)
    assert (file.layer, file.has_bos, file.place) == (7, True, Place())
    factor = np.sqrt(WIDTH) / 8
    scores = states @ w["W_enc"] * factor + w["b_enc"]
    expected = scores * (scores > 0.2 * factor)
    np.testing.assert_allclose(
        file.sae.transform(states).toarray(), expected, atol=1e-4
    )
    assert file.sae.is_transcoder == (out != "blocks.7.hook_resid_post")
    back = (expected @ w["W_dec"] + w["b_dec"]) / (np.sqrt(WIDTH) / 2)
    np.testing.assert_allclose(file.sae.reconstruct(states), back, atol=1e-4)


def test_qwen_scope(tmp_path, states):
    w = {name: torch.tensor(array) for name, array in weights_of().items()}
    stored = w | {"W_enc": w["W_enc"].T.contiguous(), "W_dec": w["W_dec"].T}
    folder = tmp_path / f"SAE-Res-Qwen3-1.7B-Base-W32K-L0_{K}"
    folder.mkdir()
    torch.save(stored, folder / "layer11.sae.pt")
    file = load_sae(folder / "layer11.sae.pt")
    assert file.layer == 11
    scores = states @ w["W_enc"].numpy() + w["b_enc"].numpy()
    least = np.sort(scores, axis=1)[:, [-K]]
    np.testing.assert_allclose(
        file.sae.transform(states).toarray(),
        (scores * (scores >= least)).clip(0),
        atol=1e-4,
    )
    torch.save(stored, tmp_path / "layer11.sae.pt")
    with pytest.raises(ValueError, match="how many neurons are active"):
        load_sae(tmp_path / "layer11.sae.pt")


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        ("blocks.3.hook_resid_post", (3, Place())),
        ("blocks.3.hook_resid_pre", (2, Place())),
        ("blocks.0.hook_resid_pre", None),
        ("hook_embed", None),
        ("blocks.3.hook_mlp_in", None),
    ],
)
def test_hooks_of_transformer_lens(hook, expected):
    assert place_of_hook(hook) == expected


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("model.layers.3", (3, Place())),
        ("model.layers.3.output", (3, Place())),
        ("h.3.mlp", (3, Place(("mlp",)))),
        ("model.layers.3.mlp.input", (3, Place(("mlp",), is_input=True))),
        ("model.embed_tokens", None),
    ],
)
def test_modules_of_transformers(module, expected):
    assert place_of_module(module) == expected


def states_in_the_model(model, text, modules):
    """What goes into and comes out of modules of layer 1, the first token left out."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    body = transformers.AutoModel.from_pretrained(model).eval()
    layer, seen = body.layers[1], {}

    def keep(name):
        def hook(module, inputs, output):
            seen[name] = inputs[0][0, 1:].numpy(), output[0][1:].numpy()

        return hook

    for name in modules:
        layer.get_submodule(name).register_forward_hook(keep(name))
    with torch.no_grad():
        body(torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]]))
    return seen, layer.post_attention_layernorm


@pytest.mark.parametrize(
    "hook",
    ["mlp.hook_in", "hook_mlp_out", "attn.hook_z", "hook_resid_mid"],
)
def test_a_text_is_read_inside_the_layer(tiny_model, texts, tmp_path, hook):
    w = weights_of()
    save_saelens(
        tmp_path,
        "transcoder",
        w,
        hook=f"blocks.1.{hook}",
        apply_b_dec_to_input=False,
    )
    reader = ReaderSAETransformer(
        tiny_model, tmp_path, cache_dir=None, max_norm_ratio=float("inf")
    ).fit(texts)
    assert reader.reconstruction_score_ is None
    modules = ("mlp", "self_attn.o_proj", "post_attention_layernorm")
    seen, _ = states_in_the_model(tiny_model, texts[0], modules)
    state = {
        "mlp.hook_in": seen["mlp"][0],
        "hook_mlp_out": seen["mlp"][1],
        "attn.hook_z": seen["self_attn.o_proj"][0],
        "hook_resid_mid": seen["post_attention_layernorm"][0],
    }[hook]
    expected = np.maximum(state @ w["W_enc"] + w["b_enc"], 0).max(axis=0)
    row = reader.transform(texts[:1]).to_numpy()[0]
    np.testing.assert_allclose(row, expected, rtol=2e-3, atol=2e-3)


def test_the_normalised_states_before_the_mlp(tiny_model, texts, tmp_path):
    # The norm multiplies them by its weights, and passes them to the MLP.
    save_saelens(
        tmp_path, "transcoder", weights_of(), hook="blocks.1.ln2.hook_normalized"
    )
    reader = ReaderSAETransformer(tiny_model, tmp_path, cache_dir=None).fit(texts)
    states = reader._state_reader(reader._source(), 1)
    step = next(states.read(states.windows(texts[:1])))
    seen, norm = states_in_the_model(tiny_model, texts[0], ["mlp"])
    weights = norm.weight.detach().numpy()
    np.testing.assert_allclose(step.states * weights, seen["mlp"][0], rtol=1e-4)


def test_a_module_that_the_model_lacks_is_named(texts, tmp_path):
    model = save_model(tmp_path / "model", is_gpt2=True)
    (tmp_path / "sae").mkdir()
    save_saelens(
        tmp_path / "sae", "transcoder", weights_of(), hook="blocks.1.attn.hook_z"
    )
    reader = ReaderSAETransformer(model, tmp_path / "sae", cache_dir=None)
    with pytest.raises(ValueError, match=r"self_attn\.o_proj .* have ln_1, attn"):
        reader.fit(texts)
