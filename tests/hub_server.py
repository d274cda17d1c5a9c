"""A model hub on loopback: as much of its protocol as pushing and loading needs."""

import base64
import json
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

COMMIT = "c0ffee" + "0" * 34
GATED = object()  # a repository whose owner asks for consent


class Hub(BaseHTTPRequestHandler):
    """``/api/...`` makes repositories and commits; ``/user/name/resolve/`` serves.

    The data set user/name is the repository "datasets/user/name".
    """

    repositories: dict

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        action = self.path.split("/")
        if self.path == "/api/repos/create":
            given = json.loads(body)
            name = f"{given['organization']}/{given['name']}"
            self.repositories.setdefault(name, {})
            self._answer({"url": f"http://{self.headers['Host']}/{name}", "id": name})
        elif self.path == "/api/validate-yaml":
            self._answer({"errors": [], "warnings": []})
        elif action[5] == "preupload":
            files = json.loads(body)["files"]
            mode = {"uploadMode": "regular", "shouldIgnore": False}
            self._answer({"files": [{"path": f["path"], **mode} for f in files]})
        else:
            name = "/".join(action[3:5])
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    content = base64.b64decode(line["value"]["content"])
                    self.repositories[name][line["value"]["path"]] = content
            url = f"http://{self.headers['Host']}/{name}/commit/{COMMIT}"
            self._answer({"commitUrl": url, "commitOid": COMMIT})

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        if parts[:2] == ["api", "datasets"]:
            return self._list_files("/".join(parts[1:4]))
        name, _, file = self.path.strip("/").partition("/resolve/")
        if self.repositories.get(name) is GATED:
            return self._refuse(401, "GatedRepo")
        content = self.repositories.get(name, {}).get(file.partition("/")[2])
        if content is None:
            return self._refuse(404, "EntryNotFound")
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{sha1(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET

    def _list_files(self, name):
        files = self.repositories.get(name)
        if files is None:
            return self._refuse(404, "RepoNotFound")
        rows = [{"type": "file", "path": f, "size": 1, "oid": COMMIT} for f in files]
        self._answer(rows)

    def _refuse(self, status, reason):
        self.send_response(status)
        self.send_header("X-Error-Code", reason)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, content):
        content = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


@contextmanager
def running_hub():
    """Yield the address of a hub and its repositories: {name: {file: content}}."""
    repositories = {}
    handler = type("RunningHub", (Hub,), {"repositories": repositories})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", repositories
    finally:
        server.shutdown()
        server.server_close()


def use_hub(monkeypatch, address, cache):
    """Send the hub's client of this process to a running hub."""
    from huggingface_hub import constants

    files = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
