"""Promises every augmentation keeps. A new tool is covered by existing."""

from __future__ import annotations

import copy
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch

from tools.batches import Images, Texts, Waves
from tools.card import Tool
from tools.catalogue import load
from tools.seeds import check_draw, draw, seed_for

AUGMENTATIONS = [tool for tool in load().values() if tool.kind == "augment"]
every_tool = pytest.mark.parametrize("tool", AUGMENTATIONS, ids=lambda tool: tool.name)


def part(batch: Any, at: int) -> Any:
    batch = replace(batch, labels=batch.labels[at : at + 1])
    if isinstance(batch, Texts):
        return replace(batch, items=[batch.items[at]], wanted=batch.wanted[at : at + 1])
    if isinstance(batch, Images):
        partners = None if batch.partners is None else batch.partners[at : at + 1]
        return replace(batch, pixels=batch.pixels[at : at + 1], partners=partners)
    assert isinstance(batch, Waves)
    return replace(batch, samples=batch.samples[at : at + 1], lengths=[batch.lengths[at]])


def payload_of(result: Any) -> Any:
    """Return what is made, without the share of a label or the words that some tools tell with it."""
    return result[0] if isinstance(result, tuple) else result


def same(left: Any, right: Any) -> bool:
    if isinstance(left, tuple) and isinstance(right, tuple):
        return all(same(one, other) for one, other in zip(left, right, strict=True))
    if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor):
        return left.dtype == right.dtype and torch.equal(left, right)
    return bool(left == right)


@every_tool
def test_one_result_or_refusal_per_sample(tool: Tool, batch_for):
    batch, params = batch_for(tool)
    made = tool.run(batch, params)
    assert len(made) == len(batch)
    assert sum(result is not None for result in made) >= len(batch) // 3
    for result in made:
        payload = payload_of(result)
        if tool.modality == "text":
            assert payload is None or isinstance(payload, str)
        elif tool.modality == "image":
            assert payload is None or (payload.dtype == torch.uint8 and payload.dim() == 3)
        else:
            assert payload is None or (payload.dtype == torch.float32 and payload.dim() == 2)


@every_tool
def test_something_changes(tool: Tool, batch_for):
    batch, params = batch_for(tool)
    made = tool.run(batch, params)
    if isinstance(batch, Texts):
        before: list[Any] = list(batch.items)
    elif isinstance(batch, Images):
        before = list(batch.pixels)
    else:
        before = [batch.clip(at) for at in range(len(batch))]
    changed = [
        not same(payload_of(result), old) for result, old in zip(made, before, strict=True) if result is not None
    ]
    assert any(changed)


@every_tool
def test_result_does_not_depend_on_the_batch(tool: Tool, batch_for):
    batch, params = batch_for(tool)
    together = tool.run(batch, params)
    alone = [tool.run(part(batch, at), [params[at]])[0] for at in range(len(batch))]
    assert all(same(one, other) for one, other in zip(together, alone, strict=True))


@pytest.mark.parametrize(
    "tool", [tool for tool in AUGMENTATIONS if tool.modality == "speech"], ids=lambda tool: tool.name
)
@pytest.mark.parametrize(("channels", "shortest"), [(1, 20_160), (2, 61_000)])
def test_long_clips_do_not_depend_on_the_batch_either(tool: Tool, channels, shortest, make_waves, engine_for):
    batch = make_waves(rate_hz=16000, channels=channels, items=3, shortest=shortest)
    if tool.needs.engine is not None:
        batch = replace(batch, labels=["zero", "one", "zero"], engine=engine_for(tool.needs.engine))
    params = [draw(tool, {}, seed_for(2, tool.name, str(at))) for at in range(len(batch))]
    together = tool.run(batch, params)
    alone = [tool.run(part(batch, at), [params[at]])[0] for at in range(len(batch))]
    assert all(same(one, other) for one, other in zip(together, alone, strict=True))


@every_tool
def test_same_input_same_output_and_input_untouched(tool: Tool, batch_for):
    batch, params = batch_for(tool)
    before = copy.deepcopy(replace(batch, engine=None))  # an engine holds a lock
    first = tool.run(batch, params)
    state = torch.get_rng_state()
    second = tool.run(batch, params)
    assert all(same(one, other) for one, other in zip(first, second, strict=True))
    assert torch.equal(state, torch.get_rng_state()), "the global generator was used"
    if isinstance(batch, Texts):
        assert batch.items == before.items
    elif isinstance(batch, Images):
        assert torch.equal(batch.pixels, before.pixels)
    else:
        assert torch.equal(batch.samples, before.samples)


@pytest.mark.gpu
@pytest.mark.parametrize(
    "tool",
    [tool for tool in AUGMENTATIONS if tool.modality != "text" and tool.needs.engine is None],
    ids=lambda tool: tool.name,
)
def test_a_gpu_gives_the_same_but_for_rounding(tool: Tool, batch_for):
    """Images: at most two grey levels for 99 of 100 values. Clips: at most 0.001 of full scale."""
    batch, params = batch_for(tool)
    if isinstance(batch, Images):
        assert batch.partners is not None
        there: Any = replace(batch, pixels=batch.pixels.cuda(), partners=batch.partners.cuda())
    else:
        there = replace(batch, samples=batch.samples.cuda())
    for one, other in zip(tool.run(batch, params), tool.run(there, params), strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            here, far = (result[0] if tool.labels == "mixed" else result for result in (one, other))
            assert far.is_cuda
            difference = (here.double() - far.cpu().double()).abs()
            share = (difference > (2 if isinstance(batch, Images) else 0.001)).double().mean()
            assert share <= (0.01 if isinstance(batch, Images) else 0.0)


@every_tool
def test_an_empty_batch_gives_nothing(tool: Tool, batch_for):
    batch, _ = batch_for(tool)
    if isinstance(batch, Texts):
        empty: Any = Texts([])
    elif isinstance(batch, Images):
        empty = Images(batch.pixels[:0], batch.pixels[:0])
    else:
        empty = Waves(batch.samples[:0], [], batch.rate_hz)
    assert tool.run(empty, []) == []


@every_tool
def test_the_card_can_be_read(tool: Tool):
    assert len(tool.summary) > 20
    assert tool.family
    assert tool.cites
    assert tool.cost.cpu_seconds > 0
    for name, field in tool.params.model_fields.items():
        assert field.description, f"{name} has no description"
    check_draw(tool, tool.params.usual)
    assert set(tool.params.usual) <= set(tool.params.model_fields) - {"seed"}


def test_every_citation_has_a_record():
    from memory.literature.notes import load as notes

    keys = set(notes())
    assert {key for tool in load().values() for key in tool.cites} <= keys


def test_loading_the_catalogue_loads_no_torch():
    heavy = {"torch", "sklearn", "datasets", "pyarrow"}
    code = f"import sys, tools.catalogue as c; c.load(); assert not {heavy!r} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
