"""What runs on a GPU leaves nothing behind on the other side: tools, steps with several tools, and the learner."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from memory.bundled import materialise
from memory.datasets.dataset import open_dataset
from memory.job import Source
from memory.records import Call, Cell, Fill, Step
from tools.apply import Maker, tasks
from tools.batches import Images
from tools.card import Tool
from tools.catalogue import load
from tools.coverage.coverage import survey
from tools.probe.probe import Fit, Probe

TOOLS = [
    tool for tool in load().values() if tool.kind == "augment" and tool.modality != "text" and tool.needs.engine is None
]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_stays_where_its_batch_is(tool: Tool, batch_for, request):
    batch, params = batch_for(tool)
    request.getfixturevalue("pretended_gpu")
    if isinstance(batch, Images):
        assert batch.partners is not None
        there: Any = replace(batch, pixels=batch.pixels.to("cuda"), partners=batch.partners.to("cuda"))
    else:
        there = replace(batch, samples=batch.samples.to("cuda"))
    made = [one for one in tool.run(there, params) if one is not None]
    assert made
    assert all((one[0] if tool.labels == "mixed" else one).is_cuda for one in made)


@pytest.mark.parametrize(
    ("name", "calls", "label"),
    [
        ("digits", ("image.affine", "image.noise"), "1"),
        ("digits", ("image.mixup",), "1"),
        ("numbers", ("speech.change_speed", "speech.add_room", "speech.add_noise"), "one"),
    ],
)
def test_a_step_makes_the_same_there_but_for_rounding(name, calls, label, tmp_path, request):
    dataset = open_dataset(Source(path=str(materialise(name, tmp_path))), tmp_path / "work", 0)
    cover = survey(dataset)
    fill = (Fill(cell=Cell(at={"label": label}), count=6),)
    step = Step(id="s", calls=tuple(Call(tool=one) for one in calls), fill=fill, cites=("k",))
    planned = tasks(step, cover, 7)
    here = Maker(dataset, cover, load(), 7).make(step, planned)
    request.getfixturevalue("pretended_gpu")
    there = Maker(dataset, cover, load(), 7, device="cuda").make(step, planned)
    assert [one.refused for one in there] == [None] * 6
    assert [one.calls for one in there] == [one.calls for one in here]
    assert sum(one.content == other.content for one, other in zip(here, there, strict=True)) >= 3


@pytest.mark.usefixtures("pretended_gpu")
def test_the_learner_learns_there():
    rng = np.random.default_rng(1)
    images = [np.clip(rng.normal(60 + 90 * (at % 2), 30, (12, 12, 1)), 0, 255).astype(np.uint8) for at in range(40)]
    labels = np.arange(40) % 2
    probe = Probe("image", 2, steps=40, device="cuda")
    [said] = probe.predict(probe.features(images), [Fit(np.arange(20), labels[:20], np.ones(20), np.arange(20, 40), 1)])
    assert (said.argmax(axis=1) == labels[20:]).mean() > 0.8
