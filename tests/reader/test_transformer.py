"""ReaderSAETransformer with an autoencoder of its own, alone and in a pipeline."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from sklearn_hsae import (
    ConceptAnnotator,
    HypothesisRegressor,
    KeyphraseInterpreter,
    MatryoshkaSAETransformer,
    NeuronSelector,
    ReaderSAETransformer,
    evaluate_hypotheses,
)


def small_sae(**options):
    options = {"max_epochs": 3, "random_state": 0} | options
    return MatryoshkaSAETransformer(32, 4, **options)


@pytest.fixture(scope="module")
def y(texts):
    return np.array([float("soup" in text) for text in texts]) + np.linspace(0, 0.1, 60)


@pytest.fixture(scope="module")
def fitted(tiny_model, texts):
    return ReaderSAETransformer(tiny_model, small_sae()).fit(texts)


class Recorder(MatryoshkaSAETransformer):
    """Keeps what it is trained on."""

    def fit(self, X, y=None):
        self.given_ = np.array(X)
        return super().fit(X, y)


def test_the_autoencoder_is_trained_on_the_tokens_of_the_texts(
    tiny_model, plain_states, texts
):
    sae = Recorder(8, 2, max_epochs=1, random_state=0)
    reader = ReaderSAETransformer(tiny_model, sae, max_norm_ratio=1.5).fit(texts)
    states = np.vstack([plain_states(tiny_model, text, 1) for text in texts])
    norms = np.linalg.norm(states, axis=1)
    assert reader.largest_norm_ == pytest.approx(1.5 * np.median(norms), rel=0.25)
    is_kept = norms <= reader.largest_norm_
    assert 0 < np.sum(~is_kept) < 50
    states, given = states[is_kept], reader.sae_.given_
    assert given.shape == states.shape and given.dtype == np.float16
    np.testing.assert_allclose(
        np.sort(given, axis=0), np.sort(states, axis=0), rtol=1e-3, atol=1e-5
    )


def test_a_row_is_the_largest_activation_of_its_tokens(
    tiny_model, plain_states, texts, fitted
):
    rows = fitted.transform(texts[:5]).to_numpy()
    for text, row in zip(texts, rows, strict=False):
        states = plain_states(tiny_model, text, 1)
        states = states[np.linalg.norm(states, axis=1) <= fitted.largest_norm_]
        expected = fitted.sae_.transform(states.astype(np.float16)).max(axis=0)
        np.testing.assert_allclose(row, expected, atol=2e-3)


@pytest.mark.parametrize("max_train_tokens", [1_000_000, 150])
def test_fit_transform_is_fit_and_transform(tiny_model, texts, max_train_tokens):
    # Once from the temporary file, and once from a second reading of the texts.
    reader = ReaderSAETransformer(
        tiny_model,
        small_sae(),
        max_train_tokens=max_train_tokens,
        random_state=0,
        cache_dir=None,
    )
    at_once = reader.fit_transform(texts)
    pd.testing.assert_frame_equal(at_once, reader.transform(texts), atol=1e-3)


def test_the_frame_carries_the_texts_and_is_sparse(fitted, texts):
    series = pd.Series(texts[:4], index=list("abcd"))
    frame = fitted.transform(series)
    assert frame.index.get_level_values(0).tolist() == list("abcd")
    assert frame.index.get_level_values("text").tolist() == texts[:4]
    assert isinstance(frame.dtypes.iloc[0], pd.SparseDtype)
    assert frame.columns.tolist() == [f"sae{i}" for i in range(32)]
    dense = clone(fitted).set_params(sparse_output=False).fit_transform(texts)
    assert dense.dtypes.eq(np.float32).all()


def test_no_text_gives_no_rows(fitted, tiny_model, texts):
    assert fitted.transform([]).shape == (0, 32)
    assert fitted.token_activations([]).activations.shape == (0, 32)
    assert fitted.mark([], 0) == []
    states = ReaderSAETransformer(tiny_model, None).fit(texts[:5])
    assert states.transform([]).shape == (0, states.n_features_out_)


def test_a_trained_autoencoder_is_used_again_from_its_folder(
    tiny_model, texts, fitted, tmp_path
):
    fitted.sae_.save_pretrained(tmp_path)
    again = ReaderSAETransformer(tiny_model, str(tmp_path)).fit(texts)
    pd.testing.assert_frame_equal(again.transform(texts), fitted.transform(texts))


def test_an_autoencoder_with_a_weight_of_the_target_needs_one(tiny_model, texts, y):
    reader = ReaderSAETransformer(tiny_model, small_sae(target_weight=1.0))
    with pytest.raises(ValueError, match="needs a target"):
        reader.fit(texts)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        reader.fit(texts, y[:-1])


def test_a_clone_is_not_fitted_and_the_given_autoencoder_stays_so(
    tiny_model, texts, fitted
):
    assert not hasattr(fitted.sae, "encoder_")
    assert not hasattr(clone(fitted), "sae_")


def test_a_pickle_holds_no_language_model(fitted, texts, tmp_path):
    stored = pickle.dumps(fitted)
    assert len(stored) < 40_000
    pd.testing.assert_frame_equal(
        pickle.loads(stored).transform(texts), fitted.transform(texts)
    )


def test_a_search_over_what_a_row_is(tiny_model, texts, y):
    search = GridSearchCV(
        Pipeline(
            [
                ("read", ReaderSAETransformer(tiny_model, small_sae())),
                ("predict", Ridge()),
            ]
        ),
        [
            {"read__aggregate": ["max", "mean"]},
            {"read__layer": [0, 2], "read__sae__k": [2, 3]},
        ],
        cv=2,
    ).fit(texts, y)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert len(set(scores)) == 6  # each setting is another reading
    assert len(search.predict(texts[:3])) == 3


def test_hidden_states_are_an_embedding(tiny_model, texts, y):
    pipe = make_pipeline(ReaderSAETransformer(tiny_model), Ridge(alpha=1e-3))
    assert pipe.fit(texts, y).score(texts, y) > 0.3


@pytest.mark.filterwarnings("ignore:Only .* neurons were selected:UserWarning")
@pytest.mark.filterwarnings("ignore:No phrase of the texts:UserWarning")
def test_the_whole_pipeline(tiny_model, texts, y):
    pipe = Pipeline(
        [
            ("read", ReaderSAETransformer(tiny_model, small_sae())),
            ("select", NeuronSelector(3, min_support=2)),
            ("interpret", KeyphraseInterpreter(judge="keyphrase")),
            ("annotate", ConceptAnnotator(judge="keyphrase")),
            ("regress", HypothesisRegressor()),
        ]
    ).set_output(transform="pandas")
    pipe.fit(texts, y)
    assert pipe.predict(texts).shape == (60,)
    assert np.isfinite(pipe.score(texts, y))
    result = evaluate_hypotheses(pipe, texts, y)
    assert len(result.table) >= 1


@pytest.mark.parametrize("sae", [None, "trained"])
def test_a_text_is_read_once(tiny_model, texts, fitted, tmp_path, monkeypatch, sae):
    if sae is not None:
        fitted.sae_.save_pretrained(tmp_path / "sae")
        sae = tmp_path / "sae"
    reader = ReaderSAETransformer(tiny_model, sae, cache_dir=tmp_path / "cache")
    first = reader.fit(texts).transform(texts)
    again = clone(reader).fit(texts[20:])  # as another fold of a cross-validation
    n_read = count_read(monkeypatch)
    pd.testing.assert_frame_equal(again.transform(texts), first)
    assert n_read == []
    new = "sea sea sea of soup"
    again.transform([*texts, new, new])
    assert n_read == [1]
    for change in ({"aggregate": "sum"}, {"layer": 2}, {"max_tokens": 4}):
        changed = clone(reader).set_params(**change).fit(texts)
        n_read.clear()
        rows = changed.transform(texts)
        # With an autoencoder the tokens are kept, so they can be pooled in another way.
        is_kept = sae is not None and "aggregate" in change
        assert sum(n_read) == (0 if is_kept else len(texts))
        assert np.abs(rows.to_numpy() - first.to_numpy()).max() > 0


def count_read(monkeypatch):
    """A list that gets the number of texts of each step that the model reads."""
    from sklearn_hsae.reader._hidden_states import HiddenStateReader

    counts, read = [], HiddenStateReader.read

    def counted(self, windows, *args):
        for step in read(self, windows, *args):
            counts.append(len(step.texts))
            yield step

    monkeypatch.setattr(HiddenStateReader, "read", counted)
    return counts


def test_another_autoencoder_has_other_rows_in_the_cache(tiny_model, texts, tmp_path):
    rows = [
        ReaderSAETransformer(tiny_model, small_sae(random_state=i), cache_dir=tmp_path)
        .fit_transform(texts)
        .to_numpy()
        for i in (0, 1, 0)
    ]
    assert np.abs(rows[0] - rows[1]).max() > 0.01
    np.testing.assert_array_equal(rows[0], rows[2])
