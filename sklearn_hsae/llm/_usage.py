"""What calls cost: recorded after, limited before, estimated before that."""

from dataclasses import asdict, dataclass

from sklearn_hsae.llm._provider import import_litellm

BATCH_SHARE = 0.5  # of the price, what the batch interfaces of all providers cost
CHARACTERS_PER_TOKEN = 3.0  # fewer than there are in English: rather too dear
_LONG_COMPLETION = 300  # tokens to reckon with before the first answer is there


@dataclass
class Usage:
    """What was asked and paid for.

    calls : int, made, the failed ones among them
    prompt_tokens, completion_tokens : int, as the provider counts them
    dollars : float, 0 for a model whose price litellm does not know
    cache_hits : int, answers that were there already
    retries : int, calls made again after an error that passes
    failures : int, questions that got no answer
    last_error : str, without any key
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    dollars: float = 0.0
    cache_hits: int = 0
    retries: int = 0
    failures: int = 0
    last_error: str = ""

    def to_dict(self):
        return asdict(self)

    def record(self, response):
        """Count the tokens and the dollars of a response of litellm."""
        usage = getattr(response, "usage", None)
        prompt = getattr(usage, "prompt_tokens", 0) or 0
        completion = getattr(usage, "completion_tokens", 0) or 0
        hidden = getattr(response, "_hidden_params", None) or {}
        dollars = hidden.get("response_cost") or 0.0
        self.prompt_tokens += prompt
        self.completion_tokens += completion
        self.dollars += dollars


class Budget:
    """Says before each call whether it may be made.

    Calls under way count with what they are expected to cost, so that many at once
    do not overshoot.

    Parameters
    ----------
    model : str
    usage : Usage, of this and earlier rounds
    max_calls, max_cost : number or None
    share_of_price : float, what a call costs of what litellm says
    """

    def __init__(self, model, usage, max_calls, max_cost, share_of_price=1.0):
        self.usage = usage
        self.max_calls = max_calls
        self.max_cost = max_cost
        if max_cost is not None:
            self._prices = [share_of_price * price for price in token_prices(model)]
        self._reserved = {}  # dollars, by number of the call
        self._set_aside = 0.0  # their sum
        self._longest = None  # tokens of an answer

    @property
    def is_spent(self):
        """Whether no call will be allowed any more, with none under way."""
        return not self._reserved

    def reserve(self, messages):
        """Return the number of a call, or None when it would be one too many."""
        usage = self.usage
        if self.max_calls is not None and usage.calls >= self.max_calls:
            usage.last_error = f"max_calls={self.max_calls} is reached"
            return None
        expected = 0.0
        if self.max_cost is not None:
            expected = self._expected(messages)
            if usage.dollars + self._set_aside + expected > self.max_cost:
                usage.last_error = f"max_cost={self.max_cost} is reached"
                return None
        return self.count(expected)

    def count(self, expected=0.0):
        """Count a call whatever the limits are; return its number."""
        self.usage.calls += 1
        self._reserved[self.usage.calls] = expected
        self._set_aside += expected
        return self.usage.calls

    def release(self, number, response):
        """Put what a call did cost in the place of what was set aside for it."""
        self._set_aside -= self._reserved.pop(number)
        if response is not None:
            before = self.usage.completion_tokens
            self.usage.record(response)
            longest = self.usage.completion_tokens - before
            self._longest = max(self._longest or 0, longest)

    def _expected(self, messages):
        prompt_price, completion_price = self._prices
        longest = _LONG_COMPLETION if self._longest is None else self._longest
        return count_tokens(messages) * prompt_price + longest * completion_price


def count_tokens(messages):
    """Tokens of a prompt, from its length and on the high side."""
    return sum(len(m["content"]) for m in messages) / CHARACTERS_PER_TOKEN


def token_prices(model):
    """Dollars for a token of the prompt and for one of the answer.

    Raises
    ------
    ValueError
        When litellm knows no price.
    """
    try:
        return import_litellm().cost_per_token(
            model=model, prompt_tokens=1, completion_tokens=1
        )
    except Exception:  # litellm raises a plain Exception for an unknown model
        raise ValueError(
            f"litellm knows no price for model={model!r}, so that dollars cannot be "
            "counted. Limit the number of calls instead: max_calls=."
        ) from None


def estimate_cost(model, requests, completion_tokens=_LONG_COMPLETION, batch=False):
    """What requests would cost, without making them.

    Parameters
    ----------
    model : str
    requests : iterable of Request
    completion_tokens : int
        Tokens of an answer. Models that reason write thousands.
    batch : bool
        Whether they go through the batch interface.

    Returns
    -------
    dict
        `calls`, `prompt_tokens`, `completion_tokens` and `dollars`, which is None
        when litellm knows no price.
    """
    sizes = [count_tokens(request.messages) for request in requests]
    calls, prompt_tokens = len(sizes), round(sum(sizes))
    try:
        prompt_price, completion_price = token_prices(model)
    except ValueError:
        dollars = None
    else:
        dollars = prompt_tokens * prompt_price
        dollars += calls * completion_tokens * completion_price
        dollars *= BATCH_SHARE if batch else 1.0
    return {
        "calls": calls,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": calls * completion_tokens,
        "dollars": dollars,
    }
