"""How surprising a text is to a causal language model on this machine."""

import functools

import numpy as np

_TEXTS_PER_BATCH = 8
_MOST_TOKENS = 512  # of a text


@functools.lru_cache(maxsize=1)
def _load(name):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(name)
    return tokenizer, AutoModelForCausalLM.from_pretrained(name).eval()


def surprisal(name, prefix, texts):
    """Mean negative log-probability of the tokens of each text behind a prefix.

    Parameters
    ----------
    name : str
        Of a causal model of transformers, or its folder.
    prefix : str
        Not empty: it foretells the first token of the text.
    texts : list of str

    Returns
    -------
    ndarray of shape (n_texts,)
        In nats a token; NaN for a text without a token.
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
    ids = [some[:_MOST_TOKENS] for some in ids]
    longest = max(map(len, ids))
    tokens = torch.tensor([before + some + [0] * (longest - len(some)) for some in ids])
    is_text = torch.tensor([[i < len(some) for i in range(longest)] for some in ids])
    mask = torch.cat([torch.ones(len(ids), len(before)), is_text], dim=1)
    with torch.inference_mode():
        logits = model(tokens, attention_mask=mask).logits[:, len(before) - 1 : -1]
    log_p = torch.log_softmax(logits.float(), dim=-1)
    taken = log_p.gather(2, tokens[:, len(before) :, None])[..., 0]
    total = -(taken * is_text).sum(dim=1).numpy().astype(np.float64)
    length = np.array([len(some) for some in ids], dtype=np.float64)
    return np.divide(total, length, out=np.full(len(ids), np.nan), where=length > 0)
