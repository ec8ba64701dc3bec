from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.datasets.media import Wave
from tools.probe.features import FRAMES, MELS, SIDE, image_features, speech_features, text_features


def tone(hertz: float, seconds: float, rate_hz: int = 8000, loud: float = 0.5) -> Wave:
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    return Wave((loud * np.sin(2 * np.pi * hertz * time)).astype(np.float32)[None], rate_hz)


def test_words_and_pairs_are_counted_whatever_their_case():
    once, twice = text_features(["a card", "A card a CARD"]).counts
    assert sorted(once.data) == [1, 1, 1]
    assert sorted(twice.data) == [1, 2, 2, 2], "a, card, a card; and card a"
    assert set(once.indices) <= set(twice.indices)


def test_characters_of_a_script_without_spaces_are_words():
    [row] = text_features(["我的卡"]).counts
    assert row.nnz == 5


def test_columns_mean_the_same_in_another_process():
    code = "from tools.probe.features import text_features as f; print(f(['lost card']).counts.indices.tolist())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == str(text_features(["lost card"]).counts.indices.tolist())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=6))
def test_a_text_is_counted_by_itself(texts):
    together = text_features(texts).counts
    assert together.shape[0] == len(texts)
    for at, text in enumerate(texts):
        assert (together[at] != text_features([text]).counts[0]).nnz == 0


def test_an_encoder_adds_its_vectors():
    class Lengths:
        def encode(self, texts):
            return np.array([[len(text), 1] for text in texts], np.float32)

    assert text_features(["ab", "abc"], Lengths()).dense.tolist() == [[2, 1], [3, 1]]
    assert text_features([], Lengths()).dense is None


def test_an_image_of_28_pixels_is_padded_and_stays_sharp():
    image = np.random.default_rng(0).integers(0, 256, (28, 28, 1), np.uint8)
    [[plane]] = image_features([image], 1)
    assert np.array_equal(plane[2:30, 2:30], image[:, :, 0] / np.float32(255))
    assert np.array_equal(plane[0], plane[2])


def test_a_tiny_image_is_enlarged_by_a_whole_factor():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 1), np.uint8)
    [[plane]] = image_features([image], 1)
    assert np.array_equal(plane[::4, ::4], image[:, :, 0] / np.float32(255))


@pytest.mark.parametrize(("height", "width"), [(64, 64), (100, 40), (33, 7), (1, 1), (2, 900)])
def test_images_of_any_size_keep_their_mean_and_range(height, width):
    image = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    [picture] = image_features([image], 3)
    assert picture.shape == (3, SIDE, SIDE)
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert picture.mean() == pytest.approx(image.mean() / 255, abs=0.1)


def test_a_large_image_is_averaged():
    image = np.kron(np.arange(32 * 32).reshape(32, 32) % 251, np.ones((3, 3))).astype(np.uint8)[:, :, None]
    [[plane]] = image_features([image], 1)
    assert plane * 255 == pytest.approx(image[::3, ::3, 0], abs=1e-3)


def test_colour_is_made_grey_and_grey_coloured():
    grey, red = np.full((32, 32, 1), 100, np.uint8), np.zeros((32, 32, 3), np.uint8)
    red[:, :, 0] = 255
    coloured = image_features([grey, red], 3)
    assert np.array_equal(coloured[0, 0], coloured[0, 2])
    assert coloured[1, :, 0, 0].tolist() == [1, 0, 0]
    assert image_features([red], 1)[0, 0, 0, 0] == pytest.approx(0.299)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100])
@pytest.mark.parametrize("seconds", [0.01, 0.3, 0.64, 3.0])
def test_clips_of_any_rate_and_length_have_one_shape(rate_hz, seconds):
    features = speech_features([tone(700, seconds, rate_hz)])
    assert features.shape == (1, 1, MELS, FRAMES)
    assert np.isfinite(features).all()


def test_a_short_clip_stands_in_the_middle_between_zeros():
    [[levels]] = speech_features([tone(700, 0.25)])
    filled = np.flatnonzero(np.any(levels != 0, axis=0))
    assert len(filled) == 23
    assert filled[0] == (FRAMES - 23) // 2
    part = levels[:, filled]
    assert part.mean() == pytest.approx(0, abs=1e-4)
    assert part.std() == pytest.approx(1, abs=1e-3)


def test_a_higher_tone_is_in_a_higher_band_and_loudness_does_not_count():
    low, high, quiet = speech_features([tone(300, 1.0), tone(2500, 1.0), tone(300, 1.0, loud=0.05)])
    assert low[0].mean(axis=1).argmax() < high[0].mean(axis=1).argmax()
    assert quiet == pytest.approx(low, abs=1e-3)


def test_silence_nan_and_emptiness_are_no_danger():
    broken = Wave(np.array([[np.nan, np.inf] * 800], np.float32), 8000)
    for wave in (broken, Wave(np.zeros((1, 4000), np.float32), 8000), Wave(np.zeros((2, 0), np.float32), 8000)):
        assert np.isfinite(speech_features([wave])).all()


def test_an_item_is_seen_by_itself():
    rng = np.random.default_rng(3)
    waves = [Wave(rng.normal(0, 0.1, (1, 3000 + 700 * at)).astype(np.float32), 8000) for at in range(4)]
    assert all(np.array_equal(speech_features(waves)[at], speech_features([waves[at]])[0]) for at in range(4))
    images = [rng.integers(0, 256, (20 + 20 * at, 50, 3), np.uint8) for at in range(4)]
    assert all(np.array_equal(image_features(images, 3)[at], image_features([images[at]], 3)[0]) for at in range(4))
