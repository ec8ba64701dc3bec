"""Which rows a step starts from: another label's, misread ones, and what is inherited when the label changes."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from memory.bundled import materialise
from memory.datasets.dataset import Dataset, open_dataset
from memory.datasets.made import Candidate
from memory.job import Columns, Source
from memory.records import Call, Cell, Fill, Step
from tools.apply import Maker
from tools.batches import Texts
from tools.card import Tool
from tools.catalogue import load
from tools.coverage.coverage import Coverage, survey
from tools.parents import label_axis, likest, tasks


def told(batch: Texts, params: list[Any]) -> list[str | None]:
    """Say what was asked for, which no other batch could have known."""
    assert len(batch.wanted) == len(batch)
    return [f"{text} // now {label}" for text, label in zip(batch.items, batch.wanted, strict=True)]


FLIP = replace(load()["text.swap_words"], name="text.flip", labels="changed", run=told)
TOOLS: dict[str, Tool] = {**load(), FLIP.name: FLIP}


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Coverage]:
    place = tmp_path_factory.mktemp("requests")
    columns = Columns(payload="text", label="intent", attributes=("channel",))
    dataset = open_dataset(Source(path=str(materialise("requests", place)), columns=columns), place / "work", 0)
    return dataset, survey(dataset)


def step(tool: str, cell: dict[str, str], start: dict[str, str] | None, count: int = 12) -> Step:
    fill = Fill(cell=Cell(at=cell), count=count, start=None if start is None else Cell(at=start))
    return Step(id="s", calls=(Call(tool=tool),), fill=(fill,), cites=("k",))


def made(maker: Maker, wanted: Step) -> list[Candidate]:
    return maker.make(wanted, tasks(wanted, maker.coverage, 7))


@pytest.mark.parametrize("axis", ["label", "intent"])
def test_a_tool_that_changes_labels_gives_the_label_of_the_cell(requests, axis):
    maker = Maker(*requests, TOOLS, 7)
    found = made(maker, step("text.flip", {axis: "refund"}, {axis: "invoice"}))
    assert {one.label for one in found} == {"refund"}
    rows = [maker.ids.index(one.parents[0]) for one in found]
    assert {maker.labels[row] for row in rows} == {"invoice"}
    assert all(str(one.text).endswith("// now refund") for one in found)


def test_what_the_parent_has_beside_its_label_is_inherited(tmp_path):
    with (tmp_path / "train.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label", "author", "channel"])
        rows.writerows(
            [f"words number {at} of a text", "ab"[at % 2], f"w{at}", ("chat", "mail")[at % 3 == 0]] for at in range(30)
        )
    columns = Columns(group="author", attributes=("channel",))
    dataset = open_dataset(Source(path=str(tmp_path / "train.csv"), columns=columns), tmp_path / "work", 0)
    maker = Maker(dataset, survey(dataset), TOOLS, 7)
    for one in made(maker, step("text.flip", {"label": "a", "channel": "chat"}, {"label": "b", "channel": "chat"})):
        row = maker.ids.index(one.parents[0])
        assert (one.label, maker.labels[row]) == ("a", "b")
        assert one.group == maker.groups[row]
        assert one.attributes == {"channel": "chat"}


def test_a_tool_that_keeps_labels_keeps_the_parents_whatever_the_cell(requests):
    maker = Maker(*requests, TOOLS, 7)
    found = made(maker, step("text.swap_words", {"label": "refund"}, {"label": "invoice"}))
    assert {one.label for one in found} == {"invoice"}


def test_a_cell_without_a_label_cannot_say_what_to_change_to(requests):
    maker = Maker(*requests, TOOLS, 7)
    found = made(maker, step("text.flip", {"channel": "chat"}, None))
    assert {one.refused for one in found} == {"text.flip changes labels, and this cell names none"}


def test_a_changed_label_is_made_again_from_its_lineage_alone(requests):
    maker = Maker(*requests, TOOLS, 7, batch_size=5)
    for one in made(maker, step("text.flip", {"label": "refund"}, {"label": "account"})):
        again = Maker(*requests, TOOLS, 7).remake("s", one)
        assert (again.text, again.label, again.parents) == (one.text, "refund", one.parents)


@given(picked=some.sets(some.integers(0, 400), max_size=60), count=some.integers(1, 40))
def test_parents_among_misread_rows_are_those_rows_and_no_others(requests, picked, count):
    _, coverage = requests
    cell = Cell(at={"label": "refund"})
    own = {int(row) for row in coverage.rows_in(cell)} & picked
    fill = Fill(cell=cell, count=count, among="misread")
    planned = tasks(
        Step(id="s", calls=(Call(tool="text.swap_words"),), fill=(fill,), cites=("k",)), coverage, 7, picked
    )
    times = Counter(task.row for task in planned)
    assert set(times) <= own
    assert sum(times.values()) == (count if own else 0)
    assert not times or max(times.values()) - min(times[row] for row in own) <= 1


def test_the_label_of_a_cell_is_found_by_its_role_or_its_column():
    assert label_axis(Cell(at={"label": "a", "channel": "b"}), None) == "label"
    assert label_axis(Cell(at={"intent": "a"}), "intent") == "intent"
    assert label_axis(Cell(at={"channel": "b"}), "intent") is None
    assert label_axis(Cell(at={"channel": "b"}), None) is None


TALK = {
    "card lost": "my card is gone {} and I cannot find the card in my bag",
    "card stolen": "my card is gone {} and somebody took the card from my bag",
    "weather": "will it rain {} or do we get snow and a cold wind tomorrow",
    "recipe": "boil the rice {} with salt, then fry an onion in butter",
}


def test_classes_whose_texts_share_words_are_alike(tmp_path: Path):
    with (tmp_path / "train.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        rows.writerows([text.format(f"number {at}"), label] for at in range(12) for label, text in TALK.items())
    dataset = open_dataset(Source(path=str(tmp_path / "train.csv")), tmp_path / "work", 0)
    found = likest(dataset, survey(dataset))
    assert found["card lost"][0] == "card stolen"
    assert found["card stolen"][0] == "card lost"
    assert all(sorted([name, *others]) == sorted(TALK) for name, others in found.items())
    assert likest(dataset, survey(dataset)) == found


def test_classes_of_pictures_are_not_compared(tmp_path: Path):
    source = Source(path=str(materialise("digits", tmp_path)), modality="image")
    dataset = open_dataset(source, tmp_path / "work", 0)
    assert likest(dataset, survey(dataset)) == {}
