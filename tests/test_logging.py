"""What the logger says while a pipeline runs."""

import logging

import numpy as np

from sklearn_hsae import make_hypothesis_pipeline, with_texts


def test_each_step_says_what_it_does(caplog, reviews):
    """One line per step at INFO, with numbers; labels only at DEBUG."""
    texts = list(reviews.texts[:120])
    X = with_texts(np.random.default_rng(0).normal(size=(120, 8)), texts)
    pipe = make_hypothesis_pipeline(
        n_neurons=8, k=2, n_select=2, judge="keyphrase", random_state=0
    )
    pipe.set_params(sae__max_epochs=2, select__min_support=3)
    with caplog.at_level(logging.INFO, "sklearn_hsae"):
        pipe[1:].fit(X, reviews.target[:120])
    said = [record.getMessage() for record in caplog.records]
    assert said[0].startswith("Autoencoder: 8 neurons, 2 active per text, ")
    assert said[1] == "Selection: 4 of 8 columns."
    assert said[2] == "Naming: 4 of 4 neurons have a label."
    assert said[3] == (
        "Annotation: 120 texts judged by 4 concepts; 0 annotations are missing."
    )
    assert said[4] == "Selection: 2 of 4 columns."
    assert {record.levelname for record in caplog.records} == {"INFO"}


def test_texts_from_the_cache_are_counted(caplog, minilm, tmp_path):
    from sklearn_hsae import EmbeddingTransformer

    embed = EmbeddingTransformer(minilm, cache_dir=tmp_path)
    with caplog.at_level(logging.INFO, "sklearn_hsae"):
        embed.fit_transform(["one", "two", "one"])
        embed.transform(["one", "three"])
    said = [record.getMessage() for record in caplog.records]
    assert "Embedding: 3 texts, 2 of them distinct; 0 come from the cache." in said
    assert "Embedding: 2 texts, 2 of them distinct; 1 come from the cache." in said
