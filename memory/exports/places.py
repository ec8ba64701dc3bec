"""Where the media files of an export lie, and under which names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from memory.datasets.media import AUDIO_ENDINGS, IMAGE_ENDINGS
from memory.datasets.splits import TRAIN, known_split
from memory.digests import short

if TYPE_CHECKING:
    from memory.datasets.dataset import Dataset
    from memory.exports.shape import Item

_RESERVED = frozenset(
    ("metadata", "con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)))
)
_TABLES = frozenset((".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".parquet", ".pq"))
_MAGIC = (
    (b"\x89PNG", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
    (b"P5", ".pgm"),
    (b"P6", ".ppm"),
    (b"fLaC", ".flac"),
    (b"OggS", ".ogg"),
    (b"FORM", ".aiff"),
    (b".snd", ".au"),
    (b"ID3", ".mp3"),
    (b"\xff", ".mp3"),
)


def ending_of(data: bytes) -> str:
    """Return the usual ending of an encoded image or sound, by its first bytes; empty when unknown."""
    if data[:4] == b"RIFF":
        return ".webp" if data[8:12] == b"WEBP" else ".wav"
    return next((ending for magic, ending in _MAGIC if data.startswith(magic)), "")


def safe_folder(label: str | None) -> str:
    """Return a folder name for a label: short, without separators, control characters or reserved names.

    Two labels never share a name: one that had to be changed carries a hash of the label.
    """
    if label is None:
        return "unlabelled"
    name = unicodedata.normalize("NFC", label)
    name = re.sub(r"[^\w.+-]", "_", name)[:48].strip("._")
    if name == label and name.split(".")[0].lower() not in _RESERVED and not name.startswith("-"):
        return name
    return f"{name.lstrip('-').replace('.', '_') or 'class'}-{short(label)[:8]}"


def free_file(folder: Path, name: str) -> Path:
    """Return `folder/name`, or the same with a number where that is taken."""
    file, number = folder / name, 1
    while file.exists():
        number += 1
        file = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
    return file


@dataclass(frozen=True)
class Places:
    """Where the media of every split goes, relative to the export."""

    homes: Mapping[str, str | None]
    """Split -> folder that all its media lies in; None where media keeps its path and no such folder is free."""
    unmoved: frozenset[str]
    """Splits whose media keeps its path."""

    def path_of(self, split: str, item: Item, data: bytes) -> str:
        """Return the path of a real media file."""
        if not item.on_disk:
            return f"{self.homes[split] or split}/{safe_folder(item.label)}/{_plain_name(item, data)}"
        if split in self.unmoved:
            return item.payload
        head, _, rest = item.payload.partition("/")
        return f"{self.homes[split]}/{rest if rest and known_split(head) else item.payload}"


def places(dataset: Dataset) -> Places:
    """Find a folder for every split.

    An evaluation split stays where it is when the source has a table of it, or keeps it in a folder of its own;
    training stays in a folder that is named after it. Everything else moves into a new folder.
    """
    folders = {split: _folders(dataset, split) for split in dataset.splits()}
    homes: dict[str, str | None] = {}
    for split in dataset.splits():
        own = _own_folder(split, folders)
        named = own is not None and known_split(own.rsplit("/", 1)[-1]) == TRAIN
        if named if split == TRAIN else own is not None or (folders[split] and _has_table(dataset, split)):
            homes[split] = own
    unmoved = frozenset(homes)
    taken = {folder.split("/", 1)[0] for split in unmoved for folder in folders[split]}
    for split in dataset.splits():
        if split not in unmoved:
            homes[split] = _new_folder(split, taken)
            taken.add(str(homes[split]))
    return Places(homes, unmoved)


def _folders(dataset: Dataset, split: str) -> set[str]:
    """Return the folders that media of a split lies in."""
    found = dataset.table.select(["payload"]).add_column(1, "none", dataset.table["blob"].is_null())
    rows = found.take(dataset.rows(split)).to_pydict()
    pairs = zip(rows["payload"], rows["none"], strict=True)
    return {PurePosixPath(path).parent.as_posix() for path, on_disk in pairs if on_disk}


def _has_table(dataset: Dataset, split: str) -> bool:
    return any(PurePosixPath(name).suffix.lower() in _TABLES for name in dataset.files.get(split, ()))


def _own_folder(split: str, folders: Mapping[str, set[str]]) -> str | None:
    """Return the folder, at the top or just below it, that holds all media of a split and none of another."""
    others = {folder for one, its in folders.items() if one != split for folder in its}
    for depth in (1, 2):
        heads = {"/".join(folder.split("/")[:depth]) for folder in folders[split]}
        if len(heads) == 1:
            (head,) = heads
            if head != "." and not any(f"{one}/".startswith(f"{head}/") for one in others):
                return head
    return None


def _new_folder(split: str, taken: set[str]) -> str:
    name = base = safe_folder(split)
    number = 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def _plain_name(item: Item, data: bytes) -> str:
    """Return a file name for embedded media: that of its path when it has a known ending, else one of its id."""
    path = PurePosixPath(item.payload)
    if path.suffix.lower() in IMAGE_ENDINGS | AUDIO_ENDINGS:
        return f"{safe_folder(path.stem)}{path.suffix.lower()}"
    return f"{safe_folder(item.id)}{ending_of(data)}"
