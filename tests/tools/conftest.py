"""Batches to run any augmentation on: small, varied, and made here."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from tools.batches import Corpus, Images, Texts, Waves, padded_length
from tools.card import Params, Tool
from tools.seeds import draw, seed_for

SENTENCES = [
    "Where can I see how much of my parcel's journey is left before it arrives at the house?",
    "The quick brown fox jumps over the lazy dog, and nobody minds. It rests after lunch. Then it sleeps.",
    "Please cancel my order number 4471 and send the money back to my card as soon as you can.",
    "Grüße aus Köln: die Straßenbahn war heute früh schon wieder zehn Minuten zu spät!",
    "one two three four five six seven eight nine ten",
    "My card was charged twice yesterday. I want one of the payments back. Who can help me with that?",
]


def corpus() -> Corpus:
    document_frequency: dict[str, int] = {}
    term_frequency: dict[str, int] = {}
    for sentence in SENTENCES:
        words = sentence.lower().split()
        for word in words:
            term_frequency[word] = term_frequency.get(word, 0) + 1
        for word in set(words):
            document_frequency[word] = document_frequency.get(word, 0) + 1
    return Corpus(len(SENTENCES), document_frequency, term_frequency)


def texts() -> Texts:
    return Texts(SENTENCES, corpus())


def images(channels: int = 3, height: int = 28, width: int = 24, items: int = 6) -> Images:
    rng = np.random.default_rng(7)
    low = torch.from_numpy(rng.random((items, channels, 5, 5), dtype=np.float32))
    pixels = torch.nn.functional.interpolate(low, (height, width), mode="bilinear", align_corners=False)
    made = (pixels * 255).round().to(torch.uint8)
    return Images(made, partners=made.flip(0))


def waves(rate_hz: int = 8000, channels: int = 1, items: int = 6, shortest: int = 3600) -> Waves:
    rng = np.random.default_rng(11)
    lengths = [shortest + 37 * at for at in range(items)]
    samples = torch.zeros((items, channels, padded_length(max(lengths))))
    assert len({padded_length(length) for length in lengths}) == 1
    for at, length in enumerate(lengths):
        time = np.arange(length) / rate_hz
        tone = 0.3 * np.sin(2 * np.pi * (180 + 40 * at) * time) * np.hanning(length)
        clip = tone + 0.01 * rng.standard_normal((channels, length))
        samples[at, :, :length] = torch.from_numpy(clip.astype(np.float32))
    noise = [torch.from_numpy(rng.standard_normal(5000).astype(np.float32) * 0.1)]
    return Waves(samples, lengths, rate_hz, noise)


@cache
def tiny_file(name: str) -> ModuleType:
    """Load `tests/tools/tiny/NAME.py`, once a process."""
    spec = importlib.util.spec_from_file_location(f"tiny_{name}", Path(__file__).parent / "tiny" / f"{name}.py")
    assert spec is not None, f"tests/tools/tiny/{name}.py builds the engine for tests"
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def tiny_engine(name: str) -> Any:
    """Build an engine on the true classes with small random weights, once a process."""
    pictures = name.removesuffix("_pictures")
    return tiny_file(name).build() if pictures == name else tiny_file("pipelines").build(pictures)


@pytest.fixture(scope="session")
def tiny_module() -> Callable[[str], ModuleType]:
    """Return what loads a file of `tests/tools/tiny`."""
    return tiny_file


@pytest.fixture
def engine_for() -> Callable[[str], Any]:
    return tiny_engine


@pytest.fixture
def batch_for() -> Callable[[Tool], tuple[Any, list[Params]]]:
    """Return a batch and drawn parameters for any augmentation."""

    def make(tool: Tool) -> tuple[Any, list[Params]]:
        batch: Any = {"text": texts, "image": images, "speech": waves}[str(tool.modality)]()
        if tool.name == "image.replace_background":  # finds its subject by the frame's colour
            pixels = batch.pixels.clone()
            pixels[:, :, :5], pixels[:, :, -5:], pixels[..., :5], pixels[..., -5:] = 0, 0, 0, 0
            batch = replace(batch, pixels=pixels)
        if tool.needs.engine is not None:
            labels = [("zero", "one")[at % 2] for at in range(len(batch))]
            batch = replace(batch, labels=labels, engine=tiny_engine(tool.needs.engine))
        if tool.labels == "changed":
            batch = replace(batch, wanted=[("one", "zero")[at % 2] for at in range(len(batch))])
        return batch, [draw(tool, {}, seed_for(1, tool.name, str(at))) for at in range(len(batch))]

    return make


@pytest.fixture
def make_images() -> Callable[..., Images]:
    return images


@pytest.fixture
def make_waves() -> Callable[..., Waves]:
    return waves


@pytest.fixture
def make_texts() -> Callable[..., Texts]:
    return texts
