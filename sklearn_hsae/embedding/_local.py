"""Compute embeddings with a sentence-transformers model on this machine."""

import contextlib
import copy
import functools
import os
import threading

import numpy as np

from sklearn_hsae._device import choose_device, has_fast_bfloat16, one_thread_when_busy
from sklearn_hsae.embedding._chunks import pool_chunks, split_into_chunks
from sklearn_hsae.embedding._hub import find_weights

# A long text is cut before the tokenizer sees it. English has 4 to 5 characters per
# token, so 16 characters per token are nearly always more than the model reads.
_CHARACTERS_PER_TOKEN = 16
_SPARE_TOKENS = 8

# Texts have 4 to 5 characters per token, and most models read 256 tokens or more.
_CHARACTERS_PER_CHUNK = 1000

# A step takes a second or two, after which the progress is shown. An interruption loses
# the work of at most one step.
_BATCHES_PER_STEP = 4

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
    max_length : int or None
        Number of tokens that the model reads; None is its own number.
    chunking : Chunking or None
        How long texts are read; None is their head alone.

    Attributes
    ----------
    revision : str
        Version of the weights.
    """

    def __init__(
        self,
        model,
        *,
        revision,
        prompt,
        batch_size,
        device,
        dtype,
        max_length,
        chunking,
    ):
        self.model = model
        self.prompt = prompt
        self.batch_size = batch_size
        self.device = device
        self.dtype = dtype
        self.max_length = max_length
        self.chunking = chunking
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

    def steps(self, texts):
        """Yield the positions of the texts of each step, the longest first.

        Batches of texts of equal length need little padding, and a batch that is too
        large for the memory fails at once instead of at the end.
        """
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        most = _BATCHES_PER_STEP * self.batch_size
        step, n_inputs = [], 0
        for i in order:
            step.append(i)
            n_inputs += self._n_inputs(texts[i])
            if n_inputs >= most:
                yield step
                step, n_inputs = [], 0
        if step:
            yield step

    def fills_step(self, text):
        """Whether a text has so many chunks that it takes one step or more alone."""
        n_most = _BATCHES_PER_STEP * self.batch_size
        return self.chunking is not None and self._n_inputs(text) >= n_most

    def split(self, text):
        """Split a text; return its chunks and the number of tokens in each."""
        model = self._model()
        with _encoding, _reading(model, self.max_length):
            self._check_room(model)
            return self._split(model, text)

    def for_chunks(self):
        """The embedder that embeds chunks as texts of their own."""
        for_chunks = copy.copy(self)
        for_chunks.chunking = None
        return for_chunks

    def embed(self, texts):
        """Embed the texts of one step.

        Yields
        ------
        positions : range
            All of them.
        vectors : ndarray of shape (n_texts, n_dimensions) of float32
        n_chunks : ndarray of shape (n_texts,) of int
            Number of chunks that a text was read in, or 0 for a text with more tokens
            than were read.
        """
        yield range(len(texts)), *self._encode(self._model(), texts)

    def _model(self):
        device, dtype = self._device_and_dtype()
        return _load(self.weights, self.model, device, dtype)

    def _n_inputs(self, text):
        """About how many inputs of the model a text takes."""
        return 1 + (len(text) // _CHARACTERS_PER_CHUNK if self.chunking else 0)

    def _identity(self, dtype):
        identity = {
            "model": self.weights.name,
            "revision": self.revision,
            "prompt": self.prompt,
            "dtype": dtype,
        }
        if self.max_length is not None:
            identity["max_length"] = self.max_length
        if self.chunking is not None:
            identity["chunking"] = list(self.chunking)
        return identity

    def _device_and_dtype(self):
        device = choose_device(self.device)
        if self.dtype != "auto":
            return device, self.dtype
        return device, "bfloat16" if has_fast_bfloat16(device) else "float32"

    def _encode(self, model, texts):
        with _encoding, _reading(model, self.max_length), one_thread_when_busy():
            if self.max_length is not None or self.chunking is not None:
                self._check_room(model)
            encode = self._encode_chunks if self.chunking else self._encode_heads
            return encode(model, texts)

    def _encode_heads(self, model, texts):
        heads = [_readable_head(model, text) for text in texts]
        with _longest_input(model) as n_tokens:
            vectors = self._vectors(model, heads)
        n_chunks = np.ones(len(texts), dtype=np.int64)
        # The tokenizer runs again only where a text fills the whole window.
        if model.max_seq_length and max(n_tokens) >= model.max_seq_length:
            is_cut = _are_cut(model, self._prompt_of(model), texts, heads)
            n_chunks[is_cut] = 0
        return vectors, n_chunks

    def _encode_chunks(self, model, texts):
        splits = [self._split(model, text) for text in texts]
        vectors = self._vectors(model, [c for chunks, _ in splits for c in chunks])
        n_chunks = np.array([len(chunks) for chunks, _ in splits])
        parts = np.split(vectors, np.cumsum(n_chunks)[:-1])
        pooled = [
            pool_chunks(part, n_tokens, self.chunking.pooling)
            for part, (_, n_tokens) in zip(parts, splits, strict=True)
        ]
        return np.array(pooled, dtype=np.float32), n_chunks

    def _split(self, model, text):
        size = self._chunk_size(model)
        return split_into_chunks(model.tokenizer, text, size, self.chunking.overlap)

    def _room(self, model):
        """Number of tokens of the text itself that the model reads; None: unlimited."""
        if not model.max_seq_length:
            return None
        prompt = model.tokenizer(self._prompt_of(model), verbose=False)["input_ids"]
        return model.max_seq_length - len(prompt)

    def _check_room(self, model):
        room = self._room(model)
        if room is not None and room < 1:
            raise ValueError(
                f"The model reads {model.max_seq_length} tokens, and its special "
                "tokens and the prompt fill them. Pass a max_length of "
                f"{model.max_seq_length - room + 1} or more."
            )

    def _chunk_size(self, model):
        """Number of tokens of the text itself in a chunk, checked."""
        if not getattr(model.tokenizer, "is_fast", False):
            raise ValueError(
                f"chunk= needs a model with a fast tokenizer, and that of "
                f"{self.model!r} is slow. Use chunk=None, or another model."
            )
        room = self._room(model)
        size = room if self.chunking.size == "model" else self.chunking.size
        if size is None:
            raise ValueError(
                f"The model {self.model!r} does not say how many tokens it reads. Pass "
                "a number of tokens as chunk=."
            )
        if room is not None and size > room:
            raise ValueError(
                f"chunk={size}, but {self.model!r} reads {room} tokens of a text. Pass "
                "a smaller number, or chunk='model'."
            )
        if self.chunking.overlap >= size:
            raise ValueError(
                f"chunk_overlap={self.chunking.overlap} must be smaller than a chunk, "
                f"which has {size} tokens."
            )
        return size

    def _prompt_of(self, model):
        default = model.prompts.get(model.default_prompt_name, "")
        return default if self.prompt is None else self.prompt

    def _vectors(self, model, texts):
        vectors = model.encode(
            texts,
            prompt=self.prompt,
            batch_size=self.batch_size,
            convert_to_tensor=True,
            show_progress_bar=False,
        )
        return vectors.float().cpu().numpy()


@contextlib.contextmanager
def _reading(model, max_length):
    """Let the model read `max_length` tokens; the model is shared, so only for now."""
    n_read = model.max_seq_length
    if max_length is not None:
        if n_read is not None and max_length > n_read:
            raise ValueError(
                f"max_length={max_length}, but the model reads {n_read} tokens. Pass "
                f"at most that, or None."
            )
        model.max_seq_length = max_length
    try:
        yield
    finally:
        model.max_seq_length = n_read


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
