"""Serves a tiny open model by `/v1/chat/completions`, as a process of its own: python tests/servers/tiny.py --port 0.

It prints its address once it can be asked. Answers keep to a `json_schema`, stream where that is asked for, and depend
on the request alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

from tiny_model import make  # noqa: E402

from memory.errors import AugplanError  # noqa: E402
from memory.exchanges import Message, Reply, Request  # noqa: E402
from tools.models.local import Local  # noqa: E402


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    source: Local

    def log_message(self, *_: Any) -> None:
        """Print nothing but the address."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            return self.whole({"error": {"message": f"There is no {self.path} here."}}, 404)
        try:
            request = read(body, self.source.name)
            if not body.get("stream"):
                return self.whole(completion(self.source.complete(request)))
            return self.stream(request)
        except (AugplanError, ValueError) as problem:
            return self.whole({"error": {"message": str(problem)}}, 400)

    def whole(self, content: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def stream(self, request: Request) -> None:
        begun: list[bool] = []

        def send(choices: list[dict[str, Any]], **more: Any) -> None:
            if not begun:
                begun.append(True)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.close_connection = True
                self.end_headers()
            chunk = {"object": "chat.completion.chunk", "choices": choices} | more
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

        on_text: Callable[[str], None] = lambda text: send([{"index": 0, "delta": {"content": text}}])  # noqa: E731
        reply = self.source.complete(request, on_text)
        send([{"index": 0, "delta": {}, "finish_reason": reply.finish}])
        send([], usage=usage(reply))
        self.wfile.write(b"data: [DONE]\n\n")


def read(body: dict[str, Any], model: str) -> Request:
    """Return what a body asks for; raises ValueError for what this server does not know."""
    if body.get("tools"):
        raise ValueError("tools are not supported")
    form = body.get("response_format") or {"type": "text"}
    if form["type"] not in {"text", "json_schema"}:
        raise ValueError(f"response_format {form['type']} is not supported")
    return Request(
        model=model,
        messages=tuple(Message(role=one["role"], content=one["content"]) for one in body["messages"]),
        reply_schema=form["json_schema"]["schema"] if form["type"] == "json_schema" else None,
        max_tokens=body.get("max_tokens") or 256,
        temperature=body.get("temperature") or 0.0,
        seed=body.get("seed") or 0,
    )


def completion(reply: Reply) -> dict[str, Any]:
    """Return a whole answer as endpoints give it."""
    message = {"role": "assistant", "content": reply.text}
    choice = {"index": 0, "message": message, "finish_reason": reply.finish}
    return {"object": "chat.completion", "choices": [choice], "usage": usage(reply)}


def usage(reply: Reply) -> dict[str, int]:
    """Return what an answer took."""
    return {"prompt_tokens": reply.tokens_in, "completion_tokens": reply.tokens_out}


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--folder", type=Path, help="a model that is there; else one is made")
    given = parser.parse_args()

    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made:
        _Handler.source = Local("tiny", given.folder or make(Path(made) / "tiny"))
        warm = Request(model="tiny", messages=(Message(role="user", content="Hello"),), max_tokens=1)
        _Handler.source.complete(warm)
        server = ThreadingHTTPServer(("127.0.0.1", given.port), _Handler)
        sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}/v1\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
