"""The client: sends requests to a language model and returns the replies.

Requests run at the same time and within a budget. Replies are cached, so that no
request is paid for twice.
"""

import contextlib
import json
import logging
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from sklearn_hsae._cache import cache_key, open_cache
from sklearn_hsae._claims import pauses
from sklearn_hsae._progress import progress_bar
from sklearn_hsae.llm._background import run_in_background
from sklearn_hsae.llm._batches import Batches
from sklearn_hsae.llm._dispatch import Dispatch
from sklearn_hsae.llm._language_model import LanguageModel
from sklearn_hsae.llm._provider import (
    check_environment,
    without_warnings_of_pydantic,
)
from sklearn_hsae.llm._replies import UnreadableReply
from sklearn_hsae.llm._usage import Usage

logger = logging.getLogger("sklearn_hsae")


@dataclass(frozen=True)
class Request:
    """One request to a language model.

    Attributes
    ----------
    messages : list of dict
        In the form of chat completions.
    schema : dict
        JSON schema of the reply, which is an object.
    read : callable
        Turns the JSON object into the result. It raises UnreadableReply when the
        object is not what was asked for.
    about : object
        Anything that the caller wants to keep with the request.
    is_graded : bool
        Whether each true and false of the reply becomes a probability, where the server
        gives those of tokens.
    """

    messages: list
    schema: dict
    read: Any
    about: Any = None
    is_graded: bool = False

    @property
    def response_format(self):
        """The schema in the form of chat completions."""
        schema = {"name": "answer", "schema": self.schema, "strict": True}
        return {"type": "json_schema", "json_schema": schema}


@dataclass
class LLMClient:
    """Sends requests to one language model, through litellm.

    Attributes
    ----------
    llm : LanguageModel
    verbose : int
        If not 0, a progress bar is shown.
    usage : Usage
        Calls, tokens and costs so far. Several clients may share one object.
    n_replies : int
        Number of requests with a readable reply.
    has_warned : bool
        Whether this client has warned that the server cuts prompts.
    """

    llm: LanguageModel
    verbose: int = 0
    usage: Usage = field(default_factory=Usage)
    n_replies: int = 0
    has_warned: bool = False

    def ask(self, requests, description):
        """Get the replies to the requests, from the cache where possible.

        Parameters
        ----------
        requests : list of Request
        description : str
            For the progress bar.

        Returns
        -------
        list
            The result of `read` for each reply. None for a request that failed or
            that the budget did not allow; `usage.last_error` says why.

        Raises
        ------
        ValueError, RuntimeError
            When no call can succeed: a key is missing or refused, the model is
            unknown, the server is down.
        """
        results, positions = [None] * len(requests), defaultdict(list)
        for i, request in enumerate(requests):  # equal requests share one call
            positions[self._key(request)].append(i)
        with open_cache(self.llm.cache_dir, "llm") as cache:

            def take(key, value):
                for i in positions[key]:
                    results[i] = requests[i].read(value)

            def read_cached(keys):
                """Take what the cache has; return the other keys."""
                entries = cache.get_many(keys)
                for key, value in entries.items():
                    # Another version may have written it and read it in another way.
                    with contextlib.suppress(UnreadableReply):
                        take(key, json.loads(value))
                        self.usage.cache_hits += len(positions[key])
                return [key for key in keys if results[positions[key][0]] is None]

            def receive(pairs):
                values = {self._key(request): value for request, value in pairs}
                cache.put_many(
                    {key: json.dumps(v).encode("ascii") for key, v in values.items()}
                )
                for key, value in values.items():
                    take(key, value)

            missing, waiting = read_cached(list(positions)), pauses()
            while missing:
                # What another process asks now is not asked here, but read from the
                # cache when it is there.
                with cache.claimed(missing) as claimed:
                    missing = read_cached(missing)
                    todo = [requests[positions[k][0]] for k in missing if k in claimed]
                    self.run(todo, receive, description, len(todo))
                missing = [key for key in missing if key not in claimed]
                if todo:
                    waiting = pauses()
                elif missing:
                    logger.info("another process asks %d questions", len(missing))
                    next(waiting)
        return results

    def run(self, requests, receive, description, total, give_up=lambda request: None):
        """Send all requests, without a look at the cache; pass replies on at once.

        Parameters
        ----------
        requests : iterable of Request
            The next one is taken when another call may start. A batch takes all.
        receive : callable
            Gets a list of pairs: a request, and the JSON object of its reply, which
            ``request.read`` accepts. It must keep all of them or none. It is called
            from another thread, by one caller at a time.
        description : str
        total : int
            Number of requests, for the progress bar.
        give_up : callable
            Gets each request that failed because of the provider. To send parts of
            such a request would not help.

        Returns
        -------
        bool
            True when all requests were sent; False when the budget was spent, or the
            model failed too often.
        """
        if not total:
            return True
        options = check_environment(self.llm)
        with (
            without_warnings_of_pydantic(),
            progress_bar(
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
        graded = {"is_graded": True} if request.is_graded else {}
        return cache_key(
            **self.llm.identity(),
            messages=request.messages,
            schema=request.schema,
            **graded,
        )
