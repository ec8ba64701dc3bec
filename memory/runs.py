"""One run, one folder: everything a run leaves behind has its place here.

job.yaml  plan-1.yaml …         what was asked, and what was planned
trace.jsonl  head               what was decided, sealed
checkpoint.sqlite               where the loop stands
dataset/  made/                 the dataset as it was read, and every made sample
exchanges.jsonl  recorded/      what was said to a model; in a replay, the record that it is heard from
report.json  report.html        how it ended
export/                         the augmented dataset
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Literal, Self

from memory import atomic, locks
from memory.documents import read_job, read_plan
from memory.errors import RecordError, UsageError
from memory.exchanges import FILE as EXCHANGES
from memory.job import Job
from memory.records import Plan
from memory.trace import Trace

State = Literal["running", "finished", "unfinished"]
_STAMP = re.compile(r"(\d{8}-\d{6})(?:-(\d+))?$")
_PLAN = re.compile(r"plan-([1-9][0-9]*)\.yaml")
_LOCK = "lock"
_PATIENCE_S = 0.2
"""How long a lock is waited for: longer than another process needs to look whether a run is being worked on."""


@dataclass(frozen=True)
class Run:
    """The folder of one run. Making a `Run` touches nothing; `create` and `open` do."""

    folder: Path

    @classmethod
    def create(cls, parent: Path, name: str) -> Self:
        """Make a new folder `NAME-YYYYMMDD-HHMMSS` (UTC) in `parent`, with an empty trace.

        Letters, digits, dots and dashes of `name` stay, anything else becomes a dash. Never touches what is there.
        """
        stem = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.") or "run"
        stamp = f"{stem[:60]}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        try:
            parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise UsageError(f"No run folder can be made here: {problem.strerror}.", where=str(parent)) from problem
        for number in count(1):
            folder = parent / (stamp if number == 1 else f"{stamp}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            break
        Trace.open_for_writing(folder)
        return cls(folder)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a run folder. Raises UsageError when `path` is none."""
        if not is_run(path):
            raise UsageError("This is no run folder; it holds neither a job nor a trace.", where=str(path))
        return cls(path)

    @property
    def name(self) -> str:
        """Name of the folder, which names the run."""
        return self.folder.name

    @property
    def job_file(self) -> Path:
        """The job with absolute paths."""
        return self.folder / "job.yaml"

    def plan_file(self, number: int) -> Path:
        """Return the plan of round `number`, counted from 1."""
        return self.folder / f"plan-{number}.yaml"

    @property
    def checkpoint(self) -> Path:
        """Where the graph keeps its state."""
        return self.folder / "checkpoint.sqlite"

    @property
    def made(self) -> Path:
        """Folder of the made samples."""
        return self.folder / "made"

    @property
    def dataset(self) -> Path:
        """Folder of the dataset as it was read."""
        return self.folder / "dataset"

    @property
    def report_json(self) -> Path:
        """The report for programs."""
        return self.folder / "report.json"

    @property
    def report_html(self) -> Path:
        """The report for people."""
        return self.folder / "report.html"

    @property
    def export(self) -> Path:
        """Folder of the augmented dataset, unless the job names another."""
        return self.folder / "export"

    @property
    def recorded(self) -> Path:
        """Folder of exchanges that were recorded elsewhere and are heard instead of a model; there in a replay only."""
        return self.folder / "recorded"

    def keep_recorded(self, other: Path) -> None:
        """Copy the exchanges of another run or chat, to replay them. Raises UsageError when it has none."""
        if not (other / EXCHANGES).is_file():
            raise UsageError("No exchange with a model was recorded here.", where=str(other))
        self.recorded.mkdir()
        atomic.write(self.recorded / EXCHANGES, (other / EXCHANGES).read_bytes())

    @property
    def state(self) -> State:
        """Whether somebody works on the run now, and if not, whether it ended with a report."""
        if locks.is_held(self.folder / _LOCK):
            return "running"
        return "finished" if self.report_json.is_file() else "unfinished"

    def job(self) -> Job:
        """Read the job of this run. Raises UsageError when it cannot be read."""
        return read_job(self.job_file)

    def plans(self) -> list[Plan]:
        """Read the plans of this run in the order of their rounds."""
        found = (_PLAN.fullmatch(file.name) for file in self.folder.iterdir())
        return [read_plan(self.plan_file(number)) for number in sorted(int(one[1]) for one in found if one)]

    def trace(self) -> Trace:
        """Return the trace for reading; for writing take `Trace.open_for_writing` under `lock`."""
        return Trace(self.folder)

    def write_text(self, name: str, text: str) -> Path:
        """Write a file of this folder whole or not at all, and return its path."""
        file = self._inside(name)
        atomic.write(file, text.encode())
        return file

    def write_json(self, name: str, value: Any) -> Path:
        """Write `value` as indented JSON whole or not at all. Raises ValueError for NaN and infinities."""
        return self.write_text(name, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def read_json(self, name: str) -> Any:
        """Read a JSON file of this folder. Raises RecordError when it is missing or broken."""
        file = self._inside(name)
        try:
            return json.loads(file.read_bytes())
        except (OSError, ValueError) as problem:
            raise RecordError(
                "This file is missing or is not JSON; the run folder is not whole.", where=str(file)
            ) from problem

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other process from working on this run; given back on leaving, and when the process dies.

        Raises UsageError when another process holds it.
        """
        try:
            with locks.held(self.folder / _LOCK, _PATIENCE_S):
                yield
        except locks.BusyError as problem:
            busy = f"Run {self.name}: another process is working on this run; wait for it to end."
            raise UsageError(busy) from problem

    def _inside(self, name: str) -> Path:
        if not name or Path(name).name != name or name.startswith("."):
            raise ValueError(f"{name!r} is not the plain name of a file")
        return self.folder / name


def is_run(path: Path) -> bool:
    """Return whether `path` is the folder of a run, whole or not."""
    return (path / "job.yaml").is_file() or (path / "trace.jsonl").is_file()


def listing(parent: Path) -> list[Run]:
    """Return the runs in `parent`, newest first; `Run.state` tells how each stands. No such folder means no runs."""
    if not parent.is_dir():
        return []
    return sorted((Run(path) for path in parent.iterdir() if is_run(path)), key=_started, reverse=True)


def _started(run: Run) -> tuple[str, int, str]:
    found = _STAMP.search(run.name)
    return (found[1], int(found[2] or 1), run.name) if found else ("", 0, run.name)
