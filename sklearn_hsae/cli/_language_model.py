"""The language model that the arguments of a command ask for."""

from sklearn_hsae import LanguageModel
from sklearn_hsae._cache import cache_key


def language_model(arguments, **call):
    """A `LanguageModel`, or None.

    Parameters
    ----------
    arguments : Namespace
        Of the command line.
    **call
        What identifies the call: the same call again has the same budget.
    """
    if arguments.llm is None:
        return None
    return LanguageModel(
        arguments.llm,
        api_base=arguments.api_base,
        timeout=arguments.timeout,
        max_cost=arguments.max_cost,
        budget=cache_key(**call),
        cache_dir=arguments.cache_dir,
    )
