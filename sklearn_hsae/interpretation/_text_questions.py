"""Questions to a language model about one concept and many texts."""

import numpy as np

from sklearn_hsae.llm import Request, UnreadableReply, as_json, load_prompt, shortened

_TEXTS_PER_CALL = 5
_KINDS = {
    "fuzz": ({"type": "boolean"}, "true or false", 1),
    "simulate": ({"type": "integer"}, "0 to 10", 10),
}


def ask_about_texts(client, prompt, concept, texts, max_words):
    """Ask a question of `_KINDS` about each text.

    Returns
    -------
    ndarray of shape (n_texts,)
        0 or 1, or 0 to 10; NaN where the reply is missing.
    """
    schema, wish, highest = _KINDS[prompt]
    requests = []
    for start in range(0, len(texts), _TEXTS_PER_CALL):
        in_this_call = texts[start : start + _TEXTS_PER_CALL]
        shown = [shortened(text, max_words) for text in in_this_call]
        ids = [f"t{i + 1}" for i in range(len(shown))]
        content = load_prompt(prompt).substitute(
            property=as_json(concept),
            texts=as_json(dict(zip(ids, shown, strict=True))),
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
                read=lambda found, ids=ids: _read(found, ids, highest),
                about=len(ids),
            )
        )
    replies = client.ask(requests, f"Scoring ({prompt})")
    parts = [
        np.full(request.about, np.nan) if reply is None else reply
        for request, reply in zip(requests, replies, strict=True)
    ]
    return np.concatenate([*parts, []])


def _read(found, ids, highest):
    numbers = np.array([_number(found.get(i), highest) for i in ids])
    if np.isnan(numbers).all():
        raise UnreadableReply(f"it has no answers under {ids}")
    return numbers


def _number(value, highest):
    if isinstance(value, str):
        value = {"true": 1, "yes": 1, "false": 0, "no": 0}.get(value.lower(), value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return np.nan
    return number if 0 <= number <= highest else np.nan
