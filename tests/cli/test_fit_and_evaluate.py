"""The stages of a run, without a run."""

import numpy as np
from sklearn.pipeline import Pipeline

from sklearn_hsae import HypothesisRegressor, LSAEmbedder, TextCleaner
from sklearn_hsae.cli import _fit_and_evaluate as module
from sklearn_hsae.cli._read_data import Split
from sklearn_hsae.evaluation import baselines


def test_baselines_see_the_texts_without_what_was_removed():
    """Else handles that tell the outcome would speak for the lasso alone."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=200).astype(float)
    said = [" ".join(rng.choice(["soup", "view", "room", "staff"], 3)) for _ in y]
    texts = [f"@{'bad' if v else 'good'} {t}" for v, t in zip(y, said, strict=True)]
    texts, said = (np.array(part, dtype=object) for part in (texts, said))
    embed, last = LSAEmbedder(2, random_state=0), HypothesisRegressor()
    last.n_features_in_ = 1  # the number of hypotheses is that of the clusters
    pipe = Pipeline([("clean", TextCleaner()), ("embed", embed), ("regress", last)])
    split = Split(
        texts[:100], y[:100], texts[100:], y[100:], "regression", {"file": "none"}
    )
    table = module._baselines(pipe, split, 0)
    expected = baselines(
        said[:100],
        y[:100],
        said[100:],
        y[100:],
        task="regression",
        embedder=embed,
        n_clusters=1,
        random_state=0,
    )
    assert table["r2"].to_dict() == expected["r2"].to_dict()
    assert table["r2"]["lasso on words"] < 0.5
