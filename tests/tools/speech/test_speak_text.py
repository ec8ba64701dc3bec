"""Speaking by rule: what is said of a batch, in which manner, and what comes back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from memory.datasets.media import Wave
from tools.catalogue import load
from tools.engines.espeak import Manner
from tools.seeds import draw, seed_for
from tools.speech.speak_text import SpeakText, speak_text


class Listener:
    """An engine that keeps what it is asked, and says a tone."""

    digest = "listener"

    def __init__(self) -> None:
        self.heard: list[tuple[str, Manner]] = []

    def speak(self, text: str, manner: Manner) -> Wave:
        self.heard.append((text, manner))
        return Wave(0.1 * np.sin(np.arange(4410, dtype=np.float32) / 20)[None], 22050)


@pytest.fixture
def batch(waves):
    def make(labels, channels=1):
        clips = [np.full((channels, 4000), 0.1)] * len(labels)
        return replace(waves(clips, 16000), labels=labels, engine=Listener())

    return make


def test_the_label_is_said_in_the_manner_that_was_drawn(batch):
    own = batch(["turn_on", "3"])
    manners = [
        SpeakText(voice="en-gb", variant="f2", rate_wpm=120, pitch=30, level_db=-20),
        SpeakText(voice="de", variant="", rate_wpm=300, pitch=70, level_db=-30),
    ]
    made = speak_text(own, manners)
    assert own.engine.heard == [("turn on", Manner("en-gb", "f2", 120, 30)), ("3", Manner("de", "", 300, 70))]
    assert [one.words for one in made] == ["turn on", "3"]
    levels = [20 * float(clip.double().square().mean().sqrt().log10()) for clip, _ in made]
    assert levels == pytest.approx([-20, -30], abs=0.01)


def test_rate_and_channels_are_the_batchs_and_length_is_the_words(batch):
    (made,) = speak_text(batch(["yes"], channels=2), [SpeakText()])
    assert made.sound.shape[0] == 2
    assert made.sound.shape[1] / 16000 == pytest.approx(0.2, abs=0.02)


def test_what_has_no_words_or_another_script_is_refused_without_asking(batch):
    own = batch(["--", "да", "да"])
    made = speak_text(own, [SpeakText(), SpeakText(), SpeakText(voice="ru", variant="")])
    assert [one is None for one in made] == [True, True, False]
    assert [text for text, _ in own.engine.heard] == ["да"]


@pytest.mark.parametrize("field", [{"voice": "en; reboot"}, {"voice": "--help"}, {"variant": "../../etc"}])
def test_a_manner_cannot_be_an_option_or_a_path(field):
    with pytest.raises(ValidationError):
        SpeakText(**field)


def test_other_draws_are_other_voices(engine_for, waves):
    tool = load()["speech.speak_text"]
    own = replace(waves([np.full(4000, 0.1)] * 8), labels=["seven"] * 8, engine=engine_for("espeak"))
    params = [draw(tool, {}, seed_for(5, str(at))) for at in range(8)]
    made = speak_text(own, params)
    assert len({tuple(clip[0, :500].tolist()) for clip, _ in made}) == 8
    again = speak_text(own, params)
    assert all(torch.equal(one.sound, other.sound) for one, other in zip(made, again, strict=True))
