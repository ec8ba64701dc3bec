"""Which engine a name means, whether it can be had here, and what it is made from.

An engine is a module of this folder with two functions: `why_missing(policy)` says what is missing and which command
brings it, or None; `build(place)` loads or trains it. What a tool does with it is the tool's own business.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from memory.job import Policy

if TYPE_CHECKING:
    from memory.datasets.dataset import Dataset
    from tools.coverage.coverage import Coverage
    from tools.models.asker import Asker
    from tools.models.hearing import Hearing


class Engine(Protocol):
    """What is handed over as `batch.engine`. Several threads may use it at once: it keeps them apart itself."""

    digest: str
    """Names everything that can change a result: weights with their revision, or how it was trained."""


@dataclass(frozen=True)
class Place:
    """What an engine may be made from."""

    policy: Policy
    dataset: Dataset
    """Only training rows are ever read."""
    coverage: Coverage
    device: str
    """`cpu` or `cuda`."""
    seed: int
    """Seed of the run."""
    asker: Asker | None = None
    """The language model of the run, where the job names one."""
    endpoint: tuple[str, str | None] = ("", None)
    """Address and key of an OpenAI-compatible endpoint for pictures and speech."""
    hearing: Hearing | None = None
    """Where exchanges with that endpoint are put on record."""
    compiled: bool = False
    """Whether picture models are compiled before they are run."""


def why_missing(name: str, policy: Policy) -> str | None:
    """Return what this machine lacks for an engine, with the command that brings it; None when it can be built."""
    return cast("str | None", _module(name).why_missing(policy))


def build(name: str, place: Place) -> Engine:
    """Load or train an engine. Raises UsageError where what it needs is not here or may not be used."""
    return cast("Engine", _module(name).build(place))


def _module(name: str) -> Any:
    return importlib.import_module(f"tools.engines.{name}")
