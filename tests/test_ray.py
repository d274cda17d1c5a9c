"""Ray, where it is installed: joblib's backend, and batches of Ray Data."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from sklearn_hsae import LSAEmbedder, drop_texts

ray = pytest.importorskip("ray")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def local_ray():
    """Two worker processes on loopback."""
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100_000_000,
        _node_ip_address="127.0.0.1",
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    vocabulary = np.array("rooms are tiny or tidy at our resort not as is".split())
    return [" ".join(rng.choice(vocabulary, 6)) + f" {i}" for i in range(40)]


def test_batches_are_transformed_where_they_are(texts):
    import ray.data

    embed = LSAEmbedder(3, random_state=0).fit(texts)

    def transform(part):
        return drop_texts(embed.transform(part["text"])).reset_index(drop=True)

    frame = pd.DataFrame({"text": texts})
    rows = ray.data.from_pandas(frame).map_batches(
        transform, batch_format="pandas", batch_size=16
    )
    expected = drop_texts(embed.transform(frame["text"]))
    rows = rows.to_pandas()
    np.testing.assert_allclose(rows.to_numpy(dtype=np.float32), expected)
    assert list(rows.columns) == list(expected.columns)


def test_cross_validation_by_its_backend_is_that_of_one_process(texts):
    from ray.util.joblib import register_ray

    pipe = make_pipeline(LSAEmbedder(3, random_state=0), Ridge())
    y = np.array([text.count("tidy") for text in texts], dtype=float)
    expected = cross_val_score(pipe, texts, y, cv=2)
    register_ray()
    with joblib.parallel_config("ray"):
        scores = cross_val_score(pipe, texts, y, cv=2)
    np.testing.assert_allclose(scores, expected)
