"""From a step to candidates through the language model of a run: lineage, the record of exchanges, and replay."""

from __future__ import annotations

from typing import Any

import pytest

from memory.bundled import materialise
from memory.datasets.dataset import open_dataset
from memory.exchanges import Exchanges
from memory.job import Policy, Source
from memory.records import Call, Cell, Fill, Step
from tools.apply import Maker, tasks
from tools.catalogue import load
from tools.coverage.coverage import survey
from tools.engines.engine import Place
from tools.models.asker import Asker


def step(tool: str) -> Step:
    fill = (Fill(cell=Cell(at={"label": "refund"}), count=20),)
    return Step(id="s", calls=(Call(tool=tool, draw={}),), fill=fill, cites=("k",))


@pytest.fixture(scope="module")
def tiny(tiny_module) -> Any:
    return tiny_module("writer")


@pytest.fixture(scope="module")
def maker_with(tmp_path_factory: pytest.TempPathFactory) -> Any:
    place = tmp_path_factory.mktemp("bundled")
    dataset = open_dataset(Source(path=str(materialise("requests", place))), place / "work", 0)
    coverage = survey(dataset)

    def make(asker: Asker, **how: Any) -> Maker:
        return Maker(dataset, coverage, load(), 7, place=Place(Policy(), dataset, coverage, "cpu", 7, asker), **how)

    return make


@pytest.mark.parametrize("tool", ["text.paraphrase", "text.write_boundary", "text.write_by_attributes"])
def test_what_was_written_is_made_again_from_lineage_and_record_without_the_model(tool, maker_with, tiny, tmp_path):
    maker = maker_with(Asker(Exchanges(tmp_path), tiny.Shuffler(), model="shuffler"))
    planned = tasks(step(tool), maker.coverage, 7)
    made = maker.make(step(tool), planned)
    assert sum(one.refused is None for one in made) > 10
    assert all(one.label == "refund" for one in made)
    assert all(one.calls[0]["engine"].startswith("shuffler@") for one in made)

    alone = maker_with(Asker(Exchanges(tmp_path), model="shuffler"))
    assert [alone.remake("s", one).text for one in made] == [one.text for one in made]

    (tmp_path / "replay").mkdir()
    replayed = Asker(Exchanges(tmp_path / "replay"), recorded=Exchanges(tmp_path), model="shuffler")
    again = maker_with(replayed, batch_size=3).make(step(tool), planned)
    assert [one.text for one in again] == [one.text for one in made]
    assert all(one.replayed for one in replayed.exchanges)


def test_the_record_tells_what_each_request_was_for(maker_with, tiny, tmp_path):
    exchanges = Exchanges(tmp_path)
    maker = maker_with(Asker(exchanges, tiny.Shuffler(), model="shuffler"))
    wanted = step("text.paraphrase")
    maker.make(wanted, tasks(wanted, maker.coverage, 7))
    assert {one.purpose for one in exchanges} == {"text.paraphrase", "text.paraphrase hints"}
    assert len({one.key for one in exchanges}) == len(exchanges)
