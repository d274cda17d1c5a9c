"""Real responses through the real litellm, which maps them for each provider."""

import asyncio
import socket

import pytest
from llm_server import LLMServer

from sklearn_hsae.llm import import_litellm
from sklearn_hsae.llm._errors import (
    is_connection,
    is_hopeless,
    is_quota_spent,
    is_rate_limit,
    is_temporary,
    is_time_out,
    message_of,
    status_of,
)

MODELS = ["openai/m", "hosted_vllm/m", "ollama_chat/m", "azure/m", "mistral/m"]
MODELS += ["anthropic/claude-sonnet-4-5", "openrouter/m", "deepseek/m"]


def error_of(model, faults, timeout=20.0):
    async def call(url):
        await import_litellm().acompletion(
            model=model,
            messages=[{"role": "user", "content": "q"}],
            api_base=url,
            api_key="something",
            api_version="2024-10-21",
            timeout=timeout,
            max_retries=0,
        )

    with LLMServer(lambda prompt: "{}", faults=faults) as server:
        root = model.startswith(("ollama", "azure", "anthropic"))
        url = server.url.removesuffix("/v1") if root else server.url
        with pytest.raises(Exception) as raised:
            asyncio.run(call(url))
    return raised.value


def refusal(status, message="no"):
    return [(status, [], {"error": {"message": message, "type": "error"}})]


@pytest.mark.parametrize("model", MODELS)
def test_the_status_of_the_provider_is_found_whatever_litellm_makes_of_it(model):
    for status in (
        400,
        401,
        403,
        404,
        408,
        409,
        418,
        422,
        425,
        429,
        451,
        500,
        503,
        529,
    ):
        error = error_of(model, refusal(status, "because of that"))
        assert status_of(error) == status
        is_passing = status >= 500 or status in (408, 409, 425, 429)
        assert is_temporary(error) == is_passing
        assert is_hopeless(error) == (status in (401, 403, 404))
        assert is_rate_limit(error) == (status == 429)
        assert "because of that" in message_of(error)
        assert "Traceback" not in message_of(error)


@pytest.mark.parametrize("model", MODELS)
def test_no_answer_and_no_connection_are_told_apart(model):
    late = error_of(model, ["hang"], timeout=0.2)
    assert is_time_out(late) and is_temporary(late) and not is_connection(late)
    dropped = error_of(model, ["drop"])
    assert is_connection(dropped) and is_temporary(dropped)
    assert not is_time_out(dropped)


def test_a_spent_quota_is_no_rate_limit():
    # The status is the same, but backing off would wait for ever.
    for error in (
        error_of("openai/m", refusal(429, "insufficient_quota: pay")),
        error_of("openai/m", refusal(402, "Payment required")),
    ):
        assert is_quota_spent(error) and is_hopeless(error)
        assert not is_temporary(error) and not is_rate_limit(error)
    # Google calls the limit of a minute a quota, too.
    gemini = "You exceeded your current quota. Please retry in 34s."
    assert is_rate_limit(error_of("openai/m", refusal(429, gemini)))


def test_a_mistake_in_a_program_is_not_tried_again():
    assert not is_temporary(ValueError("wrong")) and not is_temporary(KeyError("a"))


def test_a_server_that_is_not_there_is_named():
    """Of a real call by litellm; the address has no key in it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/v1"
    with pytest.raises(Exception) as caught:
        import_litellm().completion(
            "openai/m",
            [{"role": "user", "content": "x"}],
            api_base=address,
            api_key="secret",
            num_retries=0,
            max_retries=0,
        )
    message = message_of(caught.value)
    assert f"no connection to {address}" in message and "secret" not in message
