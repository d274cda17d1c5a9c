"""Judge by a language model: it reads the text and answers for each concept."""

import hashlib
import random
import warnings

import numpy as np
import pandas as pd

from sklearn_hsae._cache import cache_key, open_cache
from sklearn_hsae._labels import plain_label
from sklearn_hsae.llm import (
    LLMClient,
    Request,
    UnreadableAnswer,
    Usage,
    as_json,
    estimate_cost,
    load_prompt,
    shortened,
)

# Longer texts than a tweet are judged in calls of their own.
_WORDS_PER_CALL = 400
_ROWS_PER_LOOKUP = 1000


class LLMJudge:
    """Asks a language model which concepts a text has.

    One call judges a text, or a few short ones, by many concepts. Their order is
    shuffled from call to call, so that no concept always comes last; answers are
    keyed by concept. What an answer leaves out, and what a failed call would have
    answered, is asked once more, text by text. Each answer is kept under its text and
    its concept alone: other texts and concepts beside it do not have it paid again.

    Parameters
    ----------
    llm : LanguageModel
    concepts_per_call : int
    texts_per_call : int
        At most; they share a call only while they are short.
    max_words : int
        Of each text; what is longer is cut.
    random_state : int
        Of the order of concepts.
    verbose : int
        Whether to show a progress bar.
    usage : Usage or None
        Written to, where naming and judging share one.
    """

    is_paid = True  # each text that it judges costs money or time

    def __init__(
        self,
        llm,
        *,
        concepts_per_call=20,
        texts_per_call=8,
        max_words=256,
        random_state=0,
        verbose=0,
        usage=None,
    ):
        self.concepts_per_call = concepts_per_call
        self.texts_per_call = texts_per_call
        self.max_words = max_words
        self.random_state = random_state
        self.client = LLMClient(llm, verbose=verbose, usage=usage or Usage())

    @property
    def usage(self):
        return self.client.usage

    def fit(self, concepts, texts, activations=None):
        """Take the concepts; texts and activations are not used."""
        plain = np.array([plain_label(concept) for concept in concepts], dtype=object)
        self.columns_, distinct = pd.factorize(plain)  # "price", "price (2)": one
        self.concepts_ = list(distinct)
        return self

    def judge(self, texts):
        """Return annotations; see `Judge`.

        Raises
        ------
        ValueError, RuntimeError
            When no call can succeed, see `LLMClient.ask`.
        """
        shown, codes = self._distinct(texts)
        with open_cache(self.client.llm.cache_dir, "llm") as cache:
            keys = _Keys(self.client.llm.identity(), shown, self.concepts_)
            answers = self._remembered(cache, keys)
            self._given_up = np.zeros(answers.shape, dtype=bool)
            self._left_out = np.zeros(answers.shape, dtype=bool)
            is_done = self._ask(cache, keys, shown, answers, self.texts_per_call)
            if is_done and self._is_missing(answers).any():
                self._ask(cache, keys, shown, answers, 1)
            self._count_left_out(np.isnan(answers))
        answers = answers[np.ix_(codes, self.columns_)]
        self._warn_of_failures(answers)
        return answers

    def estimate_cost(self, concepts, texts):
        """What `judge` would cost if nothing failed; see `llm.estimate_cost`."""
        self.fit(concepts, texts)
        shown, _ = self._distinct(texts)
        with open_cache(self.client.llm.cache_dir, "llm") as cache:
            keys = _Keys(self.client.llm.identity(), shown, self.concepts_)
            answers = self._remembered(cache, keys)
        blocks = self._blocks(shown, np.isnan(answers), self.texts_per_call)
        requests = (self._request(shown, rows, columns) for rows, columns in blocks)
        return estimate_cost(self.client.llm, requests)

    def _distinct(self, texts):
        """The distinct texts as the model sees them, and where each belongs."""
        shown = [shortened(text, self.max_words) for text in texts]
        codes, distinct = pd.factorize(np.array(shown, dtype=object))
        return list(distinct), codes

    def _remembered(self, cache, keys):
        answers = np.full((len(keys.texts), len(keys.concepts)), np.nan)
        columns = range(answers.shape[1])
        for start in range(0, len(answers), _ROWS_PER_LOOKUP):
            rows = range(start, min(start + _ROWS_PER_LOOKUP, len(answers)))
            of = {
                keys(row, column): (row, column) for row in rows for column in columns
            }
            for key, value in cache.get_many(of).items():
                answers[of[key]] = value == b"1"
        self.usage.cache_hits += int(np.sum(~np.isnan(answers)))
        return answers

    def _is_missing(self, answers):
        """What to ask for: answers that there are not, and may be."""
        return np.isnan(answers) & ~self._given_up

    def _ask(self, cache, keys, texts, answers, texts_per_call):
        """Fill in what is missing in `answers`, and keep each as it arrives."""
        missing = self._is_missing(answers)
        blocks = list(self._blocks(texts, missing, texts_per_call))
        # Several processes at the same work begin at different ends of it.
        random.Random().shuffle(blocks)

        def requests():
            for rows, columns in blocks:
                found = cache.get_many([keys(r, c) for r in rows for c in columns])
                if len(found) < len(rows) * len(columns):
                    yield self._request(texts, rows, columns)
                else:  # another process has asked in the meantime
                    for row in rows:
                        for column in columns:
                            answers[row, column] = found[keys(row, column)] == b"1"

        def receive(pairs):
            found = {}
            for request, value in pairs:
                rows, columns = request.about
                reply = request.read(value)
                answers[np.ix_(rows, columns)] = reply
                self._left_out[np.ix_(rows, columns)] = np.isnan(reply)
                for i, j in np.argwhere(~np.isnan(reply)).tolist():
                    found[keys(rows[i], columns[j])] = b"1" if reply[i, j] else b"0"
            cache.put_many(found)

        def give_up(request):  # a server that is busy or down is not asked text by text
            self._given_up[np.ix_(*request.about)] = True

        return self.client.run(
            requests(), receive, "Judging texts", len(blocks), give_up
        )

    def _blocks(self, texts, missing, texts_per_call):
        """Yield which rows and which columns share a call."""
        rng = np.random.default_rng(self.random_state)
        patterns, group = np.unique(missing, axis=0, return_inverse=True)
        for i, pattern in enumerate(patterns):
            columns = np.flatnonzero(pattern)
            if len(columns) == 0:
                continue
            rows = np.flatnonzero(group.ravel() == i).tolist()
            for together in self._rows_together(texts, rows, texts_per_call):
                order = rng.permutation(columns)
                for start in range(0, len(order), self.concepts_per_call):
                    some = order[start : start + self.concepts_per_call]
                    yield together, some.tolist()

    def _rows_together(self, texts, rows, texts_per_call):
        together, n_words = [], 0
        for row in rows:
            words = len(texts[row].split())
            is_full = len(together) == texts_per_call
            if together and (is_full or n_words + words > _WORDS_PER_CALL):
                yield together
                together, n_words = [], 0
            together.append(row)
            n_words += words
        yield together

    def _request(self, texts, rows, columns):
        text_ids = [f"t{i + 1}" for i in range(len(rows))]
        concept_ids = [f"p{i + 1}" for i in range(len(columns))]
        concepts = [self.concepts_[column] for column in columns]
        shown = [texts[row] for row in rows]
        prompt = load_prompt("judge").substitute(
            properties=as_json(dict(zip(concept_ids, concepts, strict=True))),
            texts=as_json(dict(zip(text_ids, shown, strict=True))),
            form=_form(text_ids, concept_ids),
        )
        return Request(
            messages=[{"role": "user", "content": prompt}],
            schema=_schema(text_ids, concept_ids),
            read=lambda found: _read(found, text_ids, concept_ids),
            about=(rows, columns),
        )

    def _count_left_out(self, missing):
        """Count and name what is missing from answers that could be read."""
        left_out = self._left_out & missing
        if left_out.any():
            self.usage.failures += int(left_out.any(axis=1).sum())  # one call each
            counts = left_out.sum(axis=0)
            most = int(counts.argmax())
            self.usage.last_error = (
                f"answers left out {int(left_out.sum())} pairs of a text and a "
                f"concept, also when asked again; most often "
                f"{self.concepts_[most]!r}, for {int(counts[most])} texts"
            )

    def _warn_of_failures(self, answers):
        failed = np.isnan(answers).any(axis=1)
        if failed.any():
            warnings.warn(
                f"{int(failed.sum())} of {len(failed)} texts have no answer for some "
                f"concept; they are NaN. The last error: {self.usage.last_error}",
                UserWarning,
                stacklevel=4,
            )


