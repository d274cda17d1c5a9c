"""Long texts in parts that a model can read, and one vector from those of the parts."""

from typing import NamedTuple

import numpy as np

_CHARACTERS_PER_BLOCK = 500_000


class Chunking(NamedTuple):
    """How long texts are read: `chunk`, `chunk_overlap` and `chunk_pooling`."""

    size: int | str
    overlap: int
    pooling: str


def split_into_chunks(tokenizer, text, size, overlap):
    """Split a text into chunks of at most `size` tokens, between words where possible.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerFast
    text : str
    size : int
        Largest number of tokens in a chunk, special tokens not counted.
    overlap : int
        Number of tokens that a chunk shares with the one before, less than `size`.

    Returns
    -------
    chunks : list of str
    n_tokens : list of int
        Number of tokens in each chunk.
    """
    # A token has at least one byte.
    if len(text.encode("utf-8", "surrogatepass")) <= size:
        return [text], [1]
    offsets, words = _tokens(tokenizer, text)
    if len(offsets) <= size:
        return [text], [1]
    chunks, n_tokens, start = [], [], 0
    while True:
        end = _word_start(words, start + size, start + size // 2)
        chunks.append(text[offsets[start][0] : offsets[end - 1][1]])
        n_tokens.append(end - start)
        if end == len(offsets):
            return chunks, n_tokens
        # Without an overlap no token is read twice, even if a long word is cut.
        first = start + 1 if overlap else end
        start = max(_word_start(words, end - overlap, first), start + 1)


def _tokens(tokenizer, text):
    """Where each token starts and ends in the text, and the number of its word.

    A tokenizer holds 100 bytes and more per character, so that a text of megabytes is
    read in blocks.
    """
    offsets, words, n_words = [], [], 0
    for start, block in _blocks(text):
        encoding = tokenizer(
            block,
            add_special_tokens=False,
            truncation=False,
            return_offsets_mapping=True,
            verbose=False,
        )
        of_block = np.array(encoding["offset_mapping"], dtype=np.int64).reshape(-1, 2)
        numbers = [-1 if word is None else word for word in encoding.word_ids()]
        offsets.append(of_block + start)
        words.append(np.array(numbers, dtype=np.int64) + n_words)
        n_words += max(numbers, default=-1) + 1
    return np.concatenate(offsets), np.concatenate(words)


def _blocks(text):
    """Yield the parts of a long text and where they start; they end before a space."""
    start = 0
    while start < len(text):
        end = start + _CHARACTERS_PER_BLOCK
        if end < len(text):
            space = text.rfind(" ", start + 1, end)
            end = end if space < 0 else space
        yield start, text[start:end]
        start = end


def _word_start(words, position, first):
    """The last token from `first` to `position` that begins a word."""
    if position >= len(words):
        return len(words)
    for i in range(position, first, -1):
        if words[i] != words[i - 1]:
            return i
    return position


def pool_chunks(vectors, weights, pooling):
    """One vector from those of the chunks of a text.

    Parameters
    ----------
    vectors : ndarray of shape (n_chunks, n_dimensions)
    weights : list of int
        Number of tokens in each chunk.
    pooling : {"mean", "max"}
        "mean" weighs each token alike, "max" takes the largest number per dimension.

    Returns
    -------
    ndarray of shape (n_dimensions,)
        Of length 1, if the vectors have this length.
    """
    if len(vectors) == 1:
        return vectors[0]
    if pooling == "max":
        pooled = vectors.max(axis=0)
    else:
        pooled = np.average(vectors, axis=0, weights=weights)
    are_unit_vectors = np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    length = np.linalg.norm(pooled) if are_unit_vectors else 1.0
    return pooled / length if length > 0 else pooled
