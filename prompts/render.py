"""Fills the slots of a prompt: one Markdown file, with its version and its slots named on top.

    ---
    version: 1
    slots: [request]
    ---
    Say what is wanted in one sentence: ${request}

A slot is filled once, so `${…}` inside a filled-in text stays as it is. A `$` without a brace is a plain character.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

import yaml
from pydantic import Field, ValidationError

from memory.digests import digest
from memory.errors import UsageError
from memory.records import Record

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FRONT = re.compile(r"---\n(.*?\n)---\n(.*)", re.DOTALL)
_SLOT = re.compile(r"\$\{([^}\n]*)\}?")


class Front(Record):
    """What stands on top of a prompt."""

    version: int = Field(ge=1)
    """Raised whenever the words change."""
    slots: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rendered:
    """A prompt with its slots filled."""

    text: str
    digest: str
    """SHA-256 of `text` as canonical JSON, 64 hex digits."""
    version: int
    """Version of the template."""


def render(name: str, /, **slots: str) -> Rendered:
    """Return prompt `name` of this package with every slot filled.

    Raises UsageError when there is no such prompt, when a slot is missing or unknown, or when the file is not in order.
    """
    return render_from(resources.files("prompts"), name, **slots)


def render_from(folder: Traversable, name: str, /, **slots: str) -> Rendered:
    """Do what `render` does with the prompts of another folder."""
    front, body = _template(folder, name)
    where = f"{name}.md"
    if missing := [slot for slot in front.slots if slot not in slots]:
        raise UsageError(f"Slots without a text: {', '.join(missing)}.", where=where)
    if unknown := [slot for slot in slots if slot not in front.slots]:
        raise UsageError(f"There are no slots {', '.join(unknown)}; known: {', '.join(front.slots)}.", where=where)
    text = _SLOT.sub(lambda found: slots[found[1]], body)
    return Rendered(text, digest(text), front.version)


def _template(folder: Traversable, name: str) -> tuple[Front, str]:
    """Read a prompt and check that it uses exactly the slots it names."""
    file = folder / f"{name}.md"
    if not _NAME.fullmatch(name) or not file.is_file():
        raise UsageError(f"There is no prompt {name!r}.")
    parts = _FRONT.fullmatch(file.read_text(encoding="utf-8"))
    if parts is None:
        raise UsageError("A prompt begins with its version and slots between two lines of ---.", where=file.name)
    try:
        front = Front.model_validate(yaml.safe_load(parts[1]))
    except (yaml.YAMLError, ValidationError) as problem:
        raise UsageError(f"The top of this prompt cannot be read: {problem}", where=file.name) from problem
    used = {found[1] if found[0].endswith("}") else found[0] for found in _SLOT.finditer(parts[2])}
    if used != set(front.slots):
        wrong = ", ".join(sorted(used ^ set(front.slots)))
        raise UsageError(f"The slots on top are not those of the text; look at: {wrong}.", where=file.name)
    return front, parts[2].strip()
