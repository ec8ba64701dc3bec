"""Typing errors (Pruthi, Dhingra & Lipton 2019, section 3): swapped, dropped, added and mistyped letters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Params, augment
from tools.seeds import distinct, draws

_WORD = re.compile(r"([^\W\d_]{4,})")
_INNER_LATIN = re.compile(r".+[a-zA-Z].+")
NEIGHBOURS = {
    "q": "wa", "w": "qeas", "e": "wrsd", "r": "etdf", "t": "ryfg", "y": "tugh", "u": "yihj", "i": "uojk", "o": "ipkl",
    "p": "ol", "a": "qwsz", "s": "weadzx", "d": "ersfxc", "f": "rtdgcv", "g": "tyfhvb", "h": "yugjbn", "j": "uihknm",
    "k": "iojlm", "l": "opk", "z": "asx", "x": "sdzc", "c": "dfxv", "v": "fgcb", "b": "ghvn", "n": "hjbm", "m": "jkn",
}  # fmt: skip
"""Keys that touch a key on a QWERTY keyboard."""


class KeyboardNoise(Params):
    """How many words are mistyped."""

    rate: float = Field(0.4, gt=0, le=1, description="Share of the words of four or more letters that get one typo.")
    usual: ClassVar = {"rate": (0.4, 0.7)}


@augment(KeyboardNoise, family="text-noise", cites=("pruthi2019misspellings",), cost=Cost(cpu_seconds=0.01))
def keyboard_noise(batch: Texts, params: Sequence[KeyboardNoise]) -> list[str | None]:
    """Mistype words on a QWERTY keyboard: still readable; misspelt words leave a model's vocabulary.

    round(rate x words of four or more letters) such words, at least one, get one typo each: with equal chance a
    letter swapped with the next, dropped, followed by a key that touches its own, or replaced by one (section 3).
    As there, the first and the last letter of a word stay, and shorter words (`not`, `who`) are never touched; nor are
    digits, so numbers stay true. Only the letters a to z are mistyped, in their case. White space is kept. A text
    without such a word is refused, so is every text in another script.
    """
    texts = [_WORD.split(text) for text in batch.items]
    places = [_typable(parts) for parts in texts]
    counts = [
        3 * max(1, round(own.rate * len(words))) if words else 0 for words, own in zip(places, params, strict=True)
    ]
    drawn: list[int] = draws([own.seed for own in params], counts).tolist()
    made: list[str | None] = []
    start = 0
    for parts, words, count in zip(texts, places, counts, strict=True):
        third = count // 3
        numbers = drawn[start + third : start + count]
        for nth, slot in enumerate(distinct(drawn[start : start + third], len(words))):
            at = words[slot]
            parts[at] = _mistype(parts[at], numbers[2 * nth], numbers[2 * nth + 1])
        made.append("".join(parts) if count else None)
        start += count
    return made


def _typable(parts: list[str]) -> Sequence[int]:
    """Return the positions of words with a Latin letter that is neither first nor last; words stand at odd ones."""
    places = range(1, len(parts), 2)
    if all(map(str.isascii, parts)):
        return places
    return [at for at in places if parts[at].isascii() or _INNER_LATIN.fullmatch(parts[at])]


def _mistype(word: str, where: int, what: int) -> str:
    inner: Sequence[int] = range(1, len(word) - 1)
    if not word.isascii():
        inner = [at for at in inner if word[at].isascii()]
    at = inner[where * len(inner) >> 32]
    kind = what >> 30  # the two upper bits say what happens, the 30 below choose the key
    letter = word[at]
    if kind == 0:
        left = min(at, len(word) - 3)
        if word[left] != word[left + 1]:
            return word[:left] + word[left + 1] + word[left] + word[left + 2 :]
    if kind < 2:  # dropped; also where a swap would change nothing
        return word[:at] + word[at + 1 :]
    keys = NEIGHBOURS[letter.lower()]
    key = keys[(what & 0x3FFFFFFF) * len(keys) >> 30]
    if letter.isupper():
        key = key.upper()
    return word[: at + (kind == 2)] + key + word[at + 1 :]
