import numpy as np
import pytest
import torch

from tools.speech.telephone_band import TelephoneBand, mu_law, telephone_band


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 44100])
@pytest.mark.parametrize("companding", ["mu-law", "off"])
def test_only_the_band_passes(rate_hz, companding, waves, tone, height):
    mix = sum(tone(hertz, rate_hz=rate_hz, height=0.2) for hertz in (100, 1000, 3900))
    (made,) = telephone_band(waves([mix], rate_hz), [TelephoneBand(companding=companding)])
    assert made.shape == (1, rate_hz)
    assert 20 * np.log10(height(made, 1000, rate_hz) / 0.2) == pytest.approx(0, abs=1)
    assert 20 * np.log10(height(made, 100, rate_hz) / 0.2) < -20
    assert 20 * np.log10(height(made, 3900, rate_hz) / 0.2) < -20


def test_eight_bits_leave_noise_40_decibels_down(waves, tone):
    batch = waves([tone(1000)] * 2)
    coded, plain = telephone_band(batch, [TelephoneBand(), TelephoneBand(companding="off")])
    inside = slice(500, 7500)
    noise = (coded - plain)[0, inside].square().mean() / plain[0, inside].square().mean()
    assert -45 < 10 * float(torch.log10(noise)) < -33


def test_mu_law_gives_255_values_and_keeps_nought_and_the_ends():
    made = mu_law(torch.linspace(-1, 1, 100_001))
    assert len(made.unique()) == 255
    assert float(made[0]) == pytest.approx(-1)
    assert float(made[-1]) == pytest.approx(1)
    assert float(made[50_000]) == 0


def test_at_4_khz_only_the_low_edge_is_left(waves, tone, height):
    mix = tone(100, rate_hz=4000, height=0.3) + tone(1900, rate_hz=4000, height=0.3)
    (made,) = telephone_band(waves([mix], 4000), [TelephoneBand()])
    assert height(made, 100, 4000) < 0.03
    assert height(made, 1900, 4000) == pytest.approx(0.3, rel=0.05)


def test_nothing_in_the_band_is_refused(waves, tone):
    rumble = tone(50, height=0.3) * np.hanning(8000)
    assert telephone_band(waves([rumble]), [TelephoneBand()]) == [None]
