"""Costs of calls: estimated before, counted after."""

from dataclasses import asdict, dataclass

from sklearn_hsae.llm._provider import token_prices

BATCH_SHARE = 0.5  # of the usual price: the price in the batch interface
# Deliberately low (English has 4 to 5), so that estimates are upper bounds.
CHARACTERS_PER_TOKEN = 3.0
LONG_COMPLETION = 300  # tokens expected before the first reply is known


@dataclass
class Usage:
    """Calls, tokens and costs so far.

    Attributes
    ----------
    calls : int
        Number of calls, with the failed ones.
    prompt_tokens, completion_tokens : int
        As the provider counts them.
    dollars : float
        0 for a model whose price litellm does not know.
    cache_hits : int
        Number of replies from the cache.
    retries : int
        Number of calls that were repeated after a temporary error.
    failures : int
        Number of requests without a readable reply.
    last_error : str
        Message of the last error, without keys.
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
        """Add the tokens and the dollars of a litellm response."""
        usage = getattr(response, "usage", None)
        prompt = getattr(usage, "prompt_tokens", 0) or 0
        completion = getattr(usage, "completion_tokens", 0) or 0
        hidden = getattr(response, "_hidden_params", None) or {}
        dollars = hidden.get("response_cost") or 0.0
        self.prompt_tokens += prompt
        self.completion_tokens += completion
        self.dollars += dollars


def count_tokens(messages):
    """Tokens of a prompt, estimated from its length; rather too many."""
    return sum(len(m["content"]) for m in messages) / CHARACTERS_PER_TOKEN


def estimate_cost(llm, requests):
    """Estimate the cost of requests without sending them.

    Parameters
    ----------
    llm : LanguageModel
    requests : iterable of Request

    Returns
    -------
    dict
        `calls`, `prompt_tokens`, `completion_tokens` and `dollars`, which is None
        when litellm knows no price.
    """
    sizes = [count_tokens(request.messages) for request in requests]
    calls, prompt_tokens = len(sizes), round(sum(sizes))
    try:
        prompt_price, completion_price = token_prices(llm.name)
    except ValueError:
        dollars = None
    else:
        dollars = prompt_tokens * prompt_price
        dollars += calls * LONG_COMPLETION * completion_price
        dollars *= BATCH_SHARE if llm.batch else 1.0
    return {
        "calls": calls,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": calls * LONG_COMPLETION,
        "dollars": dollars,
    }
