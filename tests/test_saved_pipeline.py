"""A fitted pipeline in one file, without pickle: elsewhere, later, in other hands."""

import json
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
import skops.io
from llm_server import language_model
from reader_models import WORDS, save_model
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

import sklearn_hsae
from sklearn_hsae import (
    ConceptAnnotator,
    DiscoverySplit,
    EmbeddingTransformer,
    HypothesisRegressor,
    LLMInterpreter,
    MatryoshkaSAETransformer,
    NeuronSelector,
    ReaderSAETransformer,
    load_pipeline,
    make_hypothesis_pipeline,
    save_pipeline,
    with_texts,
)
from sklearn_hsae._saved_pipeline import _TRUSTED


@pytest.fixture(scope="module")
def fitted(reviews, cache):
    pipe = make_hypothesis_pipeline(
        n_neurons=16,
        k=3,
        n_select=4,
        random_state=0,
        embedder=EmbeddingTransformer(cache_dir=cache),
    )
    pipe.set_params(sae__max_epochs=5, memory=None)
    return pipe.fit(reviews.texts, reviews.target)


@pytest.fixture
def saved(fitted, tmp_path):
    return save_pipeline(fitted, tmp_path / "model.skops")


def test_it_predicts_and_says_the_same(fitted, saved, reviews):
    again = load_pipeline(saved)
    assert type(again) is Pipeline
    np.testing.assert_array_equal(
        again.predict(reviews.texts[:30]), fitted.predict(reviews.texts[:30])
    )
    pd.testing.assert_frame_equal(again[-1].summary_, fitted[-1].summary_)
    pd.testing.assert_frame_equal(
        again["interpret"].fidelity_, fitted["interpret"].fidelity_
    )
    assert again.predict([]).shape == (0,)


def test_it_holds_no_place_of_this_machine_and_no_text(fitted, saved, reviews, cache):
    content = saved.read_bytes()
    assert cache.encode() not in content and str(saved.parent).encode() not in content
    assert not any(text.encode() in content for text in reviews.texts)
    # The pipeline itself is as it was.
    assert fitted["embed"].cache_dir == cache
    again = load_pipeline(saved)
    assert again["embed"].cache_dir == "auto"
    assert again["annotate"].judge_.similarity_.embedder.cache_dir == "auto"


def test_a_cache_that_is_off_stays_off(tmp_path):
    X = np.arange(40.0).reshape(20, 2)
    annotator = ConceptAnnotator(
        ["mentions soup"],
        judge="keyphrase",
        embedder=EmbeddingTransformer(cache_dir=None),
    ).fit(X, texts=["cold soup"] * 20)
    again = load_pipeline(save_pipeline(annotator, tmp_path / "a.skops"))
    assert again.embedder.cache_dir is None


def test_a_model_in_a_folder_is_found_from_the_file(tmp_path):
    """The file and the model may move together, or each to another place."""
    model, there = tmp_path / "here" / "my-model", tmp_path / "there"
    model.mkdir(parents=True)
    annotator = ConceptAnnotator(
        ["mentions soup"], judge="keyphrase", embedder=EmbeddingTransformer(str(model))
    ).fit(np.zeros((2, 1)), texts=["cold soup", "warm soup"])
    (tmp_path / "here" / "results").mkdir()
    path = save_pipeline(annotator, tmp_path / "here" / "results" / "a.skops")
    assert annotator.embedder.model == str(model)
    with ZipFile(path) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert b"../my-model" in content and str(tmp_path).encode() not in content
    (tmp_path / "here").rename(there)
    path, model = there / "results" / "a.skops", there / "my-model"
    assert load_pipeline(path).embedder.model == str(model)
    again = save_pipeline(load_pipeline(path), tmp_path / "again.skops")
    assert load_pipeline(again).embedder.model == str(model)
    # The file alone is moved.
    path = path.rename(tmp_path / "a.skops")
    with pytest.raises(FileNotFoundError, match=r"'my-model', .* beside a\.skops"):
        load_pipeline(path)
    assert load_pipeline(path, models_dir=there).embedder.model == str(model)
    with pytest.raises(FileNotFoundError, match="models_dir"):
        load_pipeline(path, models_dir=tmp_path)
    model.rename(tmp_path / "my-model")
    assert load_pipeline(path).embedder.model == str(tmp_path / "my-model")


def test_every_kind_of_pipeline(reviews, tmp_path):
    # Discovery and inference apart, columns beside the texts, classes, own functions.
    frame = pd.DataFrame({"review": reviews.texts, "price": np.arange(240.0)})
    finder = make_hypothesis_pipeline(
        task="classification",
        n_neurons=16,
        k=3,
        n_select=3,
        embedder="lsa",
        random_state=0,
    ).set_params(sae__max_epochs=2)
    columns = make_column_transformer(
        (finder[:-1], "review"), ("passthrough", ["price"])
    ).set_output(transform="pandas")
    names = FunctionTransformer(sklearn_hsae.safe_names)
    model = DiscoverySplit(make_pipeline(columns, names, finder[-1]), random_state=0)
    model.fit(frame, np.where(reviews.target > 3, "good", "bad"))
    again = load_pipeline(save_pipeline(model, tmp_path / "model.skops"))
    assert again.predict(frame[:9]).tolist() == model.predict(frame[:9]).tolist()
    pd.testing.assert_frame_equal(again.summary_, model.summary_)


