"""Speaking with a model: what its engine is asked for, and that refused lines shift no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from memory.datasets.media import Wave
from tools.engines.voice import Line
from tools.speech.speak_with_model import SpeakWithModel, speak_with_model


class Listener:
    """A voice that keeps its lines, says a tone as long as its text, and nothing to `mute`."""

    digest = "listener"

    def __init__(self, english: bool) -> None:
        self.english, self.heard = english, list[Line]()

    def speak(self, lines: Sequence[Line]) -> list[Wave | None]:
        self.heard += lines
        tones = [0.1 * np.sin(np.arange(1600 * len(line.text), dtype=np.float32) / 8) for line in lines]
        return [
            None if line.text == "mute" else Wave(tone[None], 16000) for line, tone in zip(lines, tones, strict=True)
        ]


def batch_of(waves, labels, english=True):
    return replace(waves([np.full(4000, 0.1)] * len(labels)), labels=labels, engine=Listener(english))


def test_lines_carry_words_voice_and_seed(waves):
    own = batch_of(waves, ["7", "turn_on"])
    speak_with_model(own, [SpeakWithModel(seed=5, rate=1.5), SpeakWithModel(seed=6, voice="2")])
    assert own.engine.heard == [Line("7", "", 1.5, 5), Line("turn on", "2", 1.0, 6)]


def test_a_voice_that_is_not_english_is_told_other_scripts(waves):
    own = batch_of(waves, ["7", "семь"], english=False)
    assert all(made is not None for made in speak_with_model(own, [SpeakWithModel()] * 2))
    assert [line.text for line in own.engine.heard] == ["7", "семь"]


def test_what_is_refused_shifts_no_other(waves):
    own = batch_of(waves, ["one", "--", "mute", "семь", "three"])
    made = speak_with_model(own, [SpeakWithModel()] * 5)
    assert [clip is None for clip in made] == [False, True, True, True, False]
    assert [round(made[at].sound.shape[1] / 8000, 1) for at in (0, 4)] == [0.3, 0.5]


@pytest.mark.parametrize("semitones", [-4.0, 4.0])
def test_a_shift_is_made_up_for_in_the_rate(waves, semitones):
    own = batch_of(waves, ["four"])
    (made,) = speak_with_model(own, [SpeakWithModel(semitones=semitones)])
    ratio = 2 ** (semitones / 12)
    assert own.engine.heard[0].rate == pytest.approx(1 / ratio)
    assert made.sound.shape[1] / 8000 == pytest.approx(0.4 / ratio, abs=0.03), "this voice keeps its own rate"


def test_nothing_to_say_asks_nobody(waves):
    own = batch_of(waves, ["--"])
    assert speak_with_model(own, [SpeakWithModel()]) == [None]
    assert own.engine.heard == []
