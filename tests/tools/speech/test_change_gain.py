import pytest
import torch

from tools.speech.change_gain import ChangeGain, change_gain


def test_six_decibels_double_the_samples(waves, tone):
    (made,) = change_gain(waves([tone(440, height=0.25)]), [ChangeGain(gain_db=6.0206)])
    assert float(made.abs().max()) == pytest.approx(0.5, rel=1e-4)


def test_a_rise_stops_at_full_scale_and_nothing_is_clipped(waves, tone):
    batch = waves([tone(440, height=0.5)])
    (made,) = change_gain(batch, [ChangeGain(gain_db=20)])
    assert 0.9999 < float(made.abs().max()) <= 1
    assert torch.allclose(made, batch.clip(0) / batch.clip(0).abs().max(), atol=1e-6)


def test_a_rise_of_a_clip_at_full_scale_is_refused_and_a_fall_is_not(waves, tone):
    batch = waves([tone(440, height=1.0), tone(440, height=1.0)])
    up, down = change_gain(batch, [ChangeGain(gain_db=6), ChangeGain(gain_db=-6)])
    assert up is None
    assert float(down.abs().max()) == pytest.approx(0.501, abs=0.001)


def test_a_clip_beyond_full_scale_comes_back_to_it(waves, tone):
    (made,) = change_gain(waves([tone(440, height=2.0)]), [ChangeGain(gain_db=3)])
    assert 0.9999 < float(made.abs().max()) <= 1
