import numpy as np
import pytest

from tools.speech.shift_pitch import ShiftPitch, shift_pitch


@pytest.mark.parametrize("rate_hz", [8000, 16000])
@pytest.mark.parametrize(("semitones", "hertz"), [(12, 880.0), (2, 493.9), (-2, 392.0), (-12, 220.0)])
def test_a_tone_moves_by_semitones(rate_hz, semitones, hertz, waves, tone):
    (made,) = shift_pitch(waves([tone(440, rate_hz=rate_hz)], rate_hz), [ShiftPitch(semitones=semitones)])
    assert made.shape == (1, rate_hz)
    spectrum = np.abs(np.fft.rfft(made[0].numpy() * np.hanning(rate_hz), 8 * rate_hz))
    assert spectrum.argmax() / 8 == pytest.approx(hertz, rel=0.003)


def test_the_level_of_a_tone_is_kept(waves, tone):
    (made,) = shift_pitch(waves([tone(440)]), [ShiftPitch(semitones=3)])
    middle = made[0, 1000:7000].double().numpy()
    assert np.sqrt((middle**2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_sound_stays_where_it_was(waves, tone):
    clip = np.zeros(8000)
    clip[3000:5000] = tone(500, 0.25) * np.hanning(2000)
    (made,) = shift_pitch(waves([clip]), [ShiftPitch(semitones=-4)])
    energy = made[0].double().numpy() ** 2
    assert (np.arange(8000) * energy).sum() / energy.sum() == pytest.approx(4000, abs=40)


def test_a_clip_shorter_than_a_window_and_no_shift_are_refused(waves, tone):
    assert shift_pitch(waves([tone(440, 0.06)]), [ShiftPitch(semitones=2)]) == [None]
    assert shift_pitch(waves([tone(440)]), [ShiftPitch(semitones=0.01)]) == [None]
