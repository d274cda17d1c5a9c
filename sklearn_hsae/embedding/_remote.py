"""Get embeddings from a remote model, through litellm."""

import os
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import numpy as np

# litellm's names of the providers with embedding models. No organisation with one of
# these names has an embedding model on the Hugging Face hub. "snowflake" has one, so
# that provider is left out.
REMOTE_PROVIDERS = frozenset(
    (
        "azure azure_ai bedrock cohere dashscope databricks deepinfra fireworks_ai "
        "gemini hosted_vllm huggingface infinity jina_ai litellm_proxy llamafile "
        "lm_studio mistral nebius nvidia_nim ollama openai openai_like openrouter "
        "ovhcloud sagemaker scaleway together_ai triton vercel_ai_gateway vertex_ai "
        "volcengine voyage watsonx xinference"
    ).split()
)
# A token is at least one byte, and OpenAI accepts 300,000 tokens per call.
_BYTES_PER_CALL = 250_000
_TIMEOUT = 120.0  # seconds
_CALLS_PER_STEP = 64


def is_remote(model, api_base):
    """Whether a model is remote, decided without importing litellm."""
    if api_base is not None:
        return True
    return _provider(model) in REMOTE_PROVIDERS and not os.path.isdir(model)


class RemoteEmbedder:
    """Embeds texts by calls to a provider or to an OpenAI-compatible server.

    Parameters
    ----------
    model, api_base, prompt, batch_size, max_concurrency
        As in :class:`EmbeddingTransformer`.

    Attributes
    ----------
    revision : None
        A provider does not say which version of a model it runs.
    """

    revision = None

    def __init__(self, model, *, api_base, prompt, batch_size, max_concurrency):
        is_complete = _provider(model) in REMOTE_PROVIDERS
        self.model = model if is_complete else f"openai/{model}"
        self.api_base = api_base
        self.prompt = prompt or ""
        self.batch_size = batch_size
        self.max_concurrency = max_concurrency

    @property
    def identities(self):
        """Everything that a vector depends on, see `LocalEmbedder`: always one dict."""
        return [self.identity()]

    def identity(self):
        """Everything that the vectors of `embed` depend on."""
        return {
            "model": self.model,
            "api_base": self.api_base,
            "prompt": self.prompt,
        }

    def steps(self, texts):
        """Yield the positions of the texts of each step.

        A step has many calls, so that the last ones of a step rarely run alone.
        """
        size = _CALLS_PER_STEP * self.batch_size
        for start in range(0, len(texts), size):
            yield list(range(start, min(start + size, len(texts))))

    def fills_step(self, text):
        """False: texts are not split."""
        return False

    def embed(self, texts):
        """Embed the texts of one step, several calls at a time.

        When a call fails after all retries, no more calls are sent. Running calls are
        paid for, so their vectors are yielded before the error is raised.

        Yields
        ------
        positions : list of int
            Positions of the texts of one call. Calls may return in any order.
        vectors : ndarray of shape (n_positions, n_dimensions) of float32
        n_chunks : ndarray of shape (n_positions,) of int
            Always 1, because providers do not report cut texts.
        """
        from sklearn_hsae.llm import address_options

        options = address_options(self.model, self.api_base)
        texts = [self.prompt + text for text in texts]
        batches = _batches(texts, self.batch_size)
        pool = ThreadPoolExecutor(self.max_concurrency)
        under_way, error = {}, None
        try:
            while True:
                while error is None and len(under_way) < self.max_concurrency:
                    positions = next(batches, None)
                    if positions is None:
                        break
                    batch = [texts[i] for i in positions]
                    under_way[pool.submit(self._call, batch, options)] = positions
                if not under_way:
                    break
                for call in wait(under_way, return_when=FIRST_COMPLETED).done:
                    positions = under_way.pop(call)
                    if call.exception() is None:
                        n_chunks = np.ones(len(positions), dtype=np.int64)
                        yield positions, call.result(), n_chunks
                    else:
                        error = error or call.exception()
        finally:  # an interruption does not wait for running calls
            pool.shutdown(wait=False, cancel_futures=True)
        if error is not None:
            raise error

    def _call(self, texts, options):
        from sklearn_hsae.llm import import_litellm, with_retries, without_keys

        litellm = import_litellm()
        try:
            response = with_retries(
                lambda: litellm.embedding(
                    model=self.model,
                    input=texts,
                    encoding_format="float",
                    drop_params=True,  # where a provider takes no encoding_format
                    timeout=_TIMEOUT,
                    num_retries=0,
                    max_retries=0,
                    **options,
                )
            )
        except Exception as error:
            longest = max(map(len, texts))
            raise RuntimeError(
                f"{self.model!r} did not embed {len(texts)} texts (the longest has "
                f"{longest} characters): {without_keys(str(error))} The earlier "
                "vectors are in the cache; call again to continue."
            ) from None  # the original may hold the key
        return self._in_order(response.data, len(texts))

    def _in_order(self, rows, n_texts):
        if sorted(row["index"] for row in rows) != list(range(n_texts)):
            raise RuntimeError(
                f"{self.model!r} was asked for {n_texts} embeddings and returned "
                f"{len(rows)}, numbered {[row['index'] for row in rows][:5]}..."
            )
        rows = sorted(rows, key=lambda row: row["index"])
        return np.array([row["embedding"] for row in rows], dtype=np.float32)


def _provider(model):
    return model.partition("/")[0] if "/" in model else None


def _batches(texts, batch_size):
    """Yield the positions of the texts of each call, limited in number and bytes."""
    batch, n_bytes = [], 0
    for i, text in enumerate(texts):
        size = len(text.encode("utf-8"))
        if batch and (len(batch) == batch_size or n_bytes + size > _BYTES_PER_CALL):
            yield batch
            batch, n_bytes = [], 0
        batch.append(i)
        n_bytes += size
    yield batch
