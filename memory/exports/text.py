"""Texts to CSV, TSV, JSON lines or Parquet: one file a split, evaluation files as they were."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from memory.datasets.made import Candidate
from memory.datasets.splits import TRAIN
from memory.errors import RecordError
from memory.exports.card import Part
from memory.exports.places import safe_folder
from memory.exports.shape import Shape, items, survey
from memory.exports.task import Task, Written
from memory.exports.types import schema_of
from memory.exports.writers import Delimited, JsonLines, Table, Writer

if TYPE_CHECKING:
    import pyarrow as pa

_DELIMITERS = {"csv": ",", "tsv": "\t"}
_ENDINGS = {
    "csv": {".csv": ".csv"},
    "tsv": {".tsv": ".tsv", ".tab": ".tsv"},
    "jsonl": {".jsonl": ".jsonl", ".json": ".json", ".ndjson": ".jsonl"},
    "parquet": {".parquet": ".parquet", ".pq": ".parquet"},
}
"""Kind -> ending in the source -> ending in the export, one that `datasets` knows."""


def write_text(task: Task) -> Written:
    """Write a dataset of texts; raises UsageError naming a row that the format cannot hold."""
    shape = survey(task.dataset, str(task.dataset.columns.payload))
    copied = {split: _copied(task, split) for split in task.evaluation()}
    taken = {name for names in copied.values() for name in names}
    name = _free_file(_training_file(task), taken)
    synthetic = 0
    with _writer(task, name, shape, shape.all_types()) as writer:
        for item, provenance in task.training(shape):
            writer.write(_values(task, shape, {**shape.real(item), **provenance}))
        for candidate, _ in task.made:
            row = {**shape.made(candidate, _text_of(candidate)), **shape.provenance_of(candidate)}
            writer.write(_values(task, shape, row))
            synthetic += 1
    parts = [Part(TRAIN, (name,), _types(task, shape.all_types()), shape.special, stated=_stated(task, shape))]
    for split, names in copied.items():
        files = names or (_write_evaluation(task, split, shape, taken | {name}),)
        parts.append(Part(split, files, _types(task, shape.types), shape.special))
    return Written(shape, parts, (), synthetic)


def _types(task: Task, types: Mapping[str, pa.DataType]) -> dict[str, pa.DataType]:
    """Return the types that a reader finds: CSV holds a list or an object as JSON text."""
    import pyarrow as pa

    flat = task.kind in {"csv", "tsv"}
    return {name: pa.string() if flat and pa.types.is_nested(kind) else kind for name, kind in types.items()}


def _stated(task: Task, shape: Shape) -> bool:
    """Return whether the README states the types; JSON lines with nested or mixed values are left to the reader."""
    import pyarrow as pa

    if task.kind == "jsonl":
        return not shape.as_json and not any(pa.types.is_nested(kind) for kind in shape.types.values())
    return task.kind != "parquet"


def _text_of(candidate: Candidate) -> str:
    if candidate.text is None:
        raise RecordError("This accepted sample has no text.", where=f"sample {candidate.id}")
    return candidate.text


def _values(task: Task, shape: Shape, row: dict[str, Any]) -> dict[str, Any]:
    # CSV keeps what the source wrote, to the letter, and so do JSON lines; Parquet needs one type a column.
    from_csv = task.kind == "jsonl" and task.dataset.layout in _DELIMITERS
    return shape.typed(row) if task.kind == "parquet" or from_csv else row


def _copied(task: Task, split: str) -> tuple[str, ...]:
    """Copy the source files of a split; copy none unless they hold all its rows in the kind that is written."""
    dataset = task.dataset
    endings = _ENDINGS[task.kind]
    names = [name for name in dataset.files.get(split, ()) if PurePosixPath(name).suffix.lower() in endings]
    places = dataset.table.column("where").take(dataset.rows(split)).to_pylist()
    if not {place.rpartition(":")[0] for place in places} <= set(names) or any(_is_utf16(task, name) for name in names):
        return ()
    known = [PurePosixPath(name).with_suffix(endings[PurePosixPath(name).suffix.lower()]).as_posix() for name in names]
    return tuple(task.copy(name, under) for name, under in zip(names, known, strict=True))


def _is_utf16(task: Task, name: str) -> bool:
    with (task.dataset.root / name).open("rb") as opened:
        return opened.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}


def _training_file(task: Task) -> str:
    """Return the name of the only source file of training rows, or `train` with the usual ending."""
    endings = _ENDINGS[task.kind]
    names = [name for name in task.dataset.files.get(TRAIN, ()) if PurePosixPath(name).suffix.lower() in endings]
    if len(names) == 1:
        file = PurePosixPath(names[0])
        return file.with_suffix(endings[file.suffix.lower()]).as_posix()
    return f"train.{task.kind}"


def _free_file(name: str, taken: set[str]) -> str:
    file, number = PurePosixPath(name), 1
    while file.as_posix() in taken:
        number += 1
        file = file.with_stem(f"{PurePosixPath(name).stem}-{number}")
    return file.as_posix()


def _write_evaluation(task: Task, split: str, shape: Shape, taken: set[str]) -> str:
    """Write the rows of a split that has no files of its own, with the columns of the source."""
    name = _free_file(f"{safe_folder(split)}.{task.kind}", taken)
    with _writer(task, name, shape, shape.types) as writer:
        for item in items(task.dataset, split):
            writer.write(_values(task, shape, shape.real(item)))
    return name


def _writer(task: Task, name: str, shape: Shape, types: Mapping[str, pa.DataType]) -> Writer:
    file = task.folder / name
    if task.kind == "parquet":
        return Table(file, schema_of(types, shape.special))
    return (
        JsonLines(file, list(types)) if task.kind == "jsonl" else Delimited(file, list(types), _DELIMITERS[task.kind])
    )
