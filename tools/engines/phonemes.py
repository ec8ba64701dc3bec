"""Texts as American English phonemes, for voices that learnt to read them: espeak-ng transcribes, marks stay in place.

VITS voices such as those of VCTK and LJ Speech were trained on what the package `phonemizer` makes with espeak-ng:
the International Phonetic Alphabet with marks of stress, and punctuation as it was written. Here the same comes from
the library of espeak-ng alone. It keeps its state for a whole process, so it works in one of its own for every call.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Sequence
from ctypes.util import find_library
from pathlib import Path

from memory.errors import UsageError
from tools.engines import espeak

Transcribe = Callable[[Sequence[str]], Sequence[str]]
"""Says of each clause, one line without marks, which phonemes it has; empty where there is nothing to say."""
_MARKS = re.escape(';:,.!?¡¿—…"«»“”(){}[]')
_RUN = re.compile(rf"(\s*(?:(?![.,](?<=[0-9].)[0-9])[{_MARKS}])+\s*)")
"""Marks with the space around them; not the point or comma inside a number, which is read."""
_HOW = "pip install 'augplan[speech]'"
_PROBE = (
    "The five boxing wizards jump quickly, as vexed charming judges thought: 0 1 2 3 4 5 6 7 8 9.",
    "Four more doors, one poor tourist; the U.S. court's 1,250.50 well-worn naïve rhythms didn't hurt.",
)
"""Words that versions of espeak-ng read in different ways."""


class Phonemes:
    """Turns texts into phonemes; what it makes of one depends on that text alone."""

    def __init__(self, transcribe: Transcribe) -> None:
        """Keep what transcribes; the digest names what it makes of fixed sentences."""
        self._transcribe = transcribe
        self.digest = hashlib.sha256("\n".join(self.of(_PROBE)).encode()).hexdigest()

    def of(self, texts: Sequence[str]) -> list[str]:
        """Return the phonemes of each text, on one line with single spaces, between the marks that it has.

        Words are written apart. A word of another language keeps the flags that espeak-ng puts around it, such as
        `(ko)`. A text without a word or mark gives an empty one. Raises UsageError where espeak-ng fails.
        """
        split = [[_RUN.split(line) for line in _lines(text)] for text in texts]
        wanted = {part: "" for lines in split for line in lines for part in line[::2] if part.strip()}
        told = self._transcribe(list(wanted)) if wanted else ()
        wanted.update(zip(wanted, told, strict=True))
        return [re.sub(r"\s+", " ", "\n".join(_joined(line, wanted) for line in lines)) for lines in split]


def why_missing() -> str | None:
    """Return which command brings the library of espeak-ng; None where it is here."""
    return None if _command() is not None else "espeak-ng is not installed as a library; run: " + _HOW


def build() -> Phonemes:
    """Return the step. Raises UsageError where the library of espeak-ng is not here or does not work."""
    command = _command()
    if command is None:
        raise UsageError(f"{why_missing()}.")
    run = espeak.started_as(command)

    def transcribe(clauses: Sequence[str]) -> list[str]:
        lines = "\n".join(clause.replace("\0", " ") for clause in clauses)
        said = run(["-v", "en-us", "-q", "--ipa", "--stdin"], lines.encode("utf-8", "replace").decode())
        return said.decode("utf-8").split("\n")

    return Phonemes(transcribe)


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def _joined(parts: Sequence[str], told: dict[str, str]) -> str:
    """Return the parts of a line, clauses at even places and marks between them, with clauses as phonemes."""
    whole = ""
    for at in range(0, len(parts), 2):
        said = told.get(parts[at], "")
        if at and at + 1 < len(parts) and parts[at] and not said:
            whole = whole.removesuffix(" ")  # what stands between two marks is silent, such as a dash
        whole += said + "".join(parts[at + 1 : at + 2])
    return whole


def _command() -> tuple[str, ...] | None:
    """Return what is started: our program with the package's library or the system's; None without either."""
    library, data = espeak.library()
    place = (str(library), str(data.parent))
    if not library.is_file() or not data.is_dir():
        system = find_library("espeak-ng")
        if system is None:
            return None
        place = (system, "")
    return sys.executable, "-I", str(Path(__file__).with_name("espeak_library.py")), *place
