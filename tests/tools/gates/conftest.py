"""Small batches of made samples, and what gates compare them with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from memory.datasets.media import Payload, Wave
from memory.records import Cell, Verdict
from tools.candidates import Candidates, Reference
from tools.card import Params, Tool, attached
from tools.similarity.seen import Seen
from tools.teacher.teacher import Opinion


@dataclass
class FixedTeacher:
    """Says of every sample what it was told to say, and notes what it was asked."""

    says: Opinion
    asked: list[Payload] = field(default_factory=list)

    def opinions(self, payloads: Sequence[Payload], *others: Any) -> list[Opinion]:
        self.asked.extend(payloads)
        return [self.says] * len(payloads)


@pytest.fixture
def batch_of() -> Callable[..., Candidates]:
    """Return made samples of (child, parent) pairs."""

    def make(
        pairs: Sequence[tuple[Payload, Payload]],
        cells: Sequence[Cell | None] | None = None,
        attributes: Sequence[dict[str, str]] | None = None,
        mixed: Sequence[bool] | None = None,
        scratch: bool = False,
    ) -> Candidates:
        count = len(pairs)
        return Candidates(
            ids=[f"made{at}" for at in range(count)],
            payloads=[child for child, _ in pairs],
            parents=[parent for _, parent in pairs],
            parent_ids=[f"row{at}" for at in range(count)],
            labels=["yes"] * count,
            cells=cells or [None] * count,
            attributes=attributes or [{}] * count,
            mixed=mixed or [False] * count,
            scratch=[scratch] * count,
            families=[()] * count,
            said=[None] * count,
            learnt=[False] * count,
        )

    return make


@pytest.fixture
def reference_to() -> Callable[..., Reference]:
    """Return a reference that holds these training and evaluation payloads, by id."""

    def make(
        training: dict[str, Payload] | None = None,
        held_out: dict[str, Payload] | None = None,
        teacher: Any = None,
        modality: Any = "text",
    ) -> Reference:
        seen, other = Seen(modality), Seen(modality)
        for into, items in ((seen, training or {}), (other, held_out or {})):
            into.add(list(items), list(items.values()))
        return Reference(modality, seen, other, set(training or {}), teacher or FixedTeacher(Opinion(True, 0.9, "")))

    return make


@pytest.fixture
def teacher_that() -> Callable[[Opinion], FixedTeacher]:
    return FixedTeacher


@pytest.fixture
def tone() -> Callable[..., Wave]:
    """Return a sine of a level and a duration, 8 kHz mono."""

    def make(amplitude: float = 0.1, seconds: float = 1.0, hz: float = 440.0) -> Wave:
        time = np.arange(round(8000 * seconds)) / 8000
        return Wave((amplitude * np.sin(2 * np.pi * hz * time)).astype(np.float32)[None], 8000)

    return make


@pytest.fixture
def run_gate(reference_to) -> Callable[..., list[Verdict]]:
    """Run a gate with its usual parameters."""

    def run(gate: Any, batch: Candidates, reference: Reference | None = None, **params: Any) -> list[Verdict]:
        tool = attached(gate)
        assert isinstance(tool, Tool)
        assert issubclass(tool.params, Params)
        verdicts = tool.run(batch, reference or reference_to(), tool.params(**params))
        assert [verdict.gate for verdict in verdicts] == [tool.name.rsplit(".", 1)[-1]] * len(batch)
        assert all(verdict.accepted or verdict.why for verdict in verdicts)
        return verdicts

    return run
