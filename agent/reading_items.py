"""Tokens as items: each a sign, a name of the dataset, a number, or a word that says nothing here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from agent.reading_lexicon import Key, Lexicon, singular
from agent.reading_numbers import Token, number_at

JOINS = ("SEP",)
_UNITS_AFTER_NUMBERS = {"SECONDS": "second", "MINUTES": "minute", "HOURS": "hour", "TIMES": "", "POINTS": ""}
_MOST_FUZZY = 2_000
"""Classes up to which a misspelt name is looked for."""
_ALIKE = 0.8


@dataclass(frozen=True)
class Item:
    """One piece of a request."""

    sign: str
    """In capitals; for a word that no sign stands for, the word."""
    start: int
    end: int
    low: str = ""
    value: float | None = None
    """Of a number."""
    names: tuple[str, ...] = ()
    """Classes, values, tools, or a format."""
    axis: str = ""
    weak: tuple[str, ...] = ()
    """Classes that it names where its place says so."""
    note: str = ""
    """What to ask or say where it stays unread."""


def items_of(said: Sequence[Token], lexicon: Lexicon, text: str) -> list[Item]:
    """Return the items of one sentence without fillers; `text` is what the tokens stand in."""
    found, at = [], 0
    while at < len(said):
        item, at = _item(said, at, lexicon, text)
        found.append(item)
    found = _with_names(found)
    found = [item for item in found if item.sign]
    found = _settled(found, lexicon)
    return _merged(found)


# --- one item -------------------------------------------------------------------------------------


def _item(said: Sequence[Token], at: int, lexicon: Lexicon, text: str) -> tuple[Item, int]:
    first = said[at]
    if first.kind == "quote":
        return _quoted(first, lexicon), at + 1
    if first.kind == "path":
        return Item("P", first.start, first.end, first.low), at + 1
    known = _longest(said, at, lexicon, text)
    number = number_at(said, at)
    if number is not None and (known is None or number[1] >= known[1]):
        weak = known[0].weak if known is not None and number[1] == known[1] else lexicon.called(number[0])
        end = said[number[1] - 1].end
        item = Item("N", first.start, end, text[first.start : end].lower(), value=number[0], weak=weak)
        return item, number[1]
    if known is not None:
        return known
    return _unknown(said, at, lexicon)


def _longest(said: Sequence[Token], at: int, lexicon: Lexicon, text: str) -> tuple[Item, int] | None:
    """Return the longest piece from `at` on that means something."""
    for length in range(min(lexicon.longest, len(said) - at), 0, -1):
        part = said[at : at + length]
        if any(one.kind in {"quote", "path"} for one in part):
            continue
        key = tuple(one.low for one in part)
        item = _known(key, Item("", part[0].start, part[-1].end, " ".join(key)), lexicon, text)
        if item is not None:
            return item, at + length
    return None


def _known(key: Key, plain: Item, lexicon: Lexicon, text: str) -> Item | None:
    entry = lexicon.entries.get(key) or lexicon.tools.get(singular(key))
    classes = lexicon.classes_like(key, text[plain.start : plain.end])
    if classes and not (len(key) == 1 and lexicon.is_weak(key)):
        return _one_of(plain, classes)
    if not classes and key in lexicon.values and not lexicon.is_weak(key):
        return _value(plain, lexicon.values[key])
    if entry is None:
        return replace(plain, sign=plain.low, weak=classes) if classes else None
    return replace(plain, sign=entry.sign, names=entry.names, axis=entry.axis, weak=classes)


def _one_of(plain: Item, classes: tuple[str, ...]) -> Item:
    if len(classes) == 1:
        return replace(plain, sign="C", names=classes)
    return replace(plain, sign="?", note=f"did you mean {' or '.join(map(repr, classes[:4]))}?")


def _value(plain: Item, values: Sequence[tuple[str, str]]) -> Item:
    if len(values) == 1:
        [(axis, value)] = values
        return replace(plain, sign="V", names=(value,), axis=axis)
    choices = " or ".join(f"{axis}={value}" for axis, value in values[:4])
    return replace(plain, sign="?", note=f"did you mean {choices}?")


def _quoted(token: Token, lexicon: Lexicon) -> Item:
    """Return what a quoted piece names: a class before anything else; never a sign."""
    plain = Item("Q", token.start, token.end, token.low)
    key = tuple(token.low.replace("_", " ").replace("-", " ").split())
    classes = [name for name in lexicon.facts.classes if name.lower() == token.low]
    found = tuple(classes[:1]) if len(classes) == 1 else tuple(classes) or lexicon.classes.get(key, ())
    if found:
        return _one_of(plain, found)
    if key in lexicon.values:
        return _value(plain, lexicon.values[key])
    entry = lexicon.entries.get(key)
    return replace(plain, sign="T", names=entry.names) if entry is not None and entry.kind == "tool" else plain


def _unknown(said: Sequence[Token], at: int, lexicon: Lexicon) -> tuple[Item, int]:
    """Return a word that nothing is known of: a misspelt class where one is close, else the word."""
    first = said[at]
    if first.kind == "mark":
        return Item(
            {"=": "=", ":": "=", "<": "<", ">": ">"}.get(first.low, ""), first.start, first.end, first.low
        ), at + 1
    plain = Item(first.low, first.start, first.end, first.low)
    close = _close(first.low, lexicon)
    return (_one_of(plain, close) if close else plain), at + 1


def _close(word: str, lexicon: Lexicon) -> tuple[str, ...]:
    if len(word) < 4 or not word.isalpha() or len(lexicon.classes) > _MOST_FUZZY:
        return ()
    names = {" ".join(key): own for key, own in lexicon.classes.items() if abs(len(" ".join(key)) - len(word)) <= 2}
    return tuple(name for key in get_close_matches(word, names, 3, _ALIKE) for name in names[key])


# --- items in their places ------------------------------------------------------------------------


def _with_names(items: Sequence[Item]) -> list[Item]:
    """Read weak names as classes where their place says so: `the "stop" class`, `bring stop and go to 80`."""
    found = list(items)
    at = 0
    while at < len(found):
        end = _run(found, at)
        if end > at and any(found[one].weak for one in range(at, end)) and _is_named(found, at, end):
            found[at:end] = [
                replace(one, sign="C", names=one.weak, value=None) if one.weak else one for one in found[at:end]
            ]
            found[at:end] = [_one_of(one, one.names) if one.sign == "C" else one for one in found[at:end]]
        at = max(end, at + 1)
    return found


def _run(items: Sequence[Item], at: int) -> int:
    """Return the end of a list of things that may be classes, joined by commas and `and`."""
    end = at
    while at < len(items) and (items[at].weak or items[at].sign == "C"):
        at = end = at + 1
        while at < len(items) and items[at].sign in JOINS and not items[at].weak:
            at += 1
    return end


_BEFORE = {"L", "LS", "of", "for", "EXCEPT"}
_AFTER = {"L", "LS", "NEED", "=", "HAVE"}
_NEVER_AFTER = {"T", "MORE", "U", "of", "TIMES", "PERCENT", "POINTS", "DOLLAR", "TOKENS", "MINUTES", "HOURS", "SECONDS"}


def _is_named(items: Sequence[Item], at: int, end: int) -> bool:
    """Return whether a list names classes by its place: behind `class`, `of` or `bring`, before `to 80`."""
    before = next((one for one in reversed(items[:at]) if one.sign), None)
    after = [one for one in items[end:] if one.sign][:2]
    signs = [one.sign for one in after]
    if signs[:1] and signs[0] in _NEVER_AFTER:
        return False
    if signs[:1] and signs[0] in _AFTER:
        return True
    if signs[:2] in (["to", "N"], ["at", "N"]):
        return not (before is None and items[at].low in {"up", "go"} and end - at == 1)
    return before is not None and (
        before.sign in _BEFORE or (before.sign == "BRING" and not _is_rather_many(items[at]))
    )


def _is_rather_many(item: Item) -> bool:
    """Return whether an item directly behind a verb is rather how many than which: `make 80`."""
    return item.sign == "N" and (item.value or 0) >= 20


def _settled(items: Sequence[Item], lexicon: Lexicon) -> list[Item]:
    """Put right what only the neighbours tell: units behind numbers, dollars before them, ranges of a named axis."""
    found: list[Item] = []
    for item in items:
        before = found[-1] if found else None
        new = _in_place(item, before, found)
        if before is not None and before.sign == "DOLLAR" and before.low == "$" and new.sign == "N":
            found[-1:] = [new, replace(before, start=new.start, end=new.end)]
        else:
            found.append(new)
    return _ranges(found, lexicon)


def _in_place(item: Item, before: Item | None, found: Sequence[Item]) -> Item:
    follows_number = before is not None and before.sign == "N"
    if item.sign == "MIN" and item.low == "min" and follows_number:
        return replace(item, sign="MINUTES")
    if item.sign in _UNITS_AFTER_NUMBERS and not follows_number:
        return replace(item, sign=item.low.replace(" ", "-"))
    if item.low == "up to" and any(one.sign in {"C", "V", "A", "IT", "L", "LS"} for one in found):
        return replace(item, sign="to")
    return item


def _ranges(items: Sequence[Item], lexicon: Lexicon) -> list[Item]:
    """Read a value of a named axis behind the axis, or before it: `words 5-15`, `channel = phone`."""
    found: list[Item] = []
    at = 0
    while at < len(items):
        item = items[at]
        if item.sign == "A":
            value, end = _value_behind(items, at, lexicon)
            found.append(value)
            at = end
        else:
            found.append(item)
            at += 1
    return found


def _value_behind(items: Sequence[Item], at: int, lexicon: Lexicon) -> tuple[Item, int]:
    axis = items[at]
    start = at + 1 + (at + 1 < len(items) and items[at + 1].sign == "=")
    for end in range(min(len(items), start + 4), start, -1):
        said = _squeezed(" ".join(one.low for one in items[start:end]))
        for value in lexicon.facts.values(axis.axis):
            if _squeezed(value) == said:
                whole = replace(axis, sign="V", names=(value,), end=items[end - 1].end)
                return whole, end
    return axis, at + 1


def _squeezed(text: str) -> str:
    return "".join(one for one in text.lower() if one.isalnum() or one in "<>=.")


def _merged(items: Sequence[Item]) -> list[Item]:
    """Join lists into one item: classes, tools, and values of one axis."""
    found: list[Item] = []
    for item in items:
        joined = [one for one in found[-2:] if one.sign in JOINS]
        last = next((one for one in reversed(found) if one.sign not in JOINS), None)
        trailing = len(found) - 1 - max((at for at, one in enumerate(found) if one is last), default=-1)
        alike = last is not None and last.sign == item.sign and item.sign in {"C", "T", "V"} and last.axis == item.axis
        if last is not None and alike and joined and 0 < trailing <= 2:
            del found[-trailing:]
            names = tuple(dict.fromkeys((*last.names, *item.names)))
            lacking = "; ".join(one.low for one in (last, item) if one.sign == "T" and not one.names)
            found[-1] = replace(
                last, names=names, end=item.end, low=f"{last.low}, {item.low}", note=lacking or last.note
            )
        else:
            found.append(item)
    return found
