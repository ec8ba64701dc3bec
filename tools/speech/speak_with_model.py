"""Text-to-speech by a model: a VITS or MMS voice on this machine, or an endpoint (Rosenberg et al. 2019, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from tools.batches import Utterance, Waves
from tools.card import Cost, Needs, Params, augment
from tools.engines.voice import Line
from tools.kernels.spoken import as_clip, reads, texts_of


class SpeakWithModel(Params):
    """Who speaks, how fast, how high and how loud."""

    voice: str = Field(
        "", max_length=60, description="Voice of an endpoint, or number of a model's speaker; empty: one is drawn."
    )
    rate: float = Field(1.0, ge=0.5, le=2, description="Speed, 1 is the voice's own; an endpoint may take no notice.")
    semitones: float = Field(
        0.0,
        ge=-6,
        le=6,
        description="Shift of pitch and formants in semitones, tempo kept: another body for the voice.",
    )
    level_db: float = Field(
        -26.0, ge=-50, le=-6, description="Root mean square level in dB of full scale; -26 is usual for speech."
    )
    usual: ClassVar = {"rate": (0.85, 1.2), "semitones": (-2.0, 2.0), "level_db": (-30.0, -20.0)}


@augment(
    SpeakWithModel,
    family="tts-synthesis",
    cites=("rosenberg2019augmented", "lin2020keyword"),
    changes=("duration", "level", "silence", "snr"),
    needs=Needs(engine="voice"),
    scratch=True,
    cost=Cost(cpu_seconds=300.0, gpu_seconds=30.0, setup_seconds=10.0),
)
def speak_with_model(batch: Waves, params: Sequence[SpeakWithModel]) -> list[Utterance | None]:
    """Let the model that `policy.speech_model` names say what is said in a clip, without using its sound.

    As `speech.speak_text`, but in a voice that was learnt from people: without a name in one of the 109 of VCTK, where
    that model is on this machine. A model here draws its noise and its speaker from the seed; a line is the same alone
    and in any batch. Of an endpoint nothing but the words is told, and its answers cannot be made again. Returns
    float32 (channels, time) at the batch's rate, and what it says. Refused: labels without a letter or digit, and what
    the voice says nothing to. Raises ModelError where the endpoint fails altogether, UsageError for a speaker that the
    model does not have.
    """
    texts = texts_of(batch.labels, batch.transcripts)
    english = bool(texts) and batch.engine.english
    asked = [at for at, text in enumerate(texts) if text is not None and reads(text, english)]
    lines = []
    for at in asked:
        own, text = params[at], str(texts[at])
        slower = own.rate / 2 ** (own.semitones / 12)  # `as_clip` reads it faster by as much
        lines.append(Line(text, own.voice, slower, own.seed))
    made: list[Utterance | None] = [None] * len(texts)
    like = batch.rate_hz, int(batch.samples.shape[1])
    for at, sound in zip(asked, batch.engine.speak(lines) if lines else (), strict=True):
        clip = None if sound is None else as_clip(sound, like, params[at].level_db, params[at].semitones)
        made[at] = None if clip is None else Utterance(clip.to(batch.samples.device), str(texts[at]))
    return made
