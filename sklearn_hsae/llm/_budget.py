"""The budget: limits the number and the cost of calls.

All steps, clones and processes that share a budget add to one account.
"""

import json

from sklearn_hsae._cache import MemoryCache, open_cache
from sklearn_hsae.llm._provider import token_prices
from sklearn_hsae.llm._usage import LONG_COMPLETION, count_tokens

_IN_THIS_PROCESS = MemoryCache()  # the accounts of models without a cache folder


class Account:
    """Calls and dollars spent so far by all processes that use the account.

    One entry of the cache holds the sums. The expected cost of a call is added before
    the call and corrected after it. So a process that is killed in between leaves a sum
    that is too high, never too low.

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
        """Add to the sums if the new sums are allowed; return whether they are."""
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
    """Decides before each call whether it is allowed.

    Running calls count with their expected cost, so that many calls at the same time
    do not exceed the limit.

    Parameters
    ----------
    llm : LanguageModel
        Its `max_calls`, `max_cost` and account.
    usage : Usage
        Calls, tokens and costs of this client; updated here.
    share_of_price : float
        Price of a call as a share of the price that litellm knows.
    is_careful : bool
        Whether to begin with one call: a model that reasons may write a hundred times
        the expected tokens. Each call that is paid for allows two more.
    """

    def __init__(self, llm, usage, share_of_price=1.0, is_careful=True):
        self.usage = usage
        self.max_calls = llm.max_calls
        self.max_cost = llm.max_cost
        is_limited = self.max_calls is not None or self.max_cost is not None
        self._account = Account(llm) if is_limited else None
        if self.max_cost is not None:
            self._prices = [share_of_price * price for price in token_prices(llm.name)]
        self._reserved = {}  # number of a running call -> its expected dollars
        self._longest = None  # tokens of the longest reply so far
        self._n_paid = 0
        self._is_careful = is_careful and self.max_cost is not None

    @property
    def is_spent(self):
        """Whether no call runs: then a refused call will never be allowed."""
        return not self._reserved

    def reserve(self, messages):
        """Return the number of a new call, or None when it is not allowed now."""
        expected = 0.0 if self.max_cost is None else self._expected(messages)
        if self._is_careful and len(self._reserved) > 2 * self._n_paid:
            return None  # until a running call is paid for
        if self._account is not None:
            if not self._account.add(1, expected, self._is_allowed):
                return None
        return self._number(expected)

    def count(self):
        """Count a call without checking the limits; return its number."""
        if self._account is not None:
            self._account.add(1, 0.0)
        return self._number(0.0)

    def release(self, number, response):
        """Replace the expected cost of a call by its real cost."""
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
        else:  # the first replies are rarely the longest
            longest = self._longest * (1 + 0.25 / self._n_paid)
        return count_tokens(messages) * prompt_price + longest * completion_price
