"""Another voice: pitch and resonances move apart."""

from __future__ import annotations

import numpy as np
import pytest

from tools.speech.convert_voice import ConvertVoice, convert_voice

RATE = 16000
FORMANTS = (700, 1200, 2600)


def vowel(pitch_hz: float, scale: float = 1.0, seconds: float = 1.0) -> np.ndarray:
    """Return harmonics of a pitch under resonances that are moved by `scale`."""
    time = np.arange(round(RATE * seconds)) / RATE
    out = np.zeros_like(time)
    for part in range(1, int(RATE / 2 / pitch_hz)):
        hertz = part * pitch_hz
        height = sum(1 / np.sqrt(((hertz - scale * centre) / 100) ** 2 + 1) for centre in FORMANTS)
        out += height * np.sin(2 * np.pi * hertz * time + part * part)
    return 0.2 * out / np.abs(out).max()


def levels(clip: np.ndarray, pitch_hz: float) -> np.ndarray:
    """Return the levels of the harmonics up to 4.2 kHz, in dB about their mean."""
    middle = clip[4000:12000] * np.hanning(8000)
    turns = np.arange(8000) / RATE
    found = [
        np.abs((middle * np.exp(-2j * np.pi * k * pitch_hz * turns)).sum()) for k in range(1, int(4200 / pitch_hz))
    ]
    decibels = 20 * np.log10(np.array(found) + 1e-9)
    return decibels - decibels.mean()


def pitch_of(clip: np.ndarray) -> float:
    middle = clip[4000:10000]
    same = np.correlate(middle, middle, "full")[middle.size - 1 :]
    return RATE / (80 + same[80:200].argmax())


@pytest.mark.parametrize(("semitones", "formants"), [(0, 1.2), (0, 0.85), (4, 1.0), (-4, 1.1), (4, 1.15), (-4, 0.87)])
def test_pitch_and_resonances_move_as_asked(semitones, formants, waves):
    (made,) = convert_voice(waves([vowel(110)], RATE), [ConvertVoice(semitones=semitones, formants=formants)])
    assert made.shape == (1, RATE)
    pitch = 110 * round(400 * 2 ** (semitones / 12)) / 400
    assert pitch_of(made[0].numpy()) == pytest.approx(pitch, rel=0.02)
    found = levels(made[0].double().numpy(), pitch)
    apart = {scale: ((found - levels(vowel(pitch, scale), pitch)) ** 2).mean() for scale in np.arange(0.7, 1.45, 0.025)}
    best = min(apart, key=apart.__getitem__)
    assert best == pytest.approx(formants, abs=0.03)
    assert apart[best] < 2.5**2


def test_energy_is_kept_and_sound_stays_where_it_was(waves):
    clip = np.zeros(RATE)
    clip[6000:10000] = vowel(120, seconds=0.25) * np.hanning(4000)
    (made,) = convert_voice(waves([clip], RATE), [ConvertVoice(semitones=3, formants=0.9)])
    energy = made[0].double().numpy() ** 2
    assert energy.sum() == pytest.approx((clip**2).sum(), rel=1e-3)
    assert (np.arange(RATE) * energy).sum() / energy.sum() == pytest.approx(8000, abs=80)


def test_no_change_and_a_clip_shorter_than_a_window_are_refused(waves):
    assert convert_voice(waves([vowel(120)], RATE), [ConvertVoice(semitones=0, formants=1)]) == [None]
    short = vowel(120, seconds=0.04)
    assert convert_voice(waves([short], RATE), [ConvertVoice(semitones=0, formants=1.2)]) == [None]
    assert convert_voice(waves([short], RATE), [ConvertVoice(semitones=3, formants=1.2)]) == [None]
