"""Divide blocks of pairs among the processes that judge the same texts."""

import contextlib
import itertools
from dataclasses import dataclass

import numpy as np


class ClaimedBlocks:
    """The blocks that this process asks about, while no other process does.

    A block is the rows and the columns of one call. Its pairs are claimed before the
    call and until the reply is in the cache. Use the object in a ``with``: at the end,
    also the claims of failed calls end.

    Parameters
    ----------
    pairs : JudgedPairs
    n_per_claim : int
        Number of blocks that are claimed at once. Many small claims take time; a large
        one leaves less to other processes.

    Attributes
    ----------
    postponed : bool ndarray of shape (n_texts, n_concepts)
        Pairs that another process asks about now, and the rest of blocks that another
        process has judged in part.
    """

    def __init__(self, pairs, n_per_claim):
        self.postponed = np.zeros(pairs.annotations.shape, dtype=bool)
        self._pairs = pairs
        self._n_per_claim = n_per_claim
        self._claims = contextlib.ExitStack()
        self._claim_of = {}  # first pair of a block -> its claim
        self._has_ended = False

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._has_ended = True
        self._claims.close()

    def free(self, blocks):
        """Yield the blocks to ask about; those in the cache are read from there."""
        blocks = iter(blocks)
        while some := list(itertools.islice(blocks, self._n_per_claim)):
            files = self._claims.enter_context(contextlib.ExitStack())
            keys = files.enter_context(self._pairs.claimed(some))
            free = [block for block in some if self._is_free(*block, keys)]
            claim = _Claim(files, len(free))
            self._claim_of.update({_first_pair(*block): claim for block in free})
            if not free:
                files.close()
            if self._has_ended:  # after Ctrl-C, in the thread of the calls
                self._claims.close()
                return
            yield from free

    def end(self, rows, columns):
        """End the claim of a block whose reply is in the cache."""
        claim = self._claim_of.pop(_first_pair(rows, columns))
        claim.n_under_way -= 1
        if claim.n_under_way == 0:
            claim.files.close()

    def _is_free(self, rows, columns, claimed):
        if self._pairs.look_up(rows, columns):
            return False
        block = np.ix_(rows, columns)
        is_new = np.isnan(self._pairs.annotations[block]).all()
        if is_new and claimed.issuperset(self._pairs.keys(rows, columns)):
            return True
        self.postponed[block] = True
        return False


@dataclass
class _Claim:
    files: contextlib.ExitStack
    n_under_way: int  # blocks


def _first_pair(rows, columns):
    return rows[0], columns[0]
