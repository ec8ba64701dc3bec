"""A scripted OpenAI-compatible endpoint on a real socket of this machine, and everything that can go wrong with one.

    with Server(["Hello.", ("status", 429, {"Retry-After": "1"}), {"label": "refund"}]) as server:
        ...                                     # ask server.url
        server.requests[0].body["messages"]     # what came in

Answers are used up in order, the last one again and again; a function of the request's body stands for all of them.
An answer is

    "text"              what the model says
    {...}               the same as JSON; a pydantic record goes too. In a forced tool call they are its arguments
    b"..."              a picture or sound, for those that ask for one
    callable(body)      gives one of the others
    (FAULT, details)    a name of FAULTS

Pictures, sound and vectors need no answers: small valid ones are made from what was asked.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import re
import socket
import struct
import threading
import wave
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

Answer = Any
PIECE = 5
"""Characters of a piece of a stream."""


@dataclass(frozen=True)
class Seen:
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    """By name in small letters."""
    body: dict[str, Any]
    """JSON, or the fields of a form: files as bytes."""


@dataclass
class Server:
    """The endpoint; entering starts it, leaving ends it and everything that hangs in it."""

    answers: Sequence[Answer] | Callable[[dict[str, Any]], Answer] = ("Hello.",)
    refuse: Iterable[str] = ()
    """Parameters that it does not know: `seed`, `stream_options`, `tools`, `response_format`; a form of the last
    one as `response_format.json_schema`."""
    refuse_status: int = 400
    usage: bool = True
    """Whether answers say how many tokens they took."""
    key: str | None = None
    """The key that it wants; another one is answered by 401, shown in full."""
    requests: list[Seen] = field(default_factory=list)
    url: str = ""

    def __enter__(self) -> Server:
        self._lock, self.over, self._used = threading.Lock(), threading.Event(), 0
        self._http = _Sockets(("127.0.0.1", 0), _Handler)
        self._http.script = self
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """Return the body of every request."""
        return [one.body for one in self.requests]

    def take(self, seen: Seen) -> Answer:
        """Return the answer to a request that was let in."""
        with self._lock:
            if callable(self.answers):
                answer: Answer = self.answers
            else:
                answer = self.answers[min(self._used, len(self.answers) - 1)] if self.answers else "Hello."
                self._used += 1
        while callable(answer):
            answer = answer(seen.body)
        return answer

    def refused(self, body: dict[str, Any]) -> str | None:
        """Return the first parameter of a request that this server does not know."""
        form = body.get("response_format")
        form = form if isinstance(form, dict) else {}
        there = {*body, f"response_format.{form.get('type')}"}
        return next((name for name in self.refuse if name in there), None)


class _Sockets(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    script: Server

    def server_bind(self) -> None:
        """Bind without asking who this machine is: the answer may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hung up is part of the drill."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Sockets

    def log_message(self, *_: Any) -> None:
        """Keep test output clean."""

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen, script = Seen(self.path, headers, _body(headers, data)), self.server.script
        script.requests.append(seen)
        if script.key is not None and headers.get("authorization") != f"Bearer {script.key}":
            self.fail(401, f"Incorrect API key provided: {headers.get('authorization')}.")
        elif (name := script.refused(seen.body)) is not None:
            self.fail(script.refuse_status, f"Unsupported parameter: '{name}' is not supported.", name.split(".")[0])
        else:
            self.answer(seen, script)

    def answer(self, seen: Seen, script: Server) -> None:
        made = MADE.get(seen.path.split("?")[0].removeprefix("/v1"))
        answer = script.take(seen)
        if isinstance(answer, tuple):
            FAULTS[answer[0]](self, seen, *answer[1:])
        elif made is not None:
            kind, content = made(seen.body, answer if isinstance(answer, bytes) else None)
            self.send(200, content, kind)
        else:
            self.say(seen, answer)

    def say(self, seen: Seen, answer: Answer, finish: str = "stop") -> None:
        """Send a whole reply, in pieces where that was asked for."""
        text = answer if isinstance(answer, str) else json.dumps(_plain(answer), ensure_ascii=False)
        if seen.body.get("stream"):
            self.send(200, b"".join(self.events(seen, text, finish)), "text/event-stream")
        else:
            message = {"role": "assistant", "content": text}
            if forced(seen.body):
                message, finish = {"role": "assistant", "content": None, "tool_calls": _calls(seen, text)}, "tool_calls"
            self.send_json(self.completion(seen, message, finish))

    def completion(self, seen: Seen, message: dict[str, Any], finish: str | None) -> dict[str, Any]:
        made = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": seen.body.get("model")}
        made["choices"] = [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}]
        return made | ({"usage": _usage(seen, message)} if self.server.script.usage else {})

    def events(self, seen: Seen, text: str, finish: str | None, last: bool = True) -> Iterator[bytes]:
        tool = forced(seen.body)
        for at in range(0, len(text), PIECE):
            piece = text[at : at + PIECE]
            delta = {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} if tool else {"content": piece}
            yield _event(seen, [{"index": 0, "delta": delta, "finish_reason": None}])
        if finish is not None:
            yield _event(seen, [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if tool else finish}])
        if self.server.script.usage and (seen.body.get("stream_options") or {}).get("include_usage"):
            yield _event(seen, [], usage=_usage(seen, {"content": text}))
        if last:
            yield b"data: [DONE]\n\n"

    # --- the wire -----------------------------------------------------------------------------------------

    def send_json(self, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send(status, json.dumps(content).encode(), "application/json", headers)

    def fail(self, status: int, message: str, name: str | None = None, headers: dict[str, str] | None = None) -> None:
        error = {"message": message, "type": "invalid_request_error", "param": name, "code": None}
        self.send_json({"error": error}, status, headers)

    def send(self, status: int, content: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.begin(status, kind, len(content), headers)
        self.wfile.write(content)

    def begin(self, status: int, kind: str, length: int | None, headers: dict[str, str] | None = None) -> None:
        """Send the head; without a length the body ends with the connection."""
        self.send_response(status)
        for name, value in {"Content-Type": kind, **(headers or {})}.items():
            self.send_header(name, value)
        if length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()


# --- what can go wrong ------------------------------------------------------------------------------------


def _status(to: _Handler, _seen: Seen, status: int = 500, headers: Any = None, message: str = "It is broken.") -> None:
    to.fail(status, message, headers=headers)


def _raw(
    to: _Handler, _seen: Seen, content: bytes, kind: str = "application/json", headers: Any = None, status: int = 200
) -> None:
    to.send(status, content, kind, headers)


def _refusal(to: _Handler, seen: Seen, words: str = "I will not do that.") -> None:
    if seen.body.get("stream"):
        deltas = [({"refusal": words}, None), ({}, "stop")]
        sent = [_event(seen, [{"index": 0, "delta": delta, "finish_reason": end}]) for delta, end in deltas]
        to.send(200, b"".join(sent) + b"data: [DONE]\n\n", "text/event-stream")
    else:
        to.send_json(to.completion(seen, {"role": "assistant", "content": None, "refusal": words}, "stop"))


def _no_choices(to: _Handler, seen: Seen) -> None:
    to.send_json(to.completion(seen, {}, "stop") | {"choices": []})


def _no_content(to: _Handler, seen: Seen) -> None:
    to.send_json(to.completion(seen, {"role": "assistant", "content": None}, "stop"))


def _cut(to: _Handler, seen: Seen, answer: Answer = "It is cut o") -> None:
    to.say(seen, answer, "length")


def _filtered(to: _Handler, seen: Seen, answer: Answer = "") -> None:
    to.say(seen, answer, "content_filter")


def _truncated(to: _Handler, seen: Seen, text: str = "This is only the beginn") -> None:
    """End in the middle: of a stream without a last word, of a body before its length."""
    if seen.body.get("stream"):
        sent = b"".join(to.events(seen, text, None, last=False))
        to.begin(200, "text/event-stream", None)
        to.wfile.write(sent[:-9])
    else:
        whole = json.dumps(to.completion(seen, {"role": "assistant", "content": text}, "stop")).encode()
        to.begin(200, "application/json", len(whole))
        to.wfile.write(whole[: len(whole) // 2])
        to.close_connection = True


def _broken_chunk(to: _Handler, seen: Seen) -> None:
    first = b"".join(to.events(seen, "Hello there", None, last=False))
    to.send(200, first + b'data: {"choices": [{"delta"\n\ndata: [DONE]\n\n', "text/event-stream")


def _garbage(to: _Handler, seen: Seen) -> None:
    """Send bytes that are no UTF-8: alone, or in the middle of what looks like an answer."""
    if seen.body.get("stream"):
        bad = b"".join(to.events(seen, "caf# au lait", "stop")).replace(b"#", b"\xff\xfe")
        to.send(200, bad, "text/event-stream")
    else:
        message = {"role": "assistant", "content": "caf# au lait"}
        bad = json.dumps(to.completion(seen, message, "stop")).encode().replace(b"#", b"\xff\xfe")
        to.send(200, bad, "application/json")


def _huge(to: _Handler, seen: Seen, size: int = 20_000_000) -> None:
    """Send a valid answer of so many bytes, a little at a time: it is nowhere whole in memory."""
    word = "x" * 10_000
    if seen.body.get("stream"):
        to.begin(200, "text/event-stream", None)
        head, piece = b"", _event(seen, [{"index": 0, "delta": {"content": word}, "finish_reason": None}])
    else:
        to.begin(200, "application/json", None)
        head, piece = b'{"choices": [{"finish_reason": "stop", "message": {"content": "', word.encode()
    to.wfile.write(head)
    for _ in range(size // len(word)):
        to.wfile.write(piece)


def _hang(to: _Handler, _seen: Seen) -> None:
    to.server.script.over.wait()
    to.close_connection = True


def _drip(to: _Handler, seen: Seen, every_s: float = 0.05, where: str = "body") -> None:
    """Send a byte now and then, for ever: of the head, or of the body."""
    kind = "text/event-stream" if seen.body.get("stream") else "application/json"
    if where == "body":
        to.begin(200, kind, None)
        drop = b": " if seen.body.get("stream") else b" "
    else:
        to.wfile.write(b"HTTP/1.1 200 OK\r\n")
        drop = b"X-A: b\r\n"
    while not to.server.script.over.wait(every_s):
        to.wfile.write(drop)
        to.wfile.flush()
    to.close_connection = True


def _reset(to: _Handler, _seen: Seen) -> None:
    """Hang up without a word, the hard way."""
    to.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    to.connection.close()
    to.close_connection = True


def _redirect(to: _Handler, _seen: Seen, where: str, status: int = 307) -> None:
    to.send(status, b"", "text/plain", {"Location": where})


FAULTS: dict[str, Callable[..., None]] = {
    "status": _status,  # (status, headers, message)
    "raw": _raw,  # (bytes, content type, headers, status)
    "refusal": _refusal,
    "no_choices": _no_choices,
    "no_content": _no_content,
    "cut": _cut,  # finish_reason: length
    "filtered": _filtered,  # finish_reason: content_filter
    "truncated": _truncated,
    "broken_chunk": _broken_chunk,
    "garbage": _garbage,
    "huge": _huge,
    "hang": _hang,
    "drip": _drip,  # (seconds between bytes, "head" | "body")
    "reset": _reset,
    "redirect": _redirect,  # (address, status)
}


# --- pictures, sound, vectors -----------------------------------------------------------------------------


def png(text: str, width: int = 16, height: int = 16) -> bytes:
    """Return a picture whose colours depend on `text`: RGB, 8 bits."""
    drawn = hashlib.sha256(text.encode()).digest()
    row = b"\0" + b"".join(bytes(drawn[(3 * at) % 24 : (3 * at) % 24 + 3]) for at in range(width))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(row * height)), (b"IEND", b"")]
    sent = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(sent)


def wav(text: str, seconds: float = 0.4, rate_hz: int = 24_000) -> bytes:
    """Return a tone whose pitch depends on `text`: 16 bits, one channel."""
    pitch_hz = 200 + hashlib.sha256(text.encode()).digest()[0]
    samples = [int(9_000 * math.sin(math.tau * pitch_hz * at / rate_hz)) for at in range(int(seconds * rate_hz))]
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return out.getvalue()


def _vectors(body: dict[str, Any], _given: bytes | None) -> tuple[str, bytes]:
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    rows = [[byte / 255 for byte in hashlib.sha256(text.encode()).digest()[:8]] for text in texts]
    packed = body.get("encoding_format") == "base64"
    shown = [base64.b64encode(struct.pack("<8f", *row)).decode() if packed else row for row in rows]
    data = [{"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(shown)]
    tokens = sum(map(len, texts))
    return _json({"object": "list", "data": data, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})


def _pictures(body: dict[str, Any], given: bytes | None) -> tuple[str, bytes]:
    size = re.fullmatch(r"(\d+)x(\d+)", str(body.get("size", "")))
    width, height = (int(size[1]), int(size[2])) if size else (16, 16)
    many = int(body.get("n") or 1)
    made = [given or png(f"{body.get('prompt')}{at}", width, height) for at in range(many)]
    return _json({"created": 1, "data": [{"b64_json": base64.b64encode(one).decode()} for one in made]})


def _sound(body: dict[str, Any], given: bytes | None) -> tuple[str, bytes]:
    return "audio/wav", given or wav(f"{body.get('voice')} {body.get('input')}")


MADE: dict[str, Callable[[dict[str, Any], bytes | None], tuple[str, bytes]]] = {
    "/embeddings": _vectors,
    "/images/generations": _pictures,
    "/images/edits": _pictures,
    "/audio/speech": _sound,
}


# --- forms ------------------------------------------------------------------------------------------------


def forced(body: dict[str, Any]) -> bool:
    """Return whether a request forces a tool call."""
    return bool(body.get("tools")) and isinstance(body.get("tool_choice"), dict)


def _json(content: Any) -> tuple[str, bytes]:
    return "application/json", json.dumps(content).encode()


def _plain(answer: Answer) -> Any:
    return answer.model_dump(mode="json") if hasattr(answer, "model_dump") else answer


def _calls(seen: Seen, text: str) -> list[dict[str, Any]]:
    name = seen.body["tool_choice"]["function"]["name"]
    return [{"id": "call_1", "type": "function", "function": {"name": name, "arguments": text}}]


def _usage(seen: Seen, message: dict[str, Any]) -> dict[str, int]:
    asked, answered = len(json.dumps(seen.body.get("messages", ""))) // 4, len(json.dumps(message)) // 4
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def _event(seen: Seen, choices: list[dict[str, Any]], **more: Any) -> bytes:
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": seen.body.get("model")}
    return f"data: {json.dumps(chunk | {'choices': choices} | more)}\n\n".encode()


def _body(headers: dict[str, str], data: bytes) -> dict[str, Any]:
    kind = headers.get("content-type", "")
    if not kind.startswith("multipart/"):
        return dict(json.loads(data)) if data else {}
    form = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + data, policy=HTTP)
    out: dict[str, Any] = {}
    for part in form.iter_parts():
        content = part.get_payload(decode=True)
        name = part.get_param("name", header="content-disposition")
        is_file = part.get_filename() is not None
        out[str(name).removesuffix("[]")] = content if is_file else content.decode()
    return out
