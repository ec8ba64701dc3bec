"""Pictures described by a model on this machine: which models are asked, and a sample made after what one said."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from memory.bundled import materialise
from memory.datasets.dataset import open_dataset
from memory.exchanges import Exchange, Exchanges, Message, Reply, Request, now
from memory.job import Policy, Source
from memory.records import Call, Cell, Fill, Step
from tools.apply import Maker, tasks
from tools.catalogue import load
from tools.coverage.coverage import survey
from tools.engines import imagine_pictures
from tools.engines.captions import Caption, Captions, build
from tools.engines.engine import Place
from tools.models.asker import Asker
from tools.models.choose import HERE
from tools.models.local import Local

TINY = runpy.run_path(str(Path(__file__).parents[2] / "servers" / "tiny_seeing_model.py"))
NOTHING = cast("Any", None)
SEED = 5
"""Random weights that write printable letters, as a caption must have them."""


@pytest.fixture(scope="module", params=TINY["KINDS"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(TINY["make"](tmp_path_factory.mktemp("seeing") / request.param, request.param, seed=SEED))


def built(model: str | Path, asker: Asker, remote: str = "deny") -> Captions | None:
    policy = Policy.model_construct(model=str(model), remote=remote)
    return build(Place(policy, NOTHING, NOTHING, "cpu", 1, asker))


def sees_by(found: Captions | None) -> bool:
    assert found is not None
    return found.sees


@pytest.mark.parametrize("remote", ["allow", "deny"])
def test_a_model_here_is_asked_where_it_sees_whatever_may_leave(folder, tiny_model_folder, tmp_path, remote):
    for place, sees in ((folder, True), (tiny_model_folder, False)):
        source = Local(place.name, place)
        assert sees_by(built(place, Asker(Exchanges(tmp_path), source), remote)) == sees
        assert source._loaded is None, "files alone say it"
        assert sees_by(built(place, Asker(Exchanges(tmp_path), model=place.name), remote)) == sees


def test_where_its_files_are_gone_the_record_says_whether_a_model_saw(tmp_path):
    def heard(name: str, to: str, *pictures: str) -> Exchanges:
        (tmp_path / name).mkdir()
        kept = Exchanges(tmp_path / name)
        request = Request(model="m", messages=(Message(role="user", content="x", images=pictures),))
        kept.add(Exchange(key=request.key, at=now(), purpose="p", to=to, request=request, reply=Reply(text="y")))
        return kept

    records = {"saw": (HERE, "data:,"), "read": (HERE,), "asked elsewhere": ("https://host/v1", "data:,")}
    nobody = Exchanges(tmp_path)
    for name, what in records.items():
        kept = heard(name, *what)
        assert sees_by(built("no/model", Asker(nobody, recorded=kept, model="m"))) == (name == "saw")
        assert sees_by(built("no/model", Asker(kept, model="m"))) == (name == "saw")


def test_what_a_model_here_sees_is_painted_and_a_replay_makes_the_same(folder, tiny_module, tmp_path, monkeypatch):
    dataset = open_dataset(Source(path=str(materialise("digits", tmp_path / "data"))), tmp_path / "work", 0)
    cover = survey(dataset)
    policy = Policy(model=str(folder), image_model=str(tiny_module("pipelines").folder("stable")), remote="deny")
    fill = (Fill(cell=Cell(at={"label": "3"}), count=2),)
    call = Call(tool="image.imagine_image", draw={"steps": 1, "caption": "seen"})
    step = Step(id="s", calls=(call,), fill=fill, cites=("k",))
    prompts: list[str] = []
    make = imagine_pictures.Imagining.make

    def watched(self: Any, orders: Any) -> list[torch.Tensor | None]:
        prompts.extend(one.prompt for one in orders)
        return make(self, orders)

    monkeypatch.setattr(imagine_pictures.Imagining, "make", watched)

    def maker(asker: Asker) -> Maker:
        return Maker(dataset, cover, load(), 7, place=Place(policy, dataset, cover, "cpu", 7, asker))

    (tmp_path / "kept").mkdir()
    kept = Exchanges(tmp_path / "kept")
    planned = tasks(step, cover, 7)
    made = maker(Asker(kept, Local(folder.name, folder))).make(step, planned)
    assert [one.refused for one in made] == [None, None]
    assert len({one.content for one in made}) == 2
    scenes = [Caption.model_validate_json(one.reply.text).scene for one in kept if one.reply is not None]
    assert all(any(prompt.endswith(f", {scene}") for scene in scenes) for prompt in prompts)
    assert {(one.to, one.purpose) for one in kept} == {(HERE, "image.imagine_image caption")}
    assert all(one.reply is not None and one.reply.tokens_in > 100 for one in kept)

    (tmp_path / "again").mkdir()
    replayed = Asker(Exchanges(tmp_path / "again"), recorded=kept, model=folder.name)
    again = maker(replayed).make(step, planned)
    assert [one.content for one in again] == [one.content for one in made]
    assert [one.calls for one in again] == [one.calls for one in made]
