"""The batch interface of a provider: half the price, replies within a day.

The id of a batch is stored under the key of each of its requests as soon as it is
known. When the same requests are sent again, after a crash or Ctrl-C, they wait for
that batch and cost nothing.
"""

import json
import logging
import time
from collections import defaultdict

from sklearn_hsae._cache import cache_key, open_cache
from sklearn_hsae.llm._budget import Budget
from sklearn_hsae.llm._errors import is_hopeless, message_of
from sklearn_hsae.llm._provider import import_litellm, provider_of, without_keys
from sklearn_hsae.llm._replies import UnreadableReply, content_of, read_object
from sklearn_hsae.llm._retries import with_retries
from sklearn_hsae.llm._usage import BATCH_SHARE

logger = logging.getLogger("sklearn_hsae")
_TIMEOUT = 600.0  # seconds, enough to send the largest file
# OpenAI accepts 50,000 requests and 200 MB per batch.
_REQUESTS_PER_BATCH, _BYTES_PER_BATCH = 50_000, 100_000_000
_SHORTEST_WAIT, _LONGEST_WAIT = 1.0, 60.0  # seconds between two checks of a batch
_ENDS = ("completed", "failed", "expired", "cancelled")


class Batches:
    """Sends requests in batches and collects the replies.

    Parameters
    ----------
    client : LLMClient
        Its settings are used, and its usage is updated.
    options : dict
        Options for litellm.
    receive : callable
        Takes a list of pairs: a request, and the JSON object of its reply.

    Attributes
    ----------
    is_over : bool
        Whether requests were not sent because the budget is spent.
    """

    def __init__(self, client, options, receive):
        self.client = client
        self.receive = receive
        self.is_over = False
        self.budget = Budget(
            client.llm, client.usage, share_of_price=BATCH_SHARE, is_careful=False
        )
        self._model, provider = provider_of(client.llm.name, client.llm.api_base)
        self._options = {
            **options,
            "custom_llm_provider": provider,
            "timeout": _TIMEOUT,
            "max_retries": 0,
        }
        self._reserved = {}  # key of a request -> number of its call in the budget

    def run(self, requests):
        """Send the requests that no batch contains yet, and wait for all batches.

        Returns
        -------
        list of Request
            Those whose reply cannot be read, or that the provider refused.

        Raises
        ------
        RuntimeError
            When a batch did not complete. Its replies so far have been received.
        """
        requests = {self._key(request): request for request in requests}
        # Batch ids change, so they are not in the cache of replies, which never does.
        with open_cache(self.client.llm.cache_dir, "batches") as batch_ids:
            batches = self._find_sent(batch_ids, requests)
            batches |= self._send_rest(batch_ids, requests, batches)
            ends = [self._wait(batch) for batch in batches]
            replies = self._collect(ends, requests)
            sent = [key for keys in batches.values() for key in keys]
            batch_ids.put_many(dict.fromkeys(sent, b""))  # these batches have ended
        self.client.n_replies += len(replies)
        for end in ends:
            self._check(end)
        return [requests[key] for key in sent if key not in replies]

    def _key(self, request):
        return cache_key(
            kind="batch",
            **self.client.llm.identity(),
            messages=request.messages,
            schema=request.schema,
        )

    def _find_sent(self, batch_ids, requests):
        """Batches that were sent before: batch id -> keys of its requests."""
        batches = defaultdict(list)
        for key, batch in batch_ids.get_many(requests).items():
            if batch:
                batches[batch.decode()].append(key)
                self._reserved[key] = self.budget.count()
        return batches

    def _send_rest(self, batch_ids, requests, sent):
        """Send the other requests; return batch id -> keys of the new batches."""
        known = {key for keys in sent.values() for key in keys}
        new = {key: r for key, r in requests.items() if key not in known}
        batches = {}
        for lines in self._parts(new):
            batch = self._send(lines)
            batch_ids.put_many(dict.fromkeys(lines, batch.encode()))
            batches[batch] = list(lines)
        return batches

    def _collect(self, ends, requests):
        """Pass on the replies of all batches; return key -> JSON object.

        All at once. If only some replies were cached, the next call would group the
        other texts into other requests, and these would match no request of a batch.
        """
        replies = {}
        for end in ends:
            replies |= self._replies(end, requests)
        self.receive([(requests[key], reply) for key, reply in replies.items()])
        return replies

    def _parts(self, requests):
        """Yield the lines of each batch as key -> line, until the budget is spent."""
        part, size = {}, 0
        for key, request in requests.items():
            number = self.budget.reserve(request.messages)
            if number is None:
                self.is_over = True
                break
            self._reserved[key] = number
            line = self._line(key, request)
            is_full = (
                len(part) == _REQUESTS_PER_BATCH or size + len(line) > _BYTES_PER_BATCH
            )
            if part and is_full:
                yield part
                part, size = {}, 0
            part[key] = line
            size += len(line)
        if part:
            yield part

    def _line(self, key, request):
        body = {
            "model": self._model,
            "messages": request.messages,
            "response_format": request.response_format,
        }
        if self.client.llm.temperature is not None:
            body["temperature"] = self.client.llm.temperature
        body.update(self.client.llm.extra_body or {})
        line = {"custom_id": key, "method": "POST", "url": "/v1/chat/completions"}
        return json.dumps({**line, "body": body}).encode("ascii") + b"\n"

    def _send(self, lines):
        """Send the lines; return the id of their batch."""
        litellm = import_litellm()
        file = self._call(
            litellm.create_file,
            file=("requests.jsonl", b"".join(lines.values())),
            purpose="batch",
        )
        # No retry: if only the response was lost, the batch exists and is paid for.
        batch = self._call(
            litellm.create_batch,
            tries_again=False,
            completion_window="24h",
            endpoint="/v1/chat/completions",
            input_file_id=file.id,
        )
        logger.info("Batch %s of %d requests was sent.", batch.id, len(lines))
        return batch.id

    def _wait(self, batch):
        """Wait until a batch has ended; None when the provider does not know it."""
        started = time.monotonic()
        while True:
            try:
                state = self._call(import_litellm().retrieve_batch, batch_id=batch)
            except _Gone:
                return None
            if state.status in _ENDS:
                return state
            logger.info("Batch %s: %s.", batch, state.status)
            tenth = (time.monotonic() - started) / 10
            time.sleep(min(max(tenth, _SHORTEST_WAIT), _LONGEST_WAIT))

    def _replies(self, end, requests):
        """The readable replies of a batch, key -> JSON object. Counts their costs."""
        replies = {}
        if end is None or end.output_file_id is None:
            return replies
        content = self._call(import_litellm().file_content, file_id=end.output_file_id)
        for line in content.content.decode("utf-8").split("\n"):
            row = json.loads(line) if line.strip() else {}
            request = requests.get(row.get("custom_id"))
            if request is None:  # another call has sent it in the same batch
                continue
            try:
                response = self._response(row)
                self.budget.release(self._reserved[row["custom_id"]], response)
                reply = read_object(content_of(response))
                request.read(reply)
            except UnreadableReply as complaint:
                self.client.usage.last_error = str(complaint)
            else:
                replies[row["custom_id"]] = reply
        return replies

    def _response(self, row):
        """A line of the output file as a litellm response."""
        litellm = import_litellm()
        response = row.get("response") or {}
        if response.get("status_code") != 200:
            raise UnreadableReply(f"refused: {row.get('error') or response}")
        response = litellm.ModelResponse(**response["body"])
        try:
            price = litellm.completion_cost(response, model=self.client.llm.name)
        except Exception:  # litellm raises a plain Exception for an unknown model
            price = 0.0
        response._hidden_params["response_cost"] = BATCH_SHARE * price
        return response

    def _check(self, end):
        if end is not None and end.status == "completed":
            return
        reason = "it is not known to the provider"
        if end is not None:
            reason = f"{end.status} {without_keys(str(end.errors or ''))}".strip()
        raise RuntimeError(
            f"A batch for {self.client.llm.name!r} did not complete: {reason}. Its "
            "replies so far are kept; call again to send the rest in a new batch."
        )

    def _call(self, function, *, tries_again=True, **arguments):
        def call():
            return function(**arguments, **self._options)

        try:
            return with_retries(call) if tries_again else call()
        except Exception as error:
            if is_hopeless(error) and "batch_id" in arguments:
                raise _Gone from None
            raise RuntimeError(
                f"{self.client.llm.name!r} cannot be used in batches: "
                f"{message_of(error)}"
            ) from None  # the original may hold the key


class _Gone(Exception):
    """The provider does not know a batch, or no longer."""
