"""Folders of images or audio: class folders, split folders, metadata files."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from memory.datasets.media import AUDIO_ENDINGS, IMAGE_ENDINGS
from memory.datasets.paths import inside
from memory.datasets.readers import Report
from memory.datasets.splits import known_split
from memory.errors import UsageError
from memory.records import Modality

_METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet", "metadata.tsv")


@dataclass(frozen=True)
class Folder:
    """Media and metadata files of a folder, relative to it, sorted."""

    modality: Modality
    media: tuple[str, ...]
    metadata: tuple[str, ...]
    split_folders: frozenset[str] = field(default_factory=frozenset)
    """Folders that stand for a split, relative to the dataset's folder: `train`, `data/test`."""

    def split_of(self, name: str) -> str | None:
        """Return the split whose folder a file lies in, or None."""
        for folder in PurePosixPath(name).parents:
            if folder.as_posix() in self.split_folders:
                return known_split(folder.name)
        return None

    def unlisted(self) -> dict[str | None, list[str]]:
        """Return split -> media files that no metadata file lies above; their class is their folder."""
        covered = {PurePosixPath(name).parent for name in self.metadata}
        found: dict[str | None, list[str]] = {}
        for name in self.media:
            if covered.isdisjoint(PurePosixPath(name).parents):
                found.setdefault(self.split_of(name), []).append(name)
        return found

    def class_of(self, name: str) -> str | None:
        """Return the folder that a media file lies in, or None when that is a split or the dataset itself."""
        folder = PurePosixPath(name).parent
        return None if folder.as_posix() in {".", *self.split_folders} else folder.name


def walk(root: Path, modality: Modality | None, report: Report) -> Folder:
    """Find all media files under `root`; links to folders are reported and not followed.

    Raises UsageError for a link that leads out, and when images and audio are mixed and `modality` does not say which.
    """
    images: list[str] = []
    sounds: list[str] = []
    metadata: list[str] = []
    for here, folders, files in os.walk(root, onerror=_stop):
        folders.sort()
        under = Path(here).relative_to(root)
        for name in (under / folder for folder in folders):
            if (root / name).is_symlink():
                inside(root, "", name.as_posix(), name.as_posix())
                report(name.as_posix(), "is a link to a folder, which is not followed")
        for file in sorted(files):
            path = (under / file).as_posix()
            ending = Path(file).suffix.lower()
            kind = images if ending in IMAGE_ENDINGS else sounds if ending in AUDIO_ENDINGS else None
            if file.lower() in _METADATA:
                kind = metadata
            if kind is not None and not file.startswith("."):
                kind.append(inside(root, "", path, path))
    kind_of = modality if modality in {"image", "speech"} else _guess(images, sounds)
    media = sorted(images if kind_of == "image" else sounds)
    return Folder(kind_of, tuple(media), tuple(sorted(metadata)), _split_folders(media, metadata))


def _stop(problem: OSError) -> None:
    """Let a folder that cannot be read stop the walk; by default it would be passed over in silence."""
    raise problem


def _guess(images: list[str], sounds: list[str]) -> Modality:
    if images and sounds:
        raise UsageError(
            f"The folder holds {len(images)} images and {len(sounds)} audio files; say which with dataset.modality.",
            where="dataset.modality",
        )
    return "image" if images else "speech"


def _split_folders(media: list[str], metadata: list[str]) -> frozenset[str]:
    """Return the folders that stand for splits: at the top, or one below it where all media share one folder.

    A folder named like a split is one when media lie in folders below it or metadata inside it, or when all folders
    beside it are named like splits too; otherwise `train` among `bus` and `car` would not be a class.
    """
    for depth in (0, 1):
        heads = {PurePosixPath(name).parts[: depth + 1] for name in media if len(PurePosixPath(name).parts) > depth + 1}
        named = {head for head in heads if known_split(head[-1])}
        if depth and len({head[:depth] for head in heads}) > 1:
            break
        if (named == heads or all(_has_inside(head, media, metadata) for head in named)) and named:
            return frozenset("/".join(head) for head in named)
    return frozenset()


def _has_inside(head: tuple[str, ...], media: list[str], metadata: list[str]) -> bool:
    prefix = "/".join(head) + "/"
    nested = any(name.startswith(prefix) and "/" in name[len(prefix) :] for name in media)
    return nested or any(name.startswith(prefix) for name in metadata)
