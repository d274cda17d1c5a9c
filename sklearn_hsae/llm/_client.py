"""Many requests to a language model: at once, within a budget, none paid for twice."""

import json
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tqdm.auto import tqdm

from sklearn_hsae._cache import cache_key, open_cache
from sklearn_hsae.llm._answers import UnreadableAnswer
from sklearn_hsae.llm._background import run_in_background
from sklearn_hsae.llm._batches import Batches
from sklearn_hsae.llm._dispatch import Dispatch
from sklearn_hsae.llm._language_model import LanguageModel
from sklearn_hsae.llm._provider import (
    check_environment,
    without_warnings_of_pydantic,
)
from sklearn_hsae.llm._usage import Usage


@dataclass(frozen=True)
class Request:
    """One question.

    messages : list of dict, as chat completions take them
    schema : dict, the JSON schema of the answer, an object
    read : callable, turns the object into what is wanted; raises UnreadableAnswer
    about : anything, what the caller wants to find again with the answer
    """

    messages: list
    schema: dict
    read: Any
    about: Any = None

    @property
    def response_format(self):
        """The schema as chat completions take it."""
        schema = {"name": "answer", "schema": self.schema, "strict": True}
        return {"type": "json_schema", "json_schema": schema}


@dataclass
class LLMClient:
    """Asks one language model, through litellm.

    llm : LanguageModel
    verbose : int, whether to show a progress bar
    usage : Usage, what was asked and paid for so far; several clients may share one
    n_answered : int, requests that this client got an answer to
    has_warned : bool, whether it was said that the server cuts prompts
    """

    llm: LanguageModel
    verbose: int = 0
    usage: Usage = field(default_factory=Usage)
    n_answered: int = 0
    has_warned: bool = False

    def ask(self, requests, description):
        """Answer the requests, from the cache where they were asked before.

        Parameters
        ----------
        requests : list of Request
        description : str
            For the progress bar.

        Returns
        -------
        list
            What `read` made of each answer; None for one that failed, or that the
            budget did not allow for. `usage.last_error` says why.

        Raises
        ------
        ValueError, RuntimeError
            When no call can succeed: a key is missing or refused, the model is
            unknown, the server is down.
        """
        answers, where = [None] * len(requests), defaultdict(list)
        with open_cache(self.llm.cache_dir, "llm") as cache:
            for i, request in enumerate(requests):
                where[self._key(request)].append(i)
            found = cache.get_many(list(where))

            def take(key, value):
                for i in where[key]:
                    answers[i] = requests[i].read(value)

            def receive(pairs):
                values = {self._key(request): value for request, value in pairs}
                cache.put_many(
                    {key: json.dumps(v).encode("ascii") for key, v in values.items()}
                )
                for key, value in values.items():
                    take(key, value)

            for key, value in found.items():
                try:
                    take(key, json.loads(value))
                except UnreadableAnswer:
                    continue  # kept by a version that read it otherwise
                self.usage.cache_hits += len(where[key])
            # The same question twice is one call.
            todo = [requests[i[0]] for i in where.values() if answers[i[0]] is None]
            self.run(todo, receive, description, len(todo))
        return answers

    def run(self, requests, receive, description, total, give_up=lambda request: None):
        """Ask, whatever answers are kept, and hand over new ones as they arrive.

        Parameters
        ----------
        requests : iterable of Request
            Taken one by one, when there is room for one more; all at once for a batch.
        receive : callable
            Gets a list of pairs: a request and the JSON object that answers it, one
            that ``request.read`` accepts. It keeps all of them or none. Called from
            another thread, never twice at once.
        description : str
        total : int
            Number of requests, for the progress bar.
        give_up : callable
            Gets each request that the provider did not answer, though there is nothing
            wrong with it: to ask for parts of it would not help.

        Returns
        -------
        bool
            Whether all were asked: no budget ended it, and the model did not break
            down on the way.
        """
        if not total:
            return True
        options = check_environment(self.llm)
        with (
            without_warnings_of_pydantic(),
            tqdm(
                total=total, desc=description, unit="call", disable=not self.verbose
            ) as bar,
        ):

            def receive_and_show(pairs):
                receive(pairs)
                bar.update(len(pairs))

            if self.llm.batch:
                batches = Batches(self, options, receive_and_show)
                requests = batches.run(requests)
                if batches.is_over:
                    return False
            dispatch = Dispatch(self, options, receive_and_show, give_up)
            run_in_background(dispatch.run(requests))
        if dispatch.window.cut is not None and not self.has_warned:
            self.has_warned = True
            message = dispatch.window.warning(self.llm)
            warnings.warn(message, UserWarning, stacklevel=2)
        return not dispatch.is_over

    def _key(self, request):
        return cache_key(
            **self.llm.identity(), messages=request.messages, schema=request.schema
        )
