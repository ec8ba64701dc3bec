"""Which columns exported rows have, of which types, and what a made row says in each of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from memory.datasets.made import Candidate
from memory.datasets.roles import as_text
from memory.digests import canonical
from memory.exports.types import common_type, type_of

if TYPE_CHECKING:
    import pyarrow as pa

    from memory.datasets.dataset import Dataset

Row = dict[str, Any]
PROVENANCE = ("synthetic", "sample_id", "parents", "tool", "step", "soft_label", "duplicate_of")
_CHUNK = 2048


@dataclass(frozen=True)
class Item:
    """A real row: its number, what augplan knows of it, and its original columns."""

    row: int
    id: str
    label: str | None
    payload: str
    """The text, or the path of the media."""
    on_disk: bool
    """False for text and for embedded media."""
    record: Row


@dataclass(frozen=True)
class Shape:
    """The columns of exported rows, provenance apart."""

    columns: tuple[str, ...]
    """In the order of the source; holds `payload`."""
    payload: str
    """The column of the text, or the one that stands where the media goes."""
    types: Mapping[str, pa.DataType]
    as_json: frozenset[str]
    """Columns whose values have no common type; written as JSON text where a type is needed."""
    roles: Mapping[str, str | None]
    """label, group, id, split, transcript -> column."""
    attributes: tuple[str, ...]
    originals: Mapping[str, Mapping[str, Any]]
    """Column with a role -> the value as augplan reads it -> the value as the source writes it."""
    provenance: Mapping[str, str]
    """Plain name -> column name, free of the source's names."""
    sources: Mapping[str, str]
    """Column -> its name in the source, where that differs."""
    class_names: tuple[str, ...] = ()
    """Names of the classes when the label column holds their numbers."""

    @property
    def special(self) -> dict[str, Any]:
        """Return the feature of the label column when it holds numbers of classes."""
        label = self.roles["label"]
        return {label: {"names": list(self.class_names), "_type": "ClassLabel"}} if label and self.class_names else {}

    def all_types(self) -> dict[str, pa.DataType]:
        """Return the type of every column, provenance last."""
        import pyarrow as pa

        return {
            **self.types,
            **dict.fromkeys(self.provenance.values(), pa.string()),
            self.provenance["synthetic"]: pa.bool_(),
        }

    def real(self, item: Item) -> Row:
        """Return the values of a real row by column."""
        row = {name: item.record.get(self.sources.get(name, name)) for name in self.columns}
        row[self.payload] = item.payload
        label = self.roles["label"]
        if label is not None and label not in item.record:
            row[label] = item.label
        return row

    def made(self, candidate: Candidate, payload: str) -> Row:
        """Return the values of a made row by column; what no role explains is None."""
        row: Row = dict.fromkeys(self.columns)
        row[self.payload] = payload
        known = {self.roles["label"]: candidate.label, self.roles["group"]: candidate.group}
        known |= {name: candidate.attributes.get(name) for name in self.attributes}
        known |= {self.roles["split"]: "train", self.roles["transcript"]: candidate.said}
        for name, value in known.items():
            if name is not None and value is not None:
                row[name] = self.originals.get(name, {}).get(value, value)
        key = self.roles["id"]
        if key is not None and str(self.types[key]) == "string":
            row[key] = candidate.id
        return row

    def provenance_of(self, candidate: Candidate) -> Row:
        """Return the provenance columns of a made row."""
        soft = canonical(candidate.soft_label) if candidate.soft_label else ""
        parents = json.dumps(candidate.parents, ensure_ascii=False)
        values = (True, candidate.id, parents, candidate.tool, candidate.step, soft, "")
        return dict(zip(self.provenance.values(), values, strict=True))

    def provenance_of_real(self, sample_id: str, duplicate_of: str) -> Row:
        """Return the provenance columns of a real row."""
        return dict(zip(self.provenance.values(), (False, sample_id, "[]", "", "", "", duplicate_of), strict=True))

    def typed(self, row: Row) -> Row:
        """Return `row` with every value in the type of its column."""
        return {name: self._value(name, value) for name, value in row.items()}

    def _value(self, name: str, value: Any) -> Any:
        if value is None or name not in self.types or name == self.payload:
            return value
        if name in self.as_json:
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        return _read(value, str(self.types[name])) if isinstance(value, str) else value


def _read(text: str, kind: str) -> Any:
    if kind == "bool":
        return None if text == "" else text.lower() == "true"
    if kind in {"int64", "double"}:
        return None if text == "" else int(text) if kind == "int64" else float(text)
    return text


