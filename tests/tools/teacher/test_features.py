from __future__ import annotations

import numpy as np
import pytest

from memory.datasets.media import Wave
from tools.teacher.features import BUCKETS, dense_features, image_features, ngrams, speech_features


def test_case_and_runs_of_white_space_do_not_count():
    found = ngrams(["Where  is\nit", "where is it"])
    assert found.shape == (2, BUCKETS)
    assert (found[0] != found[1]).nnz == 0


def test_word_order_counts():
    found = ngrams(["red dog", "dog red"])
    assert (found[0] != found[1]).nnz > 0


def test_an_empty_text_holds_only_its_begin():
    assert ngrams(["", "x"])[0].nnz < 5


def test_no_text_gives_no_row():
    assert ngrams([]).shape == (0, BUCKETS)


@pytest.mark.parametrize("shape", [(28, 28, 1), (7, 90, 3), (300, 200, 3), (1, 1, 1)])
def test_every_size_of_image_gives_as_many_finite_features(shape):
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    found = image_features(image)
    assert (found.shape, found.dtype) == ((688,), np.float32)
    assert np.isfinite(found).all()


def test_the_thumbnail_keeps_the_mean_brightness():
    image = np.random.default_rng(0).integers(0, 256, (45, 61, 1)).astype(np.uint8)
    assert image_features(image)[576:640].mean() == pytest.approx(float(image.mean()) / 255, abs=1e-4)


def tone(hz: float, seconds: float, rate: int, level: float = 0.1) -> Wave:
    time = np.arange(round(seconds * rate)) / rate
    return Wave((level * np.sin(2 * np.pi * hz * time)).astype(np.float32)[None], rate)


@pytest.mark.parametrize(
    "clip", [tone(440, 0.5, 8000), tone(440, 0.001, 8000), tone(440, 1.0, 48000), tone(0, 1, 8000)]
)
def test_every_clip_gives_as_many_finite_features(clip):
    found = speech_features(clip)
    assert (found.shape, found.dtype) == ((222,), np.float32)
    assert np.isfinite(found).all()


def test_loudness_does_not_count_and_pitch_does():
    quiet, loud, high = (
        speech_features(tone(hz, 0.5, 16000, level)) for hz, level in ((300, 0.01), (300, 0.5), (2000, 0.5))
    )
    assert np.abs(quiet - loud).max() < 1e-3
    assert np.abs(high - loud).max() > 1


def test_nan_reads_as_silence():
    clip = tone(440, 0.5, 8000)
    clip.samples[0, :10] = np.nan
    assert np.isfinite(dense_features("speech", [clip])).all()
