"""A small OpenAI-compatible server on loopback, for tests and benchmarks.

It speaks chat completions (with JSON schemas, one by one and in batches), the Responses
API, embeddings, and what Anthropic and Ollama speak, and misbehaves on demand. Its mind
is a handful of rules, so that right answers are known: a text has the property
"mentions refund, money" when one of the words is in it.

``python tests/llm_server.py --latency 0.2`` serves until it is stopped, and writes its
address on standard output.
"""

import argparse
import asyncio
import hashlib
import json
import re
import sys
import threading
import time
from collections import Counter

FAULTS = (
    "429",  # too many requests, come back in 20 ms
    "500",
    "drop",  # the connection is closed without a word
    "cut body",  # the connection is closed in the middle of the answer
    "malformed",  # a body that is no JSON
    "prose",  # an answer in words
    "broken json",
    "truncated",  # the token limit was hit
    "refusal",
    "wrong keys",
    "empty",
    "slow",  # a byte now and then
)
HANG = 1.0  # seconds of silence before the fault "hang" is answered


_PEER = r'PROPERTY: "(.*)"\nTEXT: "(.*)"\nOutput:\s*$'


def answer_by_rules(prompt):
    """What a reliable model would answer to a prompt of the package, or the peer's."""
    peer = re.match(_PEER, prompt[prompt.rfind("PROPERTY: ") :], re.DOTALL)
    if peer:
        return "Yes." if has_property(*peer.groups()) else "No."
    blocks = dict(re.findall(r"<([a-z-]+)>\n(.*?)\n</\1>", prompt, re.DOTALL))
    blocks = {tag: json.loads(body) for tag, body in blocks.items()}
    answer = _answer(blocks)
    return json.dumps(answer) if isinstance(answer, dict) else str(answer)


def has_property(concept, text):
    """The rule: one of the words after "mentions" is in the text."""
    phrases = concept.lower().removeprefix("mentions ").split(", ")
    padded = f" {' '.join(re.findall(r'[a-z0-9]+', text.lower()))} "
    return any(f" {phrase} " in padded for phrase in phrases)


def _answer(blocks):
    if "properties" in blocks:
        return {
            text_id: {
                concept_id: has_property(concept, text)
                for concept_id, concept in blocks["properties"].items()
            }
            for text_id, text in blocks["texts"].items()
        }
    if "known" in blocks:
        return {i: _nearness(blocks["known"], f) for i, f in blocks["found"].items()}
    if "words" in blocks:
        return {
            i: [
                {"word": int(number), "strength": 10}
                for number, word in words.items()
                if has_property(blocks["property"], word)
            ]
            for i, words in blocks["words"].items()
        }
    if "texts" in blocks:
        fits = {i: _fits(blocks["property"], t) for i, t in blocks["texts"].items()}
        is_graded = not any("[[" in text for text in blocks["texts"].values())
        return {i: 10 * fit if is_graded else fit for i, fit in fits.items()}
    firing, silent = (
        next((v for k, v in blocks.items() if end in k), [])
        for end in ("which-it-fires", "which-it-is-silent")
    )
    if "property" in blocks:  # to be revised: one more word, from where it failed
        firing = [item["text"] for item in firing if not item["judged"]]
        silent = [item["text"] for item in silent]
        if firing:
            return {"property": f"{blocks['property']}, {_telling(firing, silent)}"}
        return {"property": blocks["property"]}
    return {"property": f"mentions {_telling(firing, silent)}"}


def _nearness(known, found):
    """The same words in any order, some common words, or none."""
    known, found = (set(words.lower().split()) for words in (known, found))
    return "same" if known == found else "related" if known & found else "different"


def _fits(concept, text):
    """Whether the marked part of a text has the property, or the text without marks."""
    parts = re.findall(r"\[\[(.*?)\]\]", text, re.DOTALL) or [text]
    return has_property(concept, " ".join(parts))


