"""What a tool says of itself: parameters with bounds, a card of facts, a pure batch function."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

from memory.records import Labels, Modality

Kind = Literal["augment", "measure", "gate"]
F = TypeVar("F", bound=Callable[..., Any])


class Params(BaseModel):
    """Parameters of one sample. Every tool has its own subclass; `seed` feeds what is drawn inside."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seed: int = Field(0, ge=0, lt=2**63, description="Seed of what the tool draws for this sample.")
    usual: ClassVar[dict[str, tuple[Any, ...]]] = {}
    """Field -> (low, high), or a tuple of words: what a plan draws from when it says nothing."""


@dataclass(frozen=True)
class Needs:
    """What must be there before a tool can run."""

    extra: str | None = None
    """Extra of the distribution to install, or None."""
    packages: tuple[str, ...] = ()
    """Import names that must be present."""
    vram_gb: float = 0.0
    weights: str | None = None
    """Key of the weights table, or None."""
    remote: bool = False
    """True when data leaves the machine."""
    partner: bool = False
    """True when every item needs a second one of another label."""
    noise: bool = False
    """True when recordings given as noise are used."""
    corpus: bool = False
    """True when word counts of the training texts are used."""
    engine: str | None = None
    """Module of `tools.engines` whose engine is handed over with the batch, to a gate by its reference; or None."""


@dataclass(frozen=True)
class Cost:
    """Estimated cost of 1,000 samples on one CPU core."""

    cpu_seconds: float = 1.0
    gpu_seconds: float = 0.0
    """The same on a GPU; 0 for what needs none."""
    setup_seconds: float = 0.0
    """Loading or training before the first sample, once a run, on one CPU core."""
    money_usd: float = 0.0
    tokens: int = 0
    """Tokens of a language model, asked and answered."""


@dataclass(frozen=True)
class Tool:
    """One entry of the catalogue."""

    name: str
    kind: Kind
    modality: Modality | Literal["any"]
    summary: str
    run: Callable[..., Any]
    params: type[Params] = Params
    family: str = ""
    labels: Labels = "kept"
    changes: tuple[str, ...] = ()
    """Derived attributes that the tool moves, such as `brightness`."""
    cites: tuple[str, ...] = ()
    needs: Needs = field(default_factory=Needs)
    cost: Cost = field(default_factory=Cost)
    licence: str = "Apache-2.0"
    """Licence of the weights used; our own code where there are none."""
    scratch: bool = False
    """True where a sample is made anew from its label: of its parent it keeps neither group nor attributes."""
    learns: bool = False
    """True where the tool is fitted on the training rows: what it makes must look like them, and folds of those rows
    cannot say what it brings."""
    unit: str = ""
    """Unit of a measure's value."""
    edges: tuple[float, ...] = ()
    """Edges between the named ranges of a numeric measure, ascending; () for a measure that gives words."""
    version: str = ""
    """Names the source file of the tool; it changes when the file does."""


def _version(function: Callable[..., Any]) -> str:
    source = inspect.getsource(sys.modules[function.__module__])
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def _summary(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").split("\n\n", 1)[0].replace("\n", " ").strip()


_TOOL = "__augplan_tool__"


def attached(function: object) -> Tool | None:
    """Return the card that a decorator attached to `function`, or None."""
    return cast("Tool | None", getattr(function, _TOOL, None))


def _attach(function: F, **facts: Any) -> F:
    place = function.__module__.split(".")
    tool = Tool(
        name=f"{place[-2]}.{function.__name__}",
        summary=_summary(function),
        run=function,
        version=_version(function),
        **facts,
    )
    setattr(function, _TOOL, tool)
    return function


def augment(
    params: type[Params],
    *,
    family: str,
    cites: tuple[str, ...],
    labels: Labels = "kept",
    changes: tuple[str, ...] = (),
    needs: Needs | None = None,
    cost: Cost | None = None,
    licence: str = "Apache-2.0",
    scratch: bool = False,
    learns: bool = False,
) -> Callable[[F], F]:
    """Make a batch function a tool; its folder (`text`, `image`, `speech`) is its modality."""

    def mark(function: F) -> F:
        return _attach(
            function,
            kind="augment",
            modality=function.__module__.split(".")[-2],
            params=params,
            family=family,
            cites=cites,
            labels=labels,
            changes=changes,
            needs=needs or Needs(),
            cost=cost or Cost(),
            licence=licence,
            scratch=scratch,
            learns=learns,
        )

    return mark


def measure(
    modality: Modality, *, unit: str = "", edges: tuple[float, ...] = (), cites: tuple[str, ...] = ()
) -> Callable[[F], F]:
    """Make a function from payloads to one value each (a number, a word, or None) a measure."""

    def mark(function: F) -> F:
        return _attach(function, kind="measure", modality=modality, unit=unit, edges=edges, cites=cites)

    return mark


def gate(
    modality: Modality | Literal["any"],
    *,
    params: type[Params] = Params,
    cites: tuple[str, ...] = (),
    needs: Needs | None = None,
) -> Callable[[F], F]:
    """Make a function from candidates and a reference to one `Verdict` each a gate.

    One whose `needs` name an engine takes part only in runs whose job names the model (`tools.judge.gates_for`).
    """

    def mark(function: F) -> F:
        facts = {"params": params, "cites": cites, "needs": needs or Needs()}
        return _attach(function, kind="gate", modality=modality, **facts)

    return mark
