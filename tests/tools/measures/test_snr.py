from __future__ import annotations

import numpy as np
import pytest

from memory.datasets.media import Wave
from tools.measures.snr import snr
from tools.seeds import generator


def noisy(db: float) -> Wave:
    """A tone over half of the clip in white noise; the whole clip's tone power is 0.25."""
    tone = np.sin(np.arange(16000) * 0.4) * (np.arange(16000) < 8000)
    noise = generator(5).standard_normal(16000) * np.sqrt(0.25 / 10 ** (db / 10))
    return Wave((tone + noise).astype(np.float32)[None], 8000)


@pytest.mark.parametrize("db", [0.0, 10.0, 20.0, 40.0])
def test_the_mixed_ratio_is_found_where_there_are_pauses(db):
    assert snr([noisy(db)])[0] == pytest.approx(db, abs=1.5)


def test_a_pause_of_digital_silence_is_100_dB(tone):
    samples = np.concatenate([tone().samples, np.zeros((1, 4000), np.float32)], axis=1)
    assert snr([Wave(samples, 8000)]) == [100.0]


def test_steady_noise_without_speech_is_low():
    noise = generator(6).standard_normal((1, 16000)).astype(np.float32)
    assert snr([Wave(noise, 8000)])[0] < 0


def test_a_short_or_silent_clip_has_none():
    assert snr([Wave(np.ones((1, 1500), np.float32), 8000), Wave(np.zeros((1, 9000), np.float32), 8000)]) == [
        None,
        None,
    ]
