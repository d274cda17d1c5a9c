"""Send many requests at the same time, and retry each until it succeeds or fails."""

import asyncio
import logging
import time

from sklearn_hsae.llm._billing import complete_bill
from sklearn_hsae.llm._budget import Budget
from sklearn_hsae.llm._context import ContextWindow
from sklearn_hsae.llm._delays import asked_delay
from sklearn_hsae.llm._errors import (
    NotSent,
    is_about_schema,
    is_connection,
    is_hopeless,
    is_quota_spent,
    is_rate_limit,
    is_temporary,
    is_time_out,
    is_too_slow,
    is_unreadable,
    message_of,
    response_of,
    status_of,
)
from sklearn_hsae.llm._pace import Pace
from sklearn_hsae.llm._probabilities import with_probabilities
from sklearn_hsae.llm._provider import import_litellm
from sklearn_hsae.llm._replies import UnreadableReply, content_of, read_object
from sklearn_hsae.llm._responses import rescue
from sklearn_hsae.llm._retries import LONGEST_LIMIT, Tries

logger = logging.getLogger("sklearn_hsae")
# After 20 failed requests in a row, the server is down or the model cannot do the task:
# more calls would only cost money.
_MOST_FAILURES_IN_A_ROW = 20
_LONG_WAIT = 60.0  # seconds; a longer wait is logged as a warning


