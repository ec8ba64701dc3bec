"""Errors of optical character recognition: shapes that look alike (Namysl, Behnke & Köhler 2021)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from tools.batches import Texts
from tools.card import Cost, Params, augment
from tools.seeds import distinct, draws

CONFUSIONS: dict[str, tuple[str, ...]] = {
    "rn": ("m",), "cl": ("d",), "vv": ("w",), "ri": ("n",), "li": ("h",), "nn": ("m",), "tt": ("ff",), "fi": ("ﬁ",),
    "m": ("rn", "nn"), "d": ("cl",), "w": ("vv",), "n": ("ri",), "h": ("b", "li"), "b": ("h", "6"), "u": ("v", "ii"),
    "v": ("u",), "c": ("e",), "e": ("c",), "o": ("0",), "a": ("o",), "l": ("1", "I"), "i": ("l", "j"), "t": ("f",),
    "f": ("t",), "g": ("9", "q"), "q": ("g",), "s": ("5",), "z": ("2",), "y": ("v",),
    "O": ("0", "Q"), "Q": ("O",), "D": ("O",), "I": ("l", "1"), "S": ("5",), "B": ("8",), "Z": ("2",), "G": ("6",),
    "E": ("F",), "F": ("E",), "C": ("G",), "T": ("I",), "U": ("V",), "V": ("U",), "M": ("N",), "N": ("M",),
    "0": ("O",), "1": ("l", "I"), "2": ("Z",), "5": ("S",), "6": ("b",), "8": ("B",), "9": ("g",),
}  # fmt: skip
"""Shape -> what it is read as. A digit is only read as a letter, so no number becomes another number."""
_SHAPE = re.compile("(" + "|".join(sorted(CONFUSIONS, key=len, reverse=True)) + ")")


class OcrNoise(Params):
    """How many shapes are misread."""

    rate: float = Field(0.08, gt=0, le=0.5, description="Share of the confusable shapes that are misread; one or more.")
    usual: ClassVar = {"rate": (0.06, 0.12)}


@augment(OcrNoise, family="text-noise", cites=("namysl2021ocr",), cost=Cost(cpu_seconds=0.015))
def ocr_noise(batch: Texts, params: Sequence[OcrNoise]) -> list[str | None]:
    """Misread characters that look alike, as a scanner does: 0/O, 1/l/I, rn/m, cl/d; words leave the vocabulary.

    round(rate x confusable shapes), at least one, are read as a shape that looks like them, drawn at random; the
    longest shape counts (`rn` before `n`). After the error model of OCR noise in Namysl et al. 2021, with a fixed table
    in place of learnt confusions. Latin letters and digits only; a letter that carries a combining mark stays.
    White space is kept. A text without such a shape is refused.
    """
    texts = [_SHAPE.split(text) for text in batch.items]
    places = [_readable(parts) for parts in texts]
    counts = [
        2 * max(1, round(own.rate * len(shapes))) if shapes else 0 for shapes, own in zip(places, params, strict=True)
    ]
    drawn: list[int] = draws([own.seed for own in params], counts).tolist()
    made: list[str | None] = []
    start = 0
    for parts, shapes, count in zip(texts, places, counts, strict=True):
        middle, end = start + count // 2, start + count
        for slot, number in zip(distinct(drawn[start:middle], len(shapes)), drawn[middle:end], strict=True):
            read_as = CONFUSIONS[parts[shapes[slot]]]
            parts[shapes[slot]] = read_as[number * len(read_as) >> 32]
        made.append("".join(parts) if count else None)
        start = end
    return made


def _readable(parts: list[str]) -> Sequence[int]:
    """Return the positions of the shapes that carry no combining mark; shapes stand at odd positions."""
    places = range(1, len(parts), 2)
    if all(map(str.isascii, parts)):
        return places
    return [at for at in places if not unicodedata.category(parts[at + 1][:1] or " ").startswith("M")]
