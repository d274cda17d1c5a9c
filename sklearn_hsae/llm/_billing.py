"""The cost of a response, estimated where the provider does not report it."""

from sklearn_hsae.llm._provider import import_litellm
from sklearn_hsae.llm._usage import CHARACTERS_PER_TOKEN, count_tokens


def complete_bill(response, model, messages):
    """Fill in missing token counts and a missing price; the estimates are rather high.

    Some servers send no usage, or null. If this counted as zero, no limit would hold.
    """
    usage = response.usage
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    usage.prompt_tokens = prompt or round(count_tokens(messages))
    usage.completion_tokens = completion or round(_length(response))
    is_complete = bool(prompt and completion)
    if not is_complete or response._hidden_params.get("response_cost") is None:
        response._hidden_params["response_cost"] = _price(model, usage)


def _length(response):
    """Tokens of what was generated, reasoning included."""
    n_characters = 0
    for choice in getattr(response, "choices", []):
        for name in ("content", "reasoning_content"):
            n_characters += len(getattr(choice.message, name, None) or "")
    return n_characters / CHARACTERS_PER_TOKEN


def _price(model, usage):
    try:
        return sum(
            import_litellm().cost_per_token(
                model=model,
                prompt_tokens=usage.prompt_tokens,
                completion_tokens=usage.completion_tokens,
            )
        )
    except Exception:  # litellm raises a plain Exception for an unknown model
        return 0.0
