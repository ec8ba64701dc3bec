"""What earlier runs measured: one outcome an arm, kept between runs so that the next one need not start from nothing.

    outcomes.jsonl  one outcome a line, in canonical JSON
    outcomes.lock   held while the file is changed

An outcome holds names of tools, numbers and the state of a dataset; never a sample, a label or a path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from memory import atomic, digests, locks
from memory.errors import RecordError, UsageError
from memory.records import Modality, Record

FILE = "outcomes.jsonl"
_LOCK = "outcomes.lock"
_PATIENCE_S = 30.0
"""How long a lock is waited for; a write takes milliseconds."""


class Outcome(Record):
    """One arm of one run, as measured."""

    run: str = Field(min_length=1, max_length=200)
    """Name of the run folder."""
    ended: str
    """When the run ended: a date and time in UTC, ISO 8601."""
    modality: Modality
    per_class: float | None = Field(ge=0)
    """Real training items of the median class; None: not known, as below."""
    imbalance: float | None = Field(ge=1)
    """Items of the largest class over those of the smallest."""
    pretrained: bool | None
    """Whether the model that is trained on the data was pretrained."""
    arm: str = Field(min_length=1, max_length=200)
    """Made of names of tools, such as `usual image.affine`."""
    families: tuple[str, ...]
    """Families of its tools; () where nothing was augmented (copies, re-weighting)."""
    tools: dict[str, str]
    """Tool -> version."""
    strength: str = Field(max_length=100)
    dose: float = Field(ge=0)
    """Made samples per real item."""
    before: float = Field(ge=0, le=1)
    """Macro-F1 of the probe without the arm."""
    gain: float = Field(ge=-1, le=1)
    """Macro-F1 with the arm, less `before`."""
    spread: float = Field(ge=0)
    """Standard deviation of the gain."""
    measured_on: Literal["folds", "validation", "test"]
    units: int = Field(ge=1)
    """Independent units of the measurement."""
    made: int = Field(ge=0)
    accepted: int = Field(ge=0)
    seconds: float = Field(ge=0)

    @field_validator("ended")
    @classmethod
    def _ended_is_in_utc(cls, value: str) -> str:
        if datetime.fromisoformat(value).utcoffset() != timedelta(0):
            raise ValueError("it is no date and time in UTC; write it as 2026-01-31T12:00:00+00:00")
        return value


def add(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Keep outcomes, all or none; whatever was kept of the same runs before is replaced.

    The folder is made on first write. Raises UsageError when it cannot be written, or when another process keeps it
    locked; RecordError when the file is damaged, and then leaves it as it is.
    """
    if not outcomes:
        return
    anew = {one.run for one in outcomes}
    with _changing(folder):
        kept = [one for one in read(folder) if one.run not in anew]
        atomic.write(folder / FILE, _lines([*kept, *outcomes]))


def read(folder: Path) -> list[Outcome]:
    """Return every outcome, the oldest first; no file means none.

    Raises RecordError naming the first line that cannot be read, UsageError when the file cannot be opened.
    """
    file = folder / FILE
    return [_parsed(line, f"{file}:{number}") for number, line in _numbered(file)]


def count(folder: Path) -> int:
    """Return how many outcomes are kept, readable or not. Raises UsageError when the file cannot be opened."""
    return sum(1 for _ in _numbered(folder / FILE))


def reset(folder: Path) -> int:
    """Remove every outcome, damaged ones too, and return how many there were.

    Raises UsageError when the folder cannot be written, or when another process keeps it locked.
    """
    if not count(folder):
        return 0
    with _changing(folder):
        removed = count(folder)
        (folder / FILE).unlink(missing_ok=True)
        return removed


def export(folder: Path, file: Path) -> int:
    """Copy every outcome to a new file, one a line, and return how many there are.

    Raises UsageError when `file` exists or cannot be written; RecordError when a line is damaged.
    """
    outcomes = read(folder)
    try:
        with file.open("xb") as copy:
            copy.write(_lines(outcomes))
    except FileExistsError as problem:
        raise UsageError("This file exists already; name another.", where=str(file)) from problem
    except OSError as problem:
        raise UsageError(f"This file cannot be written: {problem.strerror}.", where=str(file)) from problem
    return len(outcomes)


def digest(outcomes: Sequence[Outcome]) -> str:
    """Return the SHA-256 of some outcomes as 64 hex digits, the same in whatever order they come."""
    return digests.digest(sorted(_line(one) for one in outcomes))


@contextmanager
def _changing(folder: Path) -> Iterator[None]:
    """Hold the lock of the folder, which is made where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locks.held(folder / _LOCK, _PATIENCE_S):
            yield
    except OSError as problem:
        message = f"This folder cannot be written: {problem.strerror}. Name another with AUGPLAN_MEMORY."
        raise UsageError(message, where=str(folder)) from problem
    except locks.BusyError as problem:
        message = f"Another process has kept the outcomes locked for {_PATIENCE_S:.0f} s; try again when it has ended."
        raise UsageError(message, where=str(folder)) from problem


def _numbered(file: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number from 1, line) of the lines that are not blank. A file is whole, so no lock is needed."""
    try:
        content = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as problem:
        raise UsageError(f"This file cannot be read: {problem.strerror}.", where=str(file)) from problem
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            yield number, line


def _parsed(line: bytes, where: str) -> Outcome:
    try:
        return Outcome.model_validate_json(line, strict=True)
    except ValidationError as problem:
        said = problem.errors()[0]
        field = ".".join(str(part) for part in said["loc"]) or "the whole"
        message = f"This line is no outcome ({field}: {said['msg']}). Remove it, or all with: augplan outcomes reset"
        raise RecordError(message, where=where) from problem


def _line(outcome: Outcome) -> str:
    return digests.canonical(outcome.model_dump(mode="json"))


def _lines(outcomes: Sequence[Outcome]) -> bytes:
    return "".join(f"{_line(one)}\n" for one in outcomes).encode()
