"""The pitch of a voice, on sounds whose pitch is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.kernels.pitch import HIGHEST_HZ, LOWEST_HZ, median_hz
from tools.seeds import generator


def hum(hz: float, rate_hz: int, seconds: float = 0.4, noise: float = 0.003) -> torch.Tensor:
    """Return a sound with all overtones below 3.4 kHz, weaker the higher they are."""
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    tones = sum(np.sin(2 * np.pi * hz * k * time + k) / k for k in range(1, max(2, int(3400 / hz))))
    return torch.from_numpy(0.1 * tones + noise * generator(0).standard_normal(len(time)))


@given(hz=st.floats(70, 400), rate_hz=st.sampled_from([8000, 16000, 44100]))
@settings(max_examples=40, deadline=None)
def test_a_hum_has_the_pitch_that_it_has(hz, rate_hz):
    assert median_hz(hum(hz, rate_hz), rate_hz) == pytest.approx(hz, rel=max(0.01, 0.6 * hz / rate_hz))


def test_a_voice_without_its_fundamental_is_heard_at_it():
    time = np.arange(6400) / 8000
    missing = sum(np.sin(2 * np.pi * 120 * k * time) for k in range(3, 20))
    assert median_hz(torch.from_numpy(0.01 * missing), 8000) == pytest.approx(120, rel=0.02)


@pytest.mark.parametrize(
    "sound",
    [np.zeros(8000), 0.1 * generator(1).standard_normal(8000), np.full(8000, 0.3), np.zeros(100)],
    ids=["silence", "noise", "constant", "short"],
)
def test_what_has_no_voice_has_no_pitch(sound):
    assert median_hz(torch.from_numpy(sound), 8000) is None


def test_what_is_found_lies_between_the_bounds():
    for hz in (30.0, 900.0):
        found = median_hz(hum(hz, 16000), 16000)
        assert found is None or LOWEST_HZ * 0.95 <= found <= HIGHEST_HZ * 1.05
