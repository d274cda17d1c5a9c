"""One round of requests: many at once, each until it is answered or has failed."""

import asyncio
import logging
import time

from sklearn_hsae.llm._answers import UnreadableAnswer, content_of, read_object
from sklearn_hsae.llm._budget import Budget
from sklearn_hsae.llm._pace import Pace
from sklearn_hsae.llm._provider import import_litellm, without_keys
from sklearn_hsae.llm._retries import (
    MAX_ATTEMPTS,
    is_hopeless,
    is_rate_limit,
    is_refused_request,
    is_temporary,
    seconds_to_wait,
)

logger = logging.getLogger("sklearn_hsae")
# So many requests in a row that fail are no accident: the server is down, or the
# model cannot do what it is asked for. More calls would only cost.
_PATIENCE = 20


class Dispatch:
    """Works off the requests of one round.

    client : LLMClient, whose settings hold and whose usage is written to
    options : dict, for litellm
    receive : callable, takes a list of pairs: a request and the object that answers it
    is_over : bool, whether requests were left because the budget is spent, or because
        no more of them would be answered
    """

    def __init__(self, client, options, receive):
        self.client = client
        self.usage = client.usage
        self.options = options
        self.receive = receive
        self.budget = Budget(client.llm, client.usage)
        self._fatal = None
        self.is_over = False
        self._arrived = []  # pairs that were not yet handed over
        self._takes_schema = True
        self._failed_in_a_row = 0

    async def run(self, requests):
        """Work off the requests; calls under way at the end are waited for.

        Raises
        ------
        RuntimeError
            When no call can succeed.
        """
        self.pace = Pace(self.client.llm.max_concurrency)
        self._call_ended = asyncio.Event()
        queue = iter(requests)
        workers = [
            asyncio.create_task(self._work(queue))
            for _ in range(self.client.llm.max_concurrency)
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            self._hand_over()
        if self._fatal is not None:
            raise RuntimeError(self._fatal)

    async def _work(self, queue):
        while not self.is_over:
            request = next(queue, None)
            if request is None:
                return
            async with self.pace:
                found = await self._ask(request)
            if found is not None:
                self.client.n_answered += 1
                self._failed_in_a_row = 0
                self._arrived.append((request, found))
                await asyncio.sleep(0)  # what else has arrived shares its commit
                self._hand_over()

    def _hand_over(self):
        if self._arrived:
            arrived, self._arrived = self._arrived, []
            self.receive(arrived)

    async def _ask(self, request):
        """The answer; asked again once with the complaint when it cannot be read."""
        messages = request.messages
        for is_last in (False, True):
            response = await self._complete(messages, request.response_format)
            if response is None:
                return None
            try:
                found = read_object(content_of(response))
                request.read(found)
                return found
            except UnreadableAnswer as complaint:
                self.usage.last_error = str(complaint)
                if is_last or complaint.is_final:
                    self._fail()
                    return None
                messages = _with_complaint(request.messages, complaint)

    async def _complete(self, messages, form):
        """One response; None when it failed for good, or no more calls are allowed."""
        for attempt in range(MAX_ATTEMPTS):
            number = await self._reserve(messages)
            if number is None:
                return None
            response, has_schema, started = None, self._takes_schema, time.monotonic()
            try:
                response = await self._call(messages, form if has_schema else None)
            except Exception as error:
                again = self._judge_error(error, has_schema, started)
            finally:
                self.budget.release(number, response)
                self._call_ended.set()
            if response is not None:
                self.pace.speed_up()
                return response
            if again is None:
                return None
            if attempt < MAX_ATTEMPTS - 1:
                self.usage.retries += 1
                await asyncio.sleep(seconds_to_wait(again, attempt) if again else 0)
        self._fail()
        return None

    async def _reserve(self, messages):
        """The number of the next call; None when there shall be none."""
        while not self.is_over:
            number = self.budget.reserve(messages)
            if number is not None:
                return number
            if self.budget.is_spent:
                self.is_over = True
            else:  # calls under way may turn out cheaper than expected
                self._call_ended.clear()
                await self._call_ended.wait()
        return None

    async def _call(self, messages, form):
        llm, options = self.client.llm, dict(self.options)
        if llm.temperature is not None:
            options["temperature"] = llm.temperature
        if llm.extra_body is not None:
            options["extra_body"] = llm.extra_body
        if form is not None:
            options["response_format"] = form
        return await import_litellm().acompletion(
            model=llm.name,
            messages=messages,
            timeout=llm.timeout,
            num_retries=0,
            max_retries=0,
            drop_params=True,
            **options,
        )

    def _judge_error(self, error, has_schema, started):
        """What to wait for before the next attempt; False: nothing; None: no more."""
        message = without_keys(str(error))
        self.usage.last_error = message
        logger.info("A call to %s failed: %s", self.client.llm.name, message)
        if has_schema and _is_about_schema(error):
            self._takes_schema = False  # the prompt asks for JSON in words as well
            return False
        if is_temporary(error):
            if is_rate_limit(error):
                self.pace.slow_down(started)
            return error
        if is_hopeless(error) or not is_refused_request(error):
            self._stop(f"{self.client.llm.name!r} cannot be used: {message}")
        else:
            self._fail()
        return None

    def _fail(self):
        self.usage.failures += 1
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= _PATIENCE:
            reason = (
                f"{_PATIENCE} requests to {self.client.llm.name!r} failed in a row. "
                f"The last error: {self.usage.last_error}"
            )
            if self.client.n_answered:  # keep what there is; what is missing is seen
                self.is_over = True
                self.usage.last_error = reason
            else:
                self._stop(reason)

    def _stop(self, reason):
        self.is_over = True
        self._fatal = self._fatal or reason


def _is_about_schema(error):
    words = str(error).lower()
    return is_refused_request(error) and any(
        name in words for name in ("response_format", "json_schema", "guided")
    )


def _with_complaint(messages, complaint):
    """The same question, with what was wrong about the first answer to it.

    In the user's own message: templates of chats want user and assistant to alternate,
    and the answer itself, often a draft, would lead astray.
    """
    wish = (
        f"A first answer to this could not be read: {complaint}. Answer with nothing "
        "but the complete JSON object."
    )
    last = messages[-1]
    return [*messages[:-1], {**last, "content": f"{last['content']}\n\n{wish}"}]
