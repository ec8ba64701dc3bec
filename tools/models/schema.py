"""JSON Schemas as endpoints want them: closed to the last object, or told in words."""

from __future__ import annotations

import json
import re
from typing import Any

_DROPPED = frozenset({"default", "discriminator", "examples"})
_MAPS = frozenset({"properties", "$defs", "definitions"})
_NO_FORM = frozenset({"prefixItems", "patternProperties", "not", "if", "dependentSchemas"})
_MEANS = frozenset({"type", "anyOf", "oneOf", "allOf", "$ref", "enum", "const"})


class _OpenError(Exception):
    """A part of the schema leaves open what an answer may hold."""


def strict(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return a schema in the form that strict endpoints take, and True; or as it is, and False, where it has none.

    Every object is closed and every property required; defaults go, and a choice of several is an `anyOf`. Open
    dictionaries, untyped values, tuples and roots that are no objects have no such form.
    """
    try:
        closed = _closed(schema)
    except _OpenError:
        return schema, False
    return (closed, True) if closed.get("type") == "object" else (schema, False)


def name_of(schema: dict[str, Any]) -> str:
    """Return a name for what a schema describes: letters, digits and dashes, 64 at most."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", str(schema.get("title", "")))[:64] or "answer"


def in_words(schema: dict[str, Any]) -> str:
    """Return what a model is told where its server is not held to the schema, or does not show it to the model."""
    shown = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    return f"Answer with one JSON object that fits this JSON Schema, and with nothing else:\n{shown}"


def _closed(node: Any) -> dict[str, Any]:
    if not isinstance(node, dict) or not _MEANS & set(node) or _NO_FORM & set(node):
        raise _OpenError
    out = {key: _part(key, value) for key, value in node.items() if key not in _DROPPED}
    if "oneOf" in out:
        out["anyOf"] = out.pop("oneOf")
    if out.get("type") == "object":
        if "properties" not in out or out.get("additionalProperties"):
            raise _OpenError
        out |= {"additionalProperties": False, "required": list(out["properties"])}
    if "$ref" in out and len(out) > 1:  # nothing may stand beside a reference
        out["anyOf"] = [{"$ref": out.pop("$ref")}]
    return out


def _part(key: str, value: Any) -> Any:
    if key in _MAPS:
        return {name: _closed(one) for name, one in value.items()}
    if key in {"anyOf", "oneOf", "allOf"}:
        return [_closed(one) for one in value]
    return _closed(value) if key == "items" else value
