"""How near the words of two concepts are, by an embedding or a language model."""

import warnings

import numpy as np
from sklearn.preprocessing import normalize

from sklearn_hsae.embedding import make_embedder
from sklearn_hsae.llm import (
    LLMClient,
    Request,
    UnreadableReply,
    as_json,
    load_prompt,
    make_language_model,
)

_NEARNESS = {"same": 1.0, "related": 0.5, "different": 0.0}
_WORD = {"type": "string", "enum": list(_NEARNESS)}


def wording_by_embedder(embedder, known, found):
    """Cosine of the embedded words of each known concept with each found one.

    Parameters
    ----------
    embedder : str, EmbeddingTransformer or None
    known, found : sequence of str

    Returns
    -------
    ndarray of shape (n_known, n_found)
    """
    names = [*known, *found]
    vectors = make_embedder(embedder).fit_transform(names).to_numpy()
    vectors = normalize(vectors)
    return vectors[: len(known)] @ vectors[len(known) :].T


def wording_by_llm(llm, known, found):
    """What a language model says: 1 for the same, 0.5 for related, 0 for different.

    One call per known concept has all found ones.

    Parameters
    ----------
    llm : str or LanguageModel
    known, found : list of str

    Returns
    -------
    ndarray of shape (n_known, n_found)
        NaN where there is no reply; a warning says how many.
    """
    client = LLMClient(make_language_model(llm))
    requests = [_question(concept, found) for concept in known]
    replies = client.ask(requests, "Comparing words")
    missing = np.full(len(found), np.nan)
    nearness = np.array([missing if reply is None else reply for reply in replies])
    is_missing = np.isnan(nearness).any(axis=1)
    if is_missing.any():
        warnings.warn(
            f"{is_missing.sum()} of {len(known)} concepts were not compared with all "
            "hypotheses; what is missing counts as different. The last error: "
            f"{client.usage.last_error}",
            UserWarning,
            stacklevel=3,
        )
    return nearness


def _question(known, found):
    ids = [f"p{i + 1}" for i in range(len(found))]
    words = " or ".join(f'"{word}"' for word in _NEARNESS)
    entries = ", ".join(f'"{key}": {words}' for key in ids[:2])
    form = f"{{{entries}}}"
    if len(ids) > 2:
        form += f", with all of {ids[0]} to {ids[-1]}"
    content = load_prompt("same_meaning").substitute(
        known=as_json(known),
        found=as_json(dict(zip(ids, found, strict=True))),
        form=f"{form}.",
    )
    return Request(
        messages=[{"role": "user", "content": content}],
        schema={
            "type": "object",
            "properties": dict.fromkeys(ids, _WORD),
            "required": ids,
            "additionalProperties": False,
        },
        read=lambda reply: _read(reply, ids),
    )


def _read(reply, ids):
    words = [str(reply.get(key, "")).strip(" .").lower() for key in ids]
    nearness = np.array([_NEARNESS.get(word, np.nan) for word in words])
    if np.isnan(nearness).all():
        raise UnreadableReply(f"it has none of {', '.join(_NEARNESS)} under {ids}")
    return nearness
