"""What is sent to a chat endpoint, in the form that it takes: servers differ in what they know, and say so by refusing.

An answer that must fit a schema is asked for in four ways, each tried where the one before was refused: `json_schema`,
a forced tool call, `json_object` with the schema in words, plain text with the schema in words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from memory.exchanges import Message, Request
from tools.models import schema as schemas

RUNGS = ("json_schema", "tool", "json_object", "text")
_REFUSING = frozenset({400, 404, 422, 501})
_STRUCTURE = re.compile(
    r"response[_ ]format|json[_ ]?(schema|object)|\btools?\b|tool_(choice|call)|function|grammar|schema"
)
_SURELY = re.compile(r"response[_ ]format|json_(schema|object)|\btools\b|tool_choice")
"""What a 500 must speak of to be about the form: it may be about anything."""
_OPTIONAL = ("stream_options", "stream", "seed", "temperature")
_LIMITS = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True)
class Form:
    """What a server takes, as far as is known."""

    rung: int = 0
    """Which of RUNGS a schema goes by."""
    limit: int = 0
    """Which of two names the most tokens go by."""
    without: frozenset[str] = frozenset()
    """Parameters that it does not know."""

    def with_what(self, other: Form) -> Form:
        """Return what is known when `other` is known too."""
        return Form(max(self.rung, other.rung), max(self.limit, other.limit), self.without | other.without)

    def streams(self, wanted: bool) -> bool:
        """Return whether the answer comes in pieces."""
        return wanted and "stream" not in self.without

    def calls(self, request: Request) -> bool:
        """Return whether the answer comes as the arguments of a tool."""
        return request.reply_schema is not None and RUNGS[self.rung] == "tool"


def body(request: Request, form: Form, stream: bool) -> dict[str, Any]:
    """Return the JSON of a request to `/chat/completions`."""
    schema, rung = request.reply_schema, RUNGS[form.rung]
    messages = request.messages
    if schema is not None and rung in {"json_object", "text"}:
        messages = told(messages, schema)
    out: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(one) for one in messages],
        "temperature": request.temperature,
        "seed": request.seed,
        _LIMITS[form.limit]: request.max_tokens,
    }
    if form.streams(stream):
        out |= {"stream": True, "stream_options": {"include_usage": True}}
    if schema is not None:
        out |= _structure(schema, rung)
    return {name: value for name, value in out.items() if name not in form.without}


def told(messages: tuple[Message, ...], schema: dict[str, object]) -> tuple[Message, ...]:
    """Return messages whose last one also says which schema the answer must fit."""
    words, last = schemas.in_words(schema), messages[-1]
    if last.role != "user":
        return (*messages, Message(role="user", content=words))
    return (*messages[:-1], last.model_copy(update={"content": f"{last.content}\n\n{words}"}))


def other(form: Form, request: Request, status: int | None, problem: str) -> Form | None:
    """Return the form to try after a server refused one with a status and words; None where it is not the form.

    Every step gives something up, so there are few.
    """
    last = request.reply_schema is None or form.rung == len(RUNGS) - 1
    if status == 500 and not last and _SURELY.search(problem.lower()):
        return replace(form, rung=form.rung + 1)
    if status not in _REFUSING:
        return None
    structure = not last and _STRUCTURE.search(problem.lower()) is not None
    if structure:
        return replace(form, rung=form.rung + 1)
    named = (name for name in _OPTIONAL if name not in form.without and re.search(rf"\b{name}\b", problem))
    if name := next(named, None):
        return replace(form, without=form.without | {name})
    if form.limit == 0 and any(name in problem for name in _LIMITS):
        return replace(form, limit=1)
    return None if last else replace(form, rung=form.rung + 1)


def _structure(schema: dict[str, Any], rung: str) -> dict[str, Any]:
    name = schemas.name_of(schema)
    if rung == "json_schema":
        closed, is_strict = schemas.strict(schema)
        asked = {"name": name, "schema": closed, "strict": is_strict}
        return {"response_format": {"type": "json_schema", "json_schema": asked}}
    if rung == "tool":
        function = {"name": name, "description": "Hands over the answer.", "parameters": schema}
        choice = {"type": "function", "function": {"name": name}}
        return {"tools": [{"type": "function", "function": function}], "tool_choice": choice}
    return {"response_format": {"type": "json_object"}} if rung == "json_object" else {}


def _message(one: Message) -> dict[str, Any]:
    if not one.images:
        return {"role": one.role, "content": one.content}
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in one.images]
    return {"role": one.role, "content": [{"type": "text", "text": one.content}, *pictures]}
