"""Whether a call may still be made: one account for all who spend from it."""

import json

from sklearn_hsae._cache import MemoryCache, open_cache
from sklearn_hsae.llm._provider import token_prices
from sklearn_hsae.llm._usage import LONG_COMPLETION, count_tokens

_IN_THIS_PROCESS = MemoryCache()  # the accounts of models without a cache folder


class Account:
    """Calls and dollars spent so far, by every process that uses the account.

    A row of the cache holds the sums. What a call is expected to cost is added before
    it is made and corrected after it, so a process that is killed on the way leaves
    too high a sum, never too low a one.

    Parameters
    ----------
    llm : LanguageModel
    """

    def __init__(self, llm):
        self._key = llm.account
        no_folder = llm.cache_dir is None
        self._cache = (
            _IN_THIS_PROCESS if no_folder else open_cache(llm.cache_dir, "budget")
        )

    def add(self, calls, dollars, is_allowed=lambda calls, dollars: True):
        """Add to the sums, if the new ones are allowed; say whether they are."""
        allowed = True

        def change(value):
            nonlocal allowed
            sums = json.loads(value) if value else {"calls": 0, "dollars": 0.0}
            new = {"calls": sums["calls"] + calls, "dollars": sums["dollars"] + dollars}
            allowed = is_allowed(**new)
            return json.dumps(new if allowed else sums).encode("ascii")

        self._cache.update(self._key, change)
        return allowed


class Budget:
    """Says before each call whether it may be made.

    Calls under way count with what they are expected to cost, so that many at once
    do not exceed the limit.

    Parameters
    ----------
    llm : LanguageModel
        Its `max_calls`, `max_cost` and account.
    usage : Usage
        What this client asked and paid for; written to.
    share_of_price : float
        What a call costs, as a share of the price that litellm knows.
    is_careful : bool
        Whether few calls are allowed at once before the first ones are paid: a model
        that reasons may write a hundred times what was expected. Each call that is paid
        makes room for two.
    """

    def __init__(self, llm, usage, share_of_price=1.0, is_careful=True):
        self.usage = usage
        self.max_calls = llm.max_calls
        self.max_cost = llm.max_cost
        is_limited = self.max_calls is not None or self.max_cost is not None
        self._account = Account(llm) if is_limited else None
        if self.max_cost is not None:
            self._prices = [share_of_price * price for price in token_prices(llm.name)]
        self._reserved = {}  # dollars, by number of the call
        self._longest = None  # tokens of an answer
        self._n_paid = 0
        self._is_careful = is_careful and self.max_cost is not None

    @property
    def is_spent(self):
        """Whether no call will be allowed any more, with none under way."""
        return not self._reserved

    def reserve(self, messages):
        """Return the number of a call, or None when it would be one too many."""
        expected = 0.0 if self.max_cost is None else self._expected(messages)
        if self._is_careful and len(self._reserved) > 2 * self._n_paid:
            return None  # until one of them is paid
        if self._account is not None:
            if not self._account.add(1, expected, self._is_allowed):
                return None
        return self._number(expected)

    def count(self):
        """Count a call whatever the limits are; return its number."""
        if self._account is not None:
            self._account.add(1, 0.0)
        return self._number(0.0)

    def release(self, number, response):
        """Put what a call did cost in the place of what was set aside for it."""
        expected, before = self._reserved.pop(number), self.usage.dollars
        if response is not None:
            tokens = self.usage.completion_tokens
            self.usage.record(response)
            longest = self.usage.completion_tokens - tokens
            self._longest = max(self._longest or 0, longest)
            self._n_paid += 1
        if self._account is not None:
            self._account.add(0, self.usage.dollars - before - expected)

    def _number(self, expected):
        self.usage.calls += 1
        self._reserved[self.usage.calls] = expected
        return self.usage.calls

    def _is_allowed(self, calls, dollars):
        if self.max_calls is not None and calls > self.max_calls:
            self.usage.last_error = f"max_calls={self.max_calls} is reached"
            return False
        if self.max_cost is not None and dollars > self.max_cost:
            self.usage.last_error = f"max_cost={self.max_cost} is reached"
            return False
        return True

    def _expected(self, messages):
        prompt_price, completion_price = self._prices
        if self._longest is None:
            longest = LONG_COMPLETION
        else:  # the first answers are rarely the longest
            longest = self._longest * (1 + 0.25 / self._n_paid)
        return count_tokens(messages) * prompt_price + longest * completion_price
