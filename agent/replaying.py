"""A run carried out again from its own record: the same job, answers of models and persons from the record alone.

Nothing is asked and nothing is sent. What comes out otherwise is named: the first decision that differs, or content.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent import audit, session
from agent.differing import decided, parting
from agent.settings import Settings
from memory.documents import read_plan
from memory.errors import UsageError
from memory.exchanges import FILE as EXCHANGES
from memory.job import Export
from memory.outcomes import FILE as OUTCOMES
from memory.runs import Run


@dataclass(frozen=True)
class Replayed:
    """What came of it."""

    run: Path
    """The new run."""
    decisions: int
    """Decisions that are the same, from the first."""
    of: int
    """Decisions on record."""
    differs: str | None
    """The first one that is not, in words; None where all are."""
    same_content: bool
    """Whether every kept sample has the same content."""

    @property
    def ok(self) -> bool:
        """Whether decisions and content are the same."""
        return self.differs is None and self.same_content


def replay(folder: Path, settings: Settings, say: Callable[[dict[str, Any]], None] = lambda _event: None) -> Replayed:
    """Carry a finished run out again in a new folder, and compare.

    Raises UsageError for a run that has not ended, and ModelError where it asks a model what is not on record.
    """
    run = Run.open(folder)
    if not run.report_json.is_file():
        raise UsageError("This run has not ended; go on with it first.", where=str(folder))
    job = run.job().model_copy(update={"export": Export(format=run.job().export.format)})
    given = run.folder / "plan-given.yaml"
    answers = _approvals(folder)
    record = folder if (folder / EXCHANGES).is_file() else None
    with TemporaryDirectory(prefix="augplan-") as place:  # a replay starts from what the run knew, and teaches nothing
        if (folder / OUTCOMES).is_file():
            shutil.copy(folder / OUTCOMES, place)
        ask = session.Ask(settings.model_copy(update={"memory": Path(place)}), say, replay=record)
        ended = session.start(job, ask, read_plan(given) if given.is_file() else None, name=f"replay-{run.name[:40]}")
        while isinstance(ended, session.Waiting):
            answer = next(answers, None)
            if answer is None:
                raise UsageError("It asks a person where the record has no answer.", where=str(ended.run.folder))
            ended = session.resume(ended.run.folder, replace(ask, answer=answer))
    new = Path(ended.report["run"])
    traces = [audit.decisions(one) for one in (folder, new)]
    same, of, differs = _compare(*map(decided, traces))
    if len({trace[0]["dataset"]["digest"] for trace in traces}) > 1:
        differs = f"the dataset is not what it was: {job.dataset.path}"
    digests = {Run(one).read_json("report.json")["export_digest"] for one in (folder, new)}
    return Replayed(new, same, of, differs, len(digests) == 1)


def _approvals(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what persons answered, in order; what a policy agreed to is agreed to again by itself."""
    for one in audit.decisions(folder):
        if one["kind"] == "decision" and one["node"] == "approve" and not str(one["facts"]["by"]).startswith("policy"):
            facts = one["facts"]
            agreed = facts["agreed"]
            yield {"agreed": agreed, "who": facts["by"], "why": facts["why"], "without": facts.get("without", [])}


def _compare(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> tuple[int, int, str | None]:
    at = parting(old, new)
    if at is None:
        return len(old), len(old), None
    if at == min(len(old), len(new)):
        return at, len(old), f"{len(old)} decisions are on record, and {len(new)} were made"
    one, other = old[at], new[at]
    keys = [key for key in one["facts"] if one["facts"].get(key) != other["facts"].get(key)]
    named = ", ".join(keys) or "what was decided"
    return at, len(old), f"decision {at + 1}, {one['node']} of round {one['round']}: {named} differs"
