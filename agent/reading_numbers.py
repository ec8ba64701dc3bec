"""Text as tokens, and numbers as people write them: `1,500`, `2k`, `two hundred and fifty`, `a dozen`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

TokenKind = Literal["word", "number", "quote", "path", "mark"]
_TOKEN = re.compile(
    r"""
    (?P<quote>"[^"\n]{1,200}"|\u201c[^\u201d\n]{1,200}\u201d|«[^»\n]{1,200}»|`[^`\n]{1,200}`
        |(?<![^\W_])['\u2018][^'\u2019\n]{1,200}['\u2019](?![^\W_]))
  | (?P<path>(?<![^\s"'(])(?:~|\.{1,2})?/[\w.~/-]*[\w/]|[^\W\d][\w.-]*/(?![^\W_])
        |(?:(?<=\bto\ )|(?<=\bin\ )|(?<=\binto\ )|(?<=\bunder\ ))[^\W\d][\w.-]*
            (?:/[\w./-]*[\w/]|\.(?:csv|tsv|jsonl|parquet)\b))
  | (?P<number>(?<![^\W_])(?<!\d\.)(?:\d{1,3}(?:,\d{3})+|\d{1,18})(?:\.\d{1,9})?
        (?:[kK](?![^\W_])|(?=(?:x|s|sec|secs|min|mins|h|hrs?)\b)|(?![^\W_]|\.\d)))
  | (?P<word>(?<![^\s(=:])-\d[\d.,]*|[^\W_]+(?:['\u2019][^\W_]+)*)
  | (?P<mark>\n|[^\s])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """A word, a number in digits, a quoted piece, a path or a mark, and where it stands."""

    kind: TokenKind
    low: str
    """Lower case, without quotation marks; apostrophes straight."""
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """Return the tokens of a text in order. A hyphen, underscore or full stop inside a word only parts it."""
    found = []
    for match in _TOKEN.finditer(text):
        kind: TokenKind = match.lastgroup  # type: ignore[assignment]  # the groups are the kinds
        start, end = match.span()
        if kind == "mark" and match.group() in "-_.":
            before, after = text[start - 1 : start], text[end : end + 1]
            if (before.isalnum() or before == "_") and (after.isalnum() or after == "_"):
                continue
            if match.group() == "_":
                continue
        said = match.group()[1:-1] if kind == "quote" else match.group()
        found.append(Token(kind, said.lower().replace("\u2019", "'"), start, end))
    return found


_ONES = {
    name: at
    for at, name in enumerate(
        [
            *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
            *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
        ],
        start=1,
    )
}
_TENS = {
    name: 10 * at
    for at, name in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2)
}
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 1_000_000}
_SMALL = {"zero": 0, **_ONES, **_TENS}
NUMBER_WORDS = frozenset({*_SMALL, *_SCALES})
_MOST = 10**18
_TIMES = ("second", "minute", "hour")


def number_at(said: Sequence[Token], at: int) -> tuple[float, int] | None:
    """Return the number that begins at a token, and where the next begins; None where none does.

    `a` counts as one before a scale or a time: `a hundred`, `an hour`, `half an hour`.
    """
    low = said[at].low
    following = [one.low for one in said[at + 1 : at + 3]]
    if said[at].kind == "number":
        return _in_digits(said, at)
    if said[at].kind != "word":
        return None
    if low == "half" and following[:1] in (["a"], ["an"]) and following[1:] and following[1] in _TIMES:
        return 0.5, at + 2
    if low in {"a", "an"}:
        if following[:1] and following[0] in _SCALES:
            return _in_words(said, at + 1)
        return (1.0, at + 1) if following[:1] and following[0] in _TIMES else None
    return _in_words(said, at) if low in NUMBER_WORDS else None


def _in_digits(said: Sequence[Token], at: int) -> tuple[float, int]:
    digits = said[at].low.replace(",", "")
    value = number(digits.removesuffix("k")) * (1000 if digits.endswith("k") else 1)
    at += 1
    while at < len(said) and said[at].low in _SCALES and said[at].kind == "word":
        value = min(value * _SCALES[said[at].low], _MOST)
        at += 1
    return min(value, _MOST), at


def number(digits: str) -> float:
    """Return digits as a whole number, exact however large, or as a float where there is a point."""
    return float(digits) if "." in digits else int(digits)


def _in_words(said: Sequence[Token], at: int) -> tuple[float, int]:
    """Read number words from `at` on: units add up, a scale multiplies what came before it, `and` joins a rest."""
    total, part, last = 0, 0, 10**9
    while at < len(said) and said[at].kind == "word":
        low = said[at].low
        if low in _SMALL and _SMALL[low] < last:
            part += _SMALL[low]
            last = 10 if low in _TENS else 0
        elif low in _SCALES:
            part = min(max(1, part) * _SCALES[low], _MOST)
            last = 100
            if part >= 1000:
                total, part, last = total + part, 0, 1000
        elif not (low == "and" and last >= 100 and _is_small(said, at + 1)):
            break
        at += 1
    return min(total + part, _MOST), at


def _is_small(said: Sequence[Token], at: int) -> bool:
    return at < len(said) and said[at].kind == "word" and said[at].low in _SMALL
