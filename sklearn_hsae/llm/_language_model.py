"""Which language model is asked, and within which limits."""

import os
import uuid
from numbers import Integral, Real

from sklearn.base import BaseEstimator, clone

from sklearn_hsae._sklearn_compat import Interval, validate_params


class LanguageModel(BaseEstimator):
    """A language model and how it is asked: the value of every ``llm=``.

    It holds settings only, no connection and no key. Keys are read from the
    environment, as litellm documents it for each provider. Where the defaults suit,
    the name alone does as well: ``llm="openai/gpt-5-mini"``.

    Parameters
    ----------
    name : str
        The model as litellm writes it, ``"provider/name"``: for example
        ``"openai/gpt-5-mini"``, ``"anthropic/claude-sonnet-4-5"`` or
        ``"ollama/llama3.1"``; ``"openai/name"`` with `api_base` for a server of your
        own.
    api_base : str or None, default=None
        Address of an OpenAI-compatible server.
    timeout : float, default=120
        Seconds until a call is given up. Raise it for a slow server of your own.
    temperature : float or None, default=None
        None is the model's own. Many models that reason accept no other.
    extra_body : dict or None, default=None
        Further fields of each request, for what only your server knows, such as
        ``{"chat_template_kwargs": {"enable_thinking": False}}``.
    max_concurrency : int, default=16
        Number of calls under way at once.
    max_cost : float or None, default=None
        Stop before more than this number of dollars is spent; what is paid for is
        kept. None sets no limit.
    max_calls : int or None, default=None
        Stop before more than this number of calls is made. None sets no limit.
    budget : str or None, default=None
        Name of the account that `max_cost` and `max_calls` limit. All steps,
        pipelines and processes that use the same name and `cache_dir` share the
        account, and a restarted script goes on with what is left. None is an account
        for this object and its clones: it holds for a whole pipeline, the clones of a
        search and its workers, and ends with them.
    batch : bool, default=False
        Whether to ask through the provider's batch interface: half the price, and
        answers within a day. A call that was interrupted goes on with the batch that
        is under way. For OpenAI, Azure and a litellm proxy.
    cache_dir : "auto", str or None, default="auto"
        Folder of the cache of replies and of the accounts, see
        :class:`EmbeddingTransformer`. With None, workers in other processes have
        accounts of their own.

    See Also
    --------
    LLMInterpreter, ConceptAnnotator : Ask it.

    Examples
    --------
    The limit of a whole pipeline, changed like every parameter of a step:

    >>> from sklearn_hsae import LanguageModel, make_hypothesis_pipeline
    >>> llm = LanguageModel("openai/gpt-5-mini", max_cost=5, budget="reviews")
    >>> pipe = make_hypothesis_pipeline(llm=llm)
    >>> pipe.get_params()["annotate__llm__max_cost"]
    5
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
        """What decides a reply, besides the question."""
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
    """The `LanguageModel` that an ``llm=`` stands for, with its parameters checked.

    Parameters
    ----------
    llm : str or LanguageModel
    like : LanguageModel or None
        Gives all settings but the name when `llm` is a name.

    Returns
    -------
    LanguageModel
        A clone: later changes to `llm` do not reach it.
    """
    if not isinstance(llm, str):
        llm = clone(llm)
    elif like is None:
        llm = LanguageModel(llm)
    else:
        llm = clone(like).set_params(name=llm)
    validate_params(llm)
    return llm
