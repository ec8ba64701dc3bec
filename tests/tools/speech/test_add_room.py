import numpy as np
import pytest
import torch

from tools.speech.add_room import AddRoom, _images, add_room, reverberated, room_response


def decay_seconds(response, rate_hz):
    left = np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1]
    level = 10 * np.log10(left / left[0])
    return 3 * (int(np.argmax(level < -25)) - int(np.argmax(level < -5))) / rate_hz


@pytest.mark.parametrize("rate_hz", [8000, 16000])
@pytest.mark.parametrize("rt60_s", [0.2, 0.4, 0.8])
def test_sound_falls_by_60_decibels_in_the_time_asked_for(rate_hz, rt60_s):
    measured = [decay_seconds(room_response(AddRoom(rt60_s=rt60_s, seed=at), rate_hz), rate_hz) for at in range(9)]
    assert np.median(measured) == pytest.approx(rt60_s, rel=0.15)


def test_the_direct_sound_comes_first_with_height_one():
    for at in range(20):
        response = room_response(AddRoom(seed=at, distance_m=3, rt60_s=0.5), 16000)
        assert response[0] == pytest.approx(1.0, abs=0.8)
        assert np.isfinite(response).all()


def test_farther_away_more_of_the_energy_is_reflected():
    near, far = (
        np.median([(room_response(AddRoom(distance_m=d, seed=at), 8000)[1:] ** 2).sum() for at in range(15)])
        for d in (0.5, 3.0)
    )
    assert far > 4 * near


def test_the_level_and_the_onset_stay(waves, tone):
    clip = np.zeros(8000)
    clip[2000:6000] = tone(300, 0.5, height=0.3) * np.hanning(4000)
    batch = waves([clip] * 4)
    for result in add_room(batch, [AddRoom(seed=at) for at in range(4)]):
        change = 10 * torch.log10(result.square().mean() / batch.clip(0).square().mean())
        assert abs(float(change)) < 0.5
        assert float(result[0, :1990].abs().max()) < 1e-5
        assert float(result[0, 2000:2400].abs().max()) > 1e-3


def test_convolution_equals_the_sum_it_stands_for(waves):
    rng = np.random.default_rng(0)
    clip, response = rng.uniform(-0.01, 0.01, 1500), rng.uniform(-1, 1, 700).astype(np.float32)
    (made,) = reverberated(waves([clip]).samples, [1500], [response])
    wanted = np.convolve(clip, response)[:1500]
    wanted *= np.sqrt((clip**2).sum() / (wanted**2).sum())
    assert np.abs(made[0].numpy() - wanted).max() < 1e-6


def test_a_distance_too_large_for_the_room_is_shortened():
    response = room_response(AddRoom(length_m=2, width_m=2, height_m=2, distance_m=20), 8000)
    assert np.isfinite(response).all()


def test_the_first_reflections_stand_where_mirrors_put_them():
    # A room of 4 m a side. Mirrors at y = -1 and z = -1, both of them, and x = -1; each reflection halves and turns.
    distance, height = _images((4.0, 4.0, 4.0), (1.0, 1.0, 1.0), (2.0, 1.0, 1.0), 5.2, -0.5)
    nearest = sorted(zip(distance.round(3).tolist(), height.round(3).tolist(), strict=True))[:5]
    assert nearest == [(1.0, 1.0), (2.236, -0.224), (2.236, -0.224), (3.0, -0.167), (3.0, 0.083)]


def test_a_long_reverberation_at_a_high_rate_fits_the_drawn_noise():
    assert room_response(AddRoom(rt60_s=3, seed=1), 384000).size == 3 * 384000
