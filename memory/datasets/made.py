"""Made samples on disk: one Parquet file a shard of candidates, one beside it for what the gates said.

    made/STEP/00000.candidates.parquet      written whole or not at all
    made/STEP/00000.verdicts.parquet        the same; without it the shard has not been judged

A shard's file name follows from the step and the position, so a run that was killed skips what is there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from memory.atomic import sync_folder
from memory.errors import RecordError
from memory.records import Verdict

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Candidate:
    """One made sample before any gate saw it; `content` is None when a tool refused."""

    id: str
    step: str
    position: int
    """Place within the step."""
    attempt: int
    """How often this parent was used before in this step."""
    parents: tuple[str, ...]
    cell: dict[str, str]
    label: str | None
    group: str | None
    attributes: dict[str, str]
    calls: tuple[dict[str, Any], ...]
    """Per tool: name, version and the values drawn."""
    seed: int
    text: str | None = None
    blob: bytes | None = None
    """The encoded media: PNG or FLAC."""
    content: str | None = None
    """SHA-256 of the decoded content, so that an encoder's version does not matter."""
    soft_label: dict[str, float] = field(default_factory=dict)
    """Label -> share, for samples mixed from two labels; else empty."""
    said: str | None = None
    """What is said in a clip, where that is known: its parent's transcript, or what was spoken anew."""
    refused: str | None = None
    """The tool that refused, and why; None when a sample was made."""

    @property
    def tool(self) -> str:
        """The tools of the step, joined by `+`."""
        return "+".join(str(call["tool"]) for call in self.calls)


@dataclass(frozen=True)
class Judged:
    """What all gates said of one candidate."""

    id: str
    accepted: bool
    verdicts: tuple[Verdict, ...]
    attributes: dict[str, str]
    """Derived attributes measured on the made sample."""

    @property
    def rejected_by(self) -> str | None:
        """The first gate that refused, or None."""
        return next((verdict.gate for verdict in self.verdicts if not verdict.accepted), None)


_CANDIDATES = "candidates"
_VERDICTS = "verdicts"
_JSON = frozenset({"cell", "attributes", "calls", "soft_label"})
"""Columns of free form, kept as JSON text; Arrow would turn dicts of differing keys into one struct of nulls."""
_TYPES = {"position": "int64", "attempt": "int64", "seed": "int64", "blob": "binary", "accepted": "bool"}
"""Columns that are neither text nor a list of texts."""
_COLUMNS = {
    _CANDIDATES: tuple(Candidate.__dataclass_fields__),
    _VERDICTS: tuple(Judged.__dataclass_fields__),
}


