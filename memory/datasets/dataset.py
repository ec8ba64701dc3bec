"""A dataset that was read once: rows in a memory-mapped table, media left where they lie."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Payload, decode
from memory.datasets.opening import CUT, TABLE, load_facts, read_into
from memory.datasets.paths import media_bytes
from memory.datasets.reading import Skipped
from memory.datasets.splits import TRAIN
from memory.datasets.table import pick, read_table, shared
from memory.errors import RecordError, UsageError
from memory.job import Columns, Source
from memory.records import Modality

if TYPE_CHECKING:
    import pyarrow as pa

_ROLES = ("label", "group", "split", "id", "payload")


__all__ = ["Dataset", "Skipped", "open_dataset", "reopen"]


def open_dataset(source: Source, workspace: Path, seed: int, base: Path | None = None) -> Dataset:
    """Read `source` once, row by row, into `workspace/table.arrow` and `workspace/dataset.json`, and open that.

    A relative `source.path` is relative to `base`. Rows and media that cannot be used are left out and listed in
    `skipped`; every image and sound that is kept was decoded once, so it can be decoded again. `seed` decides which
    training rows become evaluation rows where `source.splits` asks for it.

    Raises UsageError naming file and row for data that cannot be read, and for paths that leave the dataset's folder.
    """
    return Dataset(workspace, read_into(source, workspace, seed, base))


def reopen(workspace: Path) -> Dataset:
    """Open what `open_dataset` wrote, without reading the rows again.

    Raises RecordError naming the file when the table or a source file is no longer what it was.
    """
    return Dataset(workspace, load_facts(workspace))


class Dataset:
    """Rows of one dataset; a row number is a position in `table`. Made by `open_dataset` and `reopen`."""

    def __init__(self, workspace: Path, facts: dict[str, Any]) -> None:
        self.workspace = workspace
        self.name: str = facts["name"]
        self.modality: Modality = facts["modality"]
        self.root = Path(facts["root"])
        """Folder that media paths are relative to."""
        self.digest: str = facts.get("digest", "")
        """SHA-256 over id, split, label, group, content and attributes of every row."""
        columns = Columns(**facts["columns"])
        kept = tuple(name for name in columns.attributes if name not in _ROLES)
        self.columns = columns.model_copy(update={"attributes": kept})
        """Source column of every role, None where there is none; and the attributes that were kept.

        A column that is called like a role it does not have is no attribute: the name would mean two things.
        """
        self.skipped = [Skipped(*one) for one in facts["skipped"]]
        """What was left out, the first 1,000; `skipped_count` counts all."""
        self.skipped_count: int = facts["skipped_count"]
        self.notes: list[str] = facts["notes"]
        """What a person should know of the reading: ids made, shares not cut, labels that look alike."""
        self.layout: str = facts["layout"]
        """csv, tsv, jsonl, parquet, arrow, imagefolder, audiofolder, saved, hub or nemo."""
        self.label_names: tuple[str, ...] = tuple(facts["label_names"])
        """Names of a ClassLabel column in order of their numbers; else empty."""
        self._facts = facts

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def table(self) -> pa.Table:
        """Columns id, split, label, group, payload, blob, where, record, content and `attr:NAME`; memory-mapped.

        `payload` is the text or the path of the media file, `blob` holds embedded media, `where` says `train.csv:17`,
        `record` is the row as it was read (JSON, without embedded media), `content` the SHA-256 of text or media bytes.
        """
        cut = np.load(self.workspace / CUT, allow_pickle=False) if self._facts["cut"] else None
        kept = self.columns.attributes
        return read_table(self.workspace / TABLE, self._facts["ids"], kept, cut, self._facts["cut"])

    @cached_property
    def files(self) -> dict[str, list[str]]:
        """Split -> source files, relative to `root`, that hold rows of this split only: tables, media, their JSON."""
        found: dict[str, list[str]] = {split: list(names) for split, names in self._facts["files"].items()}
        if self.modality != "text" and self._facts["layout"] != "hub":
            splits, blobs = shared(self.table.column("split")), self.table.column("blob").is_null().to_pylist()
            for split, path, on_disk in zip(splits, self.column("payload"), blobs, strict=True):
                if on_disk:
                    found.setdefault(str(split), []).append(str(path))
        return {split: sorted(set(names)) for split, names in found.items()}

    def splits(self) -> dict[str, int]:
        """Return split -> rows, training first."""
        counts: dict[str, int] = {}
        for split in self._split_column:
            counts[split] = counts.get(split, 0) + 1
        return dict(sorted(counts.items(), key=lambda one: (one[0] != TRAIN, one[0] == "test", one[0])))

    @cached_property
    def _split_column(self) -> list[str]:
        return [str(split) for split in shared(self.table.column("split"))]

    def rows(self, split: str) -> NDArray[np.int64]:
        """Return the row numbers of a split, ascending; empty when there is no such split."""
        return np.asarray([row for row, one in enumerate(self._split_column) if one == split], np.int64)

    def axes(self) -> tuple[str, ...]:
        """Return the axes that `column` knows beside id, split and payload: label, group, their columns, attributes."""
        named = [name for name in (self.columns.label, self.columns.group) if name]
        grouped = ["group"] if self.columns.group else []
        return tuple(dict.fromkeys(["label", *grouped, *named, *self.columns.attributes]))

    def column(self, axis: str) -> list[str | None]:
        """Return one value a row: label, group, split, id, payload, an attribute, or the source column of such a role.

        Raises UsageError for an axis that is not there.
        """
        if axis not in _ROLES and f"attr:{axis}" in self.table.column_names:
            return shared(self.table.column(f"attr:{axis}"))
        roles = [role for role in _ROLES if axis in {role, getattr(self.columns, role, None)}]
        if not roles:
            raise UsageError(
                f"The dataset has no axis {axis!r}; it has: {', '.join(self.axes())}.", where="targets.axes"
            )
        role = axis if axis in _ROLES else roles[0]
        column = self.table.column(role)
        return column.to_pylist() if role in {"id", "payload"} else shared(column)

    def payloads(self, rows: Sequence[int]) -> list[Payload]:
        """Return the decoded payloads of some rows: str, pixels (height, width, channels) uint8, or Wave.

        Raises BrokenItemError when a media file was changed or removed since the dataset was opened.
        """
        texts = pick(self.table.column("payload"), rows)
        if self.modality == "text":
            return texts
        blobs = pick(self.table.column("blob"), rows)
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            return list(pool.map(self._decode, texts, blobs))

    def _decode(self, path: str, blob: bytes | None) -> Payload:
        data = media_bytes(self.root, path, path) if blob is None else blob
        return decode(self.modality, data, path)

    def raw(self, row: int) -> bytes:
        """Return the bytes of one item as they were found: of its text, its file, or its embedded media."""
        path, blob = pick(self.table.column("payload"), [row])[0], pick(self.table.column("blob"), [row])[0]
        if self.modality == "text":
            return str(path).encode()
        return media_bytes(self.root, path, path) if blob is None else bytes(blob)

    def record(self, row: int) -> dict[str, Any]:
        """Return every column of one row as it was read; embedded media are left out (see `raw`)."""
        found: dict[str, Any] = json.loads(pick(self.table.column("record"), [row])[0])
        return found

    def transcript(self, row: int) -> str:
        """Return what is said in a clip, or "" where that is not known."""
        name = self.columns.transcript
        said = None if name is None else self.record(row).get(name)
        return said if isinstance(said, str) else ""

    def keep(self, name: str, arrays: dict[str, NDArray[Any]], facts: dict[str, Any]) -> None:
        """Store arrays and facts derived from this dataset beside its table, whole or not at all.

        Raises ValueError for a name that is no plain file name and for arrays of objects.
        """
        if any(array.dtype.hasobject for array in arrays.values()):
            raise ValueError("arrays of objects would be pickled; they are not kept")
        head = json.dumps({"dataset": self.digest, "names": list(arrays), "facts": facts})
        file = self._kept(name)
        partial = file.with_suffix(".partial")
        with partial.open("wb") as written:
            np.savez(written, np.array(head), *arrays.values())
            written.flush()
            os.fsync(written.fileno())
        partial.replace(file)

    def kept(self, name: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """Return what `keep` stored under `name` for this very dataset, or None.

        Raises RecordError when the file cannot be read.
        """
        file = self._kept(name)
        if not file.exists():
            return None
        try:
            with np.load(file, allow_pickle=False) as stored:
                head = json.loads(str(stored["arr_0"]))
                if head["dataset"] != self.digest:
                    return None
                arrays = {one: stored[f"arr_{at + 1}"] for at, one in enumerate(head["names"])}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as problem:
            raise RecordError(f"cannot be read ({problem}); remove it and run again.", where=str(file)) from problem
        return arrays, head["facts"]

    def _kept(self, name: str) -> Path:
        if not name or name.startswith(".") or not all(sign.isalnum() or sign in "._-" for sign in name):
            raise ValueError(f"{name!r} is no plain file name")
        return self.workspace / f"{name}.npz"
