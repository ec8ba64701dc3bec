"""Text-to-speech by rule: espeak-ng says what is said in the clip, in many voices (Lin et al. 2020, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from tools.batches import Utterance, Waves
from tools.card import Cost, Needs, Params, augment
from tools.engines.espeak import Manner
from tools.kernels.spoken import as_clip, reads, texts_of

_ACCENTS = ("en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029")
_THROATS = (
    "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 adam Alex Alicia Andrea Andy Annie anika belinda benjamin boris "
    "david Denis Diogo ed edward Gene iven john Lee linda marcelo Marco max Michael miguel norbert pablo paul pedro "
    "quincy rob robert sandro shelby steph travis victor zac klatt klatt2 klatt3"
)


class SpeakText(Params):
    """Who speaks, how fast, how high and how loud."""

    voice: str = Field(
        "en-us", pattern=r"^[a-z]{2,3}(-[a-z0-9]{1,8}){0,4}$", description="Language and accent of espeak-ng, as `de`."
    )
    variant: str = Field(
        "m3", pattern=r"^[A-Za-z0-9]{0,20}$", description="Another throat for the same accent; empty: the accent's own."
    )
    rate_wpm: int = Field(160, ge=80, le=400, description="Words a minute.")
    pitch: int = Field(50, ge=0, le=99, description="Pitch on the scale of espeak-ng; 50 is the voice's own.")
    level_db: float = Field(
        -26.0, ge=-50, le=-6, description="Root mean square level in dB of full scale; -26 is usual for speech."
    )
    usual: ClassVar = {
        "voice": _ACCENTS,
        "variant": tuple(_THROATS.split()),
        "rate_wpm": (120, 220),
        "pitch": (25, 75),
        "level_db": (-30.0, -20.0),
    }


@augment(
    SpeakText,
    family="tts-synthesis",
    cites=("lin2020keyword", "rosenberg2019augmented"),
    changes=("duration", "level", "silence", "snr"),
    needs=Needs(engine="espeak"),
    scratch=True,
    cost=Cost(cpu_seconds=15.0),
)
def speak_text(batch: Waves, params: Sequence[SpeakText]) -> list[Utterance | None]:
    """Say what is said in a clip anew, in another voice: its transcript, or else the words of its label.

    Nothing of the clip's sound is used. Without a transcript it is right only where the label is what is said: spoken
    words and commands. For other labels the class probe (`gates.label_kept`) and the proof of a goal must tell; no
    recogniser listens to what was made. The default accents are English; a plan for another language gives `voice`.
    The clip has the batch's rate and channels, no silence around it, and is as long as the words take. What says it is
    a program under GPL-3; its output is free of that. Returns float32 (channels, time), and what it says. Refused:
    labels without a letter or digit, and other scripts than Latin for an English voice. Raises UsageError for a voice
    that espeak-ng does not have.
    """
    texts = texts_of(batch.labels, batch.transcripts)
    like = batch.rate_hz, int(batch.samples.shape[1])
    made: list[Utterance | None] = []
    for text, own in zip(texts, params, strict=True):
        if text is None or not reads(text, own.voice.startswith("en")):
            made.append(None)
            continue
        sound = batch.engine.speak(text, Manner(own.voice, own.variant, own.rate_wpm, own.pitch))
        clip = as_clip(sound, like, own.level_db)
        made.append(None if clip is None else Utterance(clip.to(batch.samples.device), text))
    return made
