"""Promises every image tool keeps for images of any shape."""

from __future__ import annotations

import pytest
import torch

from tools.batches import Images
from tools.catalogue import select
from tools.seeds import draw, seed_for

TOOLS = [tool for tool in select("augment", "image") if tool.needs.engine is None]
SHAPES = [(1, 1, 1), (3, 1, 1), (1, 1, 7), (3, 2, 2), (1, 3, 500), (3, 500, 3), (3, 37, 61), (1, 8, 8), (3, 150, 131)]
every_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def payloads(tool, results):
    return [None if one is None else one[0] if tool.labels == "mixed" else one for one in results]


@every_tool
@every_shape
def test_the_shape_stays_and_a_result_differs_from_its_input(tool, shape, make_images):
    batch = make_images(*shape, items=12)
    params = [draw(tool, {}, seed_for(3, tool.name, str(at))) for at in range(12)]
    for old, new in zip(batch.pixels, payloads(tool, tool.run(batch, params)), strict=True):
        assert new is None or (new.shape == old.shape and new.dtype == torch.uint8 and not torch.equal(new, old))


@every_tool
@every_shape
def test_bits_do_not_depend_on_the_batch_at_any_shape(tool, shape, make_images):
    batch = make_images(*shape, items=12)
    params = [draw(tool, {}, seed_for(4, tool.name, str(at))) for at in range(12)]
    together = payloads(tool, tool.run(batch, params))
    for at, one in enumerate(params):
        own = slice(at, at + 1)
        (alone,) = payloads(tool, tool.run(Images(batch.pixels[own], batch.partners[own]), [one]))
        assert (alone is None) == (together[at] is None)
        assert alone is None or torch.equal(alone, together[at])


@every_tool
def test_an_image_of_a_larger_tensor_may_lie_anywhere_in_memory(tool, make_images):
    batch = make_images(3, 20, 30, items=4)
    params = [draw(tool, {}, seed_for(6, tool.name, str(at))) for at in range(4)]
    strided = Images(
        *(one.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) for one in (batch.pixels, batch.partners))
    )
    plain, other = payloads(tool, tool.run(batch, params)), payloads(tool, tool.run(strided, params))
    for one, two in zip(plain, other, strict=True):
        assert (one is None) == (two is None)
        assert one is None or torch.equal(one, two)


@pytest.mark.parametrize(
    "tool", [tool for tool in TOOLS if tool.name in ("image.affine", "image.flip_crop", "image.blur")]
)
def test_a_constant_image_is_refused(tool):
    batch = Images(torch.full((3, 1, 9, 9), 77, dtype=torch.uint8))
    assert tool.run(batch, [draw(tool, {}, at) for at in range(3)]) == [None, None, None]
