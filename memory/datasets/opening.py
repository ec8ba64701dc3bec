"""From a source to a workspace: read the rows, give ids, cut splits, write down what was found."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memory.datasets.layouts import Layout, find_layout
from memory.datasets.paths import fingerprint, unchanged
from memory.datasets.reading import Reading, Reports, read
from memory.datasets.splits import TEST, TRAIN, VALIDATION, cut
from memory.datasets.table import digest_of, pick, read_table, shared
from memory.errors import RecordError, UsageError
from memory.job import Source

if TYPE_CHECKING:
    import pyarrow as pa

TABLE, FACTS, CUT = "table.arrow", "dataset.json", "cut.npy"
_VERSION = 1


def read_into(source: Source, workspace: Path, seed: int, base: Path | None) -> dict[str, Any]:
    """Read `source` into `workspace` and return the facts that are written beside the table."""
    reports = Reports()
    layout = find_layout(source.path, base, source.modality, reports)
    workspace.mkdir(parents=True, exist_ok=True)
    # Without its facts a table counts as not there, so a run killed from here on leaves nothing half-read.
    (workspace / FACTS).unlink(missing_ok=True)
    found = read(source, layout, workspace / TABLE, reports)
    notes: list[str] = []
    ids = _ids(workspace / TABLE, found, notes)
    table = read_table(workspace / TABLE, ids, found.attributes, None, ())
    splits = shared(table.column("split"))
    if TRAIN not in splits:
        names = ", ".join(sorted({str(split) for split in splits}))
        raise UsageError(f"has no training rows; its splits are: {names}. Name one 'train'.", where=layout.name)
    shares = _shares(source, set(splits), notes)
    if shares:
        _cut(table, splits, shares, seed, workspace / CUT)
        table = read_table(workspace / TABLE, ids, found.attributes, np.load(workspace / CUT), list(shares))
    _note_twins(table, notes)
    facts = {
        "version": _VERSION,
        "name": layout.name,
        "modality": found.roles.modality,
        "root": str(layout.root),
        "layout": layout.kind,
        "columns": found.roles.columns.model_copy(update={"attributes": found.attributes}).model_dump(),
        "label_names": found.roles.label_names,
        "ids": ids,
        "cut": list(shares),
        "digest": digest_of(table),
        "skipped": [[one.where, one.why] for one in reports.first],
        "skipped_count": reports.count,
        "notes": notes,
        "files": _files(layout, found, bool(shares)),
        "table": fingerprint(workspace / TABLE),
        "cut_file": fingerprint(workspace / CUT) if shares else None,
        "sources": {name: fingerprint(layout.root / name) for name in _sources(layout)},
        "media": _media_state(layout.root, table) if found.roles.modality != "text" else None,
    }
    _write(workspace / FACTS, facts)
    return facts


def _write(file: Path, facts: dict[str, Any]) -> None:
    partial = file.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as written:
        json.dump(facts, written, ensure_ascii=True)
        written.flush()
        os.fsync(written.fileno())
    partial.replace(file)


def _ids(file: Path, found: Reading, notes: list[str]) -> str:
    """Return the column that ids come from: the given one when its values are there and unique, else made ones."""
    import pyarrow.compute as pc

    column = found.roles.columns.id
    if column is None:
        return "made_id"
    table = read_table(file, "id", (), None, ())
    ids = table.column("id")
    if not ids.null_count and pc.count_distinct(ids).as_py() == len(ids):
        return "id"
    seen: dict[str | None, int] = {None: -1}
    at, value = next((at, one) for at, one in enumerate(_values(ids)) if seen.setdefault(one, at) != at)
    first = "" if value is None else f" at {pick(table.column('where'), [seen[value]])[0]} already"
    where = pick(table.column("where"), [at])[0]
    what = f"no id in {column!r}" if value is None else f"the id {value[:80]!r}, which stands{first}"
    if found.roles.id_chosen:
        raise UsageError(f"has {what}; every row of every split needs its own, or leave out columns.id.", where=where)
    notes.append(f"{where} has {what}, so the column is not used and ids are made of split and row.")
    return "made_id"


def _values(column: pa.ChunkedArray) -> Iterator[str | None]:
    for chunk in column.chunks:
        yield from chunk.to_pylist()


def _shares(source: Source, there: set[str | None], notes: list[str]) -> dict[str, float]:
    wanted = {VALIDATION: source.splits.validation, TEST: source.splits.test}
    for name, share in wanted.items():
        if share and name in there:
            notes.append(f"The data brings a {name} split, so dataset.splits.{name} = {share} is not cut.")
    return {name: share for name, share in wanted.items() if share and name not in there}


def _cut(table: pa.Table, splits: list[str | None], shares: dict[str, float], seed: int, file: Path) -> None:
    train = np.asarray([row for row, split in enumerate(splits) if split == TRAIN], np.int64)
    labels, groups = shared(table.column("label")), shared(table.column("group"))
    grouped = any(groups[row] is not None for row in train)
    taken = np.zeros(len(splits), np.int8)
    taken[train] = cut(
        [labels[row] for row in train], [groups[row] for row in train] if grouped else None, shares, seed
    )
    partial = file.with_suffix(".partial")
    with partial.open("wb") as written:
        np.save(written, taken, allow_pickle=False)
    partial.replace(file)


def _note_twins(table: pa.Table, notes: list[str]) -> None:
    """Say when two labels look alike but differ in how their characters are written."""
    looks: dict[str, str] = {}
    for label in sorted({str(label) for label in shared(table.column("label"))}):
        first = looks.setdefault(unicodedata.normalize("NFKC", label), label)
        if first != label:
            notes.append(f"The labels {first!a} and {label!a} look alike but are two classes.")


def _files(layout: Layout, found: Reading, was_cut: bool) -> dict[str, list[str]]:
    """Return split -> files of one split only, but for the media of its rows, which the table names."""
    files = {split: list(names) for split, names in layout.beside.items()}
    for split, names in found.broken.items():
        files.setdefault(split, []).extend(names)
    for part in layout.parts:
        splits = found.part_splits.get(part.name, {part.split or TRAIN})
        if part.kind not in {"hub", "listing"} and len(splits) == 1 and not (was_cut and TRAIN in splits):
            files.setdefault(next(iter(splits)), []).append(part.name)
    return files


def _sources(layout: Layout) -> list[str]:
    tables = [part.name for part in layout.parts if part.kind not in {"hub", "listing"}]
    return [*tables, *(name for names in layout.beside.values() for name in names)]


def _media_state(root: Path, table: pa.Table) -> str:
    """Return a hash over name, size and time of change of every media file."""
    hashed = hashlib.sha256()
    for path, _ in _on_disk(table):
        with contextlib.suppress(OSError):  # a missing file changes the hash by its absence
            state = (root / path).stat()
            hashed.update(f"{path}\x1f{state.st_size}\x1f{state.st_mtime_ns}\x1e".encode())
    return hashed.hexdigest()


def _on_disk(table: pa.Table) -> Iterator[tuple[str, str]]:
    """Yield (path, content hash) of every media file of the table."""
    for batch in table.select(["payload", "content", "blob"]).to_batches():
        embedded = batch.column("blob").is_valid().to_pylist()
        for path, content, inside in zip(*(batch.column(at).to_pylist() for at in (0, 1)), embedded, strict=True):
            if not inside:
                yield path, content


def load_facts(workspace: Path) -> dict[str, Any]:
    """Return the facts of a workspace after checking that neither it nor the source files changed.

    Files whose size or time of change differ are read again and compared by content. Raises RecordError naming the
    first file that is missing or not the same.
    """
    try:
        facts: dict[str, Any] = json.loads((workspace / FACTS).read_bytes())
        version = facts["version"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise RecordError(f"holds no dataset that can be read ({problem}).", where=str(workspace / FACTS)) from problem
    if version != _VERSION:
        raise RecordError(
            f"was written in form {version}; this program reads {_VERSION}.", where=str(workspace / FACTS)
        )
    root = Path(facts["root"])
    checked = [(workspace / TABLE, facts["table"]), *((root / name, one) for name, one in facts["sources"].items())]
    if facts["cut"]:
        checked.append((workspace / CUT, facts["cut_file"]))
    for file, before in checked:
        if not unchanged(file, before):
            raise RecordError("was changed or removed since the dataset was opened; open it anew.", where=str(file))
    if facts["media"] is not None:
        _check_media(workspace, facts, root)
    return facts


def _check_media(workspace: Path, facts: dict[str, Any], root: Path) -> None:
    table = read_table(workspace / TABLE, facts["ids"], (), None, ())
    if _media_state(root, table) == facts["media"]:
        return
    for path, content in _on_disk(table):
        with contextlib.suppress(OSError):
            if hashlib.sha256((root / path).read_bytes()).hexdigest() == content:
                continue
        raise RecordError("was changed or removed since the dataset was opened; open it anew.", where=str(root / path))
