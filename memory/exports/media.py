"""Images and sounds to folders or to Parquet with the media inside; evaluation files as they were.

A folder of images is read by `datasets` through one `metadata.parquet` a split, whose columns are the same for all:
the metadata files of the source, copied as they are, lack the columns of provenance. Where such a file cannot lie
(a split without a folder of its own), and for sounds, whose folders need torchcodec to load, `datasets` reads
`data/SPLIT-*.parquet` with the media inside, and the folder stands beside it.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from memory.datasets.made import Candidate
from memory.datasets.media import IMAGE_ENDINGS
from memory.datasets.splits import TRAIN
from memory.errors import RecordError
from memory.exports.card import Part
from memory.exports.places import Places, free_file, places, safe_folder
from memory.exports.shape import Item, Row, Shape, free_name, items, survey
from memory.exports.task import Task, Written
from memory.exports.types import media_type, schema_of
from memory.exports.writers import Delimited, Table, Writer

if TYPE_CHECKING:
    import pyarrow as pa

_FEATURES = {"image": {"_type": "Image"}, "speech": {"_type": "Audio", "decode": False}}
_COLUMNS = {"image": "image", "speech": "audio"}
_ENDINGS = {"image": ".png", "speech": ".flac"}
_TABLES = frozenset((".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".parquet", ".pq"))


def write_media(task: Task) -> Written:
    """Write a dataset of images or sounds; raises UsageError naming a row that cannot be written."""
    return _write_shards(task) if task.kind == "parquet" else _write_folders(task)


@dataclass(frozen=True)
class _Media:
    """One real or made media file on its way out."""

    path: str
    """Relative to the export, or the name inside a Parquet file."""
    data: bytes | None
    """None when nobody needs the bytes."""


@dataclass
class _Sinks:
    """The tables that rows of one split go to."""

    shape: Shape
    home: str | None
    metadata: Writer | None = None
    """`metadata.csv`, for people and for other programs."""
    index: Writer | None = None
    """`metadata.parquet`, for `datasets`."""
    shards: Table | None = None
    column: str = ""
    """Column of the media in `shards`."""
    endings: set[str] = field(default_factory=set)

    def write(self, row: Row, media: _Media) -> None:
        """Write one row to every table."""
        self.endings.add(PurePosixPath(media.path).suffix)
        inner = media.path.removeprefix(f"{self.home}/") if self.home else media.path
        row = {**row, self.shape.payload: inner}
        if self.metadata is not None:
            self.metadata.write(row)
        if self.index is not None:
            self.index.write(self.shape.typed(row))
        if self.shards is not None:
            values = {self.column if name == self.shape.payload else name: one for name, one in row.items()}
            values = self.shape.typed(values)
            self.shards.write({**values, self.column: {"bytes": media.data, "path": PurePosixPath(inner).name}})


# --- Parquet --------------------------------------------------------------------------------------


def _write_shards(task: Task) -> Written:
    dataset = task.dataset
    stored = dataset.table.column("blob").null_count == 0
    column = str(dataset.columns.payload) if stored else _COLUMNS[dataset.modality]
    shape = survey(dataset, column)
    counted = _Counted(task, shape)
    parts = []
    for split in [TRAIN, *task.evaluation()]:
        copied = _copied_tables(task, split) if stored and split != TRAIN else ()
        if copied:
            parts.append(Part(split, copied, _with_media(shape, column, shape.types), _special(task, shape, column)))
            continue
        with _shards(task, shape, column, split) as table:
            sinks = _Sinks(shape, None, shards=table, column=column)
            for row, item, candidate in counted.rows(split):
                sinks.write(row, _unplaced(task, item, candidate))
            files = tuple(file.relative_to(task.folder).as_posix() for file in table.files)
        parts.append(Part(split, files, _with_media(shape, column, shape.all_types()), _special(task, shape, column)))
    return Written(shape, parts, (), counted.synthetic)


def _unplaced(task: Task, item: Item | None, candidate: Candidate | None) -> _Media:
    if item is not None:
        return _Media(item.payload, task.dataset.raw(item.row))
    made = _blob_of(candidate)
    return _Media(f"{made[0]}{_ENDINGS[task.dataset.modality]}", made[1])


def _blob_of(candidate: Candidate | None) -> tuple[str, bytes]:
    if candidate is None or candidate.blob is None:
        raise RecordError("This accepted sample has no media.", where=f"sample {candidate.id if candidate else ''}")
    return candidate.id, candidate.blob


def _copied_tables(task: Task, split: str) -> tuple[str, ...]:
    """Copy the Parquet files of a split; copy none unless they hold all its rows."""
    dataset = task.dataset
    names = [name for name in dataset.files.get(split, ()) if name.lower().endswith(".parquet")]
    where = dataset.table.column("where").take(dataset.rows(split)).to_pylist()
    if not {place.rpartition(":")[0] for place in where} <= set(names):
        return ()
    return tuple(task.copy(name) for name in names)


def _with_media(shape: Shape, column: str, types: Mapping[str, pa.DataType]) -> dict[str, pa.DataType]:
    return {column if name == shape.payload else name: media_type() if name == shape.payload else kind
            for name, kind in types.items()}  # fmt: skip


def _special(task: Task, shape: Shape, column: str) -> dict[str, Any]:
    return {**shape.special, column: _FEATURES[task.dataset.modality]}


def _shards(task: Task, shape: Shape, column: str, split: str) -> Table:
    schema = schema_of(_with_media(shape, column, shape.all_types()), _special(task, shape, column))
    return Table(task.folder / "data" / (safe_folder(split) + "-{:05d}.parquet"), schema, shards=True)


class _Counted:
    """The rows of every split, and how many of them were made."""

    def __init__(self, task: Task, shape: Shape) -> None:
        self.task, self.shape, self.synthetic = task, shape, 0

    def rows(self, split: str) -> Iterator[tuple[Row, Item | None, Candidate | None]]:
        """Yield (row without its media, real item or None, made sample or None)."""
        shape = self.shape
        if split != TRAIN:
            nothing = dict.fromkeys(shape.provenance.values())
            yield from (({**shape.real(item), **nothing}, item, None) for item in items(self.task.dataset, split))
            return
        for item, provenance in self.task.training(shape):
            yield {**shape.real(item), **provenance}, item, None
        for candidate, _ in self.task.made:
            self.synthetic += 1
            yield {**shape.made(candidate, ""), **shape.provenance_of(candidate)}, None, candidate


# --- folders --------------------------------------------------------------------------------------


def _write_folders(task: Task) -> Written:
    shape = survey(task.dataset, "file_name")
    where = places(task.dataset)
    kept = {split: _copied_split(task, split, where) for split in task.evaluation()}
    inside = _needs_media_inside(task, shape, where, kept)
    counted = _Counted(task, shape)
    parts = [_write_folder(task, split, where, kept, inside, counted) for split in [TRAIN, *task.evaluation()]]
    return Written(shape, parts, [name for names in kept.values() for name in names], counted.synthetic)


def _copied_split(task: Task, split: str, where: Places) -> list[str]:
    """Copy all files of a split that stays where it is; return its tables."""
    if split not in where.unmoved:
        return []
    names = [task.copy(name) for name in task.dataset.files.get(split, ())]
    return [name for name in names if PurePosixPath(name).suffix.lower() in _TABLES]


def _needs_media_inside(task: Task, shape: Shape, where: Places, kept: Mapping[str, list[str]]) -> bool:
    """Return whether `datasets` cannot read the folders through a `metadata.parquet` in each."""
    taken = {f"{where.homes[split]}/metadata.parquet" for split in kept} & {
        one for names in kept.values() for one in names
    }
    paths = [
        name
        for name in shape.columns
        if name.endswith(("_file_name", "_file_names")) or name in {"image", "file_names"}
    ]
    return task.dataset.modality == "speech" or None in where.homes.values() or bool(taken or paths)


def _write_folder(
    task: Task, split: str, where: Places, kept: Mapping[str, list[str]], inside: bool, counted: _Counted
) -> Part:
    shape, home = counted.shape, where.homes[split]
    column = free_name(_COLUMNS[task.dataset.modality], shape.columns)
    sinks = _Sinks(shape, home, column=column)
    types = shape.all_types()
    with ExitStack() as stack:
        if not kept.get(split):
            sinks.metadata = stack.enter_context(Delimited(task.folder / str(home) / "metadata.csv", list(types)))
        if inside:
            sinks.shards = stack.enter_context(_shards(task, shape, column, split))
        else:
            table = Table(task.folder / str(home) / "metadata.parquet", schema_of(types, shape.special))
            sinks.index = stack.enter_context(table)
        for row, item, candidate in counted.rows(split):
            sinks.write(row, _placed(task, split, where, item, candidate))
    return _part(task, split, sinks)


def _part(task: Task, split: str, sinks: _Sinks) -> Part:
    shape = sinks.shape
    if sinks.shards is not None:
        files = tuple(file.relative_to(task.folder).as_posix() for file in sinks.shards.files)
        special = _special(task, shape, sinks.column)
        return Part(split, files, _with_media(shape, sinks.column, shape.all_types()), special)
    home = glob.escape(str(sinks.home))
    patterns = tuple(f"{home}/**/*{ending}" for ending in sorted(sinks.endings) if ending.lower() in IMAGE_ENDINGS)
    return Part(split, (f"{sinks.home}/metadata.parquet",), shape.all_types(), shape.special, patterns)


def _placed(task: Task, split: str, where: Places, item: Item | None, candidate: Candidate | None) -> _Media:
    """Put one media file into the folder of its split, unless it was copied with its split."""
    if item is None:
        name, data = _blob_of(candidate)
        label = candidate.label if candidate else None
        folder = task.folder / str(where.homes[split]) / safe_folder(label)
        file = free_file(folder, f"{name}{_ENDINGS[task.dataset.modality]}")
        return _write(task, file, data)
    data = task.dataset.raw(item.row)
    path = where.path_of(split, item, data)
    if split in where.unmoved and split != TRAIN and item.on_disk:
        return _Media(path, data)
    file = task.folder / path
    return _write(task, free_file(file.parent, file.name), data)


def _write(task: Task, file: Path, data: bytes) -> _Media:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return _Media(file.relative_to(task.folder).as_posix(), data)
