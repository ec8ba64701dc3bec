"""Where the words of a text are, and how they move without breaking the marks, spaces and capitals around them.

A word is what white space separates and what holds a letter or a digit. Marks at its two ends (`house?`, `(left`)
are not part of it and stay where they are. Scripts without spaces (Chinese, Japanese, Thai) have few such words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import compress
from operator import not_
from string import punctuation

_SPACE = re.compile(r"(\s+)")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_JOINER = "\u200d"

FUNCTION_WORDS = frozenset(
    """
    a about above after again all am an and any are as at be because been before being below between both but by can
    could did do does doing down during each few for from further had has have having he her here hers him his how
    i if in into is it its just me more most my no nor not of off on once only or other our out over own same she
    should so some such than that the their them then there these they this those through to too under until up us
    very was we were what when where which while who whom why will with would you your
    """.split()  # noqa: SIM905 - a list of strings would take a page
)
"""English words that carry grammar rather than content, lower-cased."""


def split(text: str) -> tuple[list[str], str, Sequence[int]]:
    """Return (parts, the string between them, positions of the parts that are words).

    `between.join(parts)` is `text` again. Where the text holds single spaces only, the parts are its words and
    marks. Otherwise parts at odd positions are runs of white space, and the string between is empty.
    """
    parts = text.split()
    if " ".join(parts) != text:
        parts = _SPACE.split(text)
        return parts, "", words_at(parts)
    if text.replace(" ", "").isalnum():
        return parts, " ", range(len(parts))
    return parts, " ", words_at(parts)


def words_at(parts: Sequence[str]) -> Sequence[int]:
    """Return the positions of the parts that are words, ascending."""
    places: Sequence[int] = range(len(parts))
    doubtful = compress(places, map(not_, map(str.isalnum, parts)))
    marks = [at for at in doubtful if not _LETTER_OR_DIGIT.search(parts[at])]
    if marks:
        places = list(places)
        for at in reversed(marks):
            del places[at]
    return places


def edges(token: str) -> tuple[str, str, str]:
    """Return (marks before, word, marks after); they join to `token`.

    Only punctuation and symbols come off, and nothing does where the cut would split a combining sequence.
    """
    if token.isalnum():
        return "", token, ""
    if token.isascii():
        rest = token.lstrip(punctuation)
        word = rest.rstrip(punctuation)
        return (token[: len(token) - len(rest)], word, rest[len(word) :]) if word else ("", token, "")
    first, last = 0, len(token)
    while first < last and unicodedata.category(token[first])[0] in "PS":
        first += 1
    while last > first and unicodedata.category(token[last - 1])[0] in "PS":
        last -= 1
    word = token[first:last]
    if not word or unicodedata.category(word[0]) in ("Mn", "Mc", "Me", "Cf") or word[-1] == _JOINER:
        return "", token, ""
    return token[:first], word, token[last:]


def put(token: str, word: str) -> str:
    """Return `token` with its word replaced and the marks at its ends kept."""
    before, _, after = edges(token)
    return f"{before}{word}{after}"


def raise_capital(parts: list[str], at: int, before: str) -> None:
    """Give the word at `at` a capital, in place, where `before`, the sentence's first word until now, had one."""
    word = edges(parts[at])[1]
    if _capitalised(before) and word.islower() and len(word[0].upper()) == 1:
        parts[at] = put(parts[at], word[0].upper() + word[1:])


def drop_capital(word: str) -> str:
    """Return a sentence's first word as it is written elsewhere: English function words lose the capital.

    Any other word may be a name and stays.
    """
    return word.lower() if _capitalised(word) and word != "I" and word.lower() in FUNCTION_WORDS else word


def _capitalised(word: str) -> bool:
    return word[:1].isupper() and (len(word) == 1 or word[1:].islower())
