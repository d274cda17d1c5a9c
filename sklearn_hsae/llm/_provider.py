"""litellm, and whether it can reach a model at all."""

import functools
import os
import re

# litellm takes files of questions in one and the same form for these.
_OFFER_BATCHES = ("azure", "litellm_proxy", "openai")
_SECRET_NAME = re.compile("KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)


@functools.lru_cache(maxsize=1)
def import_litellm():
    """Import litellm without its look at the network, and keep it quiet."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.suppress_debug_info = True
    return litellm


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
        missing from the environment; the variable is named.
    """
    options = address_options(llm.name, llm.api_base)
    _, provider = provider_of(llm.name, llm.api_base)
    if llm.batch and provider not in _OFFER_BATCHES:
        raise ValueError(
            f"batch=True needs a provider whose batches litellm serves, one of "
            f"{_OFFER_BATCHES}; the model {llm.name!r} is of {provider!r}. Use "
            "batch=False."
        )
    return options


def address_options(model, api_base):
    """Options for litellm that reach a model; see `check_environment`."""
    litellm = import_litellm()
    try:
        provider_of(model, api_base)
    except Exception:
        raise ValueError(
            f"litellm knows no provider for the model {model!r}. Write "
            "'provider/name', for example 'openai/gpt-5-mini', "
            "'anthropic/claude-sonnet-4-5', 'gemini/gemini-2.5-flash' or "
            "'ollama/llama3.1'; for a server of your own that speaks the OpenAI "
            "protocol 'openai/name' with api_base=."
        ) from None
    options = {} if api_base is None else {"api_base": api_base}
    missing = litellm.validate_environment(model).get("missing_keys") or []
    # What Amazon and Google look up in files of their own is not asked for here.
    missing = [key for key in missing if key.endswith(("API_KEY", "TOKEN"))]
    if missing and api_base is None:
        raise ValueError(
            f"The model {model!r} needs a key: set the environment variable "
            f"{' or '.join(missing)}."
        )
    if missing:
        options["api_key"] = "none"  # a server of one's own asks for no key
    return options


def without_keys(message):
    """A message with the values of all keys in the environment taken out."""
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= 8:
            message = message.replace(value, "***")
    return message
