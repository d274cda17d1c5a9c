"""Whether a prompt fits into what a server lets a model read.

Ollama cuts a longer prompt without a word, whatever the model could read, and the model
answers about what is left.
"""

import re

from sklearn_hsae.llm._provider import provider_of
from sklearn_hsae.llm._usage import count_tokens

_FEWEST = 8192  # tokens of a window; another size has Ollama load the model anew
_FOR_THE_REPLY = 2048  # tokens, reasoning included
# Words and numbers are a token each at least; scripts without blanks, two characters.
_WORD = re.compile(
    r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af]+"
)
_WITHOUT_BLANKS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff]")
_PLAY = 0.9  # share of these tokens that a prompt read in full has in any case


class ContextWindow:
    """Asks Ollama for a window that is wide enough, and notices cut prompts.

    llm : LanguageModel
    cut : tuple of int or None, the tokens that were read of a prompt and those that it
        has at least
    """

    def __init__(self, llm):
        self.cut = None
        _, provider = provider_of(llm.name, llm.api_base)
        is_ollama = provider in ("ollama", "ollama_chat")
        is_set = {"num_ctx", "options"} & set(llm.extra_body or {})
        self._is_asked_for = is_ollama and not is_set
        # What a provider of its own model reads is said by its errors.
        self._may_cut = is_ollama or llm.api_base is not None
        self._width = _FEWEST

    def options(self, messages):
        """Options for litellm."""
        if not self._is_asked_for:
            return {}
        while count_tokens(messages) + _FOR_THE_REPLY > self._width:
            self._width *= 2
        return {"num_ctx": self._width}

    def compare(self, messages, response):
        """Note when fewer tokens were read than the messages have."""
        n_read = getattr(response.usage, "prompt_tokens", 0)
        if self._may_cut and n_read and self.cut is None:
            fewest = _fewest_tokens(messages)
            if n_read < _PLAY * fewest:
                self.cut = n_read, fewest

    def warning(self, llm):
        """What to say of it."""
        n_read, fewest = self.cut
        return (
            f"{llm.name!r} read {n_read} tokens of a prompt that has at least "
            f"{fewest}. The server cut it, and what was answered about the rest is "
            "made up, unless it does not count what it kept of earlier prompts. Give "
            "the model a wider context window (llama.cpp: --ctx-size, LM Studio: "
            "context length, Ollama: OLLAMA_CONTEXT_LENGTH), or ask for less at once "
            "with a lower max_words=."
        )


def _fewest_tokens(messages):
    text = " ".join(message["content"] for message in messages)
    n_words = sum(1 for _ in _WORD.finditer(text))
    return n_words + sum(1 for _ in _WITHOUT_BLANKS.finditer(text)) // 2
