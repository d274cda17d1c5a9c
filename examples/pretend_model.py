"""A pretended language model, so that examples need neither a network nor a key.

It speaks OpenAI's protocol on this machine, and reads nothing: it is told beforehand
which concepts the texts have, and looks them up. It is wrong in 3 % of the cases.
"""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class PretendModel:
    """Serve from ``start`` to ``stop``.

    Parameters
    ----------
    texts : list of str
    truth : bool array of shape (n_texts, n_concepts)
    concepts : list of str
        What each concept is called.
    """

    def __init__(self, texts, truth, concepts):
        self.concepts = concepts
        self.has = {
            text: {c for c, mentioned in zip(concepts, row, strict=True) if mentioned}
            for text, row in zip(texts, truth, strict=True)
        }

    def start(self):
        """Return the address of the server."""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.model = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def reply(self, prompt):
        blocks = dict(re.findall(r"<([a-z-]+)>\n(.*?)\n</\1>", prompt, re.DOTALL))
        blocks = {tag: json.loads(body) for tag, body in blocks.items()}
        if "properties" in blocks:
            return {
                text_id: {
                    concept_id: self.judge(concept, text)
                    for concept_id, concept in blocks["properties"].items()
                }
                for text_id, text in blocks["texts"].items()
            }
        firing, silent = list(blocks.values())[:2]
        return {"property": max(self.concepts, key=self.contrast(firing, silent))}

    def judge(self, concept, text):
        is_wrong = hashlib.sha256(f"{concept}{text}".encode()).digest()[0] < 8
        return (concept in self.has[text]) != is_wrong

    def contrast(self, firing, silent):
        def difference(concept):
            shares = (
                sum(concept in self.has[text] for text in texts) / max(len(texts), 1)
                for texts in (firing, silent)
            )
            return next(shares) - next(shares)

        return difference


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = request["messages"][-1]["content"]
        content = json.dumps(self.server.model.reply(prompt))
        body = {
            "id": "pretended",
            "object": "chat.completion",
            "created": 0,
            "model": request["model"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": content},
                }
            ],
            "usage": {
                "prompt_tokens": len(prompt) // 4,
                "completion_tokens": len(content) // 4,
                "total_tokens": (len(prompt) + len(content)) // 4,
            },
        }
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        """Write no line per request."""
