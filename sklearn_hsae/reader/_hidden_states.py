"""The hidden states of a causal language model, by plain transformers."""

import functools
import os
from typing import NamedTuple

import numpy as np

from sklearn_hsae._device import choose_device, has_fast_bfloat16, one_thread_when_busy
from sklearn_hsae._files import fingerprint
from sklearn_hsae._progress import progress_bar
from sklearn_hsae._texts import readable
from sklearn_hsae.reader._pretrained_model import load_pretrained
from sklearn_hsae.reader._windows import (
    special_tokens,
    split_into_windows,
    window_head,
)

_TOKENS_PER_STEP = 8192  # states of a step are in memory together


class TokenStates(NamedTuple):
    """States of the counted tokens of some texts, text after text.

    Attributes
    ----------
    texts : ndarray of shape (n_texts,) of int
        Which texts these are.
    lengths : ndarray of shape (n_texts,) of int
        How many tokens of each count.
    states : ndarray of shape (sum of lengths, n_features) of float32
    positions : ndarray of shape (sum of lengths,) of int
        Of each token, among the tokens of its text.
    """

    texts: np.ndarray
    lengths: np.ndarray
    states: np.ndarray
    positions: np.ndarray


class HiddenStateReader:
    """Reads texts with the first layers of a language model.

    Parameters
    ----------
    model : str
        Name on the hub, folder, or GGUF file.
    layer : int or None
        Index of the layer that is read. None is the one in the middle.
    place : Place
        Where in the layer.
    has_bos : bool or None
        See `window_head`.
    is_centred : bool
        Whether the mean is taken off each state of a model with layer norms.
    chat_role, max_tokens, batch_size, device, dtype
        As in :class:`ReaderSAETransformer`.

    Attributes
    ----------
    layer : int
    n_features : int
        Length of a hidden state.
    identity : dict
        Everything that the states of a text depend on.
    """

    def __init__(
        self,
        model,
        layer,
        *,
        place,
        has_bos,
        is_centred,
        chat_role,
        max_tokens,
        batch_size,
        device,
        dtype,
    ):
        device = choose_device(device)
        if dtype == "auto":
            dtype = "bfloat16" if has_fast_bfloat16(device) else "float32"
        version = _version(model)
        # Before the model is loaded, so that "auto" and its number are one model.
        self.layer = _find_layer(layer, _config(model, version).num_hidden_layers)
        self._model = _load(model, version, self.layer, place, device, dtype)
        self._batch_size = batch_size
        self._is_centred = bool(is_centred and self._model.has_layer_norms)
        self.n_features = self._model.n_features
        self._tokenizer = _load_tokenizer(model, version)
        self._special = special_tokens(self._tokenizer)
        self._head = window_head(self._tokenizer, chat_role, has_bos)
        self._max_tokens = min(max_tokens, self._model.max_tokens)
        if len(self._head) + 1 >= self._max_tokens:
            raise ValueError(
                f"max_tokens={max_tokens} leaves no room for the text: "
                f"{len(self._head)} tokens stand before it. Pass a larger one."
            )
        self.identity = {
            "model": model,
            "version": version or self._model.commit,
            "layer": self.layer,
            "place": [list(place.modules), place.is_input, place.is_normalised],
            "dtype": dtype,
            "head": self._head,
            "max_tokens": self._max_tokens,
            "is_centred": self._is_centred,
        }

    def windows(self, texts):
        """The windows of each text, as a list of lists."""
        texts = [readable(text) for text in texts]
        ids = self._tokenizer(texts, add_special_tokens=False, verbose=False)
        return [
            split_into_windows(of_text, self._head, self._special, self._max_tokens)
            for of_text in ids["input_ids"]
        ]

    def ids(self, texts):
        """All tokens of each text, as a list of arrays of int64."""
        encoded = self._tokenizer(
            [readable(text) for text in texts], add_special_tokens=False, verbose=False
        )
        return [np.array(ids, dtype=np.int64) for ids in encoded["input_ids"]]

    def spans(self, texts):
        """Where the tokens of each text are in it.

        Returns
        -------
        list of ndarray of shape (n_tokens, 2) of int
            Of the first character, and of the one after the last.
        """
        texts = [readable(text) for text in texts]
        encoded = self._tokenizer(
            texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        return [np.array(spans).reshape(-1, 2) for spans in encoded["offset_mapping"]]

    def read(self, windows, largest_norm=np.inf, verbose=0):
        """Read the windows of texts step by step, the longest texts first.

        Parameters
        ----------
        windows : list of list of Window
            The windows of each text.
        largest_norm : float, default=inf
            Tokens whose state is longer do not count.
        verbose : int, default=0
            If not 0, a progress bar is shown.

        Yields
        ------
        TokenStates
        """
        with reading_bar(len(windows), verbose) as bar:
            for step in _steps(windows):
                yield self._read_step(step, windows, largest_norm)
                bar.update(len(step))

    def _read_step(self, texts, windows, largest_norm):
        owners = [i for i in texts for _ in windows[i]]
        parts = [window for i in texts for window in windows[i]]
        order = sorted(range(len(parts)), key=lambda i: -len(parts[i].ids))
        states, positions = [None] * len(parts), [None] * len(parts)
        for start in range(0, len(order), self._batch_size):
            batch = order[start : start + self._batch_size]
            read = self._model.states([parts[i] for i in batch])
            for i, of_part in zip(batch, read, strict=True):
                if self._is_centred:
                    of_part = of_part - of_part.mean(axis=1, keepdims=True)
                is_kept = np.linalg.norm(of_part, axis=1) <= largest_norm
                states[i] = of_part if is_kept.all() else of_part[is_kept]
                positions[i] = parts[i].positions[is_kept]
        n_counted = dict.fromkeys(texts, 0)
        for text, of_part in zip(owners, states, strict=True):
            n_counted[text] += len(of_part)
        lengths = np.array([n_counted[i] for i in texts])
        empty = np.empty((0, self.n_features), dtype=np.float32)
        return TokenStates(
            np.array(texts),
            lengths,
            np.concatenate([empty, *states]),
            np.concatenate([np.empty(0, dtype=np.int64), *positions]),
        )


def reading_bar(n_texts, verbose):
    """A progress bar on stderr, or none."""
    return progress_bar(
        total=n_texts, desc="Reading texts", unit="text", disable=not verbose
    )


def _steps(windows):
    """Texts that are read in one step, the longest first."""
    sizes = [sum(len(window.ids) for window in of_text) for of_text in windows]
    step, n_tokens = [], 0
    for i in sorted(range(len(windows)), key=lambda i: -sizes[i]):
        step.append(i)
        n_tokens += sizes[i]
        if n_tokens >= _TOKENS_PER_STEP:
            yield step
            step, n_tokens = [], 0
    if step:
        yield step


class _FirstLayers:
    """The body of a model up to one layer, without what follows."""

    def __init__(self, body, layer, place, device):
        import torch

        layers = _decoder_layers(body)
        del layers[layer + 1 :]
        module = place.find(layers[layer])
        if place.is_input:
            module.register_forward_pre_hook(self._keep_input)
        else:
            module.register_forward_hook(self._keep_output)
        self._epsilon = None
        if place.is_normalised:
            self._epsilon = _epsilon_of(module)
        self.has_layer_norms = any(
            isinstance(module, torch.nn.LayerNorm) for module in body.modules()
        )
        config = body.config.get_text_config()
        self.commit = getattr(body.config, "_commit_hash", None)
        self.n_features = config.hidden_size
        if place.is_input:  # that of the attention's last product may be another
            self.n_features = getattr(module, "in_features", config.hidden_size)
        self.max_tokens = getattr(config, "max_position_embeddings", None) or 2**31
        self._body = body
        self._device = device
        self._output = None

    def states(self, windows):
        """States of the counted tokens of each window, as float32 arrays."""
        import torch

        # On the right, so that a causal model cannot see it from any token.
        longest = max(len(window.ids) for window in windows)
        ids = np.zeros((len(windows), longest), dtype=np.int64)
        is_token = np.zeros_like(ids)
        for row, window in enumerate(windows):
            ids[row, : len(window.ids)] = window.ids
            is_token[row, : len(window.ids)] = 1
        with torch.inference_mode(), one_thread_when_busy():
            self._body(
                input_ids=torch.from_numpy(ids).to(self._device),
                attention_mask=torch.from_numpy(is_token).to(self._device),
                use_cache=False,
            )
            output = self._output.float()
            if self._epsilon is not None:
                squares = output.square().mean(dim=-1, keepdim=True)
                output = output * (squares + self._epsilon).rsqrt()
            output = output.cpu().numpy()
        self._output = None
        return [
            output[row, : len(window.ids)][window.is_counted]
            for row, window in enumerate(windows)
        ]

    def _keep_output(self, module, inputs, output):
        self._output = output[0] if isinstance(output, tuple) else output

    def _keep_input(self, module, inputs):
        self._output = inputs[0]


def _epsilon_of(norm):
    """What an RMSNorm adds to the mean square; transformers has two names for it."""
    return norm.variance_epsilon if hasattr(norm, "variance_epsilon") else norm.eps


def _decoder_layers(body):
    """The list of the model's layers, under whatever name it has."""
    import torch

    n_layers = body.config.get_text_config().num_hidden_layers
    lists = [
        module
        for module in body.modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == n_layers
    ]
    if not lists:
        raise ValueError(
            f"{type(body).__name__} is no causal language model whose layers can be "
            "found. Pass a decoder, for example 'HuggingFaceTB/SmolLM2-135M'."
        )
    return lists[0]


def _find_layer(layer, n_layers):
    if layer is None:
        return max(n_layers // 2 - 1, 0)
    if not -n_layers <= layer < n_layers:
        raise ValueError(
            f"layer={layer} does not exist: the model has {n_layers} layers, 0 to "
            f"{n_layers - 1}. Pass one of them or, where the files of the autoencoder "
            "name the layer, the model that it was trained on."
        )
    return int(layer) % n_layers


def hidden_size(model):
    """Length of a model's hidden states, without its weights."""
    return _config(model, _version(model)).hidden_size


def _version(model):
    """The fingerprint of files on this machine; None of a model on the hub."""
    path = os.path.expanduser(model)
    return fingerprint(path) if os.path.exists(path) else None


@functools.lru_cache(maxsize=8)
def _config(model, version):
    from transformers import AutoConfig

    return load_pretrained(AutoConfig, model).get_text_config()


# A search over layers needs the model of one layer at a time.
@functools.lru_cache(maxsize=1)
def _load(model, version, layer, place, device, dtype):
    """Load the first layers of a model. The latest ones stay in memory."""
    import torch
    from transformers import AutoModel

    body = load_pretrained(AutoModel, model).eval()
    first_layers = _FirstLayers(body, layer, place, device)
    body.to(device, getattr(torch, dtype))
    return first_layers


@functools.lru_cache(maxsize=1)
def _load_tokenizer(model, version):
    from transformers import AutoTokenizer

    return load_pretrained(AutoTokenizer, model)
