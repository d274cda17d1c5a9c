"""All calls to language models: through litellm, with retries, a budget and a cache."""

from sklearn_hsae.llm._client import LLMClient, Request
from sklearn_hsae.llm._language_model import LanguageModel, make_language_model
from sklearn_hsae.llm._prompts import PROMPTS, as_json, load_prompt, shortened
from sklearn_hsae.llm._provider import (
    address_options,
    check_environment,
    import_litellm,
    without_keys,
)
from sklearn_hsae.llm._replies import UnreadableReply
from sklearn_hsae.llm._retries import with_retries
from sklearn_hsae.llm._usage import Usage, estimate_cost

__all__ = [
    "PROMPTS",
    "LLMClient",
    "LanguageModel",
    "Request",
    "UnreadableReply",
    "Usage",
    "address_options",
    "as_json",
    "check_environment",
    "estimate_cost",
    "import_litellm",
    "load_prompt",
    "make_language_model",
    "shortened",
    "with_retries",
    "without_keys",
]
