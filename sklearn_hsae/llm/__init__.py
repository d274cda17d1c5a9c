"""The one way to a language model: litellm, with retries, a budget and a cache."""

from sklearn_hsae.llm._client import LLMClient, Request
from sklearn_hsae.llm._provider import check_environment, import_litellm
from sklearn_hsae.llm._retries import with_retries
from sklearn_hsae.llm._usage import Usage, estimate_cost

__all__ = [
    "LLMClient",
    "Request",
    "Usage",
    "check_environment",
    "estimate_cost",
    "import_litellm",
    "with_retries",
]
