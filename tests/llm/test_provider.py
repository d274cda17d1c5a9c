import subprocess
import sys

import pytest
from llm_server import LLMServer

from sklearn_hsae import make_hypothesis_pipeline
from sklearn_hsae.llm import (
    LanguageModel,
    LLMClient,
    Request,
    check_environment,
    import_litellm,
)
from sklearn_hsae.llm._provider import without_keys


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    """The keys of the user who runs the tests decide nothing."""
    for name in (
        *("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GROQ_API_KEY", "COHERE_API_KEY"),
        *("GEMINI_API_KEY", "GOOGLE_API_KEY", "AZURE_API_KEY", "AZURE_API_BASE"),
        *("AZURE_API_VERSION", "AWS_SECRET_ACCESS_KEY", "PERPLEXITYAI_API_KEY"),
    ):
        monkeypatch.delenv(name, raising=False)


def test_without_litellm_the_extra_is_named(monkeypatch):
    """A pipeline says it when it is made, before any text is embedded."""
    monkeypatch.setitem(sys.modules, "litellm", None)
    import_litellm.cache_clear()
    with pytest.raises(ImportError, match=r"pip install 'sklearn-hsae\[llm\]'"):
        make_hypothesis_pipeline(llm="openai/gpt-5-mini")


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        ("openai/gpt-5-mini", "OPENAI_API_KEY"),
        ("anthropic/claude-sonnet-4-5", "ANTHROPIC_API_KEY"),
        ("gemini/gemini-2.5-flash", "GEMINI_API_KEY"),
        ("groq/llama", "GROQ_API_KEY"),
        ("azure/deployment", "AZURE_API_KEY"),
    ],
)
def test_a_missing_key_is_named(model, variable, monkeypatch):
    with pytest.raises(ValueError, match=f"set the environment variable.*{variable}"):
        check_environment(LanguageModel(model))
    monkeypatch.setenv(variable, "something")
    assert check_environment(LanguageModel(model)) == {}


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        ("cohere/command-r", "CO_API_KEY"),
        ("together_ai/llama", "TOGETHER_AI_TOKEN"),
        ("perplexity/sonar", "PERPLEXITY_API_KEY"),
        ("azure/deployment", "AZURE_OPENAI_API_KEY"),
        ("azure/deployment", "AZURE_AD_TOKEN"),
        ("anthropic/claude-sonnet-4-5", "ANTHROPIC_AUTH_TOKEN"),
        ("replicate/meta/llama", "REPLICATE_API_TOKEN"),
        ("gemini/gemini-2.5-flash", "GOOGLE_API_KEY"),
    ],
)
def test_a_key_under_another_name_that_litellm_reads_is_a_key(
    model, variable, monkeypatch
):
    monkeypatch.setenv(variable, "something")
    assert check_environment(LanguageModel(model)) == {}
    assert "api_key" not in check_environment(
        LanguageModel(model, api_base="http://localhost:8000")
    )


def test_a_key_given_to_litellm_itself_is_a_key(monkeypatch):
    monkeypatch.setattr(import_litellm(), "api_key", "something")
    assert check_environment(LanguageModel("openai/gpt-5-mini")) == {}
    assert "api_key" not in check_environment(
        LanguageModel("openai/m", api_base="http://localhost:8000/v1")
    )


@pytest.mark.parametrize(
    "model", ["openai/m", "hosted_vllm/a/b", "ollama_chat/m", "lm_studio/m"]
)
def test_a_server_of_ones_own_needs_no_key(model):
    options = check_environment(
        LanguageModel(model, api_base="http://localhost:8000/v1")
    )
    assert options["api_base"] == "http://localhost:8000/v1"


def test_the_key_of_the_user_is_sent_and_no_other(monkeypatch):
    # litellm asks Azure for more than a key; what else is missing says nothing of it.
    monkeypatch.setenv("AZURE_API_KEY", "the-users-key")
    monkeypatch.setenv("AZURE_API_VERSION", "2024-10-21")
    with LLMServer(lambda prompt: '{"a": 1}') as server:
        root = server.url.removesuffix("/v1")
        client = LLMClient(
            LanguageModel("azure/deployment", api_base=root, cache_dir=None)
        )
        question = Request([{"role": "user", "content": "q"}], {"type": "object"}, dict)
        assert client.ask([question], "") == [{"a": 1}]
    assert "the-users-key" in server.calls[0]["head"]


def test_credentials_that_lie_elsewhere_are_not_asked_for():
    # Amazon's client finds them in files and roles, not in the environment alone.
    assert check_environment(LanguageModel("bedrock/anthropic.claude-v2")) == {}


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("sk-SECRETsecret123\n", "a line break"),
        ("sk-SECRET secret123", "a space"),
        ("sk-SECRET\N{HORIZONTAL ELLIPSIS}123", "not ASCII"),
        ("", "is empty"),
        (" \n", "is empty"),
    ],
)
def test_a_key_that_no_header_can_carry_is_named_before_it_is_sent(
    key, fault, monkeypatch
):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ValueError, match=f"OPENAI_API_KEY.*{fault}") as raised:
        check_environment(
            LanguageModel("openai/m", api_base="http://localhost:8000/v1")
        )
    assert "SECRET" not in str(raised.value)
    check_environment(
        LanguageModel("ollama_chat/m", api_base="http://localhost:11434")
    )  # needs it not


def test_secrets_are_cut_out_of_messages(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "abcdefgh1234\n")
    monkeypatch.setenv("MY_PASSWORD", "correct horse")
    message = "got abcdefgh1234 and correct horse"
    assert without_keys(message) == "got *** and ***"


def test_importing_the_package_imports_no_litellm():
    # It takes seconds, and looks at the network if it is let.
    code = "import sys, sklearn_hsae.llm; sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


_FIRST_CALL = """
import socket
asked, resolve = set(), socket.getaddrinfo
def note(host, *rest, **more):
    asked.add(host)
    return resolve("127.0.0.1", *rest, **more)
socket.getaddrinfo = note
from sklearn_hsae.llm import LanguageModel, LLMClient, Request
import sys
question = Request([{"role": "user", "content": "q"}], {"type": "object"}, dict)
for model, url in zip(sys.argv[1::2], sys.argv[2::2]):
    client = LLMClient(LanguageModel(model, api_base=url, cache_dir=None))
    client.ask([question], "")
print(sorted(map(str, asked - {"127.0.0.1", None})))
"""


def test_the_first_call_asks_the_provider_and_nobody_else(monkeypatch):
    # In a process of its own: litellm fetches its tables once.
    monkeypatch.setenv("ANTHROPIC_API_KEY", "something")
    with LLMServer(lambda prompt: '{"a": 1}') as server:
        models = ["anthropic/claude-sonnet-4-5", server.url.removesuffix("/v1")]
        models += ["openai/m", server.url]
        done = subprocess.run(
            [sys.executable, "-c", _FIRST_CALL, *models],
            capture_output=True,
            text=True,
            check=True,
        )
    assert len(server.calls) == 2 and done.stdout == "[]\n"
