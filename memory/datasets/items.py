"""From a row as it was read to an item of the dataset, or to the reason why it is left out."""

from __future__ import annotations

import base64
import hashlib
import json
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from memory.datasets.layouts import Layout, Part
from memory.datasets.media import BrokenItemError, check
from memory.datasets.paths import inside, media_bytes
from memory.datasets.readers import Report, Row
from memory.datasets.roles import Roles, as_text
from memory.datasets.splits import TRAIN, known_split

_MISSING = frozenset(("nan", "NaN", "NAN", "null", "NULL", "<NA>"))
# How spreadsheets and pandas write "no value"; `None` and `NA` are left alone, as they are names of classes too.


class LeftOutError(Exception):
    """A row that is left out; the message says why."""


@dataclass
class Item:
    """One item on its way into the table."""

    id: str | None
    made_id: str
    split: str
    label: str
    group: str | None
    payload: str
    blob: bytes | None
    where: str
    record: str
    attributes: list[str | None]
    content: str = ""


@dataclass(frozen=True)
class Maker:
    """Makes items of rows."""

    layout: Layout
    roles: Roles
    report: Report
    named: set[str] = field(default_factory=set)
    """Media files that rows have named."""
    _prefixes: dict[str, str] = field(default_factory=dict)

    def make(self, part: Part, number: int, row: Row) -> Item | None:
        """Return the item of one row, or report why there is none; raises UsageError for a path that leads out."""
        where = row["file_name"] if part.kind == "listing" else f"{part.name}:{number}"
        try:
            return self._make(part, number, row, where)
        except LeftOutError as reason:
            self.report(where, str(reason))
            return None

    def _make(self, part: Part, number: int, row: Row, where: str) -> Item:
        columns = self.roles.columns
        payload, blob = self._payload(part, row, where)
        split = self._split(part, row, payload)
        record = _RECORD.encode(self._plain(row) if blob is not None else row)
        try:
            record.encode()
        except UnicodeEncodeError:
            raise LeftOutError("holds half of a surrogate pair, which is no character") from None
        return Item(
            id=_optional(row, columns.id),
            made_id=self._made_id(part, number, payload, blob),
            split=split,
            label=self._label(part, row, payload),
            group=_optional(row, columns.group),
            payload=payload,
            blob=blob,
            where=where,
            record=record,
            attributes=[_optional(row, name) for name in columns.attributes],
        )

    def _made_id(self, part: Part, number: int, payload: str, blob: bytes | None) -> str:
        if self.roles.modality != "text" and blob is None:
            return payload
        if part.name not in self._prefixes:
            alike = [one.name for one in self.layout.parts if one.split == part.split]
            among = f"-{alike.index(part.name)}" if len(alike) > 1 else ""
            self._prefixes[part.name] = f"{part.split or TRAIN}{among}"
        return f"{self._prefixes[part.name]}-{number}"

    def _payload(self, part: Part, row: Row, where: str) -> tuple[str, bytes | None]:
        """Return the text, or the path of the media file; and the bytes of embedded media."""
        name = str(self.roles.columns.payload)
        value = row.get(name)
        if isinstance(value, (dict, bytes)) and self.roles.embedded:
            given = value if isinstance(value, dict) else {"bytes": value}
            data, path = given.get("bytes"), given.get("path")
            if data is not None:
                return str(path or where), bytes(data)
            value = path
        text = _single(value, name)
        if text is None or not text.strip():
            raise LeftOutError(f"has nothing in {name!r}")
        if "\0" in text:
            raise LeftOutError(f"holds a NUL character in {name!r}")
        if self.roles.modality == "text":
            return text, None
        if "offset" in row and row.get("offset") and self.layout.kind == "nemo":
            raise LeftOutError("names a part of a file (offset); cut it into a file of its own")
        path = inside(self.layout.root, part.under, text, where)
        self.named.add(path)
        return path, None

    def _label(self, part: Part, row: Row, payload: str) -> str:
        column = "label" if part.kind == "listing" else self.roles.columns.label
        if column is None:
            folder = self.layout.folder
            label = folder.class_of(payload) if folder else None
        else:
            label = self._named(_single(row.get(column), column))
        if label is None or not label.strip() or label in _MISSING:
            raise LeftOutError("has no label" if column is None else f"has no label in {column!r}")
        return label

    def _named(self, label: str | None) -> str | None:
        names = self.roles.label_names
        if not names or label is None or not label.lstrip("-").isdigit():
            return label
        # -1 is how `datasets` writes "not labelled".
        return names[int(label)] if 0 <= int(label) < len(names) else None

    def _split(self, part: Part, row: Row, payload: str) -> str:
        column = self.roles.columns.split
        if column is not None and column in row and (part.split is None or self.roles.split_chosen):
            value = _single(row[column], column)
            if value is None:
                raise LeftOutError(f"has no split in {column!r}")
            return known_split(value) or value
        if part.split is None and self.layout.folder is not None:
            return self.layout.folder.split_of(payload) or TRAIN
        return part.split or TRAIN

    def _plain(self, row: Row) -> Row:
        """Return the row without the bytes of its payload."""
        name = str(self.roles.columns.payload)
        value = row[name]
        return {**row, name: {"path": value.get("path")} if isinstance(value, dict) else None}


def _single(value: Any, column: str) -> str | None:
    try:
        return as_text(value)
    except TypeError as problem:
        raise LeftOutError(f"holds a {problem} in {column!r}, not a single value") from None


def _optional(row: Row, column: str | None) -> str | None:
    if column is None:
        return None
    try:
        return as_text(row.get(column))
    except TypeError:
        return None


def _json(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return {"base64": base64.b64encode(value).decode()}
    return str(value)


_RECORD = json.JSONEncoder(ensure_ascii=False, default=_json)


def check_items(items: list[Item], roles: Roles, root: Path, pool: Executor, report: Report) -> list[Item]:
    """Set the content hash of every item; report and leave out those whose media cannot be decoded."""
    if roles.modality == "text":
        for item in items:
            item.content = hashlib.sha256(item.payload.encode()).hexdigest()
        return items

    def look(item: Item) -> str | None:
        try:
            data = media_bytes(root, item.payload, item.where) if item.blob is None else item.blob
            check(roles.modality, data, item.payload)
        except BrokenItemError as problem:
            return str(problem).removeprefix(f"{item.where}: ")
        item.content = hashlib.sha256(data).hexdigest()
        return None

    kept = []
    for item, why in zip(items, pool.map(look, items), strict=True):
        if why is None:
            kept.append(item)
        else:
            report(item.where, why)
    return kept