def _telling(firing, silent):
    """The word whose share in the two lists differs most."""
    count = Counter()
    for texts, sign in ((firing, 1), (silent, -1)):
        for text in texts:
            for word in set(re.findall(r"[a-z0-9]+", text.lower())):
                count[word] += sign / len(texts)
    return min(count, key=lambda word: (-count[word], word), default="nothing")


class LLMServer:
    """Serve in a thread while the ``with`` block lasts.

    answer : callable, the prompt to the content of the answer
    latency : float, seconds before each answer
    faults : iterable of str or None, or callable of (number of the call, body)
        What goes wrong at the first call, the second, ...; "400", "401", "404", "hang"
        "trickle" and "no schema" are known besides FAULTS. A tuple of status, header
        lines and body is what is sent, see `chat`; "wait" and seconds make it late.
    batch : tuple of int and str, or None
        How often one must look until a batch has ended, and how it ends. What is not
        "completed" has answers to the first half. None refuses the key, and shows it.
    calls : list of dict, what was asked and what became of it; the questions of a batch
        are calls like others, and its files are none
    """

    def __init__(
        self,
        answer=answer_by_rules,
        *,
        latency=0.0,
        faults=(),
        batch=(2, "completed"),
        port=0,
    ):
        self.answer = answer
        self.latency = latency
        self.port = port
        self.batch = batch
        self.files = {}
        self.batches = {}  # what the client is told about each, and how often it was
        self.calls = []
        self.most_at_once = 0
        self._under_way = 0
        self._fault_of = faults if callable(faults) else _in_order(faults)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def __exit__(self, *error):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _serve(self, ready):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self.listen())
        self._loop.call_soon(ready.set)
        self._loop.run_forever()
        self._listener.close()

    async def listen(self):
        self._listener = await asyncio.start_server(
            self._converse, "127.0.0.1", self.port, backlog=1024, limit=2**24
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _converse(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(length[1]) if length else 0)
                if not await self._respond(head, body, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client hung up, or the server stops
        finally:
            writer.close()

    async def _respond(self, head, body, writer):
        path = head.split(" ", 2)[1]
        if re.search("/(files|batches)(/|$)", path):
            return await self._keep(path, body, _key_in(head), writer)
        body = json.loads(body or b"{}")
        if path.endswith("/api/show"):  # litellm asks Ollama what a model can do
            writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return True
        fault = self._fault_of(len(self.calls), body)
        call = {"path": path, "body": body, "fault": fault, "is_sent": False}
        call |= {"authorization": _key_in(head), "head": head, "time": time.monotonic()}
        self.calls.append(call)
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            await asyncio.sleep(self._seconds(fault))
        finally:
            self._under_way -= 1
        if fault == "drop":
            return False
        if fault == "trickle":  # a blank now and then, so that no time-out fires
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
            for _ in range(100):
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(HANG / 20)
            return False
        status, headers, payload = self._payload(path, body, fault)
        text = payload if isinstance(payload, str) else json.dumps(payload)
        data = text.encode()
        lines = [f"HTTP/1.1 {status} {_REASON.get(status, 'Error')}"]
        lines += ["content-type: application/json", f"content-length: {len(data)}"]
        lines += headers
        writer.write("\r\n".join([*lines, "", ""]).encode())
        if fault == "cut body":
            writer.write(data[: len(data) // 2])
            await writer.drain()
            return False
        if fault == "slow":
            for start in range(0, len(data), 100):
                writer.write(data[start : start + 100])
                await writer.drain()
                await asyncio.sleep(0.002)
        else:
            writer.write(data)
        await writer.drain()
        call["is_sent"] = True
        return True

    def _seconds(self, fault):
        if isinstance(fault, tuple) and fault[0] == "wait":
            return fault[1]
        return HANG if fault == "hang" else self.latency

    async def _keep(self, path, body, key, writer):
        """Files and batches."""
        parts, status = path.split("/"), "200 OK"
        if self.batch is None:
            status, data = "401 Unauthorized", _error(f"Wrong key provided: {key}")
        elif parts[-1] == "content":
            data = self.files[parts[-2]]
        elif parts[-1] == "files":  # the one part of a form between its two lines
            data = _dump({"id": self._new_file(body), **_FILE})
        elif parts[-1] == "batches":
            data = _dump(self._new_batch(json.loads(body)["input_file_id"]))
        else:
            data = _dump(self._look(parts[-1]))
        if data is None:
            status, data = "404 Not Found", _error("No such batch")
        head = f"HTTP/1.1 {status}\r\ncontent-length: {len(data)}\r\n"
        writer.write(f"{head}content-type: application/json\r\n\r\n".encode() + data)
        await writer.drain()
        return True

    def _new_file(self, body):
        content = [line for line in body.split(b"\n") if line.startswith(b"{")]
        number = f"file-{len(self.files)}"
        self.files[number] = b"\n".join(content)
        return number

    def _new_batch(self, file):
        rows = [json.loads(line) for line in self.files[file].split(b"\n")]
        end, answered = self.batch[1], b""
        for row in rows if end == "completed" else rows[: len(rows) // 2]:
            fault = self._fault_of(len(self.calls), row["body"])
            self.calls.append({"path": row["url"], "body": row["body"], "fault": fault})
            status, _, payload = self._payload(row["url"], row["body"], fault)
            if status == 200:
                response = {"status_code": 200, "body": payload}
                answered += _dump({"custom_id": row["custom_id"], "response": response})
        number = f"batch-{len(self.batches)}"
        self.batches[number] = {
            **_BATCH,
            "id": number,
            "input_file_id": file,
            "output_file_id": self._new_file(answered),
            "looks": 0,
        }
        return self.batches[number] | {"status": "validating", "output_file_id": None}

    def _look(self, number):
        batch = self.batches.get(number)
        if batch is None:
            return None
        batch["looks"] += 1
        if batch["looks"] < self.batch[0]:
            return batch | {"status": "in_progress", "output_file_id": None}
        return batch | {"status": self.batch[1]}

    def _payload(self, path, body, fault):
        if isinstance(fault, tuple) and fault[0] != "wait":
            return fault
        if fault in ERRORS:
            status, headers, message = ERRORS[fault]
            return status, headers, {"error": {"message": message, "type": "error"}}
        if fault == "malformed":
            return 200, [], "<html>Bad gateway</html>"
        if path.endswith("/embeddings"):
            return 200, [], _embeddings(body)
        prompt = prompt_in(body)
        content, refusal, reason = _spoil(self.answer(prompt), fault)
        usage = {"prompt_tokens": len(prompt) // 4}
        usage["completion_tokens"] = max(len(content or "") // 4, 1)
        if path.endswith("/messages"):
            return 200, [], _anthropic(body, content, usage)
        if path.endswith("/api/chat"):
            return 200, [], _ollama(body, content, usage)
        if path.endswith("/responses"):
            return 200, [], _response(body, content, usage)
        usage["total_tokens"] = sum(usage.values())
        return chat(content, reason, usage, _model(body), refusal=refusal)


def chat(content, reason="stop", usage=None, frame=None, **message):
    """A chat completion as the body of a response, for `faults`."""
    message = {"role": "assistant", "content": content, **message}
    choice = {"index": 0, "message": message, "finish_reason": reason}
    body = {"id": "c", "object": "chat.completion", "created": 0, "model": "rules"}
    body |= {**(frame or {}), "choices": [choice], "usage": usage}
    return 200, [], body


def prompt_in(body):
    """The first message of the user."""
    messages = body.get("messages", body.get("input"))
    if isinstance(messages, str):
        return messages
    content = next(m["content"] for m in messages if m["role"] == "user")
    return content if isinstance(content, str) else content[0]["text"]


_FILE = {"object": "file", "bytes": 0, "created_at": 0, "filename": "requests.jsonl"}
_FILE |= {"purpose": "batch", "status": "processed"}
_BATCH = {"object": "batch", "endpoint": "/v1/chat/completions", "created_at": 0}
_BATCH |= {"completion_window": "24h"}


def language_model(server, options=None, *, name="openai/m"):
    """The server as a `LanguageModel` that keeps nothing on disk.

    Its settings are taken out of `options`, so that a test passes those of a step and
    those of its language model side by side.
    """
    from sklearn_hsae import LanguageModel

    settings = {"api_base": server.url, "cache_dir": None}
    for parameter in LanguageModel(name).get_params():
        if options and parameter in options:
            settings[parameter] = options.pop(parameter)
    return LanguageModel(**{"name": name, **settings})


def _dump(value):
    return value and json.dumps(value).encode() + b"\n"


def _error(message):
    return _dump({"error": {"message": message, "type": "error"}})


def _key_in(head):
    found = re.search(r"^authorization: *(.*)\r$", head, re.IGNORECASE | re.MULTILINE)
    return found and found[1]


_REASON = {200: "OK"}
ERRORS = {
    "429": (429, ["retry-after: 0.02"], "Rate limit reached"),
    "500": (500, [], "Something went wrong"),
    "400": (400, [], "The text was rejected by the content filter"),
    "401": (401, [], "Incorrect API key provided"),
    "404": (404, [], "The model does not exist"),
    "no schema": (400, [], "response_format of type json_schema is not supported"),
}


def _in_order(faults):
    faults = list(faults)
    return lambda i, body: faults[i] if i < len(faults) else None


def _spoil(content, fault):
    """The content, the refusal and the reason to finish that a fault makes of it."""
    if fault == "prose":
        return "I would rather talk about it.", None, "stop"
    if fault == "broken json":
        return content.replace(":", "=", 2), None, "stop"
    if fault == "truncated":
        return content[: len(content) // 2], None, "length"
    if fault == "refusal":
        return None, "I cannot help with that.", "stop"
    if fault == "wrong keys":
        return '{"answer": "yes", "x1": {"y1": true}}', None, "stop"
    if fault == "empty":
        return "", None, "stop"
    return content, None, "stop"


def _model(body):
    return {"model": body.get("model", "rules")}


def _anthropic(body, content, usage):
    names = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
    return {
        "id": "m",
        "type": "message",
        "role": "assistant",
        **_model(body),
        "content": [{"type": "text", "text": content}],
        "stop_reason": "end_turn",
        "usage": {names[name]: count for name, count in usage.items()},
    }


def _ollama(body, content, usage):
    return {
        **_model(body),
        "created_at": "2025-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": content},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": usage["prompt_tokens"],
        "eval_count": usage["completion_tokens"],
    }


def _response(body, content, usage):
    part = {"type": "output_text", "text": content, "annotations": []}
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
    return {
        "id": "r",
        "object": "response",
        "created_at": 0,
        "status": "completed",
        **_model(body),
        "output": [{**message, "content": [part]}],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "output_tokens": usage["completion_tokens"],
            "total_tokens": sum(usage.values()),
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


def bucket(word):
    """The dimension of a word in the embeddings; several words may share one."""
    return hashlib.sha256(word.encode()).digest()[0] % 64


def _embeddings(body):
    """A bag of hashed words: texts that share words are near each other."""
    rows = []
    for i, text in enumerate(body["input"]):
        vector = [0.01] * 64
        for word in re.findall(r"[a-z0-9]+", text.lower()):
            vector[bucket(word)] += 1.0
        rows.append({"object": "embedding", "index": i, "embedding": vector})
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return {"object": "list", "data": rows, **_model(body), "usage": usage}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    server = LLMServer(latency=arguments.latency, port=arguments.port)

    async def serve():
        await server.listen()
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
