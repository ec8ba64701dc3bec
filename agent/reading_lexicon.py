"""What a piece of a request may be: signs of the language, and the names in one dataset, each under its tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from agent.reading_numbers import NUMBER_WORDS, tokens
from agent.reading_words import (
    FILLER,
    FORMATS,
    PREPOSITIONS,
    RANGES,
    SIGNS,
    SPOKEN_RANGES,
    TOOL_WORDS,
)
from agent.wish import Facts

Key = tuple[str, ...]
Kind = Literal["sign", "class", "value", "axis", "tool", "format", "filler", "word"]
_LONGEST_NAME = 200
"""Characters of a name that can be asked for."""
_LABEL_WORDS = {"image": "digit", "speech": "word|command|keyword|digit", "text": ""}
_PREPOSITIONS, _FILLER = frozenset(PREPOSITIONS.split("|")), frozenset(FILLER.split("|"))


def key_of(phrase: str) -> Key:
    """Return the tokens of a name, as they would stand in a request."""
    return tuple(one.low for one in tokens(phrase))


def singular(key: Key) -> Key:
    """Return a key whose last word is no plural."""
    last = key[-1] if key else ""
    if len(last) > 3 and last.endswith("ies"):
        last = f"{last[:-3]}y"
    elif len(last) > 4 and last.endswith(("ses", "xes", "ches", "shes", "zes")):
        last = last[:-2]
    elif len(last) > 2 and last.endswith("s") and not last.endswith("ss"):
        last = last[:-1]
    return (*key[:-1], last)


@dataclass(frozen=True)
class Entry:
    """What stands under a key."""

    kind: Kind
    sign: str
    """Sign in the patterns; for a plain word the word."""
    names: tuple[str, ...] = ()
    """Classes, values, tools or a format."""
    axis: str = ""


@cache
def _fixed() -> Mapping[Key, Entry]:
    """Return what stands for itself in every dataset; a sign goes before a filler."""
    found: dict[Key, Entry] = {(word,): Entry("filler", "") for word in _FILLER}
    found |= {(word,): Entry("word", word) for word in _PREPOSITIONS}
    for sign, phrases in SIGNS.items():
        found |= {key_of(phrase): Entry("sign", sign) for phrase in phrases.split("|")}
    for name, phrases in FORMATS.items():
        found |= {key_of(phrase): Entry("format", "FORMAT", (name,)) for phrase in phrases.split("|")}
    return found


@dataclass
class Lexicon:
    """Everything that can be named in a request about one dataset."""

    facts: Facts
    entries: dict[Key, Entry] = field(default_factory=dict)
    classes: dict[Key, tuple[str, ...]] = field(default_factory=dict)
    """Singular key -> the classes that it may stand for."""
    values: dict[Key, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Key -> (axis, value)s."""
    tools: dict[Key, Entry] = field(default_factory=dict)
    """Singular key -> tools."""
    longest: int = 1

    def __post_init__(self) -> None:
        self.entries = {**_fixed(), **dict(_ranges(self.facts)), **dict(_tools(self.facts)), **dict(_axes(self.facts))}
        self.tools = {singular(key): entry for key, entry in _tools(self.facts)}
        classes: dict[Key, list[str]] = defaultdict(list)
        for name in self.facts.classes:
            key = key_of(name)
            if key and len(name) <= _LONGEST_NAME:
                classes[singular(key)].append(name)
        self.classes = {key: tuple(names) for key, names in classes.items()}
        values: dict[Key, list[tuple[str, str]]] = defaultdict(list)
        for axis in _distinct(self.facts):
            for value in self.facts.values(axis):
                if key_of(value) and len(value) <= _LONGEST_NAME:
                    values[key_of(value)].append((axis, value))
        self.values = {key: tuple(found) for key, found in values.items()}
        self.longest = max((len(key) for key in (*self.entries, *self.classes, *self.values)), default=1)

    def is_weak(self, key: Key) -> bool:
        """Return whether a name means something else as well, so that only its place tells: `stop`, `one`, `3`."""
        return key in self.entries or key[0] in NUMBER_WORDS or key[0][:1].isdigit() or not key[0][:1].isalnum()

    def called(self, value: float) -> tuple[str, ...]:
        """Return the class that has a number for its name: `3` may be said as `three`."""
        return self.classes.get((f"{value:g}",), ())

    def classes_like(self, key: Key, said: str) -> tuple[str, ...]:
        """Return the classes that a piece may name: the exact one where it is one of them, else all alike."""
        names = self.classes.get(singular(key), ())
        exact = [name for name in names if name == said] or [name for name in names if key_of(name) == key]
        return tuple(exact) if len(exact) == 1 else names


def _distinct(facts: Facts) -> Iterator[str]:
    """Yield the axes beside the label; `group` is left out where its column stands beside it."""
    others = {axis: values for axis, values in facts.axes.items() if axis not in {"label", facts.label_column}}
    for axis, values in others.items():
        if not (axis == "group" and values and values in [own for name, own in others.items() if name != "group"]):
            yield axis


def _ranges(facts: Facts) -> Iterator[tuple[Key, Entry]]:
    spoken = SPOKEN_RANGES if facts.modality == "speech" else {}
    for phrase, (axis, ranges) in {**RANGES, **spoken}.items():
        known = [one for one in ranges if one in facts.axes.get(axis, ())]
        if known:
            yield key_of(phrase), Entry("value", "V", (known[0],), axis)


def _tools(facts: Facts) -> Iterator[tuple[Key, Entry]]:
    found: dict[Key, tuple[str, ...]] = {}
    for name, phrases in TOOL_WORDS.items():
        for phrase in phrases.split("|"):
            tools = facts.tools_like(name)
            if tools or not found.get(key_of(phrase)):
                found[key_of(phrase)] = tools
    for family in facts.families.values():
        found[key_of(family)] = facts.tools_like(family)
    for tool in facts.tools:
        found |= {key_of(tool): (tool,), key_of(tool.rsplit(".", 1)[-1]): (tool,)}
    for key, tools in found.items():
        if key:
            yield key, Entry("tool", "T", tools)


def _axes(facts: Facts) -> Iterator[tuple[Key, Entry]]:
    """Yield the names of the axes, one or several; those of the label are signs of their own."""
    for axis in _distinct(facts):
        yield from _both(axis, Entry("axis", "A", axis=axis), Entry("axis", "A", axis=axis))
    for word in _words(facts.label_column, _LABEL_WORDS[facts.modality]):
        yield from _both(word, Entry("sign", "L"), Entry("sign", "LS"))


def _words(*phrases: str) -> Iterable[str]:
    return [word for phrase in phrases for word in phrase.split("|") if word]


def _both(name: str, one: Entry, several: Entry) -> Iterator[tuple[Key, Entry]]:
    key = key_of(name)
    if key:
        yield (*key[:-1], f"{key[-1]}s"), several
        yield key, one
        if singular(key) != key:
            yield singular(key), one