def items(dataset: Dataset, split: str) -> Iterator[Item]:
    """Yield the rows of a split in order."""
    known = dataset.table.select(["id", "label", "payload", "record"])
    known = known.append_column("alone", dataset.table.column("blob").is_null())
    media = dataset.modality != "text"
    rows = dataset.rows(split)
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        # Taking from the stretch that holds the rows spares Arrow joining all chunks of the table every time.
        near = known.slice(int(chunk[0]), int(chunk[-1] - chunk[0]) + 1)
        for row, (sample, label, payload, record, alone) in zip(
            chunk.tolist(), _tuples(near.take(chunk - chunk[0])), strict=True
        ):
            yield Item(row, sample, label, payload, media and alone, json.loads(record))


def _tuples(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


def survey(dataset: Dataset, payload: str) -> Shape:
    """Read every row once and return the shape of the export, with the payload in a column named `payload`."""
    seen = _Seen(dataset, payload)
    for split in dataset.splits():
        for item in items(dataset, split):
            seen.add(item, split)
    seen.flush()
    return seen.shape()


class _Seen:
    """Columns, types and values of roles, gathered row by row."""

    def __init__(self, dataset: Dataset, payload: str) -> None:
        roles = dataset.columns
        self.payload, self.source_payload = payload, roles.payload
        self.roles = {"label": roles.label, "group": roles.group, "id": roles.id, "split": roles.split}
        self.roles |= {"transcript": roles.transcript}
        self.attributes = roles.attributes
        self.class_names = dataset.label_names
        self.texts = _holds_only_text(dataset)
        self.columns: dict[str, None] = {}
        self.sources: dict[str, str] = {}
        self.any_label = False
        self.kinds: dict[str, Any] = {}
        self.as_json: set[str] = set()
        self.originals: dict[str, dict[str, Any]] = {name: {} for name in self._with_roles()}
        self.waiting: dict[str, list[Any]] = {}

    def _with_roles(self) -> list[str]:
        named = [self.roles[role] for role in ("label", "group", "split")]
        return [name for name in (*named, *self.attributes) if name is not None]

    def add(self, item: Item, split: str) -> None:
        self.any_label = self.any_label or item.label is not None
        for name, value in item.record.items():
            if name == self.source_payload:
                self.columns.setdefault(self.payload)
                continue
            known = name if name != self.payload else f"source_{name}"
            if known != name:
                self.sources[known] = name
            self.columns.setdefault(known)
            self.waiting.setdefault(known, []).append(value)
        for name, originals in self.originals.items():
            value = item.record.get(name)
            said = {self.roles["label"]: item.label, self.roles["split"]: split}.get(name) or _plain(value)
            if said is not None and value is not None:
                originals.setdefault(said, value)
        if any(len(values) >= _CHUNK for values in self.waiting.values()):
            self.flush()

    def flush(self) -> None:
        """Settle the types of the values gathered so far."""
        for name, values in self.waiting.items():
            if name in self.as_json:
                continue
            found = type_of(values, self.texts and name != self.payload)
            before = self.kinds.get(name)
            found = found if before is None or found is None else common_type(before, found, self.texts)
            if found is None:
                self.as_json.add(name)
            self.kinds[name] = found
        self.waiting = {}

    def shape(self) -> Shape:
        import pyarrow as pa

        columns = list(self.columns)
        if self.payload not in columns:
            columns.insert(0, self.payload)
        roles = dict(self.roles)
        if roles["label"] is None and self.any_label:
            columns.append(free_name("label", columns))
            roles["label"] = columns[-1]
        text = pa.string()
        types = {name: self.kinds.get(name) for name in columns}
        types = {name: text if kind is None or pa.types.is_null(kind) else kind for name, kind in types.items()}
        types[self.payload] = text
        classes = roles["label"] is not None and pa.types.is_integer(types[roles["label"]])
        return Shape(
            tuple(columns), self.payload, types, frozenset(self.as_json), roles, self.attributes, self.originals,
            _free_names(columns), self.sources, self.class_names if classes else (),
        )  # fmt: skip


def _plain(value: Any) -> str | None:
    try:
        return as_text(value)
    except TypeError:
        return None


def _holds_only_text(dataset: Dataset) -> bool:
    """Return whether values come from a format that knows no numbers, so that `7` may be one."""
    endings = {PurePosixPath(name).suffix.lower() for names in dataset.files.values() for name in names}
    typed = {".jsonl", ".json", ".ndjson", ".parquet", ".pq", ".arrow"}
    return dataset.layout in {"csv", "tsv", "imagefolder", "audiofolder"} and endings.isdisjoint(typed)


def free_name(name: str, taken: Iterable[str]) -> str:
    """Return `name`, with a prefix where that is taken."""
    used = set(taken)
    while name in used:
        name = f"augplan_{name}"
    return name


def _free_names(taken: Sequence[str]) -> dict[str, str]:
    """Return the provenance columns, all with a prefix when the source has one of their names."""
    prefix = ""
    while not {prefix + name for name in PROVENANCE}.isdisjoint(taken):
        prefix += "augplan_"
    return {name: prefix + name for name in PROVENANCE}
