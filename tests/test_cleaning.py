"""TextCleaner: what it removes, what it leaves, and in which container."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklearn_hsae import (
    TextCleaner,
    evaluate_hypotheses,
    load_pipeline,
    make_hypothesis_pipeline,
    save_pipeline,
)


def clean(text, *parts):
    return TextCleaner(parts).fit_transform([text])[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@air where is my bag?", "where is my bag?"),
        (".@air, @other: where?", "where?"),
        ("Nice RT @air: we fly again", "Nice we fly again"),
        ("I flew with @air's new plane.", "I flew with new plane."),
        ("on hold with @air. Hung up", "on hold with. Hung up"),
        ("ask @me.bsky.social or @me@server.org today", "ask or today"),
        ("write to joe@mail.com", "write to joe@mail.com"),
        ("meet @ noon", "meet @ noon"),
        ("see http://site.org/@me", "see http://site.org/@me"),
        ("two\nlines @air", "two\nlines"),
    ],
)
def test_handles(text, expected):
    assert clean(text, "handles") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("look http://t.co/aB1 now", "look now"),
        ("look HTTPS://T.CO/aB1", "look"),
        ("www.site.org, or site.org/page", "or"),
        ("mail joe.b@mail.com.", "mail."),
        ("yes/no and @air", "yes/no and @air"),
    ],
)
def test_links(text, expected):
    assert clean(text, "links") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("waited 3 hours, 30mins", "waited hours, mins"),
        ("$1,200.50 or 15% off", "or off"),
        ("the 2nd at 5pm or 9:30 a.m. or 1h40m", "the at or or"),
        ("a 10-hour delay", "a hour delay"),
        ("call 1-800-433-7300!", "call!"),
        ("a B787, COVID-19 and UA415", "a B787, COVID-19 and UA415"),
        ("v2.0, GPT-4.5 or H1:2", "v2.0, GPT-4.5 or H1:2"),
        ("from $5/$10 on", "from / on"),
        ("२०१५ में", "में"),
    ],
)
def test_numbers(text, expected):
    assert clean(text, "numbers") == expected


def test_entities_become_characters_and_other_texts_stay_as_they_are():
    assert clean("food &amp; drink") == "food & drink"
    untouched = ["two  blanks", ", so", "", "AT&T", "😀"]
    assert TextCleaner().fit_transform(untouched).tolist() == untouched


@pytest.mark.parametrize("text", ["@air", "@air http://t.co/a 20!", "…@air?"])
def test_a_text_of_which_nothing_is_left_stays(text):
    assert TextCleaner().fit_transform([text])[0] == text
    assert TextCleaner().fit_transform([f"{text} 😡"])[0].endswith("😡")


def test_containers_keep_their_index():
    texts, cleaned = ["@a one", "two 2"], ["one", "two"]
    index = pd.MultiIndex.from_tuples([(2019, "x"), (2020, "y")], names=["year", "id"])
    cleaner = TextCleaner().set_output(transform="pandas").fit(texts)
    series = cleaner.transform(pd.Series(texts, index=index, name="tweet"))
    pd.testing.assert_series_equal(
        series, pd.Series(cleaned, index=index, name="tweet", dtype=object)
    )
    for container in (tuple(texts), np.array(texts), np.array(texts)[:, None]):
        assert cleaner.transform(container).tolist() == cleaned
    pairs = pd.DataFrame({"a": texts, "b": texts}, index=index)
    expected = pd.DataFrame({"a": cleaned, "b": cleaned}, index=index)
    pd.testing.assert_frame_equal(cleaner.transform(pairs), expected, check_dtype=False)
    assert cleaner.transform([tuple(texts)]).tolist() == [cleaned]
    assert cleaner.transform(pairs[["a"]]).columns.tolist() == ["a"]
    assert cleaner.transform([]).shape == (0,)


@pytest.mark.parametrize(
    ("remove", "texts", "message"),
    [
        (["hashtags"], ["a"], "'hashtags'. The parts .* 'handles', 'links', 'numbers'"),
        ("links", ["a"], "'remove' parameter .* must be an array-like"),
        ([], ["a", None], "1 missing .* at row position 1"),
        ([], "a text", "Pass \\[text\\]"),
    ],
)
def test_wrong_arguments(remove, texts, message):
    with pytest.raises(ValueError, match=message):
        TextCleaner(remove).fit(texts)


def test_no_step_behind_it_sees_what_was_removed(reviews, tmp_path):
    """The same model as on texts that never had handles; examples show the originals.

    A saved model cleans as well.
    """
    plain = [str(text).replace("@", "") for text in reviews.texts[:120]]
    handles = [f"@diner{i % 3} {text}" for i, text in enumerate(plain)]
    y = reviews.target[:120]
    options = {"n_neurons": 16, "k": 2, "n_select": 3, "random_state": 0}
    pipe = make_hypothesis_pipeline(clean=["handles"], **options).fit(handles, y)
    assert list(pipe.named_steps)[:2] == ["clean", "embed"]
    expected = make_hypothesis_pipeline(**options).fit(plain, y)
    again = load_pipeline(save_pipeline(pipe, tmp_path / "model.skops"))
    for model in (pipe, again):
        np.testing.assert_array_equal(model.predict(handles), expected.predict(plain))
    assert pipe.predict([]).shape == (0,)
    new, new_y = reviews.texts[120:], reviews.target[120:]
    evaluation = evaluate_hypotheses(pipe, new, new_y, X_train=handles, y_train=y)
    assert "embeddings" in evaluation.ceilings.index


def test_it_is_a_step_like_any_other():
    pipe = make_pipeline(clone(TextCleaner(["links"])), TextCleaner(["handles"]))
    assert pipe.fit_transform(["@a http://b.c/d one"]).tolist() == ["one"]
    assert pipe.get_feature_names_out().tolist() == ["text"]
