"""What the graph carries and saves (`State`: ids, counts, decisions), and what its nodes use (`Context`)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

from agent.policy import Trial
from agent.priors import Prior
from agent.settings import Settings
from agent.tally import Tally
from memory.datasets.dataset import Dataset
from memory.datasets.made import Made
from memory.datasets.media import Wave
from memory.exchanges import Exchanges
from memory.job import Job, Target
from memory.literature.index import Index
from memory.outcomes import Outcome
from memory.records import Decision, Gap, Modality, Plan, StopReason, Strategy
from memory.runs import Run
from tools.apply import Maker
from tools.card import Tool
from tools.coverage.coverage import Coverage
from tools.executors import Here
from tools.judge import Judge
from tools.models.asker import Asker
from tools.probe.bench import Bench, Lot


class State(TypedDict, total=False):
    """Saved after every node. It grows with cells and rounds, never with samples: no sample is ever in it."""

    question: str
    """Asked instead of a run: an id, a cell or a step to explain."""
    answer: str
    round: int
    targets: list[Target]
    gaps: list[Gap]
    """Every cell that was short when the run began."""
    filled: dict[str, int]
    """`target|cell` -> accepted samples in that cell."""
    labels: dict[str, int]
    """Label -> accepted samples."""
    arms: dict[str, Tally]
    """Step recipe (tools joined by `+`) -> how its candidates fared."""
    kinds: dict[str, dict[str, Tally]]
    """Step recipe -> kind of gap (its axes) -> how candidates for such gaps fared."""
    cells: dict[str, Tally]
    """`target|cell` -> how candidates made for it fared."""
    strategies: list[Strategy]
    priors: dict[str, Prior]
    """Family -> gain to expect, for the families of the tools that may run here."""
    baseline: dict[str, Any]
    """What a learner makes of the data as they are; only where the job has a goal."""
    trials: dict[str, Trial]
    """Recipe -> what it has brought so far; only where the job has a goal."""
    settled: str | None
    """The recipe whose samples are kept, once that is decided."""
    kept: list[str]
    """Then: the steps whose accepted samples count and are exported."""
    plan: Plan | None
    agreed: list[str]
    """Recipes that a person or the policy has agreed to."""
    refused: list[str]
    """Tools that a person left out of a plan; they are not planned again."""
    fresh: dict[str, int]
    """Steps applied and not yet judged -> candidates made."""
    steps: list[str]
    """Steps applied and judged, in order."""
    made: int
    accepted: int
    rejected: dict[str, int]
    outcome: dict[str, Any]
    """What the latest judging brought, until `learn` has taken it in."""
    seconds: float
    """Time spent working, over all sittings."""
    gpu_seconds: float
    """Time spent making samples on a GPU."""
    stop: StopReason | None
    decisions: Annotated[list[Decision], operator.add]


Update = dict[str, Any]


@dataclass
class Context:
    """What nodes work with; built anew by every sitting, never saved."""

    job: Job
    run: Run
    dataset: Dataset
    made: Made
    tools: dict[str, Tool]
    executor: Here
    modality: Modality
    settings: Settings
    device: str
    """`cpu` or `cuda`: where the tensors of this sitting go."""
    remembered: list[Outcome] = field(default_factory=list)
    """What earlier runs brought, as this one found it when it began; only where the job has a goal."""
    noise: list[Wave] = field(default_factory=list)
    """Recordings to mix in, from `assets.noise`."""
    exchanges: Exchanges = field(kw_only=True)
    """Every exchange with a model or an endpoint."""
    recorded: Exchanges | None = None
    """In a replay: the exchanges of the run that is replayed, which are heard instead of a model."""
    asker: Asker | None = None
    """The language model of the run, where the job names one."""
    given: Plan | None = None
    """A plan that a person brought, or None."""
    yes: bool = False
    dry_run: bool = False
    say: Callable[[dict[str, Any]], None] = lambda _event: None
    """Told of progress: {"node", "done", "of"}."""
    clock: Callable[[], float] = lambda: 0.0
    """Seconds of work in this run so far, over all sittings; what a killed node had spent is not known."""
    gpu_clock: Callable[[], float] = lambda: 0.0
    """The same for time spent making samples on a GPU."""
    seconds_by_node: dict[str, float] = field(default_factory=dict)
    coverage: Coverage | None = None
    literature: Index | None = None
    maker: Maker | None = None
    judge: Judge | None = None
    bench: Bench | None = None
    holes: Any = None
    """What was looked at for held-out coverage (`agent.holes.Seen`)."""
    said: dict[str, Any] = field(default_factory=dict)
    """What learners say that were trained on real rows alone (`agent.baseline`)."""
    lots: dict[str, Lot] = field(default_factory=dict)
    """Step -> its accepted samples as the learner sees them."""
