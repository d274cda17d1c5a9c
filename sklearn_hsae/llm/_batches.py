"""The batch interface of a provider: half the price, answers within a day.

The number of a batch is kept under each of its questions as soon as it is known. Who
asks the same again, after a crash or a Ctrl-C, waits for that batch and pays nothing.
"""

import json
import logging
import time
from collections import defaultdict

from sklearn_hsae._cache import cache_key, open_cache
from sklearn_hsae.llm._answers import UnreadableAnswer, content_of, read_object
from sklearn_hsae.llm._budget import Budget
from sklearn_hsae.llm._errors import is_hopeless, message_of
from sklearn_hsae.llm._provider import import_litellm, provider_of, without_keys
from sklearn_hsae.llm._retries import with_retries
from sklearn_hsae.llm._usage import BATCH_SHARE

logger = logging.getLogger("sklearn_hsae")
_TIMEOUT = 600.0  # seconds, for a file of the largest size
_MOST_REQUESTS, _MOST_BYTES = 50_000, 100_000_000  # of a batch; OpenAI takes 200 MB
_SHORTEST_WAIT, _LONGEST_WAIT = 1.0, 60.0  # seconds between two looks
_ENDS = ("completed", "failed", "expired", "cancelled")


class Batches:
    """Has requests answered in batches.

    client : LLMClient, whose settings hold and whose usage is written to
    options : dict, for litellm
    receive : callable, takes a list of pairs: a request and the object that answers it
    is_over : bool, whether requests were left because the budget is spent
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
        self._reserved = {}  # number of a call in the budget, by key

    def run(self, requests):
        """Send what is not under way already, and wait for all.

        Returns
        -------
        list of Request
            Those whose answer cannot be read, or which the provider refused.

        Raises
        ------
        RuntimeError
            When a batch did not complete. What it did answer has been received.
        """
        requests = {self._key(request): request for request in requests}
        # The numbers change, so they have a file of their own: an entry of the others
        # never does.
        with open_cache(self.client.llm.cache_dir, "batches") as numbers:
            batches = self._find_sent(numbers, requests)
            batches |= self._send_rest(numbers, requests, batches)
            ends = [self._wait(batch) for batch in batches]
            replies = self._collect(ends, requests)
            asked = [key for keys in batches.values() for key in keys]
            numbers.put_many(dict.fromkeys(asked, b""))  # under way no more
        self.client.n_answered += len(replies)
        for end in ends:
            self._check(end)
        return [requests[key] for key in asked if key not in replies]

    def _key(self, request):
        return cache_key(
            kind="batch",
            **self.client.llm.identity(),
            messages=request.messages,
            schema=request.schema,
        )

    def _find_sent(self, numbers, requests):
        """Keys of requests by the number of the batch that they were sent in."""
        batches = defaultdict(list)
        for key, batch in numbers.get_many(requests).items():
            if batch:
                batches[batch.decode()].append(key)
                self._reserved[key] = self.budget.count()
        return batches

    def _send_rest(self, numbers, requests, sent):
        """Send what no batch has; the same dict of the new batches."""
        known = {key for keys in sent.values() for key in keys}
        new = {key: r for key, r in requests.items() if key not in known}
        batches = {}
        for lines in self._parts(new):
            batch = self._send(lines)
            numbers.put_many(dict.fromkeys(lines, batch.encode()))
            batches[batch] = list(lines)
        return batches

    def _collect(self, ends, requests):
        """Hand over what the batches replied, as JSON objects by key.

        All at once: with some replies known, the questions that are left would be put
        together in another way, and not be found in the batch that has their replies.
        """
        replies = {}
        for end in ends:
            replies |= self._replies(end, requests)
        self.receive([(requests[key], found) for key, found in replies.items()])
        return replies

    def _parts(self, requests):
        """Yield the lines of each batch, by key, as far as the budget goes."""
        part, size = {}, 0
        for key, request in requests.items():
            number = self.budget.reserve(request.messages)
            if number is None:
                self.is_over = True
                break
            self._reserved[key] = number
            line = self._line(key, request)
            if part and (len(part) == _MOST_REQUESTS or size + len(line) > _MOST_BYTES):
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
        """Send the lines; return the number of their batch."""
        litellm = import_litellm()
        file = self._call(
            litellm.create_file,
            file=("requests.jsonl", b"".join(lines.values())),
            purpose="batch",
        )
        # Not tried again: a batch whose number got lost on the way is paid for.
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
        """Wait for the end of a batch; None when the provider knows it no more."""
        started = time.monotonic()
        while True:
            try:
                found = self._call(import_litellm().retrieve_batch, batch_id=batch)
            except _Gone:
                return None
            if found.status in _ENDS:
                return found
            logger.info("Batch %s: %s.", batch, found.status)
            tenth = (time.monotonic() - started) / 10
            time.sleep(min(max(tenth, _SHORTEST_WAIT), _LONGEST_WAIT))

    def _replies(self, end, requests):
        """What a batch answered, as JSON objects by key; each is put on the bill."""
        answers = {}
        if end is None or end.output_file_id is None:
            return answers
        content = self._call(import_litellm().file_content, file_id=end.output_file_id)
        for line in content.content.decode("utf-8").split("\n"):
            row = json.loads(line) if line.strip() else {}
            request = requests.get(row.get("custom_id"))
            if request is None:  # asked along with it by somebody else
                continue
            try:
                response = self._response(row)
                self.budget.release(self._reserved[row["custom_id"]], response)
                found = read_object(content_of(response))
                request.read(found)
            except UnreadableAnswer as complaint:
                self.client.usage.last_error = str(complaint)
            else:
                answers[row["custom_id"]] = found
        return answers

    def _response(self, row):
        """A line of the output as the response of litellm that it stands for."""
        litellm = import_litellm()
        response = row.get("response") or {}
        if response.get("status_code") != 200:
            raise UnreadableAnswer(f"refused: {row.get('error') or response}")
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
        reason = "it is not known to the provider any more"
        if end is not None:
            reason = f"{end.status} {without_keys(str(end.errors or ''))}".strip()
        raise RuntimeError(
            f"A batch for {self.client.llm.name!r} did not complete: {reason}. What it "
            "answered is kept; call again to send the rest in a new batch."
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
    """A batch that the provider does not know, or not any more."""
