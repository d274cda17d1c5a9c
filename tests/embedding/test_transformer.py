"""The estimator: containers, scikit-learn's contract, and the cache."""

import contextlib
import itertools
import json
import pickle
import sqlite3
from multiprocessing.pool import ThreadPool

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from embedding_texts import TEXTS
from processes import run
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from sklearn_hsae import (
    EmbeddingTransformer,
    drop_texts,
    make_hypothesis_pipeline,
)
from sklearn_hsae.embedding import _local as local


@pytest.mark.parametrize(
    "container",
    [
        tuple,
        np.array,
        lambda texts: np.array(texts, dtype=object)[:, None],
        pd.Series,
        lambda texts: pd.DataFrame({"review": texts}),
        pl.Series,
        lambda texts: pl.DataFrame({"review": texts}),
    ],
    ids=["tuple", "array", "column", "series", "frame", "pl.series", "pl.frame"],
)
def test_containers_give_what_a_list_gives(container):
    embed = EmbeddingTransformer().fit(TEXTS)
    expected = embed.transform(TEXTS)
    pd.testing.assert_frame_equal(embed.transform(container(TEXTS)), expected)
    pd.testing.assert_frame_equal(embed.fit_transform(container(TEXTS)), expected)


def test_output_carries_index_texts_and_names():
    index = pd.Index(["a", "b", "c", "d"], name="id")
    out = EmbeddingTransformer().fit_transform(pd.Series(TEXTS, index=index))
    assert list(out.index.names) == ["id", "text"]
    assert out.index.get_level_values("text").tolist() == TEXTS
    assert drop_texts(out).index.equals(index)
    assert out.columns.tolist() == [f"embedding{i}" for i in range(384)]


def test_set_output_and_column_transformer():
    frame = pd.DataFrame({"review": TEXTS, "age": [1, 2, 3, 4]}, index=[9, 8, 7, 6])
    embed = EmbeddingTransformer().set_output(transform="pandas")
    pd.testing.assert_frame_equal(
        embed.fit_transform(frame["review"]),
        EmbeddingTransformer().fit_transform(frame["review"]),
    )
    embed.set_output(transform="polars")
    assert embed.fit_transform(TEXTS).columns[0] == "embedding0"
    columns = ColumnTransformer([("embed", EmbeddingTransformer(), "review")])
    names = columns.fit(frame).get_feature_names_out()
    assert names[0] == "embed__embedding0"
    assert columns.transform(frame).shape == (4, 384)


def test_parameters_are_stored_and_cloned():
    parameters = {
        "model": "org/name",
        "prompt": "query: ",
        "max_length": 100,
        "chunk": 50,
        "chunk_overlap": 5,
        "chunk_pooling": "max",
        "truncate_dim": 10,
        "normalize": True,
        "batch_size": 7,
        "device": "cuda",
        "dtype": "float32",
        "api_base": "http://localhost:1/v1",
        "max_concurrency": 3,
        "carry_texts": False,
        "cache_dir": None,
        "cache_dtype": "float16",
        "verbose": 1,
    }
    embed = EmbeddingTransformer(**parameters)
    assert embed.get_params() == vars(embed) == parameters
    assert clone(embed).get_params() == parameters


def test_a_pickle_is_small_and_works(tmp_path):
    embed = EmbeddingTransformer().fit(TEXTS)
    assert len(pickle.dumps(embed)) < 1_000
    joblib.dump(embed, tmp_path / "embed.joblib")
    for copy in (
        pickle.loads(pickle.dumps(embed)),
        joblib.load(tmp_path / "embed.joblib"),
    ):
        pd.testing.assert_frame_equal(copy.transform(TEXTS), embed.transform(TEXTS))


def test_fitting_twice_is_fitting_once():
    embed = EmbeddingTransformer().fit(TEXTS)
    first = vars(embed).copy()
    assert vars(embed.fit(TEXTS, [1, 2, 3, 4])) == first
    assert vars(clone(embed).fit(TEXTS[:1])) == first
    assert {name for name in first if name.endswith("_")} == {
        "lsa_",
        "n_dimensions_",
        "revision_",
    }


def test_tags_and_the_unfitted_state():
    tags = get_tags(EmbeddingTransformer())
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    for method in ("transform", "get_feature_names_out"):
        with pytest.raises(ValueError, match="not fitted yet"):
            getattr(EmbeddingTransformer(), method)(TEXTS)


