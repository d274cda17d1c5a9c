"""How sure a language model was of each true and false in its reply."""

import math
import re
from itertools import accumulate

_STRING_OR_LITERAL = re.compile(r'"(?:\\.|[^"\\])*"|\b(true|false)\b', re.DOTALL)


def with_probabilities(reply, response):
    """Put the probability of "true" in the place of each boolean of a reply.

    It is that of the token with which the word begins. The tokens that do not make up
    the word are taken to stand for the other one.

    Parameters
    ----------
    reply : dict
        The JSON object of the reply.
    response : litellm.ModelResponse

    Returns
    -------
    dict
        `reply` itself where the server gave no probabilities of tokens, or where they
        belong to other words.
    """
    tokens = _tokens(response)
    text = "".join(token.token for token in tokens)
    found = [m for m in _STRING_OR_LITERAL.finditer(text) if m[1] is not None]
    booleans = list(_booleans(reply))
    found = found[len(found) - len(booleans) :]  # the object is the last one
    if not booleans or [match[1] == "true" for match in found] != booleans:
        return reply
    ends = list(accumulate(len(token.token) for token in tokens))
    probabilities = []
    for match in found:
        token = tokens[next(i for i, end in enumerate(ends) if end > match.start())]
        probability = min(math.exp(token.logprob), 1.0)
        is_true = match[1] == "true"
        probabilities.append(probability if is_true else 1.0 - probability)
    return _replaced(reply, iter(probabilities))


def _tokens(response):
    logprobs = getattr(response.choices[0], "logprobs", None)
    return getattr(logprobs, "content", None) or []


def _booleans(value):
    """The booleans in a JSON value, in the order of its text."""
    if isinstance(value, bool):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _booleans(item)


def _replaced(value, probabilities):
    if isinstance(value, bool):
        return next(probabilities)
    if isinstance(value, dict):
        return {key: _replaced(item, probabilities) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, probabilities) for item in value]
    return value