@pytest.mark.parametrize("judge", ["llm", "distilled"])
def test_a_language_model_is_saved_without_its_client(server, judge, tmp_path):
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice([f"word{i}" for i in range(9)], 5)) for _ in range(80)]
    fires = np.array([[f"word{j}" in text for j in (1, 2)] for text in texts], float)
    X = with_texts(pd.DataFrame(fires, columns=["sae1", "sae2"]), texts)
    options = {"llm": language_model(server, {"cache_dir": str(tmp_path)})}
    model = make_pipeline(
        LLMInterpreter(n_candidates=1, random_state=0, **options),
        ConceptAnnotator(judge=judge, random_state=0, **options),
        HypothesisRegressor(),
    ).fit(X, fires @ [1.0, -1.0] + rng.normal(size=80))
    path = save_pipeline(model, tmp_path / "model.skops")
    again = load_pipeline(path)
    assert str(tmp_path).encode() not in path.read_bytes()
    assert isinstance(again[1].judge_.usage.to_dict(), dict)
    assert again.predict(X[:5]).tolist() == model.predict(X[:5]).tolist()


def test_the_trusted_types_are_those_of_this_package():
    # A wrong name would be a refusal at the user's, a broad one a hole.
    for name in _TRUSTED:
        module, _, attribute = name.rpartition(".")
        assert module.startswith("sklearn_hsae.")
        found = getattr(__import__(module, fromlist=[attribute]), attribute)
        assert f"{found.__module__}.{found.__qualname__}" == name


def with_card(path, **changes):
    """The same archive with another card."""
    parts = {}
    with ZipFile(path) as archive:
        for name in archive.namelist():
            parts[name] = archive.read(name)
    card = json.loads(parts["sklearn_hsae.json"]) | changes
    parts["sklearn_hsae.json"] = json.dumps(card).encode()
    with ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_another_version_is_refused_with_both_named(saved):
    with_card(saved, **{"sklearn-hsae": "0.9.3"})
    with pytest.raises(ValueError, match=r"by sklearn-hsae 0\.9\.3, and this is.*==0"):
        load_pipeline(saved)


def test_another_patch_release_is_read(saved):
    series = ".".join(sklearn_hsae.__version__.split(".")[:2])
    loaded = load_pipeline(with_card(saved, **{"sklearn-hsae": f"{series}.99"}))
    assert [type(step) for step in loaded] == [
        type(step) for step in load_pipeline(saved)
    ]


def test_another_scikit_learn_is_warned_of(saved):
    with_card(saved, **{"scikit-learn": "1.2.0"})
    with pytest.warns(UserWarning, match=r"with scikit-learn 1\.2\.0, and this is"):
        load_pipeline(saved)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-200])


def without_card(path):
    skops.io.dump(NeuronSelector(2), path)


def other_content(path):
    path.write_text("not an archive")


def with_a_part_missing(path):
    with ZipFile(path) as archive:
        schema, card = archive.read("schema.json"), archive.read("sklearn_hsae.json")
    with ZipFile(path, "w") as archive:
        archive.writestr("schema.json", schema)
        archive.writestr("sklearn_hsae.json", card)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_off, "no complete file of save_pipeline"),
        (without_card, "no complete file of save_pipeline"),
        (other_content, "no complete file of save_pipeline"),
        (with_a_part_missing, "is damaged"),
    ],
)
def test_a_damaged_file_is_named(saved, damage, message):
    damage(saved)
    with pytest.raises(ValueError, match=message):
        load_pipeline(saved)


def test_no_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        load_pipeline(tmp_path / "nothing.skops")
    with pytest.raises(ValueError, match="is a folder"):
        load_pipeline(tmp_path)


class Doubling(NeuronSelector):
    """A step of the user's own."""


def test_types_of_others_must_be_trusted_by_name(tmp_path):
    own = Doubling(columns=[1]).fit(np.eye(4))
    path = save_pipeline(own, tmp_path / "own.skops")
    name = f"{Doubling.__module__}.Doubling"
    with pytest.raises(ValueError, match=rf"not trusted: \['{name}'\]"):
        load_pipeline(path)
    try:
        again = load_pipeline(path, trusted=[name])
    except ValueError:  # the module of a test cannot be imported everywhere
        return
    assert again.selected_.tolist() == own.selected_.tolist()


def test_a_refused_call_leaves_nothing_behind(tmp_path, fitted):
    with pytest.raises(NotFittedError):
        save_pipeline(make_hypothesis_pipeline(), tmp_path / "a.skops")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        save_pipeline(fitted, tmp_path / "new" / "a.skops")
    step = FunctionTransformer(lambda X: X).fit(np.eye(2))
    with pytest.raises(ValueError, match="cannot be saved without pickle"):
        save_pipeline(step, tmp_path / "a.skops")
    step = NeuronSelector(columns=[1]).fit(np.eye(4))
    step.table_ = pd.DataFrame({"a": [1]})
    with pytest.raises(ValueError, match="cannot be saved without pickle"):
        save_pipeline(step, tmp_path / "a.skops")
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_survives_a_failed_save(saved, monkeypatch):
    before = saved.read_bytes()
    monkeypatch.setattr("sklearn_hsae._saved_pipeline._versions", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_pipeline(NeuronSelector(columns=[1]).fit(np.eye(4)), saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["model.skops"]


@pytest.mark.parametrize("has_sae", [False, True])
def test_a_reader_reads_the_same_where_its_model_is(tmp_path, has_sae):
    model = save_model(tmp_path / "model")
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, size=6)) for _ in range(60)]
    sae = MatryoshkaSAETransformer(16, 4, max_epochs=3) if has_sae else None
    reader = ReaderSAETransformer(model, sae, layer=1, cache_dir=None)
    pipe = make_pipeline(reader).fit(texts)
    path = save_pipeline(pipe, tmp_path / "reader.skops")
    pd.testing.assert_frame_equal(
        load_pipeline(path).transform(texts), pipe.transform(texts)
    )
