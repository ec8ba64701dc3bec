"""Three small datasets that come with augplan, each with a job: text, images and speech, all short of some class."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

from memory.errors import UsageError

Name = Literal["requests", "digits", "numbers"]
NAMES: tuple[Name, ...] = get_args(Name)

_SIDE = 8
"""Pixels along each side of a digit."""


def materialise(name: Name, to: Path) -> Path:
    """Write a dataset, its card and its `job.yaml` to the folder `to/NAME`, and return that folder.

    `requests` is two CSV files, `digits` an image folder, `numbers` an audio folder. A folder that holds just that
    already is left as it is. Raises UsageError when there is no such dataset, or when something else is in the way.
    """
    if name not in NAMES:
        raise UsageError(f"There is no bundled dataset {name!r}; there are: {', '.join(NAMES)}.")
    to.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{name}-", dir=to) as made:
        fresh = Path(made) / name
        fresh.mkdir()
        source = resources.files("memory.bundled") / name
        _copy(source / "README.md", fresh)
        _copy(source / "job.yaml", fresh)
        {"requests": _requests, "digits": _digits, "numbers": _numbers}[name](source, fresh)
        return _settle(fresh, to / name)


def _settle(fresh: Path, folder: Path) -> Path:
    """Move `fresh` to its place, unless the same files are there already."""
    if not folder.exists():
        return fresh.rename(folder)
    if not folder.is_dir() or _contents(folder) != _contents(fresh):
        raise UsageError("Something else is in the way; move it, or choose another folder.", where=str(folder))
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def _requests(source: Traversable, folder: Path) -> None:
    for split in ("train", "test"):
        _copy(source / f"{split}.csv", folder)


def _digits(source: Traversable, folder: Path) -> None:
    """Cut the sheet, which holds the digits row by row in the order of the table."""
    from PIL import Image

    with (source / "sheet.png").open("rb") as file, Image.open(file) as sheet:
        across = sheet.width // _SIDE
        for at, row in enumerate(_rows(source / "sheet.csv")):
            left, top = at % across * _SIDE, at // across * _SIDE
            place = folder / row["split"] / row["label"]
            place.mkdir(parents=True, exist_ok=True)
            sheet.crop((left, top, left + _SIDE, top + _SIDE)).save(place / f"{int(row['source']):04d}.png")


def _numbers(source: Traversable, folder: Path) -> None:
    """Cut the recording at the places that the table names."""
    import soundfile

    samples, rate_hz = soundfile.read(io.BytesIO((source / "clips.flac").read_bytes()), dtype="int16")
    metadata: dict[str, list[tuple[str, str, str]]] = {}
    for at, row in enumerate(_rows(source / "clips.csv")):
        place = folder / row["split"]
        place.mkdir(exist_ok=True)
        name = f"{row['label']}-{row['speaker']}-{at:03d}.flac"
        start = int(row["start"])
        soundfile.write(place / name, samples[start : start + int(row["frames"])], rate_hz, subtype="PCM_16")
        metadata.setdefault(row["split"], []).append((name, row["label"], row["speaker"]))
    for split, rows in metadata.items():
        with (folder / split / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("file_name", "label", "speaker"), *rows])


def _rows(table: Traversable) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(io.StringIO(table.read_text(encoding="utf-8")))


def _copy(source: Traversable, folder: Path) -> None:
    (folder / source.name).write_bytes(source.read_bytes())
