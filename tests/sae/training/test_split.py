"""Which rows are kept for early stopping."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.sae._training import _split


@pytest.fixture
def parts(monkeypatch):
    """The rows of each split that is made."""
    made, split = [], _split._split_indices

    def noted(*args):
        made.append(split(*args))
        return made[-1]

    monkeypatch.setattr(_split, "_split_indices", noted)
    return made


@pytest.mark.parametrize("routing", [False, True])
def test_the_rows_of_a_group_are_in_one_part(parts, routing):
    """Early stopping on texts of known authors would stop too late."""
    X = np.random.default_rng(0).normal(size=(120, 6))
    authors = np.repeat([f"author {i}" for i in range(30)], 4)
    sae = MatryoshkaSAETransformer(n_neurons=8, k=2, max_epochs=2, random_state=0)
    model = make_pipeline(StandardScaler(), sae)
    with config_context(enable_metadata_routing=routing):
        name = "groups" if routing else "matryoshkasaetransformer__groups"
        model.fit(X, np.arange(120) % 7 / 7, **{name: authors})
    ((training, validation),) = parts
    assert not set(authors[training]) & set(authors[validation])
    assert len(training) + len(validation) == 120 and len(validation) >= 4
    with pytest.raises(ValueError, match="inconsistent numbers"):
        sae.fit(X, X[:, 0], groups=authors[1:])
