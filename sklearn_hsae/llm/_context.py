"""Whether a prompt fits into the context window that a server gives to a model.

Ollama cuts a longer prompt without an error, even when the model could read more. The
model then replies about the rest only.
"""

import re

from sklearn_hsae.llm._provider import provider_of
from sklearn_hsae.llm._usage import count_tokens

# Tokens of the smallest window. Ollama loads the model again for each other size.
_SMALLEST_WINDOW = 8192
_TOKENS_PER_REPLY = 2048  # reasoning included
# A word or a number has at least one token. In scripts without spaces, a token has at
# most two characters.
_WORD = re.compile(
    r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af]+"
)
_WITHOUT_BLANKS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff]")
# A prompt that is read in full has at least this share of the tokens counted here.
_LEAST_SHARE_READ = 0.9


class ContextWindow:
    """Asks Ollama for a window that is large enough, and detects cut prompts.

    Parameters
    ----------
    llm : LanguageModel

    Attributes
    ----------
    cut : tuple of (int, int) or None
        For the first cut prompt: the number of tokens that the model has read, and a
        lower bound of the tokens of the prompt.
    """

    def __init__(self, llm):
        self.cut = None
        _, provider = provider_of(llm.name, llm.api_base)
        is_ollama = provider in ("ollama", "ollama_chat")
        is_set = {"num_ctx", "options"} & set(llm.extra_body or {})
        self._is_asked_for = is_ollama and not is_set
        # Commercial providers return an error for a prompt that is too long.
        self._may_cut = is_ollama or llm.api_base is not None
        self._width = _SMALLEST_WINDOW

    def options(self, messages):
        """Options for litellm: the size of the window, for Ollama only."""
        if not self._is_asked_for:
            return {}
        while count_tokens(messages) + _TOKENS_PER_REPLY > self._width:
            self._width *= 2
        return {"num_ctx": self._width}

    def compare(self, messages, response):
        """Record a cut: when the model has read fewer tokens than the messages have."""
        n_read = getattr(response.usage, "prompt_tokens", 0)
        if self._may_cut and n_read and self.cut is None:
            fewest = _fewest_tokens(messages)
            if n_read < _LEAST_SHARE_READ * fewest:
                self.cut = n_read, fewest

    def warning(self, llm):
        """The text of the warning about the cut prompt."""
        n_read, fewest = self.cut
        return (
            f"{llm.name!r} read {n_read} tokens of a prompt that has at least "
            f"{fewest}. The server cut the prompt, and the reply about the missing "
            "part is invented (unless the server does not count tokens that it has "
            "cached). Give the model a larger context window (llama.cpp: --ctx-size, "
            "LM Studio: context length, Ollama: OLLAMA_CONTEXT_LENGTH), or send less "
            "at once with a lower max_words=."
        )


def _fewest_tokens(messages):
    text = " ".join(message["content"] for message in messages)
    n_words = sum(1 for _ in _WORD.finditer(text))
    return n_words + sum(1 for _ in _WITHOUT_BLANKS.finditer(text)) // 2
