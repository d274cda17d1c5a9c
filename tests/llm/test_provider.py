import subprocess
import sys

import pytest

from sklearn_hsae.llm import LanguageModel, check_environment
from sklearn_hsae.llm._provider import without_keys


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        ("openai/gpt-5-mini", "OPENAI_API_KEY"),
        ("anthropic/claude-sonnet-4-5", "ANTHROPIC_API_KEY"),
        ("gemini/gemini-2.5-flash", "GEMINI_API_KEY"),
        ("groq/llama", "GROQ_API_KEY"),
    ],
)
def test_a_missing_key_is_named(model, variable, monkeypatch):
    for name in (variable, "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=f"set the environment variable.*{variable}"):
        check_environment(LanguageModel(model))
    monkeypatch.setenv(variable, "something")
    assert check_environment(LanguageModel(model)) == {}


@pytest.mark.parametrize(
    "model", ["openai/m", "hosted_vllm/a/b", "ollama_chat/m", "lm_studio/m"]
)
def test_a_server_of_ones_own_needs_no_key(model, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    options = check_environment(
        LanguageModel(model, api_base="http://localhost:8000/v1")
    )
    assert options["api_base"] == "http://localhost:8000/v1"


def test_credentials_that_lie_elsewhere_are_not_asked_for(monkeypatch):
    # Amazon's client finds them in files and roles, not in the environment alone.
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    assert check_environment(LanguageModel("bedrock/anthropic.claude-v2")) == {}


def test_secrets_are_cut_out_of_messages(monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "abcdefgh1234")
    monkeypatch.setenv("MY_PASSWORD", "correct horse")
    message = "got abcdefgh1234 and correct horse"
    assert without_keys(message) == "got *** and ***"


def test_importing_the_package_imports_no_litellm():
    # It takes seconds, and looks at the network if it is let.
    code = "import sys, sklearn_hsae.llm; sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
