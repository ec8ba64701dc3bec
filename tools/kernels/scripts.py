"""Which writing system a character belongs to (Unicode Standard Annex 24), for the scripts in wide use."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_RANGES = (
    (0x0041, 0x005A, "Latin"),
    (0x0061, 0x007A, "Latin"),
    (0x00AA, 0x00AA, "Latin"),
    (0x00BA, 0x00BA, "Latin"),
    (0x00C0, 0x00D6, "Latin"),
    (0x00D8, 0x00F6, "Latin"),
    (0x00F8, 0x02B8, "Latin"),
    (0x0370, 0x03FF, "Greek"),
    (0x0400, 0x052F, "Cyrillic"),
    (0x0531, 0x058A, "Armenian"),
    (0x0591, 0x05F4, "Hebrew"),
    (0x0600, 0x06FF, "Arabic"),
    (0x0750, 0x077F, "Arabic"),
    (0x08A0, 0x08FF, "Arabic"),
    (0x0900, 0x097F, "Devanagari"),
    (0x0980, 0x09FF, "Bengali"),
    (0x0A00, 0x0A7F, "Gurmukhi"),
    (0x0A80, 0x0AFF, "Gujarati"),
    (0x0B00, 0x0B7F, "Oriya"),
    (0x0B80, 0x0BFF, "Tamil"),
    (0x0C00, 0x0C7F, "Telugu"),
    (0x0C80, 0x0CFF, "Kannada"),
    (0x0D00, 0x0D7F, "Malayalam"),
    (0x0D80, 0x0DFF, "Sinhala"),
    (0x0E00, 0x0E7F, "Thai"),
    (0x0E80, 0x0EFF, "Lao"),
    (0x0F00, 0x0FFF, "Tibetan"),
    (0x1000, 0x109F, "Myanmar"),
    (0x10A0, 0x10FF, "Georgian"),
    (0x1100, 0x11FF, "Hangul"),
    (0x1200, 0x139F, "Ethiopic"),
    (0x1780, 0x17FF, "Khmer"),
    (0x1800, 0x18AF, "Mongolian"),
    (0x1C80, 0x1C8F, "Cyrillic"),
    (0x1C90, 0x1CBF, "Georgian"),
    (0x1E00, 0x1EFF, "Latin"),
    (0x1F00, 0x1FFF, "Greek"),
    (0x2C60, 0x2C7F, "Latin"),
    (0x2DE0, 0x2DFF, "Cyrillic"),
    (0x2E80, 0x2FD5, "Han"),
    (0x3005, 0x3007, "Han"),
    (0x3041, 0x309F, "Hiragana"),
    (0x30A1, 0x30FA, "Katakana"),
    (0x30FD, 0x30FF, "Katakana"),
    (0x3105, 0x312F, "Bopomofo"),
    (0x3131, 0x318E, "Hangul"),
    (0x31F0, 0x31FF, "Katakana"),
    (0x3400, 0x4DBF, "Han"),
    (0x4E00, 0x9FFF, "Han"),
    (0xA640, 0xA69F, "Cyrillic"),
    (0xA722, 0xA7FF, "Latin"),
    (0xAA60, 0xAA7F, "Myanmar"),
    (0xAC00, 0xD7FB, "Hangul"),
    (0xF900, 0xFAFF, "Han"),
    (0xFB00, 0xFB06, "Latin"),
    (0xFB1D, 0xFB4F, "Hebrew"),
    (0xFB50, 0xFDFF, "Arabic"),
    (0xFE70, 0xFEFC, "Arabic"),
    (0xFF21, 0xFF3A, "Latin"),
    (0xFF41, 0xFF5A, "Latin"),
    (0xFF66, 0xFF9D, "Katakana"),
    (0xFFA0, 0xFFDC, "Hangul"),
    (0x20000, 0x323AF, "Han"),
)
NAMES = ("other", *sorted({name for _, _, name in _RANGES}))
"""Script of each code that `codes` gives; 0 is digits, punctuation, signs and scripts not listed."""
UNSPACED = ("Han", "Hiragana", "Katakana", "Khmer", "Lao", "Myanmar", "Thai", "Tibetan")
"""Scripts written without spaces between words."""


@cache
def _table() -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint8]]:
    first, last, names = zip(*_RANGES, strict=True)
    numbers = [NAMES.index(name) for name in names]
    return np.array(first, np.uint32), np.array(last, np.uint32), np.array(numbers, np.uint8)


def codes(text: str) -> NDArray[np.uint8]:
    """Return the script of every character of `text` as a position in `NAMES`, (characters,) uint8."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    first, last, numbers = _table()
    at = np.maximum(np.searchsorted(first, points, side="right"), 1) - 1
    inside = (points >= first[at]) & (points <= last[at])
    found: NDArray[np.uint8] = np.where(inside, numbers[at], 0).astype(np.uint8)
    return found


@cache
def _unspaced() -> NDArray[np.bool_]:
    return np.isin(NAMES, UNSPACED)


def count_unspaced(text: str) -> int:
    """Return how many characters of `text` belong to a script written without spaces."""
    return int(_unspaced()[codes(text)].sum())


def tokens(text: str) -> list[str]:
    """Return the words of `text`: what white space separates; each character of an unspaced script by itself."""
    if text.isascii():
        return text.split()
    alone = _unspaced()[codes(text)]
    if not alone.any():
        return text.split()
    return "".join(f" {one} " if single else one for one, single in zip(text, alone, strict=True)).split()
