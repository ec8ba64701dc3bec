"""The table of a dataset: written batch by batch as Arrow, read back memory-mapped."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from memory.datasets.items import Item

if TYPE_CHECKING:
    import pyarrow as pa

TEXTS = ("id", "made_id", "split", "label", "group", "payload", "where", "record", "content")
FEW = 200
"""A column with more values than this is not offered as an attribute."""


class TableWriter:
    """Writes items to an Arrow file that appears whole or not at all; use as a context manager."""

    def __init__(self, file: Path, attributes: Sequence[str], chosen: bool) -> None:
        """Keep all `attributes` when a person chose them; else drop those with more than `FEW` values."""
        import pyarrow as pa

        self.rows = 0
        self._file = file
        self._partial = file.with_suffix(".partial")
        self._values: dict[str, set[str]] = {name: set() for name in attributes}
        self._dropped: set[str] = set()
        self._chosen = chosen
        names = [*TEXTS, *(f"attr:{name}" for name in attributes)]
        fields = [*((name, pa.string()) for name in names), ("blob", pa.binary())]
        self._schema = pa.schema(fields)
        self._sink = pa.OSFile(str(self._partial), "wb")
        self._writer = pa.ipc.new_file(self._sink, self._schema)

    def add(self, items: Sequence[Item]) -> None:
        """Write items as one batch."""
        import pyarrow as pa

        columns: dict[str, list[Any]] = {name: [getattr(item, name) for item in items] for name in (*TEXTS, "blob")}
        for at, name in enumerate(self._values):
            columns[f"attr:{name}"] = self._attribute(name, [item.attributes[at] for item in items])
        arrays = [pa.array(columns[one.name], one.type) for one in self._schema]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        self.rows += len(items)

    def _attribute(self, name: str, values: list[str | None]) -> list[str | None]:
        if name in self._dropped:
            return [None] * len(values)
        if not self._chosen:
            self._values[name].update(value for value in values if value is not None)
            if len(self._values[name]) > FEW:
                self._dropped.add(name)
                self._values[name] = set()
        return values

    def attributes(self) -> tuple[str, ...]:
        """Return the attributes worth keeping: chosen, or with few values that come back."""
        if self._chosen:
            return tuple(self._values)
        return tuple(name for name, values in self._values.items() if 0 < len(values) <= self.rows / 2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Put the file in place, or remove what was written when reading failed."""
        self._writer.close()
        self._sink.close()
        if kind is not None:
            self._partial.unlink()
            return
        with self._partial.open("rb") as written:
            os.fsync(written.fileno())
        self._partial.replace(self._file)


def read_table(
    file: Path, ids: str, attributes: Sequence[str], cut: NDArray[np.int8] | None, names: Sequence[str]
) -> pa.Table:
    """Return the memory-mapped table: `ids` as id, kept attributes only, rows of `cut` moved to their split."""
    import pyarrow as pa

    table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()
    order = ["id", "split", "label", "group", "payload", "blob", "where", "record", "content"]
    kept = [*order, *(f"attr:{name}" for name in attributes)]
    columns = [table.column(ids if name == "id" else name) for name in kept]
    if cut is not None:
        columns[1] = _moved(columns[1], cut, names)
    return pa.table(columns, names=kept)


def _moved(splits: pa.ChunkedArray, cut: NDArray[np.int8], names: Sequence[str]) -> pa.ChunkedArray:
    import pyarrow as pa

    chunks, start = [], 0
    for chunk in splits.chunks:
        codes = cut[start : start + len(chunk)].tolist()
        moved = [names[code - 1] if code else split for code, split in zip(codes, chunk.to_pylist(), strict=True)]
        chunks.append(pa.array(moved, pa.string()))
        start += len(chunk)
    return pa.chunked_array(chunks, pa.string())


def pick(column: pa.ChunkedArray, rows: Sequence[int]) -> list[Any]:
    """Return the values of some rows, in their order; touches only the chunks they lie in."""
    ends = np.cumsum([len(chunk) for chunk in column.chunks])
    where = np.asarray(rows, np.int64)
    if where.size and (where.min() < 0 or where.max() >= (ends[-1] if len(ends) else 0)):
        raise IndexError(f"rows {where.min()} to {where.max()} of a table of {ends[-1] if len(ends) else 0} rows")
    chunks = np.searchsorted(ends, where, side="right")
    return [
        column.chunk(chunk)[row - (int(ends[chunk - 1]) if chunk else 0)].as_py()
        for chunk, row in zip(chunks.tolist(), where.tolist(), strict=True)
    ]


def shared(column: pa.ChunkedArray) -> list[str | None]:
    """Return a column of few values; equal values are one object, so a million rows stay small."""
    words: dict[str | None, str | None] = {}
    found: list[str | None] = []
    for chunk in column.chunks:
        coded = chunk.dictionary_encode()
        known = [words.setdefault(word, word) for word in coded.dictionary.to_pylist()]
        found.extend(None if code is None else known[code] for code in coded.indices.to_pylist())
    return found


def digest_of(table: pa.Table) -> str:
    """Return the SHA-256 over id, split, label, group, content and attributes of every row, in order."""
    names = [name for name in table.column_names if name not in {"payload", "blob", "where", "record"}]
    hashed = hashlib.sha256("\x1f".join(names).encode())
    for rows in _row_batches(table.select(names)):
        hashed.update("\x1e".join(rows).encode())
        hashed.update(b"\x1e")
    return hashed.hexdigest()


def _row_batches(table: pa.Table) -> Iterator[list[str]]:
    for batch in table.to_batches():
        columns = [column.to_pylist() for column in batch.columns]
        yield ["\x1f".join("\0" if value is None else value for value in row) for row in zip(*columns, strict=True)]