class _Keys:
    """The cache key of the answer for a text and a concept."""

    def __init__(self, identity, texts, concepts):
        prompt = load_prompt("judge").template
        self._common = cache_key(kind="judgement", prompt=prompt, **identity)
        # Hashed once each: a text may have a megabyte.
        self.texts = [cache_key(text=text) for text in texts]
        self.concepts = [cache_key(concept=concept) for concept in concepts]

    def __call__(self, row, column):
        parts = f"{self._common}{self.texts[row]}{self.concepts[column]}"
        return hashlib.sha256(parts.encode("ascii")).hexdigest()


def _form(text_ids, concept_ids):
    """What the answer looks like: in full for two properties, then in words.

    There is no "..." in it, which some models copy.
    """
    entry = ", ".join(f'"{key}": true or false' for key in concept_ids[:2])
    form = f'Its form is {{"{text_ids[0]}": {{{entry}}}}}'
    if len(concept_ids) > 2:
        form += f", with all of {concept_ids[0]} to {concept_ids[-1]} in an entry"
    if len(text_ids) > 1:
        form += f", with an entry for each of {text_ids[0]} to {text_ids[-1]}"
    return f"{form}."


def _schema(text_ids, concept_ids):
    answers = {
        "type": "object",
        "properties": {key: {"type": "boolean"} for key in concept_ids},
        "required": concept_ids,
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": dict.fromkeys(text_ids, answers),
        "required": text_ids,
        "additionalProperties": False,
    }


_ANSWERS = {"true": 1.0, "yes": 1.0, "1": 1.0, "false": 0.0, "no": 0.0, "0": 0.0}


def _read(found, text_ids, concept_ids):
    """Answers as numbers, NaN where one was left out or is neither yes nor no."""
    answers = np.full((len(text_ids), len(concept_ids)), np.nan)
    for i, text_id in enumerate(text_ids):
        entry = found.get(text_id)
        if entry is None and len(text_ids) == 1:
            entry = found  # with one text, some models leave out the outer object
        if isinstance(entry, dict):
            for j, concept_id in enumerate(concept_ids):
                word = str(entry.get(concept_id, "")).strip(" .").lower()
                answers[i, j] = _ANSWERS.get(word, np.nan)
    if np.isnan(answers).all():
        raise UnreadableAnswer(
            f"it has no answer true or false for {concept_ids} under {text_ids}"
        )
    return answers
