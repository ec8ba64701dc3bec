"""Open or resume a run, drive the graph, and copy committed decisions to the trace.

The trace follows the checkpoint, never leads it: a decision is written once the node after it has begun, which is
after its own checkpoint is on disk.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from agent import experience
from agent import state as states
from agent.graph import build
from agent.opening import Ask, context_of, opening, sent_since
from agent.state import Context, State
from memory import job as jobs
from memory import records
from memory.documents import dump_yaml
from memory.errors import RecordError, UsageError
from memory.exports.export import check_target
from memory.job import Job
from memory.records import Plan
from memory.runs import Run
from memory.trace import Trace

__all__ = ["Ask", "Ended", "Waiting", "resume", "start"]


@dataclass(frozen=True)
class Ended:
    """A run that came to its end: what `report.json` holds."""

    report: dict[str, Any]
    plan: Plan | None = None
    """The latest plan."""


@dataclass(frozen=True)
class Waiting:
    """A run that waits for a person to agree to a plan."""

    run: Run
    question: dict[str, Any]


def start(job: Job, ask: Ask, given: Plan | None = None, name: str | None = None) -> Ended | Waiting:
    """Run `job` from its beginning.

    Raises UsageError before anything is written when the export's folder exists already.
    """
    if job.export.path is not None and not ask.dry_run:
        check_target(Path(job.export.path))
    run = Run.create(ask.settings.runs, name or Path(job.dataset.path).stem)
    if given is not None:
        run.write_text("plan-given.yaml", dump_yaml(given))
    run.write_text("job.yaml", dump_yaml(job))
    if ask.replay is not None:
        run.keep_recorded(ask.replay)
    try:
        if job.goal is not None:
            experience.take(run, ask.settings)
        return _sit(run, ask, job)
    except UsageError:
        if not run.made.exists():  # refused before anything was made: leave nothing behind
            shutil.rmtree(run.folder)
        raise


def resume(folder: Path, ask: Ask) -> Ended | Waiting:
    """Go on with a run that was stopped or killed, or that waits for an answer. A finished run gives its report."""
    return _sit(Run.open(folder), ask)


def _sit(run: Run, ask: Ask, job: Job | None = None) -> Ended | Waiting:
    """Work on a run; `job` still knows what was given and what is default, the one in the run folder does not."""
    with run.lock():
        context = context_of(run, job or run.job(), ask)
        try:
            with _graph(run) as graph:
                return _Sitting(run, ask, context, graph).drive()
        finally:
            if context.literature is not None:
                context.literature.close()


def _records() -> list[type]:
    """Return every record that may stand in a checkpoint."""
    kinds = [*vars(records).values(), *vars(jobs).values(), *vars(states).values()]
    return [kind for kind in kinds if isinstance(kind, type) and hasattr(kind, "model_fields")]


@contextmanager
def _graph(run: Run) -> Iterator[Any]:
    with SqliteSaver.from_conn_string(str(run.checkpoint)) as saver:
        saver.serde = JsonPlusSerializer(allowed_msgpack_modules=_records())
        # A killed process loses nothing this way. A power cut may lose the last nodes; they are then run again.
        saver.conn.execute("PRAGMA synchronous=NORMAL")
        yield build().compile(checkpointer=saver)


class _Sitting:
    """One process working on one run."""

    def __init__(self, run: Run, ask: Ask, context: Context, graph: Any) -> None:
        self.run, self.ask, self.context, self.graph = run, ask, context, graph
        limit = 16 * (context.job.limits.rounds + 2)
        self.config = {"configurable": {"thread_id": "run"}, "recursion_limit": limit}
        self.trace = Trace.open_for_writing(run.folder)
        self.pending: list[dict[str, Any]] = []
        self.ahead: list[dict[str, Any]] = []
        """Decisions of the trace whose checkpoint was lost in a power cut; they must be made again, and alike."""
        self.sent: set[str] = set()
        """Marks of the questions that the trace says were sent."""
        self.closed = False
        self.seconds_in_trace = 0.0

    def drive(self) -> Ended | Waiting:
        """Work until the end, or until a person is needed."""
        saved = self.graph.get_state(self.config)
        self._open_trace(saved.values)
        earlier, began = float(saved.values.get("seconds", 0.0)), time.perf_counter()
        self.context.clock = lambda: earlier + time.perf_counter() - began
        if saved.values and not saved.tasks:  # a task whose writes are saved is not `next`, and yet not the end
            return Ended(self.run.read_json("report.json"), saved.values["plan"]) if self.closed else self._end()
        last = time.perf_counter()
        question = None
        for update in self.graph.stream(self._entry(saved), self.config, context=self.context, durability="sync"):
            if "inspect" in update:
                self._flush()  # once a round: what is pending was decided by nodes whose checkpoint is on disk
                self._forget()
            now = time.perf_counter()
            for node, brought in update.items():
                if node == "__interrupt__":
                    question = brought[0].value
                    continue
                spent = self.context.seconds_by_node
                spent[node] = spent.get(node, 0.0) + now - last
                self.pending += [_body(one) for one in (brought or {}).get("decisions", [])]
            last = now
        self._flush()
        if question is not None:
            return Waiting(self.run, question)
        return self._end()

    def _entry(self, saved: Any) -> Any:
        """Return what the graph goes on with: a fresh state, a person's answer, or nothing new."""
        if not saved.values:
            return State()
        if saved.interrupts:
            return Command(resume=self.ask.answer or {"agreed": True, "who": "--yes"}) if self._answered() else None
        return None

    def _answered(self) -> bool:
        return self.ask.answer is not None or self.ask.yes

    def _open_trace(self, saved: dict[str, Any]) -> None:
        """Write the opening record of a new trace; bring that of a resumed run up to its checkpoint."""
        bodies = [record["body"] for record in self.trace.read()]
        if not bodies:
            self.trace.append([opening(self.context)])
        committed = saved.get("decisions", [])
        self.sent = {one[0] for body in bodies if body["kind"] == "sent" for one in body["exchanges"]}
        self.closed = any(body["kind"] == "closed" for body in bodies)
        decided = [body for body in bodies if body["kind"] == "decision"]
        self.ahead = decided[len(committed) :]
        missing = [_body(one) for one in committed[len(decided) :]]
        if saved:
            missing.append({"kind": "resumed", "settings": self.context.settings.model_dump(mode="json")})
        if missing and not self.closed:
            self.trace.append(missing)

    def _flush(self) -> None:
        start = time.perf_counter()
        while self.ahead and self.pending:
            if self.ahead.pop(0) != self.pending.pop(0):
                raise RecordError("A decision came out otherwise than the trace has it.", where=str(self.run.folder))
        new = [*self.pending, *sent_since(self.context, self.sent)]
        if new:
            self.trace.append(new)
            self.pending = []
        self.seconds_in_trace += time.perf_counter() - start

    def _forget(self) -> None:
        """Drop checkpoints that a later one replaced: replay rests on the trace, and they would grow with rounds."""
        saver = self.graph.checkpointer
        latest = "(SELECT MAX(checkpoint_id) FROM checkpoints)"
        for table in ("writes", "checkpoints"):
            saver.conn.execute(f"DELETE FROM {table} WHERE checkpoint_id < {latest}")  # noqa: S608  no value is put in
        saver.conn.commit()

    def _end(self) -> Ended:
        self._forget()
        spent = {name: round(value, 3) for name, value in self.context.seconds_by_node.items()}
        report = self.run.read_json("report.json")
        report["cost"]["seconds_by_node"] = spent | {"trace": round(self.seconds_in_trace, 3)}
        self.run.write_json("report.json", report)
        self.trace.append([{"kind": "closed", "stop_reason": report["stop_reason"], "cost": report["cost"]}])
        return Ended(report, self.graph.get_state(self.config).values["plan"])


def _body(decision: Any) -> dict[str, Any]:
    return {"kind": "decision", **decision.model_dump(mode="json")}
