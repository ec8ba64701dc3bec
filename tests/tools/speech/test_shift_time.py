import numpy as np
import pytest

from tools.speech.shift_time import ShiftTime, shift_time


def padded_tone(tone):
    clip = np.zeros(8000)
    clip[3000:5000] = tone(440, 0.25)
    return clip


@pytest.mark.parametrize(("shift_ms", "first"), [(100.0, 3800), (-100.0, 2200)])
def test_the_clip_moves_by_milliseconds(shift_ms, first, waves, tone):
    batch = waves([padded_tone(tone)])
    (made,) = shift_time(batch, [ShiftTime(shift_ms=shift_ms)])
    assert made.shape == (1, 8000)
    assert made[0, first : first + 2000].equal(batch.clip(0)[0, 3000:5000])
    assert float(made[0, :first].abs().max()) == 0
    assert float(made[0, first + 2000 :].abs().max()) == 0


def test_speech_is_not_pushed_out(waves, tone):
    batch = waves([padded_tone(tone)] * 3)
    stays, leaves, gone = shift_time(batch, [ShiftTime(shift_ms=at) for at in (375, 385, 1500)])
    assert stays is not None
    assert leaves is None
    assert gone is None


def test_less_than_a_sample_is_refused(waves, tone):
    assert shift_time(waves([padded_tone(tone)]), [ShiftTime(shift_ms=0.05)]) == [None]


def test_neighbours_move_on_their_own_and_the_batch_is_not_shared(waves, tone):
    batch = waves([padded_tone(tone)] * 3)
    before = batch.samples.clone()
    made = shift_time(batch, [ShiftTime(shift_ms=at) for at in (-250, 1, 250)])
    for result, first in zip(made, (1000, 3008, 5000), strict=True):
        assert result[0, first : first + 2000].equal(before[0, 0, 3000:5000])
        assert int(result.count_nonzero()) == int(before[0].count_nonzero())
        result.zero_()
    assert batch.samples.equal(before)
