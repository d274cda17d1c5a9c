"""Surprisal of texts under a causal language model on this machine."""

import functools

import numpy as np

from sklearn_hsae.reader import load_pretrained

_TEXTS_PER_BATCH = 8
_MOST_TOKENS = 512  # per text; the rest is cut


@functools.lru_cache(maxsize=1)
def _load(name):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = load_pretrained(AutoTokenizer, name)
    return tokenizer, load_pretrained(AutoModelForCausalLM, name).eval()


def surprisal(name, prefix, texts):
    """Mean negative log-probability of the tokens of each text after a prefix.

    Parameters
    ----------
    name : str
        Name or folder of a causal model of transformers.
    prefix : str
        Not empty, because the first token of the text is predicted from it.
    texts : list of str

    Returns
    -------
    ndarray of shape (n_texts,)
        Nats per token; NaN for a text without tokens.
    """
    tokenizer, _ = _load(name)
    before = tokenizer(prefix)["input_ids"]
    ids = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    batches = [
        _batch_surprisal(name, before, ids[start : start + _TEXTS_PER_BATCH])
        for start in range(0, len(ids), _TEXTS_PER_BATCH)
    ]
    return np.concatenate([*batches, []])


def _batch_surprisal(name, before, ids):
    import torch

    _, model = _load(name)
    ids = [text[:_MOST_TOKENS] for text in ids]
    longest = max(map(len, ids))
    tokens = torch.tensor([before + text + [0] * (longest - len(text)) for text in ids])
    is_text = torch.tensor([[i < len(text) for i in range(longest)] for text in ids])
    mask = torch.cat([torch.ones(len(ids), len(before)), is_text], dim=1)
    with torch.inference_mode():
        logits = model(tokens, attention_mask=mask).logits[:, len(before) - 1 : -1]
    log_p = torch.log_softmax(logits.float(), dim=-1)
    taken = log_p.gather(2, tokens[:, len(before) :, None])[..., 0]
    total = -(taken * is_text).sum(dim=1).numpy().astype(np.float64)
    length = np.array([len(text) for text in ids], dtype=np.float64)
    return np.divide(total, length, out=np.full(len(ids), np.nan), where=length > 0)
