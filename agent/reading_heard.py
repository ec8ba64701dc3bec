"""What was understood so far, and how a table of patterns is laid over a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from agent.reading_items import Item
from agent.wish import Wish, WishedLimits, WishedTarget

TAKEN = "_"
Reading = Callable[["Heard", Sequence[Item]], bool]


@dataclass
class Heard:
    """What was understood so far, as fields of a wish."""

    text: str
    fields: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    targets: list[WishedTarget] = field(default_factory=list)
    unclear: list[tuple[Item, str]] = field(default_factory=list)
    """Pieces that were not understood, and what to ask or say of each."""

    def raw(self, item: Item) -> str:
        """Return a piece as it was written, without quotation marks."""
        said = self.text[item.start : item.end]
        return said[1:-1] if item.sign == "Q" else said

    def put(self, **values: Any) -> bool:
        """Keep fields of the wish; return whether they fit it. Later words beat earlier ones, lists are joined."""
        try:
            Wish(**values)
        except ValidationError:
            return False
        for name, value in values.items():
            before = self.fields.get(name)
            self.fields[name] = tuple(dict.fromkeys((*before, *value))) if isinstance(before, tuple) else value
        return True

    def limit(self, **values: Any) -> bool:
        """Keep limits; return whether they fit."""
        try:
            WishedLimits(**values)
        except ValidationError:
            return False
        self.limits |= values
        return True


def shadow(items: Sequence[Item]) -> str:
    """Return the signs of some items, one space between and around them."""
    return f" {' '.join(one.sign for one in items)} "


def compiled(patterns: Sequence[tuple[str, Reading]]) -> tuple[tuple[re.Pattern[str], Reading], ...]:
    """Return patterns of whole signs with their readings."""
    return tuple((re.compile(f"(?<= )(?:{pattern})(?= )"), reading) for pattern, reading in patterns)


def swept(heard: Heard, items: list[Item], readings: Sequence[tuple[re.Pattern[str], Reading]]) -> list[Item]:
    """Return the items with all that was understood replaced by `_`, one pattern after the other."""
    items = _at_most(items)
    for pattern, reading in readings:
        start = 0
        while (match := pattern.search(shadow(items), start)) is not None:
            first = match.string.count(" ", 0, match.start() + 1) - 1
            end = first + match.group().count(" ") + 1
            part, start = items[first:end], match.start() + 1
            if not _negated(items[:first], part) and reading(heard, part):
                items = [*items[:first], Item(TAKEN, part[0].start, part[-1].end), *items[end:]]
    return items


_UNITS = {"DOLLAR", "TOKENS", "SECONDS", "MINUTES", "HOURS", "ROUND", "U"}
_VERBS = {"BRING", "ADD", "SPEND", "ALLOW", "WANT", "NEED", "IT", "to", "SAVE", "MORE", "be", "is", "are"}


def _at_most(items: Sequence[Item]) -> list[Item]:
    """Say `at most` where `not … more than` means it, and again where a list leaves it out."""
    found: list[Item] = []
    for at, item in enumerate(items):
        signs = [one.sign for one in items[at + 1 : at + 4]] + ["SEP"]
        limited = [one.sign for one in found[-3:]]
        again = item.sign == "SEP" and limited[:2] == ["MAX", "N"] and limited[2:] and limited[2] in _UNITS
        if item.sign == "OVER" and _negated(found, []):
            while found[-1].sign != "NOT":
                found.pop()
            found[-1] = replace(found[-1], sign="MAX", end=item.end)
        elif again and signs[0] == "N" and signs[1] in _UNITS and (signs[1] != "U" or signs[2] in {"SEP", "THEN"}):
            found += [item, Item("MAX", items[at + 1].start, items[at + 1].start)]
        else:
            found.append(item)
    return found


def _negated(before: Sequence[Item], part: Sequence[Item]) -> bool:
    """Return whether a `not` stands before a piece with nothing but verbs between, and none in the piece itself."""
    rest = [one.sign for one in before]
    while rest and rest[-1] in _VERBS:
        rest.pop()
    return rest[-1:] == ["NOT"] and all(one.sign != "NOT" for one in part)
