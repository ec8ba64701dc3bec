"""Edits after an instruction."""

from __future__ import annotations

from dataclasses import replace

import torch

from tools.image.edit_image import EditImage, edit_image


def test_the_words_and_the_picture_both_count(make_images, engine_for):
    batch = replace(make_images(items=1), labels=["newt"], engine=engine_for("edit_pictures"))
    night = edit_image(batch, [EditImage(seed=3, change="at night")])[0]
    snow = edit_image(batch, [EditImage(seed=3, change="in the snow")])[0]
    other = edit_image(replace(batch, pixels=255 - batch.pixels), [EditImage(seed=3, change="at night")])[0]
    assert not torch.equal(night, snow)
    assert not torch.equal(night, other)


def test_a_plan_draws_weather_and_light_and_no_views():
    assert "from another angle" not in EditImage.usual["change"]
    for change in EditImage.usual["change"]:
        assert EditImage(change=change).change == change
