import json

import pytest
from llm_server import LLMServer, chat, language_model

from sklearn_hsae.llm import LLMClient, Request


def ask(server, *prompts, **options):
    options.setdefault("name", "ollama_chat/m")
    name = options.pop("name")
    llm = language_model(server, options, name=name)
    if name.startswith("ollama"):
        llm.set_params(api_base=server.url.removesuffix("/v1"))
    requests = [
        Request([{"role": "user", "content": p}], {"type": "object"}, dict)
        for p in prompts
    ]
    return LLMClient(llm).ask(requests, "")


def windows(server):
    return [call["body"].get("options", {}).get("num_ctx") for call in server.calls]


def test_ollama_is_asked_for_a_window_that_holds_the_prompt():
    # One size as long as it will do: Ollama loads the model again for another.
    with LLMServer(lambda prompt: '{"a": 1}') as server:
        ask(server, "short", "word " * 2000, "word " * 8000, max_concurrency=1)
    sizes = windows(server)
    assert sizes[:2] == [8192, 8192]
    assert sizes[2] == 16384 > 8000 + 2000  # what Ollama would cut is 4096


def test_a_window_that_the_user_asks_for_is_kept():
    with LLMServer(lambda prompt: '{"a": 1}') as server:
        ask(server, "short", extra_body={"num_ctx": 1234})
    assert windows(server) != [8192]


@pytest.mark.parametrize("text", ["one word after the other " * 200, "字" * 2000])
@pytest.mark.parametrize("name", ["ollama_chat/m", "openai/m"])
def test_a_prompt_that_was_cut_is_told(text, name):
    body = {"message": {"role": "assistant", "content": '{"a": 1}'}, "done": True}
    counts = {"prompt_eval_count": 400, "eval_count": 5, "model": "m"}
    reply = (200, [], body | counts)
    if name == "openai/m":
        usage = {"prompt_tokens": 400, "completion_tokens": 5, "total_tokens": 405}
        reply = chat('{"a": 1}', usage=usage)
    with LLMServer(faults=lambda i, body: reply) as server:
        with pytest.warns(UserWarning, match="read 400 tokens of a prompt that has"):
            assert ask(server, text, name=name) == [{"a": 1}]


@pytest.mark.parametrize(
    "text",
    [
        "An ordinary sentence, with commas and 12,345 numbers in it. " * 30,
        json.dumps({f"t{i}": f"word{i} and more" for i in range(100)}, indent=0),
        "这家餐厅的服务很慢,我们等了一个小时。" * 30,
        "Donaudampfschifffahrtsgesellschaftskapitän " * 50,
    ],
)
def test_a_prompt_that_was_read_in_full_is_not_called_cut(text, recwarn):
    # tiktoken stands for the tokenizers of today, which need more tokens for most.
    tokens = len(pytest.importorskip("litellm").encode(model="", text=text))
    usage = {"prompt_tokens": tokens, "completion_tokens": 5}
    reply = chat('{"a": 1}', usage=usage)
    with LLMServer(faults=lambda i, body: reply) as server:
        ask(server, text, name="openai/m")
    assert not [w for w in recwarn if "The server cut it" in str(w.message)]
