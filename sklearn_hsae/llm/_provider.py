"""litellm, and whether it can reach a model at all."""

import contextlib
import functools
import os
import re
import threading
import warnings

# litellm takes files of questions in one and the same form for these.
_OFFER_BATCHES = ("azure", "litellm_proxy", "openai")
# Names that litellm reads besides those that begin with the name of the provider.
_OTHER_WORDS = {
    "aleph_alpha": ("ALEPHALPHA_",),
    "cohere": ("CO_",),
    "cohere_chat": ("CO_",),
    "gemini": ("GOOGLE_",),
    "huggingface": ("HF_",),
    "openrouter": ("OR_",),
    "volcengine": ("ARK_",),
    "watsonx": ("WX_",),
}
_SIGN_IN_OTHERWISE = ("azure", "bedrock", "sagemaker", "vertex")  # roles, files, tokens
_quiet, _n_quiet, _filters = threading.Lock(), 0, None
_SECRET_NAME = re.compile("KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)


@functools.lru_cache(maxsize=1)
def import_litellm():
    """Import litellm without its look at the network, and keep it quiet."""
    # The tables in the package serve; newer ones would be fetched from GitHub.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True")
    import litellm

    litellm.suppress_debug_info = True
    return litellm


@contextlib.contextmanager
def without_warnings_of_pydantic():
    """litellm makes it warn of responses that have another form than it expects.

    Filters belong to the process. Those who ask at the same time in several threads
    share one change of them, which the last of them takes back.
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
    """The name of the model at its provider, and the provider, as litellm knows it."""
    return import_litellm().get_llm_provider(model, api_base=api_base)[:2]


def check_environment(llm):
    """Check that a call could succeed, before any is made.

    Parameters
    ----------
    llm : LanguageModel

    Returns
    -------
    dict
        Options for litellm that belong to the address.

    Raises
    ------
    ValueError
        When litellm knows no such provider, or none with batches, or a key is
        missing from the environment; the variable is named. Also when dollars are
        limited and litellm knows no price.
    """
    options = address_options(llm.name, llm.api_base)
    _, provider = provider_of(llm.name, llm.api_base)
    if llm.batch and provider not in _OFFER_BATCHES:
        raise ValueError(
            f"batch=True needs a provider whose batches litellm serves, one of "
            f"{_OFFER_BATCHES}; the model {llm.name!r} is of {provider!r}. Use "
            "batch=False."
        )
    if llm.max_cost is not None:
        token_prices(llm.name)
    return options


def address_options(model, api_base):
    """Options for litellm that reach a model; see `check_environment`."""
    litellm = import_litellm()
    try:
        _, provider = provider_of(model, api_base)
    except Exception:
        raise ValueError(
            f"litellm knows no provider for the model {model!r}. Write "
            "'provider/name', for example 'openai/gpt-5-mini', "
            "'anthropic/claude-sonnet-4-5', 'gemini/gemini-2.5-flash' or "
            "'ollama/llama3.1'; for a server of your own that speaks the OpenAI "
            "protocol 'openai/name' with api_base=."
        ) from None
    options = {} if api_base is None else {"api_base": api_base}
    keys = _keys_of(provider)
    _check_form(model, keys)
    if keys or _has_other_key(litellm, model, api_base):
        return options  # whether it is the right one, the first call tells
    # What Amazon and Google look up in files of their own is not asked for here.
    missing = litellm.validate_environment(model).get("missing_keys") or []
    missing = [name for name in missing if name.endswith(("API_KEY", "TOKEN"))]
    if missing and api_base is None:
        raise ValueError(
            f"The model {model!r} needs a key: set the environment variable "
            f"{' or '.join(missing)}."
        )
    if missing and not provider.startswith(_SIGN_IN_OTHERWISE):
        options["api_key"] = "none"  # a server of one's own asks for no key
    return options


def _keys_of(provider):
    """The keys in the environment that are of a provider, by their names.

    litellm reads several names for many providers. They begin with the first word of
    the provider's name, or as `_OTHER_WORDS` says.
    """
    words = (provider.split("_")[0].upper(), *_OTHER_WORDS.get(provider, ()))
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(words) and name.endswith(("API_KEY", "_TOKEN", "_KEY"))
    }


def _check_form(model, keys):
    """Name a key that no header can carry: a client would fail at every call."""
    keys = {n: v for n, v in keys.items() if n.endswith(("API_KEY", "_TOKEN"))}
    is_empty = all(not value.strip() for value in keys.values())
    for name, value in keys.items():
        if not value.strip():
            fault = "is empty" if is_empty else None
        elif re.search(r"[\s\x00-\x1f\x7f]", value):
            fault = "has a blank or a line break in it, often at its end"
        else:
            fault = None if value.isascii() else "has a character that is not ASCII"
        if fault is not None:
            raise ValueError(
                f"model={model!r} needs a key, and the environment variable {name} "
                f"{fault}. Set it again, export {name}=..., or unset it for a server "
                "that asks for none."
            )


def _has_other_key(litellm, model, api_base):
    """Whether litellm has a key from elsewhere than `_keys_of` looks."""
    provider, key = litellm.get_llm_provider(model, api_base=api_base)[1:3]
    settings = ("api_key", f"{provider}_key", "secret_manager_client")
    return bool(key) or any(getattr(litellm, name, None) for name in settings)


def token_prices(model):
    """Dollars for a token of the prompt and for one of the answer.

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
    """A message with the values of all keys in the environment taken out."""
    for name, value in os.environ.items():
        value = value.strip()
        if _SECRET_NAME.search(name) and len(value) >= 8:
            message = message.replace(value, "***")
    return message
