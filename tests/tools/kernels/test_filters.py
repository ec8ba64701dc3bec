import numpy as np
import pytest
import torch

from tools.batches import Waves
from tools.kernels.filters import (
    IN_CACHE,
    audible,
    cut,
    groups,
    outside,
    peaks,
    pieces,
    resample,
    sliced,
    spectra_of,
    strengths,
    too_short,
    transform_length,
    waves_of,
    without_padding,
)


def test_transform_lengths_are_long_enough_and_smooth():
    assert [transform_length(samples) for samples in (1, 64, 65, 1000, 4096, 65536)] == [64, 64, 128, 1024, 4480, 65856]


def test_groups_hold_each_clip_once_by_padded_length():
    batch = Waves(torch.arange(5.0)[:, None, None].expand(5, 1, 2048).clone(), [1000, 2000, 1024, 0, 1920], 8000)
    found = {tuple(at): rows.shape for at, rows in groups(batch)}
    assert found == {(0, 2): (2, 1, 1024), (1,): (1, 1, 2048), (4,): (1, 1, 1920)}
    for at, rows in groups(batch):
        assert rows[:, 0, 0].tolist() == [float(place) for place in at]


def test_groups_are_bounded_and_hold_one_clip_at_least():
    batch = Waves(torch.zeros(5, 1, 1024), [1000] * 5, 8000)
    assert [at for at, _ in groups(batch, 2048)] == [[0, 1], [2, 3], [4]]
    assert [at for at, _ in groups(batch, 10)] == [[0], [1], [2], [3], [4]]


def test_cut_divides_by_the_peak_only_beyond_full_scale():
    rows = torch.tensor([[[0.5, -2.0, 9.0]], [[0.5, -0.25, 9.0]], [[0.0, 1e-7, 9.0]]])
    loud, plain, silent = cut(rows, [2, 2, 2])
    assert loud.tolist() == [[0.25, -1.0]]
    assert plain.tolist() == [[0.5, -0.25]]
    assert silent is None


def test_pieces_hold_each_item_once_and_at_least_one():
    rows = torch.zeros(5, 2, IN_CACHE // 4)
    assert [(at.start, at.stop) for at, _ in pieces(rows)] == [(0, 2), (2, 4), (4, 5)]
    assert [part.data_ptr() for _, part in pieces(rows)] == [rows[at].data_ptr() for at in (0, 2, 4)]
    assert [len(part) for _, part in pieces(torch.zeros(2, 1, IN_CACHE + 1))] == [1, 1]


@pytest.mark.parametrize("lengths", [[2, 2], [3, 1]])
def test_padding_is_cut_off_without_a_copy(lengths):
    rows = torch.arange(6.0).reshape(2, 1, 3)
    for row, result, length in zip(rows, without_padding(rows, lengths), lengths, strict=True):
        assert result.equal(row[:, :length])
        assert result.data_ptr() == row.data_ptr()


def test_a_slice_taken_in_numpy_is_the_memory_of_the_tensor():
    rows = torch.zeros(2, 1, 3)
    sliced(rows)[1, :, 1:] = 4
    assert rows.tolist() == [[[0, 0, 0]], [[0, 4, 4]]]


def test_a_click_far_from_the_middle_can_be_heard():
    rows = torch.zeros(2, 1, 4000)
    rows[1, 0, 3999] = 2e-5
    assert audible(rows) == [False, True]


def test_peaks_see_both_signs():
    assert peaks(torch.tensor([[[0.25, -0.5]], [[0.75, 0.0]]])) == [0.5, 0.75]


@pytest.mark.parametrize(("step", "per"), [(9, 10), (10, 9), (187, 200), (1, 2), (2, 1), (449, 400)])
def test_resampling_reads_a_tone_between_its_samples(step, per):
    time = np.arange(8000)
    clip = torch.from_numpy(np.sin(0.3 * time).astype(np.float32))[None]
    made = resample(clip, step, per)[0].numpy()
    assert made.size == round(8000 * per / step)
    inside = slice(100, made.size - 100)
    assert np.abs(made - np.sin(0.3 * np.arange(made.size) * step / per))[inside].max() < 2e-3


def test_resampling_one_sample_gives_one_sample():
    assert resample(torch.ones(2, 1), 11, 10).shape == (2, 1)


def test_a_band_stop_is_nought_inside_and_one_beyond_its_edges():
    hertz = torch.tensor([0.0, 260.0, 280.0, 300.0, 400.0, 440.0])
    gains = outside(hertz, torch.tensor([[300.0, 400.0]]), 40.0)
    assert gains[0].tolist() == pytest.approx([1, 1, 0.5, 0, 0, 1], abs=1e-6)


def test_ten_milliseconds_are_long_enough():
    assert too_short(79, 8000)
    assert not too_short(80, 8000)


@pytest.mark.parametrize("size", [1024, 20160, 67200])
@pytest.mark.parametrize("channels", [1, 2])
def test_transforms_and_sums_have_the_same_bits_alone_and_in_a_batch(size, channels):
    rows = torch.from_numpy(np.random.default_rng(3).standard_normal((5, channels, size + 64)).astype(np.float32))[
        ..., :size
    ]
    spectra = spectra_of(rows, size)
    back = waves_of(spectra, size)
    for at in range(5):
        own = rows[at : at + 1].clone()
        assert torch.equal(spectra_of(own, size)[0], spectra[at])
        assert torch.equal(waves_of(spectra[at : at + 1].clone(), size)[0], back[at])
        assert torch.equal(strengths(own)[0], strengths(rows)[at])
    assert torch.allclose(back, rows, atol=1e-5)
