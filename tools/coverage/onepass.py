"""One reading of a whole dataset: every payload decoded once, measured, and compared with what came before."""

from __future__ import annotations

import hashlib
import inspect
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memory.errors import UsageError
from memory.records import Modality
from tools.catalogue import select
from tools.coverage import bins
from tools.similarity import fingerprints, minhash, nearest
from tools.similarity import seen as similarity
from tools.similarity.seen import Match, Prints, Seen

if TYPE_CHECKING:
    from memory.datasets.dataset import Dataset

TRAIN = "train"
_ROWS = {"text": 1024, "image": 32, "speech": 32}
"""Rows decoded at a time; few media, because one photograph may be 40 MB."""
_WORKERS = 2
_KEEP = "coverage"
Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]
Measured = dict[str, list[float | str | None]]


@dataclass(frozen=True)
class Twins:
    """Pairs of near-duplicates: `rows` (pairs, 2) and their `similarity` (pairs,)."""

    rows: Ints
    similarity: NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """What one pass found. Row numbers are those of the dataset."""

    measured: dict[str, list[float | str | None]]
    """Axis of each measure -> value of every row of the dataset."""
    repeats: Twins
    """(training row, the earliest counted training row it nearly repeats)"""
    leaks: Twins
    """(evaluation row, the most similar training row)"""
    evaluation_repeats: Twins
    """(evaluation row, the earliest counted evaluation row it nearly repeats)"""


@dataclass
class _Found:
    """Pairs as they come."""

    rows: list[tuple[int, int]] = field(default_factory=list)
    similarity: list[float] = field(default_factory=list)

    def take(self, rows: Sequence[int], matches: Sequence[Match | None]) -> list[int]:
        """Note every match; return the positions that matched."""
        hits = [(at, match) for at, match in enumerate(matches) if match is not None]
        for at, match in hits:
            self.rows.append((rows[at], int(match.id)))
            self.similarity.append(match.similarity)
        return [at for at, _ in hits]

    def twins(self) -> Twins:
        rows = np.array(self.rows, np.int64).reshape(-1, 2)
        return Twins(rows, np.array(self.similarity, np.float64))


def read(dataset: Dataset, progress: Progress | None = None) -> Reading:
    """Return what the dataset's workspace keeps of an earlier pass, or read every row and keep it.

    `progress` is called with (rows done, rows in all). Raises UsageError when there is no training row.
    """
    made_with = _versions(dataset.modality)
    kept = dataset.kept(_KEEP)
    if kept is not None and kept[1]["made_with"] == made_with and kept[1]["rows"] == len(dataset):
        return _restored(*kept)
    reading = _read(dataset, progress or _quietly)
    arrays, facts = _stored(reading)
    dataset.keep(_KEEP, arrays, {**facts, "made_with": made_with, "rows": len(dataset)})
    return reading


def _quietly(_done: int, _of: int) -> None:
    return


def _read(dataset: Dataset, progress: Progress) -> Reading:
    splits = dataset.splits()
    if not splits.get(TRAIN):
        raise UsageError(f"The dataset has no training row; its splits are {splits}. Name one split 'train'.")
    order = [TRAIN, *(split for split in splits if split != TRAIN)]
    parts = [rows for split in order for rows in _parts(dataset.rows(split).tolist(), _ROWS[dataset.modality])]
    training, everything = splits[TRAIN], sum(splits.values())
    held, evaluated = Seen(dataset.modality), Seen(dataset.modality)
    repeats, leaks, again = _Found(), _Found(), _Found()
    late: list[tuple[list[str], Prints]] = []
    columns: dict[str, list[float | str | None]] = {}
    done = 0
    for rows, measured, prints in _decoded(dataset, held, parts):
        _spread(columns, measured, rows, len(dataset))
        ids = [str(row) for row in rows]
        if done < training:
            hits = repeats.take(rows, held.admit(ids, prints))
            late.append(([ids[at] for at in hits], prints.take(np.array(hits, np.int64))))
        else:
            while late:
                held.add(*late.pop())
            leaks.take(rows, held.nearest(prints))
            again.take(rows, evaluated.admit(ids, prints))
        done += len(rows)
        progress(done, everything)
    return Reading(columns, repeats.twins(), leaks.twins(), again.twins())


def _parts(rows: list[int], size: int) -> list[list[int]]:
    return [rows[low : low + size] for low in range(0, len(rows), size)]


def _decoded(dataset: Dataset, seen: Seen, parts: list[list[int]]) -> Iterator[tuple[list[int], Measured, Prints]]:
    """Yield rows with their measured values and prints, in order; media are decoded two batches ahead."""

    def work(rows: list[int]) -> tuple[list[int], Measured, Prints]:
        payloads = dataset.payloads(rows)
        return rows, bins.values_of(dataset.modality, payloads), seen.prints(payloads)

    if dataset.modality == "text":
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(_WORKERS) as pool:
        ahead: deque[Future[tuple[list[int], Measured, Prints]]] = deque()
        for rows in parts:
            ahead.append(pool.submit(work, rows))
            if len(ahead) > _WORKERS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _spread(columns: Measured, measured: Measured, rows: list[int], total: int) -> None:
    for axis, values in measured.items():
        column = columns.setdefault(axis, [None] * total)
        for row, value in zip(rows, values, strict=True):
            column[row] = value


# --- kept between sittings -------------------------------------------------------------------------


def _versions(modality: Modality) -> dict[str, str]:
    """Return what a reading depends on beside the data: the sources of the measures and of the comparison."""
    found = {tool.name: tool.version for tool in select("measure", modality)}
    sources = "".join(inspect.getsource(module) for module in (similarity, minhash, nearest, fingerprints))
    return {**found, "similarity": hashlib.sha256(sources.encode()).hexdigest()[:12]}


def _stored(reading: Reading) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    words: dict[str, list[str]] = {}
    for axis, values in reading.measured.items():
        if any(isinstance(value, str) for value in values):
            words[axis] = sorted({str(value) for value in values if value is not None})
            code = {word: at for at, word in enumerate(words[axis])}
            arrays[axis] = np.array([-1 if value is None else code[str(value)] for value in values], np.int32)
        else:
            arrays[axis] = np.array([bins.as_number(value) for value in values], np.float64)
    for name in ("repeats", "leaks", "evaluation_repeats"):
        twins: Twins = getattr(reading, name)
        arrays[f"{name}_rows"], arrays[f"{name}_similarity"] = twins.rows, twins.similarity
    return arrays, {"words": words, "axes": list(reading.measured)}


def _restored(arrays: dict[str, NDArray[Any]], facts: dict[str, Any]) -> Reading:
    measured: Measured = {}
    for axis in facts["axes"]:
        words = facts["words"].get(axis)
        if words is None:
            measured[axis] = [None if isnan(value) else value for value in arrays[axis].tolist()]
        else:
            measured[axis] = [None if code < 0 else words[code] for code in arrays[axis].tolist()]
    twins = [
        Twins(np.asarray(arrays[f"{name}_rows"]), np.asarray(arrays[f"{name}_similarity"]))
        for name in ("repeats", "leaks", "evaluation_repeats")
    ]
    return Reading(measured, *twins)
