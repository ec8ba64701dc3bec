"""Rows to files, one at a time: CSV, TSV, JSON lines, Parquet with or without embedded media."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from memory.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]
_GROUP_ROWS = 1000
_GROUP_BYTES = 32 << 20
_SHARD_BYTES = 500 << 20


class Writer(Protocol):
    """Takes rows one at a time; closed by leaving its `with` block."""

    files: list[Path]

    def write(self, row: Row) -> None:
        """Write one row."""

    def __enter__(self) -> Self:
        """Open."""

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""


class Lines:
    """What the text formats share: a file opened as UTF-8, and errors that name the row."""

    def __init__(self, file: Path, columns: Sequence[str]) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.files = [file]
        self.columns = tuple(columns)
        self.rows = 0
        self._text = file.open("w", encoding="utf-8", newline="")

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._text.close()

    def _put(self, line: str) -> None:
        self.rows += 1
        try:
            self._text.write(line)
        except UnicodeEncodeError as problem:
            raise self._refused(f"holds text that is no Unicode text ({problem.reason})") from problem

    def _refused(self, why: str) -> UsageError:
        return UsageError(f"{why}; export as parquet instead.", where=f"export row {self.rows} of {self.files[0].name}")


class Delimited(Lines):
    """CSV, or TSV with `delimiter` a tab; quoted so that every text comes back exactly."""

    def __init__(self, file: Path, columns: Sequence[str], delimiter: str = ",") -> None:
        super().__init__(file, columns)
        self.delimiter = delimiter
        # A lone carriage return ends a row for many readers, so it is quoted like a line feed.
        self._unsafe = re.compile(f'[{delimiter}"\r\n]|^\\s|\\s$')
        self._put(self._line(columns))
        self.rows = 0

    def write(self, row: Row) -> None:
        """Write one row; None is an empty field. Raises UsageError for NUL and bytes, which CSV cannot hold."""
        self._put(self._line([row[name] for name in self.columns]))

    def _line(self, values: Sequence[Any]) -> str:
        return self.delimiter.join(map(self._cell, values)) + "\n"

    def _cell(self, value: Any) -> str:
        text = value if isinstance(value, str) else self._as_text(value)
        if "\0" in text:
            raise self._refused("holds a NUL character, which this format cannot hold")
        return f'"{text.replace(chr(34), chr(34) * 2)}"' if self._unsafe.search(text) else text

    def _as_text(self, value: Any) -> str:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return ""
        if isinstance(value, (dict, list, tuple)):
            return json.dumps(value, ensure_ascii=False, default=str)
        return str(value)


class JsonLines(Lines):
    """One JSON object a line."""

    def write(self, row: Row) -> None:
        """Write one row; NaN, which JSON cannot say, becomes null."""
        values = {name: _no_nan(row[name]) for name in self.columns}
        self._put(json.dumps(values, ensure_ascii=False, allow_nan=False, default=str) + "\n")


def _no_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _no_nan(one) for name, one in value.items()}
    return [_no_nan(one) for one in value] if isinstance(value, (list, tuple)) else value


class Table:
    """Parquet: row groups of at most 1,000 rows or about 32 MB, one file or shards of about 500 MB."""

    def __init__(self, file: Path, schema: pa.Schema, shards: bool = False) -> None:
        """With `shards`, `file` is a pattern such as `data/train-{:05d}.parquet`."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self.files: list[Path] = []
        self.schema = schema
        self.rows = 0
        self._pattern, self._shards = file, shards
        self._waiting: list[Row] = []
        self._bytes = self._shard_bytes = 0
        self._writer: Any = None

    def __enter__(self) -> Self:
        """Open the first file, so that no rows make an empty table and not nothing."""
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, unless a row failed, and close."""
        if problem is None:
            self._flush()
        self._writer.close()

    def write(self, row: Row) -> None:
        """Write one row of columns in their types; media is `{"bytes": ..., "path": ...}`."""
        self.rows += 1
        self._waiting.append(row)
        self._bytes += sum(_size(value) for value in row.values())
        if len(self._waiting) >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def _open(self) -> None:
        import pyarrow.parquet as pq

        name = self._pattern.name.format(len(self.files)) if self._shards else self._pattern.name
        self.files.append(self._pattern.with_name(name))
        words = [one.name for one in self.schema if str(one.type) == "string"]
        self._writer = pq.ParquetWriter(self.files[-1], self.schema, compression="zstd", use_dictionary=words)
        self._shard_bytes = 0

    def _flush(self) -> None:
        import pyarrow as pa

        if not self._waiting:
            return
        if self._shards and self._shard_bytes and self._shard_bytes + self._bytes > _SHARD_BYTES:
            self._writer.close()
            self._open()
        try:
            table = pa.Table.from_pylist(self._waiting, schema=self.schema)
        except (pa.ArrowException, UnicodeEncodeError, OverflowError) as problem:
            first = self.rows - len(self._waiting) + 1
            where = f"export rows {first} to {self.rows} of {self.files[-1].name}"
            raise UsageError(f"hold a value that its column cannot ({problem}).", where=where) from problem
        self._writer.write_table(table)
        self._shard_bytes += self._bytes
        self._waiting, self._bytes = [], 0


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_size(one) for one in value.values())
    return len(value) if isinstance(value, (str, bytes)) else 8
