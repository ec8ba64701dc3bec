"""New surroundings around a subject that is found by colour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tools.batches import Images
from tools.image.replace_background import ReplaceBackground, replace_background, subject
from tools.seeds import generator


def scene(height: int = 60, width: int = 80, noise: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Return a red disc on an even, slightly noisy blue-grey ground, and where the disc is."""
    down, across = np.mgrid[:height, :width]
    disc = (down - height / 2) ** 2 + (across - width / 2.2) ** 2 < (height / 4) ** 2
    pixels = np.where(disc[:, :, None], (200, 60, 40), (90, 100, 130)) + generator(3).normal(
        0, noise, (height, width, 3)
    )
    return pixels.clip(0, 255).astype(np.float32), disc


def as_batch(pixels: np.ndarray, engine: object, label: str = "ball") -> Images:
    image = torch.from_numpy(pixels.round().astype(np.uint8)).permute(2, 0, 1)[None]
    return Images(image, labels=[label], engine=engine)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("noise", [0.0, 4.0, 10.0])
def test_a_subject_on_an_even_ground_is_found(noise):
    pixels, disc = scene(noise=noise)
    found = subject(pixels)
    assert found is not None
    assert overlap(found > 0, disc) > 0.9


def test_a_hole_belongs_to_the_subject_and_a_speck_does_not():
    pixels, disc = scene()
    pixels[28:32, 34:38] = (90, 100, 130)
    pixels[2:5, 70:73] = (200, 60, 40)
    found = subject(pixels)
    assert found is not None
    assert overlap(found > 0, disc) > 0.9


def test_a_grey_digit_on_black_is_found():
    pixels = np.zeros((28, 28, 1), np.float32)
    pixels[6:22, 12:16] = 230
    found = subject(pixels)
    assert found is not None
    assert 40 < found.sum() < 130


def test_what_does_not_part_clearly_is_refused():
    noise = generator(1).random((40, 40, 3)).astype(np.float32) * 255
    assert subject(noise) is None
    assert subject(np.full((40, 40, 3), 80, np.float32)) is None
    cut, disc = scene()
    assert subject(cut[:, 30:42]) is None, "the frame cuts the subject"
    whole = [
        None if (found := subject(cut[:, left:])) is None else overlap(found > 0, disc[:, left:]) for left in range(46)
    ]
    assert all(share is None or share > 0.85 for share in whole), "part of a subject is taken for all of it"
    speck, _ = scene()
    assert subject(np.pad(speck, ((300, 300), (300, 300), (0, 0)), mode="edge")) is None, "too small"


def test_the_subject_stays_pixel_by_pixel_and_the_rest_is_new(engine_for):
    pixels, disc = scene()
    batch = as_batch(pixels, engine_for("fill_pictures"))
    made = replace_background(batch, [ReplaceBackground(seed=2)])[0]
    found = subject(batch.pixels[0].permute(1, 2, 0).float().numpy()) > 0
    assert torch.equal(made[:, torch.from_numpy(found)], batch.pixels[0][:, torch.from_numpy(found)])
    beside = (made.int() - batch.pixels[0].int()).abs().float().mean(0).numpy()[~disc & ~found]
    assert beside.mean() > 5


def test_the_subject_is_painted_anew_in_its_old_surroundings(engine_for):
    pixels, _ = scene()
    batch = as_batch(pixels, engine_for("fill_pictures"))
    made = replace_background(batch, [ReplaceBackground(seed=2, part="subject")])[0]
    found = torch.from_numpy(subject(batch.pixels[0].permute(1, 2, 0).float().numpy()) > 0)
    assert torch.equal(made[:, ~found], batch.pixels[0][:, ~found])
    assert not torch.equal(made[:, found], batch.pixels[0][:, found])


def test_a_refused_item_does_not_stop_its_neighbour(engine_for):
    pixels, _ = scene()
    batch = as_batch(pixels, engine_for("fill_pictures"))
    flat = torch.full_like(batch.pixels, 70)
    both = replace(batch, pixels=torch.cat([flat, batch.pixels]), labels=["ball", "ball"])
    made = replace_background(both, [ReplaceBackground(seed=1), ReplaceBackground(seed=2)])
    assert made[0] is None
    assert torch.equal(made[1], replace_background(batch, [ReplaceBackground(seed=2)])[0])
