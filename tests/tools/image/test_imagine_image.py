"""Images from words alone."""

from __future__ import annotations

from dataclasses import replace

import torch

from tools.catalogue import load
from tools.engines.orders import Order
from tools.image.imagine_image import ImagineImage, imagine_image
from tools.seeds import draw, seed_for


class Noting:
    """An engine that keeps its orders and makes nothing."""

    def __init__(self) -> None:
        self.orders: list[Order | None] = []

    def make(self, orders: list[Order | None]) -> list[None]:
        self.orders = list(orders)
        return [None] * len(orders)


def test_nothing_is_seen_of_the_parents_pixels(make_images, engine_for):
    batch = replace(make_images(items=1), labels=["newt"], engine=engine_for("imagine_pictures"))
    made = imagine_image(batch, [ImagineImage(seed=3)])[0]
    again = imagine_image(replace(batch, pixels=255 - batch.pixels), [ImagineImage(seed=3)])[0]
    assert torch.equal(made, again)


def test_captions_vary_from_sample_to_sample(make_images):
    tool = load()["image.imagine_image"]
    batch = replace(make_images(items=6), labels=["tree_frog"] * 6, engine=Noting())
    imagine_image(batch, [draw(tool, {}, seed_for(1, str(at))) for at in range(6)])
    said = {one.prompt for one in batch.engine.orders}
    assert len(said) >= 4
    assert all("of a tree frog" in words for words in said)


def test_a_caption_names_place_and_light(make_images):
    batch = replace(make_images(items=1), labels=["newt"], engine=Noting())
    imagine_image(batch, [ImagineImage(place="in a street", light="at night", medium="a snapshot")])
    assert batch.engine.orders[0].prompt == "a snapshot of a newt, in a street, at night"
    assert batch.engine.orders[0].image is None
