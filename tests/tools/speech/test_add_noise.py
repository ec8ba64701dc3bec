import numpy as np
import pytest
import torch

from tools.speech.add_noise import AddNoise, add_noise


def measured_db(clip, made):
    clip, noise = clip.double(), made.double() - clip.double()
    return 10 * float(torch.log10(clip.square().sum() / noise.square().sum()))


@pytest.mark.parametrize("colour", ["white", "pink", "brown"])
@pytest.mark.parametrize("snr_db", [-5.0, 5.0, 20.0])
def test_the_ratio_is_the_one_asked_for(colour, snr_db, waves, tone):
    batch = waves([np.stack([tone(440, height=0.1), tone(600, height=0.02)])])
    (made,) = add_noise(batch, [AddNoise(snr_db=snr_db, colour=colour, seed=4)])
    assert measured_db(batch.clip(0), made) == pytest.approx(snr_db, abs=0.1)


@pytest.mark.parametrize("samples", [1, 10, 3000, 70000])
def test_a_recording_is_cut_or_looped_at_the_ratio_asked_for(samples, waves):
    rng = np.random.default_rng(2)
    batch = waves([rng.uniform(-0.1, 0.1, samples)], noise=[rng.uniform(-1, 1, 5000), rng.uniform(-1, 1, 7000)])
    (made,) = add_noise(batch, [AddNoise(snr_db=10, seed=9)])
    assert measured_db(batch.clip(0), made) == pytest.approx(10, abs=0.1)


def test_a_looped_recording_repeats(waves, tone):
    batch = waves([tone(440, height=0.1)], noise=[np.random.default_rng(2).uniform(-1, 1, 1000)])
    (made,) = add_noise(batch, [AddNoise(snr_db=10, seed=1)])
    noise = made[0] - batch.clip(0)[0]
    assert torch.allclose(noise[2000:4000], noise[4000:6000], atol=1e-6)


def test_a_mix_beyond_full_scale_is_divided_by_its_peak(waves, tone):
    batch = waves([tone(440, height=1.0)])
    (made,) = add_noise(batch, [AddNoise(snr_db=0, seed=1, colour="white")])
    assert float(made.abs().max()) == 1.0


@pytest.mark.parametrize(("colour", "ratio_db"), [("white", 0.0), ("pink", -9.0), ("brown", -18.1)])
def test_power_falls_with_frequency_as_the_colour_says(colour, ratio_db, waves):
    clip = np.full(60000, 1e-3)
    batch = waves([clip])
    (made,) = add_noise(batch, [AddNoise(snr_db=-20, colour=colour, seed=2)])
    power = np.abs(np.fft.rfft((made - batch.clip(0))[0].numpy() * np.hanning(60000))) ** 2
    hertz = np.fft.rfftfreq(60000, 1 / 8000)
    low, high = (power[(hertz > at * 0.9) & (hertz < at * 1.1)].mean() for at in (400, 3200))
    assert 10 * np.log10(high / low) == pytest.approx(ratio_db, abs=1.0)


def test_two_seeds_give_two_noises_and_a_silent_recording_is_refused(waves, tone):
    batch = waves([tone(440), tone(440)])
    one, other = add_noise(batch, [AddNoise(seed=1), AddNoise(seed=2)])
    assert not torch.equal(one, other)
    assert add_noise(waves([tone(440)], noise=[np.zeros(9000)]), [AddNoise()]) == [None]
    assert add_noise(waves([tone(440)], noise=[np.zeros(0)]), [AddNoise()]) == [None]


def test_every_recording_is_as_likely(waves, tone):
    batch = waves([tone(440, 0.1)] * 300, noise=[np.full(900, level) for level in (-0.1, 0.1, 0.2)])
    made = add_noise(batch, [AddNoise(snr_db=20, seed=at) for at in range(300)])
    assert 75 < sum(float(result.mean()) < 0 for result in made) < 125
