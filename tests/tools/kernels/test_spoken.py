"""What is said for a label, and what becomes of a voice's sound."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memory.datasets.media import Wave
from tools.kernels.spoken import LONGEST, as_clip, reads, spelled, texts_of


def sound_of(seconds: float, rate_hz: int, before: float = 0.3, after: float = 0.2) -> Wave:
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate_hz)) / rate_hz)
    parts = np.zeros(round(before * rate_hz)), tone, np.zeros(round(after * rate_hz))
    return Wave(np.concatenate(parts).astype(np.float32)[None], rate_hz)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("7", "7"),
        ("turn_on-the.light", "turn on the light"),
        ("turnOnLight2", "turn On Light 2"),
        ("  stop ", "stop"),
        ("it's half-past 3.", "it's half-past 3."),
        ("café", "café"),
        ("[[h@l'ou]]", "h@l'ou"),
        ("<break time='9s'/>", "break time='9s'/"),
        ("a\x00b\u202ec", "a b c"),
        ("", None),
        ("_-_", None),
        ("x" * (LONGEST + 1), None),
    ],
)
def test_a_label_is_read_as_words(label, said):
    assert texts_of([label]) == [said]


def test_a_transcript_goes_before_the_label_and_keeps_its_marks():
    said = texts_of(["greet", "part_2", "greet"], ["Hello, it's me - John.", "", "  "])
    assert said == ["Hello, it's me - John.", "part 2", "greet"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0", "zero"),
        ("7", "seven"),
        ("13", "thirteen"),
        ("40", "forty"),
        ("99 red", "ninety nine red"),
        ("05", "zero five"),
        ("call 112", "call one one two"),
        ("4b", "four b"),
        ("no digits", "no digits"),
    ],
)
def test_digits_are_spelled(text, words):
    assert spelled(text) == words


@given(st.text(max_size=40))
def test_whatever_a_label_holds_nothing_that_steers_a_voice_is_left(label):
    (said,) = texts_of([label])
    assert said is None or (said.isprintable() and not set(said) & set("[]<>{}|\\") and spelled(said).strip())


def test_an_english_voice_reads_latin_letters():
    assert reads("seven", english=True)
    assert reads("7", english=True)
    assert not reads("семь", english=True)
    assert reads("семь", english=False)


@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 1), (16000, 2), (22050, 1), (44100, 1)])
def test_a_clip_is_trimmed_at_the_level_and_of_the_form_of_its_batch(rate_hz, channels):
    made = as_clip(sound_of(0.5, 22050), (rate_hz, channels), -26.0)
    assert made.shape[0] == channels
    assert made.dtype == torch.float32
    assert made.shape[1] / rate_hz == pytest.approx(0.5, abs=0.031)
    assert 20 * float(made.double().square().mean().sqrt().log10()) == pytest.approx(-26, abs=0.01)
    assert torch.equal(made[0], made[-1])
    spectrum = np.abs(np.fft.rfft(made[0].numpy()))
    assert spectrum.argmax() * rate_hz / made.shape[1] == pytest.approx(440, abs=3)


def test_a_level_that_would_clip_is_not_reached():
    sound = sound_of(0.5, 8000)
    spiky = np.zeros_like(sound.samples)
    spiky[0, ::400] = 0.5
    made = as_clip(Wave(spiky, 8000), (8000, 1), -10.0)
    assert float(made.abs().max()) == pytest.approx(1.0)


def test_semitones_move_pitch_and_length():
    made = as_clip(sound_of(0.5, 16000), (16000, 1), -26.0, semitones=12.0)
    assert made.shape[1] / 16000 == pytest.approx(0.25, abs=0.031)
    spectrum = np.abs(np.fft.rfft(made[0].numpy()))
    assert spectrum.argmax() * 16000 / made.shape[1] == pytest.approx(880, abs=5)


@pytest.mark.parametrize("samples", [0, 1, 50, 8000])
def test_silence_is_no_clip(samples):
    assert as_clip(Wave(np.zeros((1, samples), np.float32), 8000), (16000, 1), -26.0) is None


def test_channels_of_a_voice_are_averaged():
    one = sound_of(0.3, 8000)
    both = Wave(np.concatenate([one.samples, one.samples]), 8000)
    assert torch.equal(as_clip(one, (8000, 1), -26.0), as_clip(both, (8000, 1), -26.0))
