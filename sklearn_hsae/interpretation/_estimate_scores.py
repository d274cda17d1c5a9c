"""What the scores of labels will cost, from the questions that will be asked."""

from sklearn.utils import check_random_state

from sklearn_hsae._texts import get_texts
from sklearn_hsae._tokens import tokens_behind
from sklearn_hsae.interpretation._score_concepts import (
    PAID_SCORERS,
    check_scored,
    scored_samples,
)
from sklearn_hsae.interpretation._scorers import Tools, firing_texts, texts_of_fuzz
from sklearn_hsae.interpretation._text_questions import (
    requests_about_texts,
    requests_about_words,
)
from sklearn_hsae.interpretation._token_scorers import word_activations
from sklearn_hsae.judges import LLMJudge
from sklearn_hsae.llm import estimate_cost, make_language_model


def estimate_scores(
    X,
    *,
    llm,
    texts=None,
    scorers=("detection", "simulation", "embedding"),
    activate=None,
    n_texts=100,
    max_words=256,
    probabilities=False,
    random_state=None,
):
    """Estimate the cost of :func:`score_concepts`, without a call.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_concepts)
    llm : str or LanguageModel
    texts : sequence of str of length n_samples, default=None
    scorers : sequence of str, default=("detection", "simulation", "embedding")
    activate : callable or None, default=None
    n_texts : int, default=100
    max_words : int, default=256
    probabilities : bool, default=False
    random_state : int, RandomState instance or None, default=None
        All of them as in :func:`score_concepts`. With the same int, the texts are the
        same.

    Returns
    -------
    dict
        `calls`, `prompt_tokens`, `completion_tokens` and `dollars`, which is None when
        litellm knows no price. It assumes 300 tokens per reply, a reply to each call,
        and, except for "detection" and "recall", an empty cache. Scorers that are free
        count nothing.

    Examples
    --------
    >>> from sklearn_hsae.interpretation import estimate_scores
    >>> estimate_scores(concepts, llm="openai/gpt-5-mini")  # doctest: +SKIP
    {'calls': 812, 'prompt_tokens': 301544, ...}
    """
    paid = [name for name in scorers if name in PAID_SCORERS]
    check_scored(X, texts, paid, llm, activate, None)
    texts = get_texts(X, texts, None)
    llm = make_language_model(llm)
    seed = check_random_state(random_state).randint(2**31 - 1)
    judge = LLMJudge(llm, max_words=max_words, is_graded=probabilities)
    tools = Tools(judge, None, activate, tokens_behind(X), None, seed)
    total = estimate_cost(llm, [])
    for sample in scored_samples(X, texts, n_texts, 1, seed):
        for scorer in paid:
            total = _sum(total, _PARTS[scorer](sample, tools))
    return total


def _sum(first, second):
    return {
        name: None if None in (value, second[name]) else value + second[name]
        for name, value in first.items()
    }


def _detection(sample, tools):
    return tools.judge.estimate_cost([sample.concept], tools.shown(sample))


def _recall(sample, tools):
    texts = firing_texts(sample, tools)
    return tools.judge.estimate_cost([sample.concept], texts)


def _fuzz(sample, tools):
    shown, _, _ = texts_of_fuzz(sample, tools)
    return _of_texts("fuzz", sample, shown, tools)


def _simulation(sample, tools):
    if tools.tokens is None:
        return _of_texts("simulate", sample, sample.texts, tools)
    words, _ = word_activations(sample, tools)
    requests = requests_about_words(sample.concept, words)
    return estimate_cost(tools.judge.client.llm, requests)


def _of_texts(prompt, sample, texts, tools):
    max_words = tools.judge.max_words
    requests = requests_about_texts(prompt, sample.concept, texts, max_words)
    return estimate_cost(tools.judge.client.llm, requests)


_PARTS = {
    "detection": _detection,
    "recall": _recall,
    "fuzz": _fuzz,
    "simulation": _simulation,
}
