"""A Hugging Face hub of a few repositories on a real socket of this machine, as far as fetching goes.

with Hub({"owner/name": {"config.json": b"{}"}}) as hub:
    ...                                     # ask hub.url
    hub.asked                               # paths of the files that were sent
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


@dataclass
class Hub:
    """The hub; entering starts it, leaving ends it. Each repository has one commit."""

    repositories: Mapping[str, Mapping[str, bytes]]
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def __enter__(self) -> Hub:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                hub.answer(self)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def commit(self, repository: str) -> str:
        """Return the 40 digits of a repository's commit."""
        return hashlib.sha1(repository.encode(), usedforsecurity=False).hexdigest()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request: about a repository, its tree, or a file of it."""
        parts = unquote(urlsplit(handler.path).path).strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        parts = parts[2:] if api else parts
        name = "/".join(parts[:2])
        if name not in self.repositories:
            return _send(handler, 404, b"{}", {"X-Error-Code": "RepoNotFound"})
        files = self.repositories[name]
        if not api:
            return self._file(handler, name, "/".join(parts[4:]))
        if parts[2:3] == ["tree"]:
            told = [
                {"type": "file", "path": path, "size": len(content), "oid": _oid(content)}
                for path, content in files.items()
            ]
            return _send(handler, 200, json.dumps(told).encode())
        about = {"id": name, "sha": self.commit(name), "siblings": [{"rfilename": path} for path in files]}
        return _send(handler, 200, json.dumps(about).encode())

    def _file(self, handler: BaseHTTPRequestHandler, name: str, path: str) -> None:
        content = self.repositories[name].get(path)
        if content is None:
            return _send(handler, 404, b"", {"X-Error-Code": "EntryNotFound"})
        if handler.command == "GET":
            self.asked.append(f"{name}/{path}")
        about = {"X-Repo-Commit": self.commit(name), "ETag": f'"{_oid(content)}"'}
        return _send(handler, 200, content, about)


def _oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: Mapping[str, str] = {}) -> None:
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)
