"""The trace: records that can be added and never changed without it showing.

    trace.jsonl     one record a line, in canonical JSON: seq, at, body, prev, seal
    head            how many records and bytes are sealed, and the seal of the last

A record's `seal` is the SHA-256 of the record without it, and `prev` is the seal of the record before, so a changed
line breaks the chain. The head is kept apart, so a shortened file shows as well. Lines are written first and the head
after them: what stands beyond the head was never sealed, and opening the trace for writing cuts it off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError

from memory import atomic
from memory.digests import canonical, digest
from memory.errors import RecordError
from memory.records import Record

_TRACE = "trace.jsonl"
_HEAD = "head"
_START = "0" * 64


class Head(Record):
    """What is sealed."""

    records: int = Field(ge=0)
    bytes: int = Field(ge=0)
    seal: str = Field(pattern="^[0-9a-f]{64}$")
    """Seal of the last record; 64 zeros before the first."""


@dataclass(frozen=True)
class Check:
    """What `verify` found."""

    ok: bool
    records: int
    """Records that are in order, counted from the first."""
    first_bad: int | None = None
    """The first line at fault, counted from 1; None when the fault is in the head, or nowhere."""
    problem: str | None = None


class Trace:
    """The trace of one run folder. One process writes at a time; the run's lock sees to that."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / _TRACE

    @classmethod
    def open_for_writing(cls, folder: Path) -> Self:
        """Start the trace of `folder`, or go on with it: what an interrupted write left behind is cut off.

        Raises RecordError when what is sealed was changed.
        """
        trace = cls(folder)
        if not (folder / _HEAD).exists() and _size(trace._file) in (None, 0):
            trace._file.touch()
            _write_head(folder, Head(records=0, bytes=0, seal=_START))
        check = _check(folder)
        if not check.ok:
            raise RecordError(f"{check.problem} This trace cannot be continued.", where=str(folder))
        os.truncate(trace._file, _read_head(folder).bytes)
        return trace

    def __len__(self) -> int:
        """Return the number of sealed records."""
        return _read_head(self._folder).records

    def append(self, bodies: Sequence[Mapping[str, Any]]) -> None:
        """Seal `bodies` and write them, all or none.

        Raises RecordError when a body is not plain JSON, or when the file was changed meanwhile.
        """
        head = _read_head(self._folder)
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        seal, lines = head.seal, []
        for seq, body in enumerate(bodies, start=head.records + 1):
            record = {"seq": seq, "at": at, "body": _plain(body, seq), "prev": seal}
            seal = digest(record)
            lines.append(_line({**record, "seal": seal}))
        block = b"".join(lines)
        with self._file.open("ab") as file:
            if file.tell() != head.bytes:
                raise RecordError("There is more or less here than the head says; verify it.", where=str(self._file))
            file.write(block)
            file.flush()
            os.fsync(file.fileno())
        _write_head(self._folder, Head(records=head.records + len(lines), bytes=head.bytes + len(block), seal=seal))

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the sealed records in order: `seq` (from 1), `at` (UTC, ISO 8601) and `body`.

        Seals are not checked; `verify` does that. Raises RecordError when a line cannot be read.
        """
        head = _read_head(self._folder)
        for number, line in enumerate(_lines(self._file, head.bytes), start=1):
            try:
                record = json.loads(line)
                whole = {name: record[name] for name in ("seq", "at", "body")}
            except (ValueError, KeyError, TypeError, RecursionError) as problem:
                where = f"{self._file}:{number}"
                raise RecordError("This line is no record; verify the trace.", where=where) from problem
            yield whole


def verify(folder: Path) -> Check:
    """Check every byte of a trace and its head; the result names the first line at fault.

    A trace whose last write was interrupted is not in order either, and the problem says so.
    """
    check = _check(folder)
    if not check.ok:
        return check
    extra = (_size(folder / _TRACE) or 0) - _read_head(folder).bytes
    if extra == 0:
        return check
    problem = f"{extra} bytes after the last sealed record: the run was interrupted; resume it."
    return Check(ok=False, records=check.records, first_bad=check.records + 1, problem=problem)


def _check(folder: Path) -> Check:
    """Check what is sealed, and leave out what stands after it."""
    try:
        head = _read_head(folder)
    except RecordError as problem:
        return Check(ok=False, records=0, problem=f"{problem}")
    if _size(folder / _TRACE) is None:
        return Check(ok=False, records=0, first_bad=1 if head.records else None, problem=f"{_TRACE} is missing.")
    seal, done = _START, 0
    for number, line in enumerate(_lines(folder / _TRACE, head.bytes), start=1):
        problem_here, seal = _fault(line, number, seal)
        if problem_here is not None:
            return Check(ok=False, records=done, first_bad=number, problem=f"Line {number}: {problem_here}.")
        done = number
    return _against_head(folder, head, done, seal)


def _against_head(folder: Path, head: Head, done: int, seal: str) -> Check:
    """Compare a whole chain of `done` records, the last sealed with `seal`, with the head."""
    short = (_size(folder / _TRACE) or 0) < head.bytes
    if short and done < head.records:
        problem = f"Line {done + 1}: the head counts {head.records} records, and the file ends after {done}."
        return Check(ok=False, records=done, first_bad=done + 1, problem=problem)
    if short or (done, seal) != (head.records, head.seal):
        problem = f"Line {done}: this or an earlier record was sealed anew, or the head was changed."
        return Check(ok=False, records=max(0, done - 1), first_bad=done or None, problem=problem)
    return Check(ok=True, records=done)


def _fault(line: bytes, number: int, before: str) -> tuple[str | None, str]:
    """Return what is wrong with one line, or None, and its seal."""
    if not line.endswith(b"\n"):
        return "the line is cut off", before
    try:
        record = json.loads(line)
        whole = isinstance(record, dict) and set(record) == {"seq", "at", "body", "prev", "seal"}
        if not whole or _line(record) != line:
            return "the line is not a record in canonical form", before
        seal = record.pop("seal")
        sealed_with = digest(record)
    except (ValueError, RecursionError):
        return "the line is not a record in canonical form", before
    if record["seq"] != number or type(record["seq"]) is not int:
        return f"record {record['seq']} stands here; records were removed, added or moved", before
    if record["prev"] != before:
        return "the record does not follow the one before it", before
    return (None if seal == sealed_with else "the record does not match its seal"), sealed_with


def _plain(body: Mapping[str, Any], seq: int) -> dict[str, Any]:
    """Return `body` as JSON reads it back, so that the line has one form only."""
    try:
        plain: dict[str, Any] = json.loads(canonical(dict(body)))
        canonical(plain).encode()
    except (ValueError, TypeError, RecursionError) as problem:
        raise RecordError(f"This body is not plain JSON: {problem}.", where=f"record {seq}") from problem
    return plain


def _line(record: Mapping[str, Any]) -> bytes:
    return canonical(record).encode() + b"\n"


def _lines(file: Path, size: int) -> Iterator[bytes]:
    """Yield the lines within the first `size` bytes; the last may be cut off."""
    with file.open("rb") as source:
        while size > 0 and (line := source.readline(size)):
            size -= len(line)
            yield line


def _size(file: Path) -> int | None:
    return file.stat().st_size if file.is_file() else None


def _read_head(folder: Path) -> Head:
    """Read the head. Raises RecordError when it is missing or was changed."""
    file = folder / _HEAD
    if not file.is_file():
        raise RecordError("The head is missing, so nobody can tell how long the trace was.", where=str(file))
    content = file.read_bytes()
    try:
        head = Head.model_validate_json(content, strict=True)
    except ValidationError as problem:
        raise RecordError("The head was changed; it is not as it was written.", where=str(file)) from problem
    if _line(head.model_dump()) != content:
        raise RecordError("The head was changed; it is not as it was written.", where=str(file))
    return head


def _write_head(folder: Path, head: Head) -> None:
    atomic.write(folder / _HEAD, _line(head.model_dump()))