class Dispatch:
    """Sends the requests of one call of `LLMClient.run`.

    Parameters
    ----------
    client : LLMClient
        Its settings are used, and its usage is updated.
    options : dict
        Options for litellm.
    receive : callable
        Takes a list of pairs: a request, and the JSON object of its reply.
    give_up : callable
        Takes a request that failed because of the provider.

    Attributes
    ----------
    window : ContextWindow
    is_over : bool
        Whether requests were not sent because the budget is spent, or because the model
        failed too often.
    """

    def __init__(self, client, options, receive, give_up=lambda request: None):
        self.client = client
        self.usage = client.usage
        self.options = options
        self.receive = receive
        self.give_up = give_up
        self.budget = Budget(client.llm, client.usage)
        self.window = ContextWindow(client.llm)
        self._fatal = None
        self.is_over = False
        self._arrived = []  # (request, reply) pairs that were not yet passed on
        self._takes_schema = True
        self._has_succeeded = client.n_replies > 0
        self._refusal = None  # error message, raised if no call succeeds
        self._failed_in_a_row = 0

    async def run(self, requests):
        """Send the requests, and wait until all calls have ended.

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
        if self._refusal is not None and not self._has_succeeded:
            self._fatal = self._fatal or self._refusal
        if self._fatal is not None:
            raise RuntimeError(self._fatal)

    async def _work(self, queue):
        while not self.is_over:
            request = next(queue, None)
            if request is None:
                return
            try:
                reply = await self._ask(request)
            except _NoResponse as failure:
                reply = None
                if failure.is_of_the_provider:
                    self.give_up(request)
            if reply is not None:
                self.client.n_replies += 1
                self._failed_in_a_row = 0
                self._arrived.append((request, reply))
                await asyncio.sleep(0)  # other replies may share one write to the cache
                self._hand_over()

    def _hand_over(self):
        if self._arrived:
            arrived, self._arrived = self._arrived, []
            self.receive(arrived)

    async def _ask(self, request):
        """The reply as a JSON object. An unreadable reply is asked for once more."""
        messages = request.messages
        for is_last in (False, True):
            response = await self._complete(messages, request)
            try:
                reply = read_object(content_of(response))
                if request.is_graded:
                    reply = with_probabilities(reply, response)
                request.read(reply)
                return reply
            except UnreadableReply as complaint:
                self.usage.last_error = str(complaint)
                if is_last or complaint.is_final:
                    self._fail()
                    return None
                messages = _with_complaint(request.messages, complaint)

    async def _complete(self, messages, request):
        """Call until there is a response.

        Raises
        ------
        _NoResponse
            When no retry is left, or no more calls are allowed.
        """
        tries, without_schema = Tries(), False
        form = request.response_format
        while True:
            async with self.pace:
                used = None if without_schema or not self._takes_schema else form
                try:
                    response = await self._call(messages, used, request.is_graded)
                except _CallFailed as failed:
                    error, started = failed.error, failed.started
                else:
                    self._takes_schema = self._takes_schema and not without_schema
                    return response
                seconds = self._slow_down(error, started)
            # Another call may have found out in the meantime.
            if used is not None and (
                not self._takes_schema or self._may_be_the_schema(error, tries)
            ):
                without_schema = True  # the prompt describes the JSON in words too
            else:
                seconds = max(self._seconds_to_next(error, tries), seconds)
            self.usage.retries += 1
            await self._sleep(seconds)

    async def _call(self, messages, form, is_graded):
        """Call once, and count what it costs."""
        number = await self._reserve(messages)
        if number is None:
            raise _NoResponse(is_of_the_provider=False)
        started, bill = time.monotonic(), None
        try:
            bill = response = await self._send(messages, form, is_graded)
        except Exception as error:
            bill = getattr(error, "bill", None)
            raise _CallFailed(error, started) from None
        finally:
            if bill is not None:
                self.window.compare(messages, bill)
                complete_bill(bill, self.client.llm.name, messages)
            self.budget.release(number, bill)
            self._call_ended.set()
        self._has_succeeded = True
        self.pace.speed_up()
        return response

    async def _reserve(self, messages):
        """The number of the next call; None when no more calls are allowed."""
        while not self.is_over:
            number = self.budget.reserve(messages)
            if number is not None:
                return number
            if self.budget.is_spent:
                self.is_over = True
            else:  # running calls may cost less than expected
                self._call_ended.clear()
                await self._call_ended.wait()
        return None

    async def _send(self, messages, form, is_graded):
        llm = self.client.llm
        options = {**self.options, **self.window.options(messages)}
        if llm.temperature is not None:
            options["temperature"] = llm.temperature
        if llm.extra_body is not None:
            options["extra_body"] = llm.extra_body
        if form is not None:
            options["response_format"] = form
        if is_graded:
            options["logprobs"] = True
        call_log = _CallLog()
        try:
            # litellm's own time-out limits the time between two bytes only.
            async with asyncio.timeout(llm.timeout):
                return await import_litellm().acompletion(
                    model=llm.name,
                    messages=messages,
                    timeout=llm.timeout,
                    num_retries=0,
                    max_retries=0,
                    drop_params=True,
                    logger_fn=call_log,
                    **options,
                )
        except Exception as error:
            if response_of(error) is not None:
                raise
            if is_time_out(error):
                raise TimeoutError(
                    f"no reply came in timeout={llm.timeout:g} seconds"
                ) from None
            has_body = call_log.is_sent and call_log.body is not None
            if has_body and not is_connection(error):
                return rescue(call_log.body)
            if is_unreadable(error):
                if call_log.is_sent:
                    return rescue(message_of(error))
                raise NotSent(message_of(error)) from None
            raise

    def _slow_down(self, error, started):
        """Log an error and slow the other calls down; return the seconds to wait."""
        self.usage.last_error = message_of(error)
        logger.info(
            "A call to %s failed: %s", self.client.llm.name, self.usage.last_error
        )
        if is_too_slow(error):
            return self.pace.slow_down_after_time_out(started)
        if is_rate_limit(error):
            self.pace.slow_down(started)
            self.pace.pause(min(asked_delay(error) or 0.0, LONGEST_LIMIT))
        return 0.0

    def _may_be_the_schema(self, error, tries):
        """Whether to call again without the schema: servers refuse it in many ways."""
        if is_quota_spent(error) or is_time_out(error):
            return False
        status = status_of(error) or 0
        if self._has_succeeded or status == 404:
            return 400 <= status < 500 and is_about_schema(error)
        if 500 <= status:  # a grammar can also break a server
            return status == 501 or tries.errors >= 2
        return 400 <= status and status not in (401, 403) and not is_temporary(error)

    def _seconds_to_next(self, error, tries):
        """Seconds to wait before the next call.

        Raises
        ------
        _NoResponse
            When the request has failed.
        """
        seconds = tries.seconds_to_next(error)
        if seconds is not None:
            return seconds
        message = f"{self.client.llm.name!r} cannot be used: {self.usage.last_error}"
        if is_temporary(error) and not is_unreadable(error):
            if (asked_delay(error) or 0.0) > LONGEST_LIMIT:
                self._end(message)
            self._fail()
            raise _NoResponse(is_of_the_provider=True)
        if is_quota_spent(error) or (is_hopeless(error) and not self._has_succeeded):
            if status_of(error) == 403:  # perhaps because of one text only
                self._refusal = self._refusal or message
            else:
                self._end(message)
        elif status_of(error) not in (None, 400, 413, 422):
            self._refusal = self._refusal or message
        self._fail()
        raise _NoResponse(is_of_the_provider=False)

    async def _sleep(self, seconds):
        if seconds > _LONG_WAIT:
            logger.warning(
                "%s asks to wait for %.0f seconds.", self.client.llm.name, seconds
            )
        until = time.monotonic() + seconds
        while not self.is_over and (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 1.0))

    def _fail(self):
        self.usage.failures += 1
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= _MOST_FAILURES_IN_A_ROW:
            reason = (
                f"{_MOST_FAILURES_IN_A_ROW} requests to {self.client.llm.name!r} "
                f"failed in a row. The last error: {self.usage.last_error}"
            )
            self._end(reason)

    def _end(self, reason):
        """Send no more requests. Without any reply so far, `run` raises the reason."""
        self.is_over = True
        self.pace.open()
        if self.client.n_replies:
            self.usage.last_error = reason
        else:
            self._fatal = self._fatal or reason


class _CallLog:
    """Receives what litellm logs: whether a call was sent, and the response's body."""

    def __init__(self):
        self.is_sent = False
        self.body = None

    def __call__(self, details):
        body = details.get("original_response")
        if details.get("log_event_type") == "pre_api_call":
            self.is_sent = True
        elif isinstance(body, str):
            self.body = body


class _CallFailed(Exception):
    """One call failed.

    Parameters
    ----------
    error : Exception
    started : float
        Start of the call, in seconds of `time.monotonic`.
    """

    def __init__(self, error, started):
        super().__init__()
        self.error = error
        self.started = started


class _NoResponse(Exception):
    """A request gets no response.

    Parameters
    ----------
    is_of_the_provider : bool
        Whether the provider failed, and the request itself may be right.
    """

    def __init__(self, is_of_the_provider):
        super().__init__()
        self.is_of_the_provider = is_of_the_provider


def _with_complaint(messages, complaint):
    """The same request, with a note about what was wrong with the first reply.

    The note is part of the user's message, because chat templates need user and
    assistant to alternate. The reply itself is left out: it is often a draft, and would
    mislead the model.
    """
    note = (
        f"A first answer to this could not be read: {complaint}. Answer with nothing "
        "but the complete JSON object."
    )
    last = messages[-1]
    return [*messages[:-1], {**last, "content": f"{last['content']}\n\n{note}"}]
