"""What engines run on a GPU leaves nothing behind on the other side, in the precision that a GPU is given."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from memory.datasets.media import encode_image
from memory.errors import ModelError
from memory.exchanges import Message, Reply, Request
from tools.engines import matcher, pipelines, recogniser, vits
from tools.engines.class_diffusion import learn
from tools.engines.filler import from_folder
from tools.engines.orders import Order
from tools.engines.translator import Pair, Translator, Trip
from tools.engines.voice import Line, files_of
from tools.models.local import Local

Tiny = Callable[[str], ModuleType]
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 8}},
    "required": ["text"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def _gpu(tiny_module: Tiny, request: pytest.FixtureRequest) -> None:
    import diffusers  # its first import looks for a true GPU

    assert diffusers.__version__
    for kind in ("stable", "klein", "large", "controlled"):
        tiny_module("pipelines").folder(kind)
    request.getfixturevalue("pretended_gpu")


@pytest.mark.parametrize(
    ("kind", "work"),
    [
        ("stable", "vary"),
        ("stable", "fill"),
        ("large", "imagine"),
        ("klein", "vary"),
        ("klein", "edit"),
        ("stable", "guide"),
    ],
)
def test_pictures_are_made_there_together(tiny_module: Tiny, kind: str, work: Any):
    control = tiny_module("pipelines").folder("controlled") / "controlnet" if work == "guide" else None
    engine = pipelines.open_pictures(tiny_module("pipelines").folder(kind), work, "cuda", control=control)
    assert engine.pipe.device.type == "cuda"
    assert engine.pipe.dtype == torch.bfloat16
    image = torch.randint(0, 255, (3, 28, 24), dtype=torch.uint8, generator=torch.Generator()).to("cuda")
    mask = torch.ones(28, 24).to("cuda") if work == "fill" else None
    parent = None if work == "imagine" else image
    made = engine.make([Order("a bird", seed, (28, 24), parent, mask, strength=0.6, steps=2) for seed in (1, 2, 3)])
    assert all(one is not None and one.is_cuda and one.shape == (3, 28, 24) for one in made)


def test_a_model_of_the_data_is_trained_and_drawn_from_there(tiny_module: Tiny):
    images, labels = tiny_module("class_diffusion").pictures()
    engine = learn(images, labels, 3, "cuda", tiny_module("class_diffusion").RECIPE)
    assert engine.network.device.type == "cuda"
    made = engine.make(["one", "zero", "one"], [1, 2, 3], [1.0, 2.0, 1.0], (3, 8, 8))
    assert all(one is not None and one.shape == (3, 8, 8) for one in made)


def test_a_voice_speaks_there(tiny_module: Tiny, tmp_path: Path):
    engine = vits.load(files_of(str(tiny_module("voice").save(tmp_path))), "cuda")
    said = engine.speak([Line("hello there", "", 1.0, 1), Line("where is it", "", 1.2, 2), Line("yes", "1", 1.0, 3)])
    assert all(wave is not None and np.isfinite(wave.samples).all() for wave in said)


def test_masks_are_filled_and_texts_translated_there(tiny_module: Tiny, tmp_path: Path):
    filler = from_folder(tiny_module("filler").save(tmp_path), "x", "cuda")
    found = filler.fill([f"please send {filler.mask} back", f"the {filler.mask} {filler.mask} sleeps"], 5)
    assert [[len(words) for words in masks or ()] for masks in found] == [[5], [5, 5]]
    folders = [tiny_module("translator").save(tmp_path / str(seed), seed) for seed in (1, 2)]
    pair = Translator({"de": Pair(folders[0], folders[1], "cuda")}, "x")
    assert pair.there_and_back([Trip("where is my dog", "de", 1, 0.8)])[0]


@pytest.mark.parametrize("save", ["save_ctc", "save_whisper"])
def test_clips_are_heard_there(tiny_module: Tiny, tmp_path: Path, save: str):
    tiny = tiny_module("recogniser")
    ear = recogniser.ear_of(getattr(tiny, save)(tmp_path), "cuda")
    engine = recogniser.Recogniser(ear, recogniser.RealRows(tiny.place(None), 8), "x")
    assert all(isinstance(one, str) for one in engine.hear(tiny.Clips().items[:2]))


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_pictures_are_compared_with_words_there(tiny_module: Tiny, tmp_path: Path, kind: str):
    tiny = tiny_module("matcher")
    agreement = matcher.agreement_of(tiny.save(tmp_path, kind), "cuda")
    engine = matcher.Matcher(agreement, matcher.RealRows(tiny.place(None), 8), "x")
    assert engine.shares([np.zeros((20, 20, 3), np.uint8)] * 2).sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("schema", [None, SCHEMA], ids=["free", "held"])
def test_a_language_model_answers_there(tiny_model_folder: Path, schema: dict[str, object] | None):
    answers = Local("x", tiny_model_folder, "cuda").complete_all([asked(schema, seed) for seed in range(3)])
    assert all(isinstance(one, Reply) and one.tokens_out > 0 for one in answers), answers


def test_a_model_that_sees_answers_there(tmp_path: Path, server_module: Callable[[str], ModuleType]):
    folder = server_module("tiny_seeing_model").make(tmp_path / "seeing")
    picture = encode_image(np.full((40, 60, 3), 120, np.uint8))
    url = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    answers = Local("x", folder, "cuda").complete_all([asked(SCHEMA, seed, url) for seed in range(2)])
    assert not [one for one in answers if isinstance(one, ModelError)]


def asked(schema: dict[str, object] | None, seed: int, *pictures: str) -> Request:
    said = Message(role="user", content="say " + "it " * (seed + 1), images=pictures)
    return Request(model="x", messages=(said,), reply_schema=schema, max_tokens=12, temperature=0.8, seed=seed)
