"""Judge by a language model: it reads the texts and says which concepts each has."""

import itertools
import logging
import warnings

import numpy as np
import pandas as pd

from sklearn_hsae._cache import open_cache
from sklearn_hsae._claims import pauses
from sklearn_hsae._labels import plain_label
from sklearn_hsae.judges._claimed_blocks import ClaimedBlocks
from sklearn_hsae.judges._judge_question import judge_question
from sklearn_hsae.judges._judged_pairs import JudgedPairs
from sklearn_hsae.llm import LLMClient, Usage, estimate_cost, shortened

# Texts share a call up to this length: some tweets, but only one long review.
_WORDS_PER_CALL = 400

logger = logging.getLogger("sklearn_hsae")


class LLMJudge:
    """Asks a language model which concepts a text has.

    One call judges one text, or a few short ones, by many concepts. Each call has the
    concepts in another order, so that no concept is always the last. Pairs that a reply
    left out, and pairs of failed calls, are asked once more, one text per call.

    Parameters
    ----------
    llm : LanguageModel
    concepts_per_call : int
    texts_per_call : int
        Largest number of texts per call; only short texts share a call.
    max_words : int
        Longer texts are cut to this number of words.
    random_state : int
        Decides the order of the concepts in each call.
    verbose : int
        If not 0, a progress bar is shown.
    usage : Usage or None
        The object that counts the calls; naming and judging can share one.
    is_graded : bool
        Whether annotations are probabilities, where the server gives those of tokens.
    """

    is_paid = True  # each judged text costs money or time

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
        is_graded=False,
    ):
        self.is_graded = is_graded
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
        self.columns_, distinct = pd.factorize(plain)  # "price (2)" is "price"
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
            pairs = self._pairs(cache, shown)
            is_done = self._ask(shown, pairs, self.texts_per_call)
            if is_done and pairs.missing().any():
                self._ask(shown, pairs, 1)
        self._count_left_out(pairs)
        annotations = pairs.annotations[np.ix_(codes, self.columns_)]
        self._warn_of_failures(annotations)
        return annotations

    def estimate_cost(self, concepts, texts):
        """Cost of `judge` when no call fails; see `llm.estimate_cost`."""
        self.fit(concepts, texts)
        shown, _ = self._distinct(texts)
        with open_cache(self.client.llm.cache_dir, "llm") as cache:
            missing = self._pairs(cache, shown).missing()
        blocks = self._blocks(shown, missing, self.texts_per_call)
        requests = (self._question(shown, *block) for block in blocks)
        return estimate_cost(self.client.llm, requests)

    def _distinct(self, texts):
        """The distinct texts as the model sees them, and the position of each text."""
        shown = [shortened(text, self.max_words) for text in texts]
        codes, distinct = pd.factorize(np.array(shown, dtype=object))
        return list(distinct), codes

    def _pairs(self, cache, texts):
        identity = self.client.llm.identity()
        if self.is_graded:
            identity = identity | {"is_graded": True}
        pairs = JudgedPairs(cache, identity, texts, self.concepts_)
        self.usage.cache_hits += pairs.n_from_cache
        return pairs

    def _ask(self, texts, pairs, texts_per_call):
        """Ask about the missing pairs; return whether all of them were asked.

        What another process is asking about is not asked here, but read from the cache
        when it is there.
        """
        wanted, waiting = pairs.missing(), pauses()
        while wanted.any():
            blocks = list(self._blocks(texts, wanted, texts_per_call))
            with ClaimedBlocks(pairs, self._n_per_claim(blocks)) as claims:
                questions = (
                    self._question(texts, *block) for block in claims.free(blocks)
                )
                first = next(questions, None)
                if first is not None:
                    questions = itertools.chain([first], questions)
                    if not self._send(questions, len(blocks), pairs, claims):
                        return False
            wanted = claims.postponed & pairs.missing()
            if first is not None:
                waiting = pauses()
            elif wanted.any():
                logger.info("another process asks about %d annotations", wanted.sum())
                next(waiting)
        return True

    def _n_per_claim(self, blocks):
        """Blocks that are under way at the same time: of a batch, all of them."""
        llm = self.client.llm
        return len(blocks) if llm.batch else llm.max_concurrency

    def _send(self, questions, n_questions, pairs, claims):
        def take(replies):
            pairs.take(
                (*request.about, request.read(reply)) for request, reply in replies
            )
            for request, _ in replies:
                claims.end(*request.about)

        return self.client.run(
            questions,
            take,
            "Judging texts",
            n_questions,
            lambda request: pairs.give_up(*request.about),
        )

    def _question(self, texts, rows, columns):
        return judge_question(
            [texts[row] for row in rows],
            [self.concepts_[column] for column in columns],
            about=(rows, columns),
            is_graded=self.is_graded,
        )

    def _blocks(self, texts, missing, texts_per_call):
        """Yield the rows and the columns of each call."""
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
                    in_this_call = order[start : start + self.concepts_per_call]
                    yield together, in_this_call.tolist()

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

    def _count_left_out(self, pairs):
        """Count pairs that readable replies left out; report the concept with most."""
        left_out = pairs.left_out & np.isnan(pairs.annotations)
        if left_out.any():
            self.usage.failures += int(left_out.any(axis=1).sum())  # one call each
            counts = left_out.sum(axis=0)
            most = int(counts.argmax())
            self.usage.last_error = (
                f"replies left out {int(left_out.sum())} pairs of a text and a "
                f"concept, also when asked again; most often "
                f"{self.concepts_[most]!r}, for {int(counts[most])} texts"
            )

    def _warn_of_failures(self, annotations):
        failed = np.isnan(annotations).any(axis=1)
        if failed.any():
            warnings.warn(
                f"{int(failed.sum())} of {len(failed)} texts were not judged for some "
                "concept; their annotations are NaN. The last error: "
                f"{self.usage.last_error}",
                UserWarning,
                stacklevel=4,
            )
