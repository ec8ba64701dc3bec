"""What every tool that changes a clip promises beyond the contract: any rate, channels, length and level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tools.catalogue import load
from tools.seeds import draw, seed_for

TOOLS = [
    tool
    for tool in load().values()
    if tool.kind == "augment" and tool.modality == "speech" and tool.needs.engine is None  # others use no sound
]
pytestmark = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)


def drawn(tool, items):
    return [draw(tool, {}, seed_for(3, tool.name, str(at))) for at in range(items)]


def speech_like(samples, rate_hz, channels=1):
    rng = np.random.default_rng(5)
    time = np.arange(samples) / rate_hz
    voice = sum(np.sin(2 * np.pi * 130 * part * time) / part for part in range(1, 12))
    return 0.1 * voice * np.hanning(samples) + 0.003 * rng.standard_normal((channels, samples))


@pytest.mark.parametrize("rate_hz", [4000, 8000, 16000, 22050, 48000])
def test_any_rate_and_two_channels(tool, rate_hz, waves):
    batch = waves([speech_like(rate_hz // 2, rate_hz, 2)] * 3, rate_hz)
    made = tool.run(batch, drawn(tool, 3))
    assert any(result is not None for result in made)
    for result in made:
        if result is not None:
            assert result.shape[0] == 2
            assert result.dtype == torch.float32
            assert torch.isfinite(result).all()
            assert float(result.abs().max()) <= 1


@pytest.mark.parametrize("samples", [1, 2, 10, 100])
def test_very_short_clips_are_refused_or_finite(tool, samples, waves):
    rng = np.random.default_rng(1)
    made = tool.run(waves([rng.uniform(-1, 1, samples) for _ in range(8)]), drawn(tool, 8))
    for result in made:
        assert result is None or (torch.isfinite(result).all() and 0 < result.shape[1] <= 2 * samples)


def test_silence_is_refused(tool, waves):
    assert tool.run(waves([np.zeros(4000)] * 3), drawn(tool, 3)) == [None] * 3


def test_an_empty_clip_is_refused(tool, waves):
    batch = replace(waves([speech_like(900, 8000)] * 2), lengths=[900, 0])
    batch.samples[1] = 0
    assert tool.run(batch, drawn(tool, 2))[1] is None


def test_a_clip_at_full_scale_stays_within_full_scale(tool, waves):
    square = np.sign(np.sin(2 * np.pi * 201 * np.arange(8000) / 8000 + 0.1))
    for result in tool.run(waves([square] * 6), drawn(tool, 6)):
        assert result is None or (torch.isfinite(result).all() and float(result.abs().max()) <= 1)


def test_a_quiet_clip_gives_no_nan(tool, waves):
    for result in tool.run(waves([speech_like(6000, 8000) * 1e-3] * 4), drawn(tool, 4)):
        assert result is None or torch.isfinite(result).all()


@pytest.mark.parametrize(("samples", "channels"), [(7200, 2), (7200, 1), (20000, 1), (40000, 1), (64000, 1)])
def test_neighbours_of_other_lengths_change_nothing(tool, samples, channels, waves):
    clips = [speech_like(samples + 29 * at, 8000, channels) for at in range(6)]
    params = drawn(tool, 6)
    together = tool.run(waves(clips), params)
    for at in (0, 2, 5):
        (alone,) = tool.run(waves([clips[at]]), [params[at]])
        assert (alone is None) == (together[at] is None)
        assert alone is None or torch.equal(alone, together[at])
