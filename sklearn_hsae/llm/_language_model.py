"""LanguageModel: the settings of a language model, with the limits of its budget."""

import os
import uuid
from numbers import Integral, Real

from sklearn.base import BaseEstimator, clone

from sklearn_hsae._sklearn_compat import Interval, validate_params


class LanguageModel(BaseEstimator):
    """A language model and its settings: the value of every ``llm=``.

    The object holds settings only, no connection and no key. Keys are read from the
    environment variables that litellm documents for each provider. When the defaults
    suit, pass the name alone: ``llm="openai/gpt-5-mini"``.

    Parameters
    ----------
    name : str
        The model in the form of litellm, ``"provider/name"``, for example
        ``"openai/gpt-5-mini"``, ``"anthropic/claude-sonnet-4-5"`` or
        ``"ollama/llama3.1"``. For your own server, ``"openai/name"`` with `api_base`.
    api_base : str or None, default=None
        Address of an OpenAI-compatible server.
    timeout : float, default=120
        Seconds after which a call fails. Raise it for a slow server.
    temperature : float or None, default=None
        None uses the model's default. Many reasoning models accept no other value.
    extra_body : dict or None, default=None
        More fields of each request, for options of your server, such as
        ``{"chat_template_kwargs": {"enable_thinking": False}}``.
    max_concurrency : int, default=16
        Largest number of simultaneous calls.
    max_cost : float or None, default=None
        Largest number of dollars to spend. Replies that are paid for are kept when
        the limit is reached. None sets no limit.
    max_calls : int or None, default=None
        Largest number of calls. None sets no limit.
    budget : str or None, default=None
        Name of the account that `max_cost` and `max_calls` limit. All steps,
        pipelines and processes with the same name and `cache_dir` share the account.
        A restarted script continues with what is left. With None, this object and its
        clones have their own account: it holds for a whole pipeline, and for the clones
        and workers of a search, and ends with them.
    batch : bool, default=False
        Whether to use the provider's batch interface: half the price, and replies
        within a day. After an interruption, the next call waits for the batch that was
        sent. For OpenAI, Azure and a litellm proxy.
    cache_dir : "auto", str or None, default="auto"
        Folder of the cache of replies and of the accounts, see
        :class:`EmbeddingTransformer`. With None, each process has its own account.

    See Also
    --------
    LLMInterpreter, ConceptAnnotator : The steps that use it.

    Examples
    --------
    One limit for a whole pipeline, which is a nested parameter of its steps:

    >>> from sklearn_hsae import LanguageModel, make_hypothesis_pipeline
    >>> llm = LanguageModel("ollama/gemma3", max_calls=5000, budget="reviews")
    >>> pipe = make_hypothesis_pipeline(llm=llm)
    >>> pipe.get_params()["annotate__llm__max_calls"]
    5000
    """

    _parameter_constraints: dict = {
        "name": [str],
        "api_base": [str, None],
        "timeout": [Interval(Real, 0, None, closed="neither")],
        "temperature": [Interval(Real, 0, None, closed="left"), None],
        "extra_body": [dict, None],
        "max_concurrency": [Interval(Integral, 1, None, closed="left")],
        "max_cost": [Interval(Real, 0, None, closed="left"), None],
        "max_calls": [Interval(Integral, 0, None, closed="left"), None],
        "budget": [str, None],
        "batch": ["boolean"],
        "cache_dir": [str, os.PathLike, None],
    }

    def __init__(
        self,
        name,
        *,
        api_base=None,
        timeout=120.0,
        temperature=None,
        extra_body=None,
        max_concurrency=16,
        max_cost=None,
        max_calls=None,
        budget=None,
        batch=False,
        cache_dir="auto",
    ):
        self.name = name
        self.api_base = api_base
        self.timeout = timeout
        self.temperature = temperature
        self.extra_body = extra_body
        self.max_concurrency = max_concurrency
        self.max_cost = max_cost
        self.max_calls = max_calls
        self.budget = budget
        self.batch = batch
        self.cache_dir = cache_dir
        self._unnamed_budget = uuid.uuid4().hex

    @property
    def account(self):
        """Name of the account in the cache, the same for all clones."""
        return self._unnamed_budget if self.budget is None else f"name:{self.budget}"

    def identity(self):
        """All settings that the reply depends on; they are part of the cache key."""
        return {
            "model": self.name,
            "api_base": self.api_base,
            "temperature": self.temperature,
            "extra_body": self.extra_body,
        }

    def __sklearn_clone__(self):
        copy = type(self)(**self.get_params(deep=False))
        copy._unnamed_budget = self._unnamed_budget
        return copy


def make_language_model(llm, like=None):
    """Turn the value of an ``llm=`` into a `LanguageModel` with checked parameters.

    Parameters
    ----------
    llm : str or LanguageModel
    like : LanguageModel or None
        Source of all other settings when `llm` is a name.

    Returns
    -------
    LanguageModel
        A clone, so that later changes to `llm` have no effect on it.
    """
    if not isinstance(llm, str):
        llm = clone(llm)
    elif like is None:
        llm = LanguageModel(llm)
    else:
        llm = clone(like).set_params(name=llm)
    validate_params(llm)
    return llm