class Made:
    """The made samples of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has_candidates(self, step: str, shard: int) -> bool:
        """Return whether a shard's candidates are there."""
        return self._file(step, shard, _CANDIDATES).exists()

    def has_judged(self, step: str, shard: int) -> bool:
        """Return whether a shard has been judged."""
        return self._file(step, shard, "verdicts").exists()

    def write_candidates(self, step: str, shard: int, candidates: Sequence[Candidate]) -> None:
        """Write one shard whole. Raises RecordError when a text is no Unicode text."""
        columns = _columns_of(_CANDIDATES, candidates)
        columns["parents"] = [list(candidate.parents) for candidate in candidates]
        self._write(self._file(step, shard, _CANDIDATES), _CANDIDATES, columns)

    def write_judged(self, step: str, shard: int, judged: Sequence[Judged]) -> None:
        """Write what the gates said of one shard whole. Raises RecordError when a text is no Unicode text."""
        columns = _columns_of(_VERDICTS, judged)
        texts = (_verdicts().dump_json((one.verdicts,), exclude_none=True).decode() for one in judged)
        columns["verdicts"] = [text[1:-1] for text in texts]
        self._write(self._file(step, shard, _VERDICTS), _VERDICTS, columns)

    def candidates(self, step: str, shard: int) -> list[Candidate]:
        """Read one shard's candidates. Raises RecordError naming the file when it is missing or damaged."""
        file = self._file(step, shard, _CANDIDATES)
        rows = self._read(file, _CANDIDATES)
        for row in rows:
            row["parents"], row["calls"] = tuple(row["parents"]), tuple(row["calls"])
        return [Candidate(**row) for row in rows]

    def judged(self, step: str, shard: int) -> list[Judged]:
        """Read what the gates said of one shard. Raises RecordError naming the file when it is missing or damaged."""
        file = self._file(step, shard, _VERDICTS)
        rows = self._read(file, _VERDICTS)
        try:
            verdicts = _verdicts().validate_json(_joined([row["verdicts"] for row in rows]))
        except ValueError as problem:
            raise _damaged(file) from problem
        return [Judged(**{**row, "verdicts": said}) for row, said in zip(rows, verdicts, strict=True)]

    def shards(self, step: str) -> list[int]:
        """Return the numbers of the shards that a step has, in order."""
        return sorted(int(file.name.split(".")[0]) for file in (self.folder / step).glob(f"*.{_CANDIDATES}.parquet"))

    def judged_pairs(self, steps: Sequence[str]) -> Iterator[tuple[Candidate, Judged]]:
        """Yield every candidate of `steps` with its judgement, in the order they were made; a shard at a time.

        Raises RecordError when a shard was not judged, or when its two files speak of different candidates.
        """
        for step in steps:
            for shard in self.shards(step):
                candidates, judged = self.candidates(step, shard), self.judged(step, shard)
                if [made.id for made in candidates] != [one.id for one in judged]:
                    where = str(self._file(step, shard, _VERDICTS))
                    raise RecordError("The verdicts are not those of the candidates beside them.", where=where)
                yield from zip(candidates, judged, strict=True)

    def accepted(self, steps: Sequence[str]) -> Iterator[tuple[Candidate, Judged]]:
        """Yield the accepted candidates of `steps`, in the order they were made."""
        return ((made, judged) for made, judged in self.judged_pairs(steps) if judged.accepted)

    def _file(self, step: str, shard: int, what: str) -> Path:
        return self.folder / step / f"{shard:05d}.{what}.parquet"

    def _write(self, file: Path, what: str, columns: dict[str, list[Any]]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pa.table(columns, schema=_schema(what))
        except UnicodeEncodeError as problem:
            raise RecordError(
                f"A made sample holds text that is no Unicode text: {problem}.", where=str(file)
            ) from None
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        # Media is compressed already; a dictionary of it would only be built to be thrown away.
        codecs = {name: "none" if name == "blob" else "zstd" for name in _COLUMNS[what]}
        words = [name for name in _COLUMNS[what] if name != "blob"]
        with partial.open("wb") as written:
            pq.write_table(table, written, compression=codecs, use_dictionary=words)
            written.flush()
            os.fsync(written.fileno())
        partial.replace(file)
        sync_folder(file.parent)

    def _read(self, file: Path, what: str) -> list[dict[str, Any]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not file.exists():
            raise RecordError("This shard is missing; the run folder is not whole.", where=str(file))
        try:
            table = pq.ParquetFile(file).read()
            if not table.schema.equals(_schema(what)):
                raise _damaged(file)
            columns = {name: _values_of(name, table[name].to_pylist()) for name in _COLUMNS[what]}
        except (pa.ArrowException, OSError, ValueError) as problem:
            raise _damaged(file) from problem
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _damaged(file: Path) -> RecordError:
    return RecordError("This shard cannot be read: it was damaged or changed after it was written.", where=str(file))


def _values_of(name: str, column: list[Any]) -> list[Any]:
    return list(json.loads(_joined(column))) if name in _JSON else column


def _joined(texts: list[str]) -> str:
    # Parsed in one call for the whole column: a call a value costs more than the reading itself.
    return f"[{','.join(texts)}]"


@cache
def _verdicts() -> TypeAdapter[tuple[tuple[Verdict, ...], ...]]:
    return TypeAdapter(tuple[tuple[Verdict, ...], ...])


@cache
def _schema(what: str) -> pa.Schema:
    """Return the same types for every shard, so that an empty one and a column of nulls read like the others."""
    import pyarrow as pa

    types = {"parents": pa.list_(pa.string())}
    return pa.schema([(name, types.get(name, _TYPES.get(name, "string"))) for name in _COLUMNS[what]])


def _columns_of(what: str, rows: Sequence[Candidate] | Sequence[Judged]) -> dict[str, list[Any]]:
    """Return the fields of `rows` as columns, those of free form as JSON text."""
    encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode
    values = {name: [getattr(row, name) for row in rows] for name in _COLUMNS[what]}
    return {name: [encode(one) for one in column] if name in _JSON else column for name, column in values.items()}
