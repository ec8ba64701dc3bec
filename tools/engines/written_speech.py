"""A language model that writes utterances together with a voice that says them: a learnt one, or else espeak-ng.

What was written is on record where every answer of the language model is: in the run's exchanges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from memory.datasets.media import Wave
from memory.job import Policy
from tools.engines import espeak, voice, writer
from tools.engines.espeak import Espeak, Manner
from tools.engines.voice import Line, Voice
from tools.engines.writer import Writer
from tools.kernels.spoken import reads

if TYPE_CHECKING:
    from tools.engines.engine import Place

OWN_WPM = 160
"""Words a minute that a learnt voice is taken to speak at by itself."""
_OWN_PITCH = 50
_PITCH_A_SEMITONE = 12.5
"""Steps of espeak-ng's pitch for which a learnt voice is shifted by one semitone: 0 to 99 become -4 to 4."""


@dataclass(frozen=True)
class Turn:
    """What is said, and how."""

    text: str
    manner: Manner
    speaker: str
    """Name or number of a learnt voice; empty: drawn by the seed."""
    seed: int


@dataclass(frozen=True)
class Spoken:
    """What a turn sounds like."""

    sound: Wave
    semitones: float = 0.0
    """By which it is still to be read faster (`tools.kernels.spoken.as_clip`)."""


class Speaker(Protocol):
    """Says turns; what it makes of one depends on that turn alone."""

    digest: str

    def reads(self, text: str, manner: Manner) -> bool:
        """Return whether it can read the script of a text."""
        ...

    def speak(self, turns: Sequence[Turn]) -> list[Spoken | None]:
        """Return the sound of each turn; None where it gave none. Raises as the voice does."""
        ...


class ByRule:
    """Says turns with espeak-ng, in the voice and variant of their manner."""

    def __init__(self, program: Espeak) -> None:
        """Keep the program."""
        self._program, self.digest = program, program.digest

    def reads(self, text: str, manner: Manner) -> bool:
        """Return whether the voice can read a text: an English one reads Latin letters and digits only."""
        return reads(text, manner.voice.startswith("en"))

    def speak(self, turns: Sequence[Turn]) -> list[Spoken | None]:
        """Return the sound of each turn. Raises UsageError for a variant or voice that espeak-ng does not have."""
        return [Spoken(self._program.speak(turn.text, turn.manner)) for turn in turns]


class ByModel:
    """Says turns with a learnt voice. It takes rate and pitch of a manner; it has its own speakers."""

    def __init__(self, learnt: Voice) -> None:
        """Keep the voice."""
        self._voice, self.digest = learnt, learnt.digest

    def reads(self, text: str, manner: Manner) -> bool:  # noqa: ARG002  the language is the model's own
        """Return whether the model can read a text: an English one reads Latin letters and digits only."""
        return reads(text, self._voice.english)

    def speak(self, turns: Sequence[Turn]) -> list[Spoken | None]:
        """Return the sound of each turn, its pitch still to be shifted; None where the voice gave none.

        Raises ModelError where an endpoint fails altogether, UsageError for a speaker that a model does not have.
        """
        shifts = [(turn.manner.pitch - _OWN_PITCH) / _PITCH_A_SEMITONE for turn in turns]
        sounds = self._voice.speak([self._line(*each) for each in zip(turns, shifts, strict=True)]) if turns else []
        return [None if one is None else Spoken(one, shift) for one, shift in zip(sounds, shifts, strict=True)]

    def _line(self, turn: Turn, semitones: float) -> Line:
        """Return a turn as a line, slower by as much as reading it `semitones` faster will make up for."""
        return Line(turn.text, turn.speaker, turn.manner.rate_wpm / OWN_WPM / 2 ** (semitones / 12), turn.seed)


class WrittenSpeech:
    """A writer and a speaker. Several threads may use both at once."""

    def __init__(self, author: Writer, speaker: Speaker) -> None:
        """Keep both; the digest names the language model, its prompts and the voice."""
        self.writer, self.speaker = author, speaker
        self.digest = hashlib.sha256(f"{author.digest}\n{speaker.digest}".encode()).hexdigest()


def why_missing(policy: Policy) -> str | None:
    """Return what the writer lacks, else what the voice lacks; None where both are here."""
    spoken_by = voice if _by_model(policy) else espeak
    return writer.why_missing(policy) or spoken_by.why_missing(policy)


def build(place: Place) -> WrittenSpeech:
    """Return the engine: the run's language model and a voice, whose name is part of the digest.

    The voice is the one that `policy.speech_model` names; without a name the learnt one that is taken then, where this
    machine has it, else espeak-ng.

    Raises UsageError where either is missing, forbidden or broken.
    """
    author = writer.build(place)
    if _by_model(place.policy):
        return WrittenSpeech(author, ByModel(voice.build(place)))
    return WrittenSpeech(author, ByRule(espeak.build(place)))


def _by_model(policy: Policy) -> bool:
    """Return whether a learnt voice speaks: one that is named, present or not, or the one taken without a name."""
    return bool(policy.speech_model) or voice.why_missing(policy) is None