def test_in_a_pipeline_with_several_processes():
    pipeline = make_pipeline(EmbeddingTransformer(), Ridge())
    y = [1.0, 5.0, 1.0, 1.0]
    expected = pipeline.fit(TEXTS, y).predict(TEXTS)
    predictions = joblib.Parallel(n_jobs=2)(
        joblib.delayed(pipeline.predict)(TEXTS) for _ in range(2)
    )
    np.testing.assert_array_equal(predictions, [expected, expected])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"batch_size": 0}, "'batch_size' parameter of EmbeddingTransformer must be"),
        ({"dtype": "int8"}, "'dtype' parameter"),
        ({"model": 3}, "'model' parameter"),
        ({"max_concurrency": 0}, "'max_concurrency' parameter"),
    ],
)
def test_bad_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingTransformer(**parameters).fit(TEXTS)


def test_bad_texts_are_refused_before_the_model_is_looked_for():
    embed = EmbeddingTransformer("no/such-model")
    for method in (embed.fit, embed.fit_transform):
        with pytest.raises(ValueError, match=r"1 missing .* at row position 1"):
            method(["a", None])


def test_each_distinct_text_is_embedded_once(fresh, calls):
    embed = fresh().fit(TEXTS)
    embed.fit_transform(TEXTS)
    embed.transform([*TEXTS, "one more"])
    assert sorted(itertools.chain(*calls)) == sorted({*TEXTS, "one more"})


def test_the_same_bits_come_back_from_the_cache(fresh, calls):
    first = fresh().fit_transform(TEXTS)
    n_calls = len(calls)
    again = fresh().fit(TEXTS).transform(TEXTS[::-1])
    assert len(calls) == n_calls
    np.testing.assert_array_equal(again.to_numpy()[::-1], first.to_numpy())


def test_all_that_decides_the_vector_decides_the_key(fresh, calls):
    for parameters in (
        {"dtype": "float32"},
        {"dtype": "bfloat16"},
        {"dtype": "float32", "prompt": "query: "},
        {"dtype": "float32", "prompt": ""},
        {"dtype": "float32", "max_length": 100},
        {"dtype": "float32", "chunk": 100},
        {"dtype": "float32", "chunk": 100, "chunk_pooling": "max"},
        {"dtype": "float32", "cache_dtype": "float16"},
    ):
        before = len(calls)
        fresh(**parameters).fit_transform(TEXTS)
        assert len(calls) > before, parameters
    before = len(calls)
    fresh(dtype="float32", batch_size=1, verbose=1).fit_transform(TEXTS)
    fresh(dtype="float32", truncate_dim=5, normalize=True).fit_transform(TEXTS)
    fresh("all-minilm-l6-v2", dtype="float32").fit_transform(TEXTS)
    assert len(calls) == before


def test_the_first_numbers_at_length_one(fresh):
    whole = fresh(dtype="float32").fit_transform(TEXTS).to_numpy()
    embed = fresh(dtype="float32", truncate_dim=9, normalize=True).fit(TEXTS)
    assert embed.n_dimensions_ == len(embed.get_feature_names_out()) == 9
    head = whole[:, :9]
    lengths = np.array([[sum(x * x for x in row) ** 0.5] for row in head.tolist()])
    np.testing.assert_allclose(embed.transform(TEXTS), head / lengths, rtol=1e-5)
    with pytest.raises(ValueError, match=r"385.* have 384 numbers"):
        fresh(truncate_dim=385).fit(TEXTS)


def test_float16_takes_half_the_space_and_gives_the_same_bits_again(fresh, tmp_path):
    exact = fresh(cache_dir=None, dtype="float32").fit_transform(TEXTS)
    first = fresh(dtype="float32", cache_dtype="float16").fit_transform(TEXTS)
    again = fresh(dtype="float32", cache_dtype="float16").fit_transform(TEXTS)
    pd.testing.assert_frame_equal(first, again)
    np.testing.assert_allclose(first, exact, rtol=5e-4, atol=1e-6)
    with contextlib.closing(
        sqlite3.connect(tmp_path / "cache/embeddings.sqlite")
    ) as db:
        sizes = {size for (size,) in db.execute("SELECT length(value) FROM items")}
    assert sizes == {2 * 384}


