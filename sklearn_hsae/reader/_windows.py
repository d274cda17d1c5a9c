"""Texts to windows of tokens, and which of these tokens count."""

from typing import NamedTuple

import numpy as np

_OVERLAP_SHARE = 0.25  # of a window: what later windows read again, as context


class Window(NamedTuple):
    """A part of a text that the model reads at once.

    Attributes
    ----------
    ids : ndarray of shape (n_tokens,) of int64
        Tokens, the head included.
    is_counted : ndarray of shape (n_tokens,) of bool
        Whether the token represents the text. Each token of a text counts in one
        window at most.
    start : int
        Position of the first of `ids` among the tokens of the text; negative in the
        first window when there is a head.
    """

    ids: np.ndarray
    is_counted: np.ndarray
    start: int

    @property
    def positions(self):
        """Of the counted tokens, among the tokens of the text."""
        return self.start + np.flatnonzero(self.is_counted)


def split_into_windows(ids, head, special_ids, max_tokens):
    """Windows of one text.

    The model's first position does not count. Models store there what is not about the
    text, whatever the token is, and its state is a hundred times as long as others.

    Parameters
    ----------
    ids : sequence of int
        Tokens of the text.
    head : sequence of int
        Tokens put before each window. They do not count.
    special_ids : ndarray of int
        Tokens that never count.
    max_tokens : int
        Largest number of tokens of a window, larger than the length of `head`.

    Returns
    -------
    list of Window
        Empty for a text without a token.
    """
    ids = np.asarray(ids, dtype=np.int64)
    head = np.asarray(head, dtype=np.int64)
    is_counted = ~np.isin(ids, special_ids)
    if len(head) == 0:
        is_counted[:1] = False
    size = max_tokens - len(head)
    step = size - int(size * _OVERLAP_SHARE)
    windows, n_done = [], 0
    for start in range(0, len(ids), step):
        stop = min(start + size, len(ids))
        is_new = np.arange(start, stop) >= n_done
        windows.append(
            Window(
                np.concatenate([head, ids[start:stop]]),
                np.concatenate(
                    [np.zeros(len(head), bool), is_counted[start:stop] & is_new]
                ),
                start - len(head),
            )
        )
        n_done = stop
        if stop == len(ids):
            break
    return windows


def special_tokens(tokenizer):
    """Ids of the tokens that represent no part of a text.

    The token for unknown words is left out, unless it has another purpose too.
    """
    added = tokenizer.added_tokens_decoder
    ids = {i for i, token in added.items() if token.special}
    ids -= {tokenizer.unk_token_id}
    roles = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
    return np.array(sorted(ids | set(roles) - {None}), dtype=np.int64)


def window_head(tokenizer, chat_role, has_bos):
    """The tokens that stand before a text.

    Parameters
    ----------
    tokenizer : tokenizer of transformers
    chat_role : str or None
        Role of the message that the text becomes, by the tokenizer's chat template.
    has_bos : bool or None
        Whether the first one begins the sequence; None leaves it to the tokenizer.

    Returns
    -------
    list of int
    """
    if chat_role is not None:
        if not tokenizer.chat_template:
            raise ValueError(
                f"chat_role={chat_role!r} needs a model with a chat template, and this "
                "one has none. Pass chat_role=None to read the plain texts."
            )
        message = [{"role": chat_role, "content": _PLACE}]
        rendered = tokenizer.apply_chat_template(message, tokenize=False)
        before, place, _ = rendered.partition(_PLACE)
        if not place:
            raise ValueError(
                f"The chat template of this model leaves out what the role "
                f"{chat_role!r} says. Pass another chat_role."
            )
        return tokenizer(before, add_special_tokens=False)["input_ids"]
    text = tokenizer(_PLACE, add_special_tokens=False)["input_ids"]
    with_added = tokenizer(_PLACE)["input_ids"]
    head = with_added[: _position_of(text, with_added)]
    if has_bos is None:
        return head
    if not has_bos:
        return []
    if head:
        return head
    bos = tokenizer.bos_token_id
    if bos is None:
        raise ValueError(
            "The autoencoder was trained with a token that begins each sequence, and "
            "the tokenizer of this model has none. Pass the model that it belongs to."
        )
    return [bos]


_PLACE = "text"  # any short word


def _position_of(part, whole):
    for start in range(len(whole) - len(part) + 1):
        if whole[start : start + len(part)] == part:
            return start
    return 0
