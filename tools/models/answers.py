"""Reads what a chat endpoint sent: whole or in pieces, and never half an answer as if it were whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from memory.exchanges import Reply, Request
from tools.models import tokens


class UnusableError(Exception):
    """What came is no answer, or only a part of one."""


@dataclass
class _Said:
    text: str | None = None
    arguments: str | None = None
    refusal: str = ""
    finish: str | None = None
    usage: Any = None


def whole(data: bytes, request: Request) -> Reply:
    """Return the reply in a body of JSON. Raises UnusableError."""
    try:
        content = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise UnusableError("it sent what is no JSON in UTF-8") from None
    choice = _first(content)
    if choice is None:
        raise UnusableError(_told(content) or "it sent no choices")
    said = _Said(finish=_text(choice.get("finish_reason")), usage=content.get("usage"))
    _take(said, _dict(choice.get("message")))
    return _reply(said, request)


def pieces(chunks: Iterable[Any], request: Request, on_text: Callable[[str], None]) -> Reply:
    """Return the reply that a stream of JSON adds up to; `on_text` is handed its words. Raises UnusableError."""
    said = _Said()
    for chunk in _readable(chunks):
        if not isinstance(chunk, dict):
            raise UnusableError("it sent a piece that is no object")
        said.usage = chunk.get("usage") or said.usage
        choice = _first(chunk)
        if choice is None:
            continue
        said.finish = _text(choice.get("finish_reason")) or said.finish
        before = len(said.text or "")
        _take(said, _dict(choice.get("delta")))
        if said.text is not None and len(said.text) > before:
            on_text(said.text[before:])
    return _reply(said, request)


def _readable(chunks: Iterable[Any]) -> Iterator[Any]:
    """Yield chunks; the errors of reading them are kept apart from those of whoever uses them."""
    source = iter(chunks)
    while True:
        try:
            chunk = next(source)
        except StopIteration:
            return
        except (ValueError, RecursionError):
            raise UnusableError("it sent a piece that is no JSON in UTF-8") from None
        yield chunk


def _take(said: _Said, part: dict[str, Any]) -> None:
    """Add what a message, or a piece of one, says."""
    if (text := _words(part.get("content"))) is not None:
        said.text = (said.text or "") + text
    said.refusal += _text(part.get("refusal")) or ""
    calls = part.get("tool_calls")
    if isinstance(calls, list) and calls:
        arguments = _dict(_dict(calls[0]).get("function")).get("arguments")
        if isinstance(arguments, dict):  # some servers read them for us
            arguments = json.dumps(arguments, ensure_ascii=False)
        said.arguments = (said.arguments or "") + (_text(arguments) or "")


def _reply(said: _Said, request: Request) -> Reply:
    if said.finish is None:
        raise UnusableError("its answer breaks off: there is no finish_reason")
    refused = bool(said.refusal) or said.finish == "content_filter"
    text = said.refusal or (said.text if said.arguments is None else said.arguments)
    if text is None:
        if not refused and said.finish != "length":
            raise UnusableError("its answer holds neither a text nor a tool call")
        text = ""
    usage = _dict(said.usage)
    return Reply(
        text=text,
        finish="refused" if refused else "length" if said.finish == "length" else "stop",
        tokens_in=_count(usage.get("prompt_tokens")) or tokens.asked(request),
        tokens_out=_count(usage.get("completion_tokens")) or tokens.answered(text),
    )


def _first(content: Any) -> dict[str, Any] | None:
    choices = content.get("choices") if isinstance(content, dict) else None
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None


def _told(content: Any) -> str:
    """Return what an error says that came as if it were an answer."""
    error = content.get("error") if isinstance(content, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return f"it says: {message}" if isinstance(message, str) and message else ""


def _words(content: Any) -> str | None:
    if isinstance(content, list):  # parts, as in requests
        return "".join(_text(_dict(part).get("text")) or "" for part in content)
    return _text(content)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
