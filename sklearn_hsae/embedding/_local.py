"""Compute embeddings with a sentence-transformers model on this machine."""

import contextlib
import functools
import os
import threading

import numpy as np

from sklearn_hsae._device import choose_device, has_fast_bfloat16
from sklearn_hsae.embedding._hub import find_weights

# A long text is cut before the tokenizer sees it. English has 4 to 5 characters per
# token, so 16 characters per token are nearly always more than the model reads.
_CHARACTERS_PER_TOKEN = 16
_SPARE_TOKENS = 8

# A step takes some seconds. An interruption loses the work of at most one step.
_BATCHES_PER_STEP = 16

# A tokenizer changes its own state while it works, so one thread encodes at a time.
_encoding = threading.Lock()


def _renew_lock():
    """Replace the lock in a forked child: a thread of the parent may hold it."""
    global _encoding
    _encoding = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


class LocalEmbedder:
    """Embeds texts with one model in one precision; created for a single call.

    Parameters
    ----------
    model, prompt, batch_size, device, dtype
        As in :class:`EmbeddingTransformer`.
    revision : str or None
        Revision of the weights that `fit` used; None is the newest revision.

    Attributes
    ----------
    revision : str
        Version of the weights.
    """

    def __init__(self, model, *, revision, prompt, batch_size, device, dtype):
        self.model = model
        self.prompt = prompt
        self.batch_size = batch_size
        self.device = device
        self.dtype = dtype
        if device not in (None, "cpu"):  # torch is not needed for these two
            choose_device(device)
        self.weights = find_weights(model, revision)
        self.revision = self.weights.revision

    @property
    def identities(self):
        """Everything that a vector depends on: one dict per allowed precision.

        Cached vectors of each precision can be used, if all have the same one.
        """
        dtypes = ("bfloat16", "float32") if self.dtype == "auto" else (self.dtype,)
        return [self._identity(dtype) for dtype in dtypes]

    def identity(self):
        """Everything that the vectors of `embed` depend on, on this machine."""
        return self._identity(self._device_and_dtype()[1])

    def embed(self, texts):
        """Embed the texts step by step, the longest first.

        Batches of texts of equal length need little padding, and a batch that is too
        large for the memory fails at once instead of at the end.

        Yields
        ------
        positions : list of int
            Positions of these texts.
        vectors : ndarray of shape (n_positions, n_dimensions) of float32
        is_cut : ndarray of shape (n_positions,) of bool
            Whether a text has more tokens than the model reads.
        """
        device, dtype = self._device_and_dtype()
        model = _load(self.weights, self.model, device, dtype)
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        step = _BATCHES_PER_STEP * self.batch_size
        for start in range(0, len(order), step):
            positions = order[start : start + step]
            yield positions, *self._encode(model, [texts[i] for i in positions])

    def _identity(self, dtype):
        return {
            "model": self.weights.name,
            "revision": self.revision,
            "prompt": self.prompt,
            "dtype": dtype,
        }

    def _device_and_dtype(self):
        device = choose_device(self.device)
        if self.dtype != "auto":
            return device, self.dtype
        return device, "bfloat16" if has_fast_bfloat16(device) else "float32"

    def _encode(self, model, texts):
        with _encoding:
            heads = [_readable_head(model, text) for text in texts]
            with _longest_input(model) as n_tokens:
                vectors = model.encode(
                    heads,
                    prompt=self.prompt,
                    batch_size=self.batch_size,
                    convert_to_tensor=True,
                    show_progress_bar=False,
                )
            is_cut = np.zeros(len(texts), dtype=bool)
            # The tokenizer runs again only where a text fills the whole window.
            if model.max_seq_length and max(n_tokens) >= model.max_seq_length:
                default = model.prompts.get(model.default_prompt_name, "")
                prompt = default if self.prompt is None else self.prompt
                is_cut = _are_cut(model, prompt, texts, heads)
        return vectors.float().cpu().numpy(), is_cut


@functools.lru_cache(maxsize=1)
def _load(weights, model, device, dtype):
    """Load a model. The last model stays in memory for the next call."""
    import torch
    from sentence_transformers import SentenceTransformer

    commit = {} if os.path.isdir(weights.name) else {"revision": weights.revision}
    try:
        with _without_loading_bar():
            loaded = SentenceTransformer(
                weights.name, device=device, local_files_only=weights.is_local, **commit
            )
    except Exception as error:
        raise ValueError(
            f"The embedding model {model!r} cannot be loaded on device={device!r}: "
            f"{error}"
        ) from error
    loaded.float()
    # Only the transformer gains from bfloat16. Its output is pooled and normalised in
    # float32, which costs no time and lowers the error of a cosine from 4e-3 to 1e-4.
    loaded[0].to(getattr(torch, dtype))
    loaded[0].register_forward_hook(_output_in_float32)
    return loaded


def _output_in_float32(module, inputs, output):
    import torch

    return {
        name: value.float()
        if torch.is_tensor(value) and value.is_floating_point()
        else value
        for name, value in output.items()
    }


@contextlib.contextmanager
def _without_loading_bar():
    """Hide the progress bar for reading the weights, but not the one for downloads."""
    from transformers.utils import logging

    was_enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            logging.enable_progress_bar()


@contextlib.contextmanager
def _longest_input(model):
    """Yield a list that receives the number of tokens in each batch's longest text."""
    n_tokens = [0]

    def note(module, inputs):
        mask = inputs[0].get("attention_mask")  # some models have none
        if mask is not None:
            n_tokens.append(mask.shape[1])

    hook = model[0].register_forward_pre_hook(note)
    try:
        yield n_tokens
    finally:
        hook.remove()


def _are_cut(model, prompt, texts, heads):
    """Which texts have more tokens than the model reads."""
    n_read = model.max_seq_length
    is_cut = np.array([len(h) < len(t) for h, t in zip(heads, texts, strict=True)])
    inputs = [prompt + text for text in texts]
    # A token has at least one byte, except the few tokens that the tokenizer adds.
    n_bytes = np.array([len(text.encode("utf-8")) for text in inputs])
    unclear = np.flatnonzero(~is_cut & (n_bytes + _SPARE_TOKENS > n_read))
    if len(unclear) > 0:
        tokens = model.tokenizer(
            [inputs[i] for i in unclear], truncation=False, verbose=False
        )
        is_cut[unclear] = [len(ids) > n_read for ids in tokens["input_ids"]]
    return is_cut


def _readable_head(model, text):
    """The head of a text with everything that the model reads, or the whole text.

    Tokenizing a megabyte takes a second, even if the model reads 256 tokens. BERT's
    tokenizers split at white space and tokenize each word separately. So the tokens
    before a space do not depend on the text after it. Other tokenizers get the whole
    text.
    """
    n_read = model.max_seq_length
    if n_read is None or len(text) <= n_read * _CHARACTERS_PER_TOKEN:
        return text
    tokenizer = model.tokenizer
    splitter = getattr(tokenizer, "backend_tokenizer", None)
    if type(getattr(splitter, "pre_tokenizer", None)).__name__ != "BertPreTokenizer":
        return text
    head = text[: n_read * _CHARACTERS_PER_TOKEN].rpartition(" ")[0]
    tokens = tokenizer(head, add_special_tokens=False, truncation=False, verbose=False)
    return head if len(tokens["input_ids"]) >= n_read + _SPARE_TOKENS else text
