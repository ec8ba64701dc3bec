import pytest

from tools.speech.change_speed import ChangeSpeed, change_speed


@pytest.mark.parametrize(("factor", "length"), [(1.1, 7273), (0.9, 8889), (2.0, 4000), (0.5, 16000)])
def test_the_length_is_divided_by_the_factor(factor, length, waves, tone):
    (made,) = change_speed(waves([tone(440)]), [ChangeSpeed(factor=factor)])
    assert made.shape == (1, length)


@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_a_tone_rises_with_the_speed_and_keeps_its_height(rate_hz, waves, tone, height):
    (made,) = change_speed(waves([tone(1000, rate_hz=rate_hz)], rate_hz), [ChangeSpeed(factor=1.1)])
    assert height(made, 1100, rate_hz) == pytest.approx(0.5, abs=0.002)
    assert height(made, 1000, rate_hz) < 0.001


def test_what_would_pass_half_the_rate_is_filtered_out(waves, tone, height):
    (made,) = change_speed(waves([tone(3500) * 0.9 + tone(600) * 0.9]), [ChangeSpeed(factor=2.0)])
    assert height(made, 1200) == pytest.approx(0.45, abs=0.005)
    assert height(made, 1000) < 0.002


def test_a_speed_of_one_is_refused(waves, tone):
    assert change_speed(waves([tone(440)]), [ChangeSpeed(factor=1.001)]) == [None]


def test_the_clip_still_begins_at_its_beginning(waves, tone):
    clip = tone(440)
    clip[:800] = 0
    (made,) = change_speed(waves([clip]), [ChangeSpeed(factor=0.8)])
    assert float(made[0, :960].abs().max()) < 0.02
    assert float(made[0, 1000:1100].abs().max()) > 0.4
