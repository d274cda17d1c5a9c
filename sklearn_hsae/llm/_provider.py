"""litellm: its import, the keys of providers, and the prices of models."""

import contextlib
import functools
import os
import re
import threading
import warnings

from sklearn_hsae._extras import import_extra

# Providers whose batch files litellm supports.
_BATCH_PROVIDERS = ("azure", "litellm_proxy", "openai")
# Prefixes of variables that do not begin with the name of the provider.
_OTHER_PREFIXES = {
    "aleph_alpha": ("ALEPHALPHA_",),
    "cohere": ("CO_",),
    "cohere_chat": ("CO_",),
    "gemini": ("GOOGLE_",),
    "huggingface": ("HF_",),
    "openrouter": ("OR_",),
    "volcengine": ("ARK_",),
    "watsonx": ("WX_",),
}
# Providers that also accept roles, credential files or tokens instead of a key.
_KEYLESS_PROVIDERS = ("azure", "bedrock", "sagemaker", "vertex")
_quiet, _n_quiet, _filters = threading.Lock(), 0, None
_SECRET_NAME = re.compile("KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)


@functools.lru_cache(maxsize=1)
def import_litellm():
    """Import litellm without network access and without its debug messages."""
    # Use the tables in the package; otherwise litellm downloads newer ones.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True")
    litellm = import_extra(
        "litellm", extra="llm", use="Language models and embeddings of providers"
    )
    litellm.suppress_debug_info = True
    return litellm


@contextlib.contextmanager
def without_warnings_of_pydantic():
    """Ignore pydantic's warnings about responses that have an unexpected form.

    Warning filters are global for the process. So threads that run at the same time
    share one change of the filters, and the last thread takes it back.
    """
    global _n_quiet, _filters
    with _quiet:
        if _n_quiet == 0:
            _filters = warnings.catch_warnings()
            _filters.__enter__()
            warnings.filterwarnings("ignore", module=r"pydantic(\.|$)")
        _n_quiet += 1
    try:
        yield
    finally:
        with _quiet:
            _n_quiet -= 1
            if _n_quiet == 0:
                _filters.__exit__(None, None, None)


def provider_of(model, api_base=None):
    """Return the provider's name of a model, and litellm's name of the provider."""
    return import_litellm().get_llm_provider(model, api_base=api_base)[:2]


def check_environment(llm):
    """Check before the first call that calls can succeed.

    Parameters
    ----------
    llm : LanguageModel

    Returns
    -------
    dict
        Options for litellm: address and, where no key is needed, a placeholder.

    Raises
    ------
    ValueError
        When litellm does not know the provider, or its batches; when a key is missing
        from the environment (the message names the variable); or when `max_cost` is
        set and litellm knows no price.
    """
    options = address_options(llm.name, llm.api_base)
    _, provider = provider_of(llm.name, llm.api_base)
    if llm.batch and provider not in _BATCH_PROVIDERS:
        raise ValueError(
            f"batch=True needs a provider whose batches litellm supports, one of "
            f"{_BATCH_PROVIDERS}; the provider of {llm.name!r} is {provider!r}. Use "
            "batch=False."
        )
    if llm.max_cost is not None:
        token_prices(llm.name)
    return options


def address_options(model, api_base):
    """The options for litellm that `check_environment` describes."""
    litellm = import_litellm()
    try:
        _, provider = provider_of(model, api_base)
    except Exception:  # litellm raises its own and plain ones for unknown models
        raise ValueError(
            f"litellm knows no provider for the model {model!r}. Write "
            "'provider/name', for example 'openai/gpt-5-mini', "
            "'anthropic/claude-sonnet-4-5', 'gemini/gemini-2.5-flash' or "
            "'ollama/llama3.1'. For your own server with the OpenAI protocol, write "
            "'openai/name' and pass api_base=."
        ) from None
    options = {} if api_base is None else {"api_base": api_base}
    keys = _keys_of(provider)
    _check_form(model, keys)
    if keys or _has_other_key(litellm, model, api_base):
        return options  # the first call shows whether the key is right
    # Amazon and Google have credential files, so their other variables are optional.
    missing = litellm.validate_environment(model).get("missing_keys") or []
    missing = [name for name in missing if name.endswith(("API_KEY", "TOKEN"))]
    if missing and api_base is None:
        raise ValueError(
            f"The model {model!r} needs a key: set the environment variable "
            f"{' or '.join(missing)}."
        )
    if missing and not provider.startswith(_KEYLESS_PROVIDERS):
        options["api_key"] = "none"  # the user's own server needs no key
    return options


def _keys_of(provider):
    """The environment variables with a key of a provider: name -> value.

    litellm reads several variables for many providers. Their names begin with the first
    word of the provider's name, or with one of `_OTHER_PREFIXES`.
    """
    prefixes = (provider.split("_")[0].upper(), *_OTHER_PREFIXES.get(provider, ()))
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(prefixes) and name.endswith(("API_KEY", "_TOKEN", "_KEY"))
    }


def _check_form(model, keys):
    """Raise an error for a key that cannot be sent in an HTTP header."""
    keys = {n: v for n, v in keys.items() if n.endswith(("API_KEY", "_TOKEN"))}
    is_empty = all(not value.strip() for value in keys.values())
    for name, value in keys.items():
        if not value.strip():
            fault = "is empty" if is_empty else None
        elif re.search(r"[\s\x00-\x1f\x7f]", value):
            fault = "contains a space or a line break, often at its end"
        else:
            fault = (
                None if value.isascii() else "contains characters that are not ASCII"
            )
        if fault is not None:
            raise ValueError(
                f"model={model!r} needs a key, and the environment variable {name} "
                f"{fault}. Set it again, export {name}=..., or unset it for a server "
                "that needs no key."
            )


def _has_other_key(litellm, model, api_base):
    """Whether litellm has a key that `_keys_of` does not find."""
    provider, key = litellm.get_llm_provider(model, api_base=api_base)[1:3]
    settings = ("api_key", f"{provider}_key", "secret_manager_client")
    return bool(key) or any(getattr(litellm, name, None) for name in settings)


def token_prices(model):
    """Dollars per token of the prompt, and dollars per token of the reply.

    Raises
    ------
    ValueError
        When litellm knows no price.
    """
    try:
        return import_litellm().cost_per_token(
            model=model, prompt_tokens=1, completion_tokens=1
        )
    except Exception:  # litellm raises a plain Exception for an unknown model
        raise ValueError(
            f"litellm knows no price for the model {model!r}, so dollars cannot be "
            "counted. Limit the number of calls instead: max_calls=."
        ) from None


def without_keys(message):
    """Replace the values of all keys in the environment by "***"."""
    for name, value in os.environ.items():
        value = value.strip()
        if _SECRET_NAME.search(name) and len(value) >= 8:
            message = message.replace(value, "***")
    return message
