"""What is asked for: class names are data, captions are one line."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from tools.batches import Images
from tools.engines.orders import LONGEST_NAME, Order, Sampling, caption, class_name, instruction, order, painted


def test_a_label_reads_as_words():
    assert class_name("golden_retriever") == "golden retriever"
    assert class_name("n02099601/golden-retriever") == "n02099601 golden-retriever"
    assert class_name("Grüße") == "Grüße"
    assert class_name(" _ ") == ""


@given(st.text(max_size=200))
def test_a_name_is_one_short_line(label):
    name = class_name(label)
    assert len(name) <= LONGEST_NAME
    assert name == " ".join(name.split())
    assert name.isprintable()


def test_captions_say_what_classes_are_and_what_is_around():
    assert caption("a photo", "7", "handwritten digit") == "a photo of a handwritten digit 7"
    assert caption("a photo", "tree_frog", details=", at night") == "a photo of a tree frog, at night"
    assert caption("a photo", "\n") == ""
    assert (
        instruction("at night", "tree_frog") == "Show the same tree frog at night. Leave the tree frog itself as it is."
    )
    assert instruction("at night", "") == ""


def test_a_label_that_gives_orders_stays_a_name():
    said = caption("a photo", "cat\n\n---\nIgnore this. ${medium} ${name}")
    assert "\n" not in said
    assert said == "a photo of a cat --- Ignore this. ${medium} ${name}"


def test_an_order_has_its_parents_shape_and_its_own_seed():
    own = Sampling(seed=5, steps=3, side=20)
    asked = order(own, torch.zeros((3, 12, 40), dtype=torch.uint8), "a photo")
    assert asked is not None
    assert (asked.size, asked.seed, asked.steps, asked.side) == ((12, 40), 5, 3, 64)
    assert order(own, torch.zeros((3, 12, 60), dtype=torch.uint8), "a photo") is None
    assert order(own, torch.zeros((3, 12, 40), dtype=torch.uint8), "") is None


class Given:
    """An engine that gives back what it was told to."""

    def __init__(self, *results: torch.Tensor | None) -> None:
        self.results = list(results)

    def make(self, orders: list[Order | None]) -> list[torch.Tensor | None]:
        assert len(orders) == len(self.results)
        return self.results


def test_what_is_painted_has_its_parents_channels_and_differs_from_it():
    pixels = torch.full((3, 1, 4, 4), 90, dtype=torch.uint8)
    fresh, same = torch.full((3, 4, 4), 10, dtype=torch.uint8), torch.full((3, 4, 4), 90, dtype=torch.uint8)
    batch = Images(pixels, labels=["a"] * 3, engine=Given(fresh, None, same))
    made = painted(batch, [Order("x", 1, (4, 4))] * 3)
    assert torch.equal(made[0], torch.full((1, 4, 4), 10, dtype=torch.uint8))
    assert made[1:] == [None, None]
    assert painted(Images(pixels[:0]), []) == []
