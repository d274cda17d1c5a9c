"""Questions to a language model about one concept and many texts."""

from dataclasses import replace

import numpy as np

from sklearn_hsae.llm import Request, UnreadableReply, as_json, load_prompt, shortened

_TEXTS_PER_CALL = 5
_KINDS = {
    "fuzz": ({"type": "boolean"}, "true or false", 1),
    "simulate": ({"type": "integer"}, "0 to 10", 10),
}


_WORD = {
    "type": "object",
    "properties": {"word": {"type": "integer"}, "strength": {"type": "integer"}},
    "required": ["word", "strength"],
    "additionalProperties": False,
}
_FORM_OF_WORDS = '[{"word": 3, "strength": 8}, ...]'
_STRONGEST = 10
_OF_WORDS = "simulate_words"


def ask_about_texts(client, prompt, concept, texts, max_words, is_graded=False):
    """Ask a question of `_KINDS` about each text.

    Returns
    -------
    ndarray of shape (n_texts,)
        0 or 1, or the probability of 1 with `is_graded`, or 0 to 10; NaN where the
        reply is missing.
    """
    requests = requests_about_texts(prompt, concept, texts, max_words)
    if is_graded:
        requests = [replace(request, is_graded=True) for request in requests]
    parts = [
        np.full(n, np.nan) if reply is None else reply
        for reply, n in _replies(client, requests, prompt)
    ]
    return np.concatenate([*parts, []])


def requests_about_texts(prompt, concept, texts, max_words):
    """The requests of `ask_about_texts`: a list of `Request`."""
    schema, wish, highest = _KINDS[prompt]
    shown = [shortened(text, max_words) for text in texts]
    return _requests(
        prompt,
        concept,
        shown,
        (schema, wish),
        lambda found, ids, first: _read(found, ids, highest),
    )


def ask_about_words(client, concept, texts):
    """Ask at which words of each text a neuron fires, and how strongly.

    Parameters
    ----------
    client : LLMClient
    concept : str
    texts : list of list of str
        The words of each text.

    Returns
    -------
    list of ndarray of shape (n_words,)
        0 to 10 for each word; NaN for a text without a reply.
    """
    parts = _replies(client, requests_about_words(concept, texts), _OF_WORDS)
    replies = [r for part, n in parts for r in ([None] * n if part is None else part)]
    return [
        np.full(len(words), np.nan) if reply is None else reply
        for words, reply in zip(texts, replies, strict=True)
    ]


def requests_about_words(concept, texts):
    """The requests of `ask_about_words`: a list of `Request`."""
    numbered = [{str(i + 1): w for i, w in enumerate(words)} for words in texts]
    schema = {"type": "array", "items": _WORD}

    def read(found, ids, first):
        lengths = [len(words) for words in texts[first : first + len(ids)]]
        strengths = zip(ids, lengths, strict=True)
        read = [_strengths(found.get(i), length) for i, length in strengths]
        if all(np.isnan(values).all() for values in read):
            raise UnreadableReply(f"it has no lists under {ids}")
        return read

    return _requests(_OF_WORDS, concept, numbered, (schema, _FORM_OF_WORDS), read)


def _requests(prompt, concept, shown, schema_and_wish, read):
    """One request per few texts; its `about` is their number."""
    schema, wish = schema_and_wish
    requests = []
    for start in range(0, len(shown), _TEXTS_PER_CALL):
        in_this_call = shown[start : start + _TEXTS_PER_CALL]
        ids = [f"t{i + 1}" for i in range(len(in_this_call))]
        content = load_prompt(prompt).substitute(
            property=as_json(concept),
            texts=as_json(dict(zip(ids, in_this_call, strict=True))),
            form="{" + ", ".join(f'"{i}": {wish}' for i in ids) + "}",
        )
        requests.append(
            Request(
                messages=[{"role": "user", "content": content}],
                schema={
                    "type": "object",
                    "properties": dict.fromkeys(ids, schema),
                    "required": ids,
                    "additionalProperties": False,
                },
                read=lambda found, ids=ids, start=start: read(found, ids, start),
                about=len(ids),
            )
        )
    return requests


def _replies(client, requests, prompt):
    """The replies, None for a failed call, and the number of texts of each."""
    replies = client.ask(requests, f"Scoring ({prompt.replace('_', ' ')})")
    return [(r, request.about) for r, request in zip(replies, requests, strict=True)]


def _read(found, ids, highest):
    numbers = np.array([_number(found.get(i), highest) for i in ids])
    if np.isnan(numbers).all():
        raise UnreadableReply(f"it has no answers under {ids}")
    return numbers


def _strengths(reply, n_words):
    """The strength of each word; NaN when the reply is no list."""
    if not isinstance(reply, list):
        return np.full(n_words, np.nan)
    strengths = np.zeros(n_words)
    for entry in reply:
        if isinstance(entry, dict):
            word = _number(entry.get("word"), n_words)
            strength = _number(entry.get("strength"), _STRONGEST)
            if word >= 1 and not np.isnan(strength):
                strengths[int(word) - 1] = strength
    return strengths


def _number(value, highest):
    if isinstance(value, str):
        value = {"true": 1, "yes": 1, "false": 0, "no": 0}.get(value.lower(), value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return np.nan
    return number if 0 <= number <= highest else np.nan
