import numpy as np
import pytest

from sklearn_hsae.judges import candidate_phrases

# A sentence of ordinary words, and the only words of content in it.
SENTENCES = {
    "en": ("the soup was very cold for us and the waiter", "soup cold waiter"),
    "de": ("die Suppe war für uns auch nicht warm und der Koch", "suppe warm koch"),
    "fr": ("la soupe était pour nous aussi froide et le chef", "soupe froide chef"),
    "es": ("la sopa estaba para nosotros también fría y el bar", "sopa fría bar"),
    "hi": ("खाना बहुत ठंडा था और वेटर", "खाना ठंडा वेटर"),
    "ru": ("суп был для нас тоже холодный и официант", "суп холодный официант"),
}


def single_words(texts, **options):
    phrases, _ = candidate_phrases(texts, min_count=2, **options)
    return {phrase for phrase in phrases if " " not in phrase}


def shuffled(sentence, n=30):
    """Each word next to many others, so that no phrase stands for it."""
    rng = np.random.default_rng(0)
    return [" ".join(rng.permutation(sentence.split())) for _ in range(n)]


@pytest.mark.parametrize("language", SENTENCES)
def test_the_language_is_found(language):
    sentence, content = SENTENCES[language]
    assert single_words(shuffled(sentence)) == set(content.split())


def test_several_languages_are_found():
    texts = [t for language in ("en", "de") for t in shuffled(SENTENCES[language][0])]
    assert single_words(texts) == {"soup", "cold", "waiter", "suppe", "warm", "koch"}


def test_words_without_a_language_are_all_candidates():
    texts = shuffled("alpha bravo chess delta event fjord")
    assert len(single_words(texts)) == 6


def test_the_caller_may_name_a_language_or_words():
    texts = shuffled("die Suppe war mau")
    assert single_words(texts, stop_words="de") == {"suppe", "mau"}
    assert single_words(texts, stop_words=["Suppe", "MAU"]) == {"die", "war"}
    assert single_words(texts, stop_words=[]) == {"die", "suppe", "war", "mau"}


def test_an_unknown_language_is_named():
    with pytest.raises(ValueError, match=r"'xx' is no language.*list of words.*de"):
        candidate_phrases(["a text"], min_count=1, stop_words="xx")
