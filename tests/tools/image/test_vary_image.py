"""Variations of a real image."""

from __future__ import annotations

from dataclasses import replace

import torch

from tools.engines.orders import Order
from tools.image.vary_image import VaryImage, vary_image


class Noting:
    """An engine that keeps its orders and makes nothing."""

    def __init__(self) -> None:
        self.orders: list[Order | None] = []

    def make(self, orders: list[Order | None]) -> list[None]:
        self.orders = list(orders)
        return [None] * len(orders)


def test_the_image_its_class_and_its_strength_are_asked_for(make_images):
    batch = replace(make_images(items=2), labels=["tree_frog", "newt"], engine=Noting())
    vary_image(batch, [VaryImage(seed=4, strength=0.3), VaryImage(seed=5, medium="a drawing", about="animal")])
    one, other = batch.engine.orders
    assert (one.prompt, one.seed, one.strength) == ("a photo of a tree frog", 4, 0.3)
    assert other.prompt == "a drawing of a animal newt"
    assert torch.equal(one.image, batch.pixels[0])
    assert one.mask is None


def test_grey_stays_grey_and_the_shape_stays(make_images, engine_for):
    batch = replace(make_images(channels=1, height=20, width=40, items=2), engine=engine_for("vary_pictures"))
    made = vary_image(replace(batch, labels=["a", "b"]), [VaryImage(seed=1), VaryImage(seed=2)])
    assert [tuple(one.shape) for one in made] == [(1, 20, 40)] * 2


def test_what_cannot_be_worked_on_is_refused(make_images, engine_for):
    batch = replace(make_images(height=10, width=60, items=1), labels=["a"], engine=engine_for("vary_pictures"))
    assert vary_image(batch, [VaryImage()]) == [None]
    batch = replace(make_images(items=1), labels=["_"], engine=engine_for("vary_pictures"))
    assert vary_image(batch, [VaryImage()]) == [None]
