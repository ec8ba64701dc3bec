"""Images of a class from a diffusion model of the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from memory.bundled import materialise
from memory.datasets.dataset import open_dataset
from memory.job import Policy, Source
from memory.records import Call, Cell, Fill, Step
from tools.apply import Maker, tasks
from tools.catalogue import load
from tools.coverage.coverage import survey
from tools.engines.class_diffusion import learn
from tools.engines.denoiser import Recipe
from tools.engines.engine import Place
from tools.image.generate_class import GenerateClass, generate_class
from tools.weights.table import PERMISSIVE


def test_the_label_decides_and_nothing_is_seen_of_the_parents_pixels(make_images, engine_for):
    batch = replace(make_images(items=2), labels=["zero", "one"], engine=engine_for("class_diffusion"))
    params = [GenerateClass(seed=3)] * 2
    made = generate_class(batch, params)
    again = generate_class(replace(batch, pixels=255 - batch.pixels), params)
    turned = generate_class(replace(batch, labels=["one", "zero"]), params)
    assert not torch.equal(made[0], made[1])
    for one, other, crossed in zip(made, again, reversed(turned), strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, crossed)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 24), (1, 33, 64)])
def test_a_sample_has_the_shape_and_channels_of_its_parent(shape, make_images, engine_for):
    batch = replace(make_images(*shape, items=1), labels=["one"], engine=engine_for("class_diffusion"))
    made = generate_class(batch, [GenerateClass(seed=1)])[0]
    assert made is not None
    assert (made.shape, made.dtype) == (shape, torch.uint8)


def test_unknown_classes_and_large_images_are_refused(make_images, engine_for):
    engine = engine_for("class_diffusion")
    batch = replace(make_images(items=3), labels=["one", "two", ""], engine=engine)
    made = generate_class(batch, [GenerateClass()] * 3)
    assert [one is None for one in made] == [False, True, True]
    large = replace(make_images(height=80, width=72, items=1), labels=["one"], engine=engine)
    assert generate_class(large, [GenerateClass()]) == [None]


def test_the_card_needs_no_weights_and_inherits_nothing():
    tool = load()["image.generate_class"]
    assert tool.scratch
    assert tool.licence in PERMISSIVE
    assert tool.needs.weights is None
    assert not tool.needs.remote
    assert tool.cost.setup_seconds > 0


def test_a_run_makes_samples_of_a_class_that_can_be_made_again_from_their_lineage(tmp_path):
    dataset = open_dataset(Source(path=str(materialise("digits", tmp_path))), tmp_path / "work", 0)
    cover = survey(dataset)
    rows = cover.train[:20].tolist() + cover.train[-20:].tolist()
    labels = [str(dataset.column("label")[row]) for row in rows]
    recipe = Recipe(widths=(8, 16), iterations=4, every=2, batch=8)
    engine = learn(dataset.payloads(rows), labels, 7, recipe=recipe)
    label = labels[-1]
    step = Step(
        id="s",
        calls=(Call(tool="image.generate_class"),),
        fill=(Fill(cell=Cell(at={"label": label}), count=9),),
        cites=("k",),
    )

    def maker(batch_size: int) -> Maker:
        made = Maker(dataset, cover, load(), 7, batch_size=batch_size, place=Place(Policy(), dataset, cover, "cpu", 7))
        made.material._engines["class_diffusion"] = engine
        return made

    made = maker(64).make(step, tasks(step, cover, 7))
    assert all(one.refused is None and one.label == label and one.group is None for one in made)
    assert all(one.calls[0]["engine"] == engine.digest for one in made)
    assert len({one.content for one in made}) == 9
    drawn = [one.calls[0]["params"]["guidance"] for one in made]
    assert 0 <= min(drawn) < max(drawn) <= 2
    assert np.std(drawn) > 0.1
    assert [maker(2).remake("s", one).blob for one in made] == [one.blob for one in made]
