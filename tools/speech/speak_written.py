"""Utterances that a language model writes for a class, said by a synthetic voice (Ma et al. 2024)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from tools.batches import Utterance, Waves
from tools.card import Cost, Needs, augment
from tools.engines.espeak import Manner
from tools.engines.writer import Ask, one_line
from tools.engines.written_speech import Turn, WrittenSpeech
from tools.kernels.spoken import LONGEST, as_clip, texts_of
from tools.speech.speak_text import SpeakText

_EXAMPLE = "one utterance of the class, as an example of its kind and language"
_NAME = "the name of the class in words, because no utterance of it is written down"
_UNSAID = re.compile(r"[\n\r\[\](){}<>*#|\\]|^\W*\w+:\s")
"""What is no plain utterance: several lines, remarks in brackets, markup, or a speaker's name in front."""


class SpeakWritten(SpeakText):
    """What is written, and who speaks, how fast, how high and how loud."""

    speaker: str = Field(
        "",
        max_length=60,
        description="Of policy.speech_model: voice of an endpoint, or number of a model's speaker; empty: drawn.",
    )
    words: int = Field(9, ge=2, le=30, description="Words that an utterance is asked to have, about.")
    temperature: float = Field(1.0, ge=0, le=2, description="Sampling temperature of the language model.")
    usual: ClassVar = {**SpeakText.usual, "words": (4, 14), "temperature": (0.8, 1.1)}


@augment(
    SpeakWritten,
    family="transcript-generation",
    cites=("ma2024ser", "huang2023textgen"),
    changes=("duration", "level", "silence", "snr"),
    needs=Needs(engine="written_speech"),
    scratch=True,
    cost=Cost(cpu_seconds=135.0, tokens=400_000),
)
def speak_written(batch: Waves, params: Sequence[SpeakWritten]) -> list[Utterance | None]:
    """Let the language model write what somebody would say who means the parent's class, and a voice say it.

    For classes of utterances, such as intents; where the class is the word that is said, `speech.speak_text` serves.
    The parent's transcript, where it has one, is shown as an example; nothing of its sound is used. What was written
    becomes the transcript of the clip. Whether it belongs to the class, only gates on the sound can tell. espeak-ng
    speaks as in `speech.speak_text`; where `policy.speech_model` names a voice, or a learnt one is on this machine, it
    does: `speaker` is its own, 160 words a minute are its own rate, pitch 50 its own pitch and 12.5 steps a
    semitone, and `voice` and `variant` mean nothing to it. Returns float32 (channels, time) at the batch's rate, and
    what it says. Refused before asking: labels without a letter or digit, parents that say just their label, and
    scripts that the voice cannot read; after it: unusable answers (tools.engines.writer), and those that are no plain
    utterance on one line. Raises UsageError for a voice that does not exist, ModelError where an endpoint for speech
    fails altogether; what was written by then is not paid again.
    """
    if not params:
        return []
    engine: WrittenSpeech = batch.engine
    written = engine.writer.write("speech.speak_written", _asks(batch, params, engine))
    turns = {at: _turn(text, params[at]) for at, text in enumerate(_utterances(written)) if text is not None}
    turns = {at: turn for at, turn in turns.items() if engine.speaker.reads(turn.text, turn.manner)}
    like = batch.rate_hz, int(batch.samples.shape[1])
    made: list[Utterance | None] = [None] * len(batch)
    for (at, turn), spoken in zip(turns.items(), engine.speaker.speak(list(turns.values())), strict=True):
        clip = None if spoken is None else as_clip(spoken.sound, like, params[at].level_db, spoken.semitones)
        made[at] = None if clip is None else Utterance(clip.to(batch.samples.device), turn.text)
    return made


def _asks(batch: Waves, params: Sequence[SpeakWritten], engine: WrittenSpeech) -> list[Ask | None]:
    """Return what is asked for each clip; None where nothing is."""
    names = texts_of(batch.labels)
    examples = texts_of([""] * len(names), batch.transcripts)
    asks: list[Ask | None] = []
    for label, name, example, own in zip(batch.labels, names, examples, params, strict=True):
        is_word = name is not None and example is not None and _letters(name) == _letters(example)
        if name is None or is_word or not engine.speaker.reads(example or name, _manner(own)):
            asks.append(None)
        else:
            asks.append(_ask(one_line(label), example, name, own))
    return asks


def _ask(label: str, example: str | None, name: str, own: SpeakWritten) -> Ask:
    text = example or name
    slots = {"label": label, "text": text, "size": f"about {own.words} words", "shown": _EXAMPLE if example else _NAME}
    longest = min(LONGEST, 12 * own.words + 60)
    return Ask("write_transcript", slots, longest, own.seed, own.temperature, (text,))


def _utterances(written: Sequence[str | None]) -> list[str | None]:
    """Return what can be said of what was written, as a voice reads it; None where it is no plain utterance."""
    plain = ["" if text is None or _UNSAID.search(text) else text for text in written]
    return texts_of([""] * len(plain), plain)


def _turn(text: str, own: SpeakWritten) -> Turn:
    return Turn(text, _manner(own), own.speaker, own.seed)


def _manner(own: SpeakWritten) -> Manner:
    return Manner(own.voice, own.variant, own.rate_wpm, own.pitch)


def _letters(text: str) -> str:
    """Return a text without what is not heard: case, marks and spaces."""
    return "".join(filter(str.isalnum, text.casefold()))
