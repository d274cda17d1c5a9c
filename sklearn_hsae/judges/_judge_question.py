"""The question which texts have which concepts, and how its reply is read."""

import numpy as np

from sklearn_hsae.llm import Request, UnreadableReply, as_json, load_prompt

_WORDS = {"true": 1.0, "yes": 1.0, "1": 1.0, "false": 0.0, "no": 0.0, "0": 0.0}


def judge_question(texts, concepts, about, is_graded=False):
    """Make the request that asks, for each text, which of the concepts it has.

    Parameters
    ----------
    texts, concepts : list of str
    about : object
        Kept in the request, for the caller.
    is_graded : bool
        Whether to ask for probabilities, see `Request`.

    Returns
    -------
    Request
        Its `read` returns an array of shape (n_texts, n_concepts) of 1, 0 and NaN, or
        probabilities.
    """
    text_ids = [f"t{i + 1}" for i in range(len(texts))]
    concept_ids = [f"p{i + 1}" for i in range(len(concepts))]
    prompt = load_prompt("judge").substitute(
        properties=as_json(dict(zip(concept_ids, concepts, strict=True))),
        texts=as_json(dict(zip(text_ids, texts, strict=True))),
        form=_form(text_ids, concept_ids),
    )
    return Request(
        messages=[{"role": "user", "content": prompt}],
        schema=_schema(text_ids, concept_ids),
        read=lambda found: _read(found, text_ids, concept_ids, is_graded),
        about=about,
        is_graded=is_graded,
    )


def _form(text_ids, concept_ids):
    """Describe the form of the reply: two properties in JSON, the others in words.

    It contains no "...", because some models copy that.
    """
    entry = ", ".join(f'"{key}": true or false' for key in concept_ids[:2])
    form = f'Its form is {{"{text_ids[0]}": {{{entry}}}}}'
    if len(concept_ids) > 2:
        form += f", with all of {concept_ids[0]} to {concept_ids[-1]} in an entry"
    if len(text_ids) > 1:
        form += f", with an entry for each of {text_ids[0]} to {text_ids[-1]}"
    return f"{form}."


def _schema(text_ids, concept_ids):
    one_text = {
        "type": "object",
        "properties": {key: {"type": "boolean"} for key in concept_ids},
        "required": concept_ids,
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": dict.fromkeys(text_ids, one_text),
        "required": text_ids,
        "additionalProperties": False,
    }


def _read(found, text_ids, concept_ids, is_graded):
    """Read annotations; NaN where one is missing, or is neither yes nor no."""
    annotations = np.full((len(text_ids), len(concept_ids)), np.nan)
    for i, text_id in enumerate(text_ids):
        entry = found.get(text_id)
        if entry is None and len(text_ids) == 1:
            entry = found  # with one text, some models leave out the outer object
        if isinstance(entry, dict):
            for j, concept_id in enumerate(concept_ids):
                found_value = entry.get(concept_id, "")
                word = str(found_value).strip(" .").lower()
                is_probability = isinstance(found_value, float) and is_graded
                annotations[i, j] = (
                    found_value if is_probability else _WORDS.get(word, np.nan)
                )
    if np.isnan(annotations).all():
        raise UnreadableReply(
            f"it has no answer true or false for {concept_ids} under {text_ids}"
        )
    return annotations
