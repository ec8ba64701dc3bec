"""One pass over a dataset: rows of every part, made items, written as they come."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from memory.datasets import columnar
from memory.datasets.columnar import Features
from memory.datasets.items import Item, Maker, check_items
from memory.datasets.layouts import Layout, Part
from memory.datasets.paths import is_there
from memory.datasets.readers import Report, Row, read_delimited, read_json_lines
from memory.datasets.roles import Roles, resolve
from memory.datasets.table import TableWriter
from memory.errors import UsageError
from memory.job import Source

KEPT_REPORTS = 1000
_BATCH_ROWS = 4096
_BATCH_BYTES = 64 << 20
_COLUMNAR = {"parquet", "arrow", "hub"}


@dataclass(frozen=True)
class Skipped:
    """A row that was left out, and why."""

    where: str
    why: str


@dataclass
class Reports:
    """What was left out: the first thousand one by one, all counted."""

    first: list[Skipped] = field(default_factory=list)
    count: int = 0

    def __call__(self, where: str, why: str) -> None:
        """Take one report."""
        self.count += 1
        if len(self.first) < KEPT_REPORTS:
            self.first.append(Skipped(where, why.rstrip(".")))


@dataclass
class Reading:
    """What one pass found out beside the table."""

    roles: Roles
    attributes: tuple[str, ...] = ()
    part_splits: dict[str, set[str]] = field(default_factory=dict)
    """Part -> splits of its rows."""
    broken: dict[str, list[str]] = field(default_factory=dict)
    """Split -> media files that are there but were left out."""


def read(source: Source, layout: Layout, file: Path, reports: Reports) -> Reading:
    """Read every row of `layout` once and write the table to `file`; of rows written only media names stay in memory.

    Raises UsageError when there is no row, a role cannot be told, or a media path leaves the dataset's folder.
    """
    stream = _rows(layout, reports)
    size = 32 if layout.parts[0].kind in _COLUMNAR else 1000
    first = list(itertools.islice(stream, size))
    if not first:
        raise UsageError(f"holds no rows{_because(reports)}.", where=_where(layout))
    part = first[0][0]
    roles = resolve(source, _features(part), [row for _, _, row in first], _where(layout), layout.folder is not None)
    found = Reading(roles)
    maker = Maker(layout, roles, reports)
    writer = TableWriter(file, roles.columns.attributes, roles.chosen)
    with writer, ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        items = _items(itertools.chain(first, stream), maker, found)
        _write(items, writer, _Check(found, layout.root, pool, reports))
        if writer.rows == 0:
            raise UsageError(f"holds no row that can be used{_because(reports)}.", where=_where(layout))
    found.attributes = writer.attributes()
    _report_unnamed(layout, maker, reports)
    return found


def _where(layout: Layout) -> str:
    return layout.parts[0].name or layout.name


def _because(reports: Reports) -> str:
    if not reports.first:
        return ""
    return f": {reports.count} left out, the first is {reports.first[0].where} ({reports.first[0].why})"


def _rows(layout: Layout, report: Report) -> Iterator[tuple[Part, int, Row]]:
    for part in layout.parts:
        for number, row in _part_rows(part, layout, report):
            yield part, number, row


def _part_rows(part: Part, layout: Layout, report: Report) -> Iterator[tuple[int, Row]]:
    if part.kind == "listing":
        folder = layout.folder
        return (
            (at, {"file_name": name, "label": folder.class_of(name) if folder else None})
            for at, name in enumerate(part.content)
        )
    if part.kind in {"csv", "tsv"}:
        return read_delimited(part.file, part.name, "," if part.kind == "csv" else "\t", report)
    if part.kind == "jsonl":
        return read_json_lines(part.file, part.name, report)
    if part.kind == "parquet":
        return columnar.read_parquet(part.file, part.name)
    return columnar.read_hub(part.content) if part.kind == "hub" else columnar.read_arrow(part.file, part.name)


def _features(part: Part) -> Features:
    if part.kind == "parquet":
        return columnar.parquet_features(part.file, part.name)
    if part.kind == "arrow":
        return columnar.arrow_features(part.file, part.name)
    return columnar.hub_features(part.content, part.name) if part.kind == "hub" else Features()


def _items(rows: Iterator[tuple[Part, int, Row]], maker: Maker, found: Reading) -> Iterator[Item]:
    """Make items; a media file that stands in two splits is an error, one that stands twice in a split is reported."""
    seen: dict[str, tuple[str, str]] = {}
    checked: set[str] = set()
    for part, number, row in rows:
        if part.name not in checked:
            checked.add(part.name)
            _has_payload(part, row, maker.roles)
        item = maker.make(part, number, row)
        if item is None:
            continue
        found.part_splits.setdefault(part.name, set()).add(item.split)
        if maker.roles.modality != "text" and item.blob is None:
            split, where = seen.setdefault(item.payload, (item.split, item.where))
            if split != item.split:
                raise UsageError(
                    f"{item.payload!r} is in {item.split}, and in {split} too ({where}); a file may stand in one split "
                    "only, take it out of one.",
                    where=item.where,
                )
            if where != item.where:
                maker.report(item.where, f"{item.payload!r} stands at {where} already")
                continue
        yield item


def _has_payload(part: Part, row: Row, roles: Roles) -> None:
    name = roles.columns.payload
    if part.kind not in {"jsonl", "listing"} and name not in row:
        columns = ", ".join(map(repr, row))
        raise UsageError(f"has no column {name!r}, which other files have; its columns are {columns}.", where=part.name)


@dataclass(frozen=True)
class _Check:
    """Checks a batch of items before it is written."""

    found: Reading
    root: Path
    pool: Executor
    report: Reports

    def __call__(self, items: list[Item]) -> list[Item]:
        kept = check_items(items, self.found.roles, self.root, self.pool, self.report)
        whole = {id(item) for item in kept}
        for item in items:
            if id(item) not in whole and item.blob is None and is_there(self.root, item.payload):
                self.found.broken.setdefault(item.split, []).append(item.payload)
        return kept


def _write(items: Iterator[Item], writer: TableWriter, check: _Check) -> None:
    batch: list[Item] = []
    size = 0
    for item in items:
        batch.append(item)
        size += len(item.record) + len(item.payload) + len(item.blob or b"")
        if len(batch) == _BATCH_ROWS or size > _BATCH_BYTES:
            writer.add(check(batch))
            batch, size = [], 0
    if batch:
        writer.add(check(batch))


def _report_unnamed(layout: Layout, maker: Maker, report: Report) -> None:
    """Report media files that lie under a metadata file which does not name them."""
    if layout.folder is None or not layout.folder.metadata:
        return
    for name in layout.folder.media:
        if name not in maker.named:
            report(name, "is not named in the metadata file")
