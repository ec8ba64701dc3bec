"""Images from words alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from memory.bundled import materialise
from memory.datasets.dataset import open_dataset
from memory.exchanges import Exchanges
from memory.job import Policy, Source
from memory.records import Call, Cell, Fill, Step
from tools.apply import Maker, tasks
from tools.catalogue import load
from tools.coverage.coverage import survey
from tools.engines.captions import Caption, Wanted
from tools.engines.engine import Place
from tools.engines.orders import Order
from tools.image.imagine_image import ImagineImage, imagine_image
from tools.models.asker import Asker
from tools.models.endpoint import Endpoint
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


# --- captions that are seen ---------------------------------------------------------------------------


class Seeing(Noting):
    """An engine that keeps its orders, beside a model that sees every second picture."""

    def __init__(self) -> None:
        super().__init__()
        self.captions, self.purposes, self.shown = self, list[str](), list[torch.Tensor | None]()
        self.sees, self.wanted = True, list[Wanted | None]()

    def describe(self, purpose: str, pictures: list[torch.Tensor | None], _labels: list[str]) -> list[Caption | None]:
        self.purposes.append(purpose)
        self.shown = pictures
        return [Caption(medium="a drawing", scene="on ${name}") if at % 2 else None for at in range(len(pictures))]

    def invent(self, purpose: str, scenes: list[Wanted | None]) -> list[Caption | None]:
        self.purposes.append(purpose)
        self.wanted = scenes
        return [Caption(medium="a scan", scene=f"scene {at}") if at % 2 else None for at in range(len(scenes))]


def test_a_caption_that_is_seen_says_medium_and_scene(make_images):
    batch = replace(make_images(items=4), labels=["newt"] * 4, engine=Seeing())
    own = ImagineImage(place="indoors", about="animal")
    seeing = own.model_copy(update={"caption": "seen"})
    imagine_image(batch, [seeing, seeing, own, own])
    assert batch.engine.purposes == ["image.imagine_image caption"]
    assert torch.equal(batch.engine.shown[1], batch.pixels[1])
    assert batch.engine.shown[2:] == [None, None]
    assert [one and one.prompt for one in batch.engine.orders] == [
        None,
        "a drawing of a animal newt, on ${name}",
        "a photo of a animal newt, indoors",
        "a photo of a animal newt, indoors",
    ]


def test_a_caption_that_is_written_is_invented_in_the_place_and_light_that_were_drawn(make_images):
    batch = replace(make_images(items=3), labels=["newt"] * 3, engine=Seeing())
    own = ImagineImage(place="indoors", about="animal", seed=5)
    imagine_image(batch, [own.model_copy(update={"caption": "written", "seed": at}) for at in (5, 6)] + [own])
    assert batch.engine.wanted == [
        Wanted("newt", "animal", ["a photo", "indoors"], 5),
        Wanted("newt", "animal", ["a photo", "indoors"], 6),
        None,
    ]
    assert [one and one.prompt for one in batch.engine.orders] == [
        None,
        "a scan of a animal newt, scene 1",
        "a photo of a animal newt, indoors",
    ]


def test_nobody_is_asked_unless_a_plan_says_so(make_images):
    tool = load()["image.imagine_image"]
    batch = replace(make_images(items=6), labels=["newt"] * 6, engine=Seeing())
    imagine_image(batch, [draw(tool, {}, seed_for(1, str(at))) for at in range(6)])
    assert batch.engine.purposes == []
    assert None not in batch.engine.orders


@pytest.fixture
def maker_with(tmp_path, tiny_module) -> Callable[..., Maker]:
    """Return what makes makers of digits on a tiny pipeline, with a language model or none."""
    dataset = open_dataset(Source(path=str(materialise("digits", tmp_path))), tmp_path / "work", 0)
    cover = survey(dataset)
    folder = str(tiny_module("pipelines").folder("stable"))

    def make(asker: Asker | None, **policy: Any) -> Maker:
        allowed = Policy(image_model=folder, **policy)
        return Maker(dataset, cover, load(), 7, place=Place(allowed, dataset, cover, "cpu", 7, asker))

    return make


def step(**more: Any) -> Step:
    fill = (Fill(cell=Cell(at={"label": "3"}), count=2),)
    call = Call(tool="image.imagine_image", draw={"steps": 1, "caption": "seen", **more})
    return Step(id="s", calls=(call,), fill=fill, cites=("k",))


def test_without_a_model_that_sees_the_sample_is_refused_and_told_why(maker_with):
    maker = maker_with(None)
    for one in maker.make(step(), tasks(step(), maker.coverage, 7)):
        assert one.blob is None
        assert "caption 'seen' is told by a model that sees pictures, and the job names none" in str(one.refused)
    mixed = step(caption=("seen", "template"))
    planned = [replace(task, attempt=at) for at in range(4) for task in tasks(mixed, maker.coverage, 7)]
    for one in maker.make(mixed, planned):
        assert (one.refused is None) == (one.calls[0]["params"]["caption"] == "template")


def test_what_an_endpoint_sees_is_painted_and_a_replay_makes_the_same(maker_with, model_server, tmp_path):
    server = model_server([json.dumps({"medium": "a scan", "scene": f"on paper, mark {at}"}) for at in "ab"])
    named = {"model": "openai:sees", "remote": "allow"}
    source = Endpoint("sees", server.url, "key")
    kept = tmp_path / "kept"
    kept.mkdir()
    maker = maker_with(Asker(Exchanges(kept), source), **named)
    planned = tasks(step(), maker.coverage, 7)
    made = maker.make(step(), planned)
    assert [one.refused for one in made] == [None, None]
    assert len({one.content for one in made}) == 2
    assert server.bodies[0]["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")
    asked = len(server.bodies)

    (tmp_path / "again").mkdir()
    replayed = Asker(Exchanges(tmp_path / "again"), recorded=Exchanges(kept), model="sees")
    again = maker_with(replayed, **named).make(step(), planned)
    assert [one.content for one in again] == [one.content for one in made]
    assert [one.calls for one in again] == [one.calls for one in made]
    assert len(server.bodies) == asked
    assert {one.purpose for one in replayed.exchanges} == {"image.imagine_image caption"}
