"""The augmented dataset as a folder that `datasets.load_dataset` opens, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from memory.atomic import sync_folder
from memory.datasets.dataset import Dataset
from memory.datasets.made import Candidate, Judged
from memory.errors import UsageError
from memory.exports.card import croissant, front_matter
from memory.exports.media import write_media
from memory.exports.task import Task
from memory.exports.text import write_text

_MARK = ".augplan-partial"
_FORMATS = {
    "text": ("csv", "jsonl", "parquet"),
    "image": ("imagefolder", "parquet"),
    "speech": ("audiofolder", "parquet"),
}
_COLUMNAR = frozenset(("parquet", "arrow", "saved", "hub"))


@dataclass(frozen=True)
class Exported:
    """What an export wrote."""

    path: Path
    files: tuple[str, ...]
    """Every file, relative to `path`, sorted."""
    rows: dict[str, int]
    """Split -> rows; training counts real and made ones."""
    synthetic: int
    """Made rows, all of them in training."""
    provenance: dict[str, str]
    """synthetic, sample_id, parents, tool, step, soft_label, duplicate_of -> the column that holds it."""


def kind_of(dataset: Dataset, format: str) -> str:  # noqa: A002 - the name that the job file has for it
    """Return what an export in `format` is written as: csv, tsv, jsonl, parquet, imagefolder or audiofolder.

    Raises UsageError for a format that cannot hold the dataset's modality.
    """
    possible = _FORMATS[dataset.modality]
    if format != "same":
        if format not in possible:
            raise UsageError(
                f"{dataset.modality} cannot be exported as {format!r}; possible are: same, {', '.join(possible)}.",
                where="export.format",
            )
        return format
    if dataset.layout in _COLUMNAR:
        return "parquet"
    if dataset.modality != "text":
        return possible[0]
    return dataset.layout if dataset.layout in {"csv", "tsv"} else "jsonl"


def check_target(to: Path) -> None:
    """Raise UsageError when `to` exists, or when something else lies where the export would be prepared."""
    if to.exists() or to.is_symlink():
        raise UsageError(f"{str(to)!r} exists; an export needs a folder that does not.", where="export.path")
    partial = _partial(to)
    if partial.is_symlink() or (partial.exists() and not (partial / _MARK).is_file()):
        raise UsageError(f"{str(partial)!r} is in the way; move or remove it.", where="export.path")


def export(
    dataset: Dataset,
    made: Iterable[tuple[Candidate, Judged]],
    to: Path,
    format: str,  # noqa: A002 - the name that the job file has for it
    card: str,
    duplicate_of: Mapping[int, int],
) -> Exported:
    """Write the dataset and the accepted samples `made` to the new folder `to`, and describe it with `card`.

    Training rows come first as they are, then made ones; `made` is read once, one sample at a time. Made rows fill the
    text or media, label, group, split, a textual id and inherited attributes; other columns of theirs are empty. Files
    that hold nothing but evaluation rows are copied byte for byte. `duplicate_of` maps a training row to the earlier
    one it nearly repeats.

    `to` appears when everything is written and synced; a failure leaves nothing. Raises UsageError before any work
    when `to` exists or `format` cannot hold the modality, and naming the row that a format cannot hold.
    """
    kind = kind_of(dataset, format)
    check_target(to)
    held = hashlib.sha256(dataset.digest.encode())
    with _whole(to) as folder:
        task = Task(dataset, _noted(made, held), folder, kind, duplicate_of)
        written = write_text(task) if dataset.modality == "text" else write_media(task)
        provenance = dict(written.shape.provenance)
        head = front_matter(dataset, written.parts, held.hexdigest())
        (folder / "README.md").write_text(head + card.rstrip() + "\n", encoding="utf-8")
        described = croissant(dataset, folder, written.parts, written.kept, provenance)
        (folder / "croissant.json").write_text(described, encoding="utf-8")
        files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir())
    rows = {**dataset.splits(), "train": dataset.splits()["train"] + written.synthetic}
    return Exported(to, tuple(file for file in files if file != _MARK), rows, written.synthetic, provenance)


def _noted(made: Iterable[tuple[Candidate, Judged]], held: hashlib._Hash) -> Iterator[tuple[Candidate, Judged]]:
    """Yield made samples, and enter what each holds into the digest `held`."""
    for candidate, judged in made:
        held.update(f"{candidate.id} {candidate.content}\n".encode())
        yield candidate, judged


def _partial(to: Path) -> Path:
    return to.with_name(f"{to.name}.partial")


@contextmanager
def _whole(to: Path) -> Iterator[Path]:
    """Yield a fresh folder that becomes `to` at the end, or is removed on any failure."""
    partial = _partial(to)
    mark = partial / _MARK
    try:
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(parents=True)
        mark.touch()
        yield partial
        mark.unlink()
        # One call for all files: a call a file takes longer than writing thousands of small images.
        os.sync()
        partial.rename(to)
        sync_folder(to.parent)
    except OSError as problem:
        shutil.rmtree(partial, ignore_errors=True)
        raise UsageError(f"{problem.filename or to}: {problem.strerror or problem}.", where="export.path") from problem
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
