"""What lies at a path: which files hold the rows of which split, and in which form."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from memory.datasets.columnar import load_from_hub, saved_files
from memory.datasets.folders import Folder, walk
from memory.datasets.paths import inside, regular
from memory.datasets.readers import Report, is_manifest
from memory.datasets.splits import TEST, TRAIN, VALIDATION, known_split, split_in_name
from memory.errors import UsageError
from memory.records import Modality

Kind = Literal["csv", "tsv", "jsonl", "parquet", "arrow", "listing", "hub"]
_KINDS: dict[str, Kind] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
}
_NOT_ROWS = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "croissant.json"}
_HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+$")
_READ = "CSV, TSV, JSON lines, Parquet, folders of images or audio, folders saved by `datasets`, speech manifests"


@dataclass(frozen=True)
class Part:
    """One file, or one listing of media files, with rows of one split or of several."""

    name: str
    """Relative to the dataset's folder; what messages call it."""
    file: Path
    kind: Kind
    split: str | None
    """What its name says; None when it says nothing."""
    under: str = ""
    """Folder, relative to the dataset's folder, that media paths in it are relative to."""
    content: Any = None
    """For `listing`: the paths; for `hub`: the split of the hub dataset."""


@dataclass(frozen=True)
class Layout:
    """All parts of a dataset, training first."""

    name: str
    root: Path
    """Absolute, free of links."""
    kind: str
    parts: tuple[Part, ...]
    modality: Modality | None = None
    folder: Folder | None = None
    """What was found in a folder of media; None for tables."""
    beside: dict[str, list[str]] = field(default_factory=dict)
    """Split -> files without rows that belong to it, such as `state.json`."""


def find_layout(path: str, base: Path | None, modality: Modality | None, report: Report) -> Layout:
    """Say what lies at `path` (relative to `base`); media files left out are reported.

    Raises UsageError when nothing that is read lies there.
    """
    place = (base or Path()) / Path(path).expanduser()
    try:
        if place.exists():
            root = place.resolve()
            return _folder(root, modality, report) if root.is_dir() else _single(root)
    except OSError as problem:
        raise UsageError(
            f"{str(problem.filename or place)!r} cannot be read ({problem.strerror}).", where=path
        ) from problem
    if _HUB_ID.match(path):
        return _hub(path)
    raise UsageError(f"There is no file or folder {str(place)!r}; check dataset.path.", where="dataset.path")


def _hub(name: str) -> Layout:
    splits = load_from_hub(name)
    parts = [Part(split, Path(), "hub", known_split(split) or split, content=rows) for split, rows in splits.items()]
    return Layout(name, Path.cwd().resolve(), "hub", _in_order(parts))


def _single(file: Path) -> Layout:
    regular(file, file.name)
    kind = _KINDS.get(file.suffix.lower())
    if kind is None:
        raise UsageError(f"A file {file.suffix or 'without ending'} is not read. Read are: {_READ}.", where=file.name)
    part = Part(file.name, file, kind, split_in_name(file.stem))
    return Layout(file.stem, file.parent, _name_of([part]), (part,))


def _name_of(parts: list[Part]) -> str:
    first = _in_order(parts)[0]
    return "nemo" if first.kind == "jsonl" and is_manifest(first.file) else first.kind


def _in_order(parts: list[Part]) -> tuple[Part, ...]:
    places = {None: 0, TRAIN: 0, VALIDATION: 1, TEST: 2}
    return tuple(sorted(parts, key=lambda part: (places.get(part.split, 3), part.split or "", part.name)))


def _folder(root: Path, modality: Modality | None, report: Report) -> Layout:
    if (root / "dataset_dict.json").exists() or (root / "state.json").exists():
        return _saved(root)
    tables = _tables(root)
    named = [part for part in tables if part.split]
    if named:
        for part in tables:
            if not part.split:
                report(part.name, "is not read: its name says no split, and other files' names do")
        return Layout(root.name, root, _name_of(named), _in_order(named))
    found = walk(root, modality, report)
    if found.media or found.metadata:
        return _media(found, root, report)
    if not tables:
        raise UsageError(f"The folder {str(root)!r} holds no data. Read are: {_READ}.", where="dataset.path")
    return Layout(root.name, root, _name_of(tables), _in_order(tables))


def _tables(root: Path) -> list[Part]:
    """Return the tables of a folder, of its `data` folder and of folders named after a split."""
    found = []
    folders = [child for child in sorted(root.iterdir()) if child.is_dir() and not child.is_symlink()]
    for folder in (root, *(one for one in folders if one.name == "data" or known_split(one.name))):
        for file in sorted(folder.iterdir()):
            kind = _KINDS.get(file.suffix.lower())
            if kind is None or file.is_dir() or file.name in _NOT_ROWS or file.stem.lower() == "metadata":
                continue
            name = inside(root, "", file.relative_to(root).as_posix(), file.name)
            split = split_in_name(file.stem) or known_split(folder.name if folder != root else "")
            found.append(Part(name, file, kind, split))
    return found


def _media(found: Folder, root: Path, report: Report) -> Layout:
    parts = [
        Part(name, root / name, _KINDS[Path(name).suffix.lower()], found.split_of(name), _parent(name))
        for name in found.metadata
    ]
    for split, names in found.unlisted().items():
        if split is None and found.split_folders:
            for name in names:
                report(name, "lies in no folder of a split")
            continue
        parts.append(Part("", root, "listing", split, content=names))
    kind = "imagefolder" if found.modality == "image" else "audiofolder"
    return Layout(root.name, root, kind, _in_order(parts), found.modality, found)


def _parent(name: str) -> str:
    parent = Path(name).parent.as_posix()
    return "" if parent == "." else parent


def _saved(root: Path) -> Layout:
    """Lay out a folder of `save_to_disk`: one dataset, or one folder a split."""
    if (root / "state.json").exists():
        return Layout(root.name, root, "saved", tuple(_saved_parts(root, root, TRAIN)))
    parts, beside = [], {}
    for folder in sorted(child for child in root.iterdir() if (child / "state.json").exists()):
        split = known_split(folder.name) or folder.name
        inside(root, "", folder.name, folder.name)
        parts += _saved_parts(folder, root, split)
        infos = ("dataset_info.json", "state.json")
        beside[split] = [f"{folder.name}/{name}" for name in infos if (folder / name).exists()]
    if not parts:
        raise UsageError("lists splits, but none is there; save the dataset again.", where="dataset_dict.json")
    return Layout(root.name, root, "saved", _in_order(parts), beside=beside)


def _saved_parts(folder: Path, root: Path, split: str) -> list[Part]:
    return [Part(file.relative_to(root).as_posix(), file, "arrow", split) for file in saved_files(folder, root)]
