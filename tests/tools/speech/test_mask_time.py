import numpy as np
import pytest

from tools.speech import mask_time as module
from tools.speech.mask_time import MaskTime, mask_time


def longest_silence(row):
    runs, length = [0], 0
    for value in row.tolist():
        length = length + 1 if value == 0 else 0
        runs.append(length)
    return max(runs)


@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_one_span_of_the_asked_length_is_silenced(rate_hz, waves):
    batch = waves([np.full((2, rate_hz), 0.5)], rate_hz)
    (made,) = mask_time(batch, [MaskTime(share=0.1, seed=3)])
    faded = round(0.005 * rate_hz)
    assert longest_silence(made[0]) == rate_hz // 10 - 2 * faded
    assert int((made[0] != 0.5).sum()) == rate_hz // 10
    assert made[0].equal(made[1])


def test_fades_leave_no_click(waves):
    (made,) = mask_time(waves([np.full(8000, 0.5)]), [MaskTime(share=0.2, seed=1)])
    assert float(made[0].diff().abs().max()) < 0.025


def test_several_masks_share_the_length(waves):
    (made,) = mask_time(waves([np.full(8000, 0.5)]), [MaskTime(share=0.2, masks=4, seed=1)])
    assert 400 < int((made[0] != 0.5).sum()) <= 1600


def test_the_seed_moves_the_span(waves):
    one, other = mask_time(waves([np.full(8000, 0.5)] * 2), [MaskTime(seed=1), MaskTime(seed=2)])
    assert not one.equal(other)


def test_every_place_in_the_clip_is_as_likely(waves):
    made = mask_time(waves([np.full(8000, 0.5)] * 400), [MaskTime(share=0.1, seed=at) for at in range(400)])
    starts = np.array([int((row[0] != 0.5).nonzero()[0]) for row in made])
    assert starts.max() <= 7200
    assert np.allclose(np.quantile(starts, [0.25, 0.5, 0.75]), [1800, 3600, 5400], atol=540)


def test_a_device_without_numpy_slices_gives_the_same(waves, monkeypatch):
    batch, params = waves([np.full((2, 8000), 0.5)] * 3), [MaskTime(seed=at, masks=at + 1) for at in range(3)]
    wanted = mask_time(batch, params)
    monkeypatch.setattr(module, "sliced", lambda rows: rows)
    assert all(one.equal(other) for one, other in zip(mask_time(batch, params), wanted, strict=True))
