"""A handful of notes, and an encoder small enough to be worked out by hand."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from memory.literature import notes
from memory.literature.notes import Note


class Words:
    """Texts to unit vectors: every word adds a direction of its own. A real encoder, only a poor one."""

    def __init__(self, name: str = "words") -> None:
        self.name = self.digest = name
        self.asked = 0

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> np.ndarray:
        self.asked += len(texts)
        rows = np.zeros((len(texts), 256), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                row[int.from_bytes(hashlib.blake2b(word.encode(), digest_size=2).digest(), "big") % 256] += 1
        if progress is not None:
            progress(len(texts))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-9)


@pytest.fixture
def encoder() -> Words:
    return Words()


@pytest.fixture
def another_encoder() -> Words:
    return Words("another")


@pytest.fixture(scope="session")
def few() -> dict[str, Note]:
    keys = ("wei2019eda", "pruthi2019misspellings", "zhong2020randomerasing", "snyder2015musan", "park2019specaugment")
    return {key: notes.load()[key] for key in keys}