def test_two_processes_embed_each_text_once(tmp_path):
    # Two folds of a search meet the same texts at the same moment.
    code = """
        import sys, time
        from sklearn_hsae import EmbeddingTransformer
        from sklearn_hsae.embedding import _local as local
        encode = local.LocalEmbedder._encode
        def slow(self, model, texts):
            print(*texts, sep="\\n")
            time.sleep(0.1)
            return encode(self, model, texts)
        local.LocalEmbedder._encode = slow
        texts = [f"text{i}" for i in range(80)]
        embed = EmbeddingTransformer(batch_size=1, cache_dir=sys.argv[1])
        assert embed.fit_transform(texts).notna().all(axis=None)
        """
    with ThreadPool(2) as pool:
        outputs = pool.map(lambda _: run(code, tmp_path), range(2))
    embedded = [output.split() for output in outputs]
    assert all(embedded)  # they shared the work
    assert sorted([*embedded[0], *embedded[1]]) == sorted(f"text{i}" for i in range(80))


def test_an_interrupted_call_keeps_what_it_had(fresh, monkeypatch):
    encode = local.LocalEmbedder._encode
    texts = [f"text number {i}" for i in range(40)]
    seen = []

    def interrupted(self, model, batch):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(list(batch))
        return encode(self, model, batch)

    monkeypatch.setattr(local.LocalEmbedder, "_encode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fresh(batch_size=1).fit_transform(texts)
    assert [len(batch) for batch in seen] == [4, 4]
    rest = []
    monkeypatch.setattr(
        local.LocalEmbedder,
        "_encode",
        lambda self, model, batch: rest.extend(batch) or encode(self, model, batch),
    )
    fresh(batch_size=1).fit_transform(texts)
    assert sorted([*itertools.chain(*seen), *rest]) == sorted(texts)


def test_a_call_that_is_all_cached_loads_no_heavy_library(fresh, tmp_path):
    fresh().fit_transform(TEXTS)
    loaded = run(
        """
        import json, sys
        from sklearn_hsae import EmbeddingTransformer
        embed = EmbeddingTransformer(cache_dir=sys.argv[1])
        embed.fit(json.loads(sys.argv[2])).transform(json.loads(sys.argv[2]))
        heavy = {"torch", "transformers", "sentence_transformers", "litellm"}
        print(sorted(heavy & set(sys.modules)))
        """,
        tmp_path / "cache",
        json.dumps(TEXTS),
    )
    assert loaded == "[]"


def test_without_a_cache_no_file_is_written(fresh, tmp_path):
    fresh(cache_dir=None).fit_transform(TEXTS)
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_not_finite_are_refused_and_not_kept(fresh, monkeypatch):
    encode = local.LocalEmbedder._encode

    def broken(self, model, texts):
        vectors, n_chunks = encode(self, model, texts)
        vectors[list(texts).index(TEXTS[0]), 5] = np.nan
        return vectors, n_chunks

    monkeypatch.setattr(local.LocalEmbedder, "_encode", broken)
    with pytest.raises(ValueError, match="2 texts, at row position 0, 3"):
        fresh().fit_transform(TEXTS)
    monkeypatch.undo()
    assert np.isfinite(fresh().fit_transform(TEXTS)).all(axis=None)


def test_progress_goes_to_stderr_if_wanted(fresh, capsys):
    fresh().fit_transform(TEXTS[:2])
    assert capsys.readouterr() == ("", "")
    fresh(verbose=1).fit_transform(TEXTS)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Embedding texts" in err
    assert "3/3" in err


def test_of_ten_megabytes_the_head_is_read(fresh):
    text = "We waited an hour for the cold soup, and nobody came. " * 190_000
    embed = fresh(cache_dir=None, dtype="float32").fit(TEXTS)
    with pytest.warns(UserWarning, match="are longer than"):
        rows = embed.transform([text, text[:20_000], "Fine."])
    np.testing.assert_allclose(rows.iloc[0], rows.iloc[1], atol=1e-6)


@pytest.mark.filterwarnings("ignore")  # so few texts leave neurons and phrases out
def test_a_search_over_the_pipeline_embeds_nothing_twice(fresh, monkeypatch, reviews):
    texts, y = reviews.texts[:60], reviews.target[:60]
    words, embedded = HashingVectorizer(n_features=384), []

    def encode(self, model, texts):  # quicker than the model
        embedded.extend(texts)
        vectors = words.transform(texts).toarray().astype(np.float32)
        return vectors, np.ones(len(texts), dtype=np.int64)

    monkeypatch.setattr(local.LocalEmbedder, "_encode", encode)
    pipe = make_hypothesis_pipeline(
        embedder=fresh(), n_neurons=8, k=4, n_select=2, random_state=0
    ).set_params(sae__max_epochs=1)
    grid = {"select__n_select": [1, 2]}
    GridSearchCV(pipe, grid, cv=2, refit=False, error_score="raise").fit(texts, y)
    assert set(texts) < set(embedded)  # phrases and sentences too
    assert len(embedded) == len(set(embedded))
