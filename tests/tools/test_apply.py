"""From a step to candidates: which parents, which values, the same again from lineage alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from memory.bundled import materialise
from memory.datasets.dataset import open_dataset
from memory.datasets.media import Wave, decode
from memory.errors import UsageError
from memory.job import Policy, Source
from memory.records import Call, Cell, Fill, Step
from tools.apply import Maker, tasks
from tools.card import Params, Tool
from tools.catalogue import load
from tools.coverage.coverage import survey
from tools.engines.engine import Place


@pytest.fixture(scope="module")
def maker_for(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Maker]:
    place = tmp_path_factory.mktemp("bundled")
    opened = {}
    for name in ("requests", "digits", "numbers"):
        dataset = open_dataset(Source(path=str(materialise(name, place))), place / f"{name}-work", 0)
        opened[name] = (dataset, survey(dataset))

    def make(name: str, tools: dict[str, Tool] | None = None, **how: Any) -> Maker:
        return Maker(*opened[name], tools or load(), 7, **how)

    return make


def step(*tools: str, label: str, count: int = 20, **draw: Any) -> Step:
    calls = tuple(Call(tool=tool, draw=draw) for tool in tools)
    return Step(id="s", calls=calls, fill=(Fill(cell=Cell(at={"label": label}), count=count),), cites=("k",))


def test_every_parent_is_used_before_any_is_used_again(maker_for):
    maker = maker_for("numbers")
    planned = tasks(step("speech.add_room", label="six", count=15), maker.coverage, 7)
    times = Counter(task.row for task in planned)
    assert sorted(times.values()) == [2, 2, 2, 3, 3, 3]
    assert {maker.labels[row] for row in times} == {"six"}
    assert [task.position for task in planned] == list(range(15))
    assert all(task.attempt == at // 6 for at, task in enumerate(planned))


class Listener:
    """Stands in for a voice, and keeps what it is told to say."""

    digest = "listener"

    def __init__(self) -> None:
        self.heard: list[str] = []

    def speak(self, text: str, _manner: Any) -> Wave:
        self.heard.append(text)
        return Wave(np.full((1, 4000), 0.1, np.float32), 8000)


@pytest.mark.parametrize("column", [None, "Sentence"])
def test_what_is_said_in_a_clip_reaches_a_tool_that_speaks(column, tmp_path):
    data = materialise("numbers", tmp_path)
    if column is not None:
        for table in data.glob("*/metadata.csv"):
            head, *rows = table.read_text().splitlines()
            table.write_text("\n".join([f"{head},{column}", *(f"{row},number {at}" for at, row in enumerate(rows))]))
    dataset = open_dataset(Source(path=str(data), modality="speech"), tmp_path, 0)
    cover, listener = survey(dataset), Listener()
    maker = Maker(dataset, cover, load(), 7, place=Place(Policy(), dataset, cover, "cpu", 7))
    maker.material._engines["espeak"] = listener
    wanted = step("speech.speak_text", label="six", count=3)
    planned = tasks(wanted, maker.coverage, 7)
    made = maker.make(wanted, planned)
    assert all(one.refused is None for one in made)
    assert listener.heard == [dataset.record(task.row)[column or "label"] for task in planned]
    assert [one.said for one in made] == listener.heard
    changed = step("speech.change_gain", label="six", count=1)
    [kept] = maker.make(changed, tasks(changed, maker.coverage, 7))
    row = dataset.column("id").index(kept.parents[0])
    assert kept.said == (None if column is None else dataset.record(row)[column])


def test_what_is_made_anew_keeps_neither_group_nor_attributes_of_its_parent(tmp_path):
    source = Source(path=str(materialise("numbers", tmp_path)), modality="speech")
    dataset = open_dataset(source, tmp_path, 0)
    cover = survey(dataset)
    maker = Maker(dataset, cover, load(), 7, place=Place(Policy(), dataset, cover, "cpu", 7))
    maker.material._engines["espeak"] = Listener()
    spoken, edited = (
        maker.make(wanted, tasks(wanted, cover, 7))[0]
        for wanted in (
            step("speech.speak_text", label="six", count=1),
            step("speech.change_gain", label="six", count=1),
        )
    )
    assert edited.group is not None
    assert (spoken.group, spoken.attributes, spoken.label) == (None, {}, "six")
    assert spoken.calls[0]["engine"] == "listener"


def test_a_tool_whose_engine_cannot_be_had_refuses_and_says_why(tmp_path, monkeypatch):
    source = Source(path=str(materialise("numbers", tmp_path)), modality="speech")
    dataset = open_dataset(source, tmp_path, 0)
    cover = survey(dataset)
    maker = Maker(dataset, cover, load(), 7, place=Place(Policy(), dataset, cover, "cpu", 7))
    asked: list[str] = []

    def build(name: str, _place: Place) -> Any:
        asked.append(name)
        raise UsageError("espeak-ng does not start here.")

    monkeypatch.setattr("tools.material.build", build)
    wanted = step("speech.speak_text", label="six", count=5)
    for _ in range(2):
        made = maker.make(wanted, tasks(wanted, cover, 7))
        assert {one.refused for one in made} == {"speech.speak_text cannot run: espeak-ng does not start here."}
    assert asked == ["espeak"], "what failed is not tried for every shard"


def test_another_seed_takes_other_parents_first(maker_for):
    maker = maker_for("digits")
    first, second = (
        [task.row for task in tasks(step("image.affine", label="0"), maker.coverage, seed)] for seed in (1, 2)
    )
    assert first != second


@pytest.mark.parametrize(
    ("name", "tools", "label"),
    [
        ("requests", ("text.replace_words",), "refund"),
        ("requests", ("text.swap_words", "text.keyboard_noise"), "refund"),
        ("digits", ("image.affine", "image.noise"), "3"),
        ("digits", ("image.cutmix",), "3"),
        ("numbers", ("speech.change_speed", "speech.add_noise"), "one"),
    ],
)
def test_a_sample_can_be_made_again_from_its_lineage_alone(maker_for, name, tools, label):
    maker = maker_for(name)
    wanted = step(*tools, label=label)
    made = maker.make(wanted, tasks(wanted, maker.coverage, 7))
    assert sum(one.refused is None for one in made) > 10
    for one in made:
        again = maker_for(name).remake("s", one)
        assert (again.content, again.blob, again.text, again.parents) == (one.content, one.blob, one.text, one.parents)


@pytest.mark.parametrize(
    ("name", "tool", "label"), [("digits", "image.trivial_augment", "1"), ("numbers", "speech.shift_pitch", "two")]
)
def test_batch_size_and_sharding_change_no_byte(maker_for, name, tool, label):
    wanted = step(tool, label=label)
    maker, single = maker_for(name), maker_for(name, batch_size=1)
    planned = tasks(wanted, maker.coverage, 7)
    whole = maker.make(wanted, planned)
    parts = [*single.make(wanted, planned[:7]), *single.make(wanted, planned[7:])]
    assert [one.content for one in whole] == [one.content for one in parts]


def test_drawn_values_are_kept_and_fixed_ones_are_as_asked(maker_for):
    maker = maker_for("digits")
    wanted = step("image.noise", label="1", std=9.0)
    calls = [one.calls[0] for one in maker.make(wanted, tasks(wanted, maker.coverage, 7))]
    assert {call["params"]["std"] for call in calls} == {9.0}
    assert len({call["params"]["seed"] for call in calls}) == 20


def test_a_mixed_sample_has_shares_instead_of_a_label(maker_for):
    maker = maker_for("digits")
    wanted = step("image.mixup", label="3")
    for one in maker.make(wanted, tasks(wanted, maker.coverage, 7)):
        if one.refused is None:
            assert one.label is None
            assert len(one.parents) == 2
            assert sum(one.soft_label.values()) == pytest.approx(1)
            assert "3" in one.soft_label


def broken(payload_of: Callable[[Any], Any], name: str) -> dict[str, Tool]:
    """Return a catalogue with one tool that does what `payload_of` does."""
    original = load()[name]

    def run(batch: Any, params: list[Params]) -> list[Any]:
        return [payload_of(batch) for _ in params]

    return {name: Tool(**{**vars(original), "run": run})}


def test_a_tool_that_breaks_costs_its_own_samples_only(maker_for):
    def sometimes(batch: Any) -> str:
        if len(batch.items) > 1 or "refund" in batch.items[0]:
            raise RuntimeError("out of luck")
        return "a sentence that was made"

    maker = maker_for("requests", broken(sometimes, "text.swap_words"))
    wanted = step("text.swap_words", label="refund", count=30)
    made = maker.make(wanted, tasks(wanted, maker.coverage, 7))
    refused = [one for one in made if one.refused]
    assert 0 < len(refused) < len(made)
    assert all("out of luck" in str(one.refused) for one in refused)


def test_samples_that_are_not_finite_are_refused(maker_for):
    maker = maker_for("numbers", broken(lambda batch: torch.full((1, 800), float("nan")), "speech.add_noise"))
    wanted = step("speech.add_noise", label="one", count=4)
    made = maker.make(wanted, tasks(wanted, maker.coverage, 7))
    assert all("not finite" in str(one.refused) and one.blob is None for one in made)


def test_recordings_are_mixed_in_at_their_own_rate(maker_for):
    rng = np.random.default_rng(3)
    noise = Wave((rng.standard_normal((1, 32000)) * 0.1).astype(np.float32), 16000)
    wanted = step("speech.add_noise", label="one", count=5)
    plain, mixed = maker_for("numbers"), maker_for("numbers", noise=[noise])
    planned = tasks(wanted, plain.coverage, 7)
    for one, other in zip(plain.make(wanted, planned), mixed.make(wanted, planned), strict=True):
        assert one.content != other.content
        assert other.blob is not None
        wave = decode("speech", other.blob, other.id)
        assert isinstance(wave, Wave)
        assert wave.rate_hz == 8000
