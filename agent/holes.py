"""Held-out coverage as a target: what the data lack becomes requests for samples, the fewest that close most of it.

Four kinds of holes stand in one list (`tools.coverage.holes`): validation items without a training neighbour, ranges
with too few training items, slices where the learner errs more than elsewhere, and ranges that items come in where the
model is used. They weigh in validation items, so one request may close holes of any kind. The test split is never
looked at. A request is a cell, so it is planned, made and judged like any other; what closed is measured, not assumed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np

from agent import accounts, work
from agent.state import Context
from memory.errors import UsageError
from memory.job import Target
from memory.records import Cell, Gap
from tools.catalogue import select
from tools.coverage import holes
from tools.coverage.bins import axis_name, bin_of
from tools.coverage.coverage import Axis
from tools.coverage.holes import LABEL, Hole, Place
from tools.coverage.patterns import uncovered
from tools.coverage.profile import UNCOVERED_BELOW
from tools.coverage.reach import Looked, Reach, features, stack
from tools.coverage.slices import InUse, errors, moved, seldom, still_wrong
from tools.seeds import generator, seed_for

PER_HOLE = 4
"""Samples asked for each far item, and for each error beyond the usual: some land beside it, or are refused."""
MOST_REQUESTS = 100
MOST_LOOKED_AT = 1_000
"""Training rows that are looked at as they come in use."""
MOST_PATTERNS = 2_000
MOST_VALUES = 50
"""Values of an attribute whose patterns are looked for; one with more names items, and no range of them."""
_MOST_SPANNED = 2**62
"""Combinations that can be numbered."""
_CHUNK = 256


@dataclass(frozen=True)
class Seen:
    """What was looked at: the training rows as neighbours, and the validation items."""

    reach: Reach
    rows: tuple[int, ...]
    """Validation rows."""
    features: Any
    labels: tuple[str, ...]
    places: tuple[Place, ...]
    """Where each validation row lies: its label, and the ranges that tools can move."""
    looked: Looked
    holes: tuple[Hole, ...]

    def with_errors(self, slices: Iterable[Mapping[str, Any]]) -> Seen:
        """Return this with the slices where a learner errs, as `slices` gave them, among the holes."""
        found = []
        for one in slices:
            items = [row for row, at in zip(self.rows, self.places, strict=True) if one["cell"].items() <= at.items()]
            wants = ceil(PER_HOLE * one["excess"])
            found.append(Hole("errors", tuple(items), dict(one["cell"]), one["excess"], one["why"], wants))
        return replace(self, holes=(*self.holes, *found))


@dataclass
class Kept:
    """What was looked at in this sitting; `Context.holes` holds it."""

    seen: Seen | None = None
    in_use: InUse | None = None


@dataclass(frozen=True)
class Erred:
    """How often the learner gets items wrong, without and with the made samples: shares of its runs."""

    rows: Sequence[int]
    shares: tuple[Sequence[float], Sequence[float]]


def wanted(use: Context, slices: Sequence[Mapping[str, Any]] = ()) -> list[Target]:
    """Return the requests of a job that asks for held-out coverage, and none for any other.

    `slices` are those where the learner errs on the data as they are; only a job with a goal knows them.
    """
    goal = use.job.reach
    return [] if goal is None else requests(use, look(use).with_errors(slices), goal.at_least)


def look(use: Context) -> Seen:
    """Look for the validation items' neighbours and for what else the data lack, once a sitting.

    Raises UsageError without a labelled validation split.
    """
    kept = _kept(use)
    if kept.seen is None:
        kept.seen = _look(use)
    return kept.seen


def _look(use: Context) -> Seen:
    cover, labels, groups = work.coverage(use), use.dataset.column("label"), use.dataset.column("group")
    rows = [row for row in use.dataset.rows("validation").tolist() if labels[row] is not None]
    if not rows:
        raise UsageError(
            "Held-out coverage needs a validation split with labels; name one, or cut one with dataset.splits.",
            where="targets.measure",
        )
    train = [row for row in cover.train.tolist() if labels[row] is not None]
    counted = dict(zip(cover.train.tolist(), cover.counted.tolist(), strict=True))
    reach = Reach.fit(
        _features(use, train),
        [labels[row] for row in train],
        [groups[row] for row in train],
        [counted[row] for row in train],
    )
    held, named, places = _features(use, rows), [str(labels[row]) for row in rows], _places(use, rows, _movable(use))
    looked = reach.look(held, named)
    found = (*holes.far(rows, looked, places), *_patterns(use, rows), *seldom(_in_use(use), Counter(named)))
    return Seen(reach, tuple(rows), held, tuple(named), tuple(places), looked, found)


def _patterns(use: Context, rows: Sequence[int]) -> list[Hole]:
    """Return the ranges, alone and in pairs, that too few training rows are in and items are."""
    cover = work.coverage(use)
    axes = [*_movable(use), *_own(use)]
    places, columns, spanned = _places(use, rows, axes), {}, 1
    for axis in (cover.axes[name] for name in (LABEL, *axes) if name in cover.axes):
        there = {at[axis.name] for at in map(holes.known, places) if axis.name in at}
        values = [*axis.values, *sorted(there - set(axis.values))]
        spanned *= len(values)
        if spanned <= _MOST_SPANNED:
            columns[axis.name] = (values, axis.codes)
    if not columns:
        return []
    found = uncovered(columns, UNCOVERED_BELOW, counted=cover.counted, most=MOST_PATTERNS)
    return holes.shown(found, UNCOVERED_BELOW, rows, places, int(cover.counted.sum()))


def _own(use: Context) -> list[str]:
    """Return the attributes that divide the data into a few parts, and are not the label by another name."""
    cover = work.coverage(use)
    own = [cover.axes[name] for name in use.dataset.columns.attributes if name in cover.axes]
    few = [axis for axis in own if len(axis.values) <= MOST_VALUES]
    return [axis.name for axis in few if not _renames(axis, cover.axes.get(LABEL))]


def _renames(axis: Axis, label: Axis | None) -> bool:
    if label is None:
        return False
    pairs = set(zip(axis.codes.tolist(), label.codes.tolist(), strict=True))
    return len(pairs) == len(axis.values) == len(label.values)


def requests(use: Context, seen: Seen, wanted: float) -> list[Target]:
    """Return the cells to make items for: the fewest that close most holes, each as a target of its own.

    Once enough validation items have a neighbour, far items and patterns are left as they are; errors and use are
    nothing that this share speaks of.
    """
    enough = (seen.looked.share or 0.0) >= wanted
    found = [hole for hole in seen.holes if not enough or hole.kind in ("errors", "use")]
    cover, targets = work.coverage(use), []
    for request in holes.hitting_set(found, _fillable(use, holes.possible(found)), MOST_REQUESTS):
        axes = tuple(request.cell.at)
        only = {axis: (value,) for axis, value in request.cell.at.items()}
        have = sum(cover.count(axes, only).values())
        more = _asked([found[at] for at in request.closes])
        targets.append(Target(axes=axes, at_least=have + more, only=only))
    return targets


def _asked(closed: Sequence[Hole]) -> int:
    """Return how many samples close some holes at one place: each sample counts for all of them."""
    far = PER_HOLE * sum(hole.kind == "far" for hole in closed)
    return max(far, *(hole.wants for hole in closed))


def _fillable(use: Context, cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells that have a parent, or that a tool here can move one into."""
    cover, (tools, _) = work.coverage(use), work.tools_here(use)
    gaps = [
        Gap(target=0, cell=cell, required=1, before=0, have=0, parents=len(cover.rows_in(cell)))
        for cell in cells
        if set(cell.at) <= set(cover.axes)
    ]
    needed = accounts.needs(gaps, use.job, cover, use.dataset.columns, tools, {})
    return [need.gap.cell for need in needed if need.gap.parents or need.movers]


def again(
    use: Context,
    seen: Seen,
    steps: Sequence[str],
    slices: Sequence[Mapping[str, Any]] = (),
    erred: Erred | None = None,
) -> dict[str, Any]:
    """Look at every hole again, with what was accepted in `steps` as training items beside the real ones.

    `slices` are those that `wanted` was told of. `erred` says how the learner does in them with these samples, where
    that is known.
    """
    seen, reach, accepted_at = seen.with_errors(slices), seen.reach, []
    batch: list[tuple[Any, str]] = []
    for made, judged in use.made.accepted(steps):
        payload = work.payload_of(made, use.modality)
        if made.label is not None and payload is not None:
            batch.append((payload, made.label))
            accepted_at.append({LABEL: made.label, **made.attributes, **judged.attributes})
    for low in range(0, len(batch), _CHUNK):
        part = batch[low : low + _CHUNK]
        reach = reach.with_made(features(use.modality, [payload for payload, _ in part]), [label for _, label in part])
    after = reach.look(seen.features, seen.labels)
    closed = holes.closed(seen.holes, accepted_at, after, rows=seen.rows)
    wrong = [] if erred is None else still_wrong(seen.holes, _places(use, erred.rows, _movable(use)), *erred.shares)
    return {
        "before": round(seen.looked.share or 0.0, 4),
        "after": round(after.share or 0.0, 4),
        "items": len(seen.rows),
        "holes": len(seen.holes),
        "closed": int(np.sum(closed)),
        "by_kind": holes.by_kind(seen.holes, closed),
        "errors": wrong,
    }


def slices(use: Context, rows: Sequence[int], wrong: Sequence[bool]) -> list[dict[str, Any]]:
    """Return where a learner errs more than elsewhere in the same label, the most errors first."""
    axes = sorted(_movable(use))
    found = errors(rows, wrong, _places(use, rows, axes), axes)
    found.sort(key=lambda one: (-one.weight, sorted(one.at.items())))
    return [{"cell": one.at, "errors": len(one.items), "excess": round(one.weight, 1), "why": one.why} for one in found]


def in_use(use: Context) -> list[dict[str, Any]]:
    """Return the ranges that items come in where the model is used and training rows seldom do, the rarest first."""
    found = [
        {"axis": axis, "range": name, "in_use": round(share, 3), "here": round(own, 3)}
        for axis, name, share, own in moved(_in_use(use))
    ]
    return sorted(found, key=lambda one: (one["here"] - one["in_use"], one["axis"], one["range"]))


def _in_use(use: Context) -> InUse:
    """Put training rows through the calls of `use`, and measure again what these calls can move; once a sitting."""
    kept = _kept(use)
    if kept.in_use is None:
        cover = work.coverage(use)
        axes = sorted({name for call in use.job.use for name in use.tools[call.tool].changes} & set(cover.derived))
        rows = cover.train if axes else cover.train[:0]
        here = tuple(_places(use, rows.tolist(), axes))
        order = generator(seed_for(use.job.seed, "use", "rows")).permutation(len(rows))
        some = np.sort(order[:MOST_LOOKED_AT]).tolist()
        lots = (rows[some[low : low + _CHUNK]].tolist() for low in range(0, len(some), _CHUNK))
        bins = [at for lot in lots for at in cover.bins(work.in_use(use, lot))]
        there = [{**here[at], **moved_to} for at, moved_to in zip(some, bins, strict=True)]
        kept.in_use = InUse(tuple(axes), here, tuple(there))
    return kept.in_use


def _kept(use: Context) -> Kept:
    if use.holes is None:
        use.holes = Kept()
    kept: Kept = use.holes
    return kept


def _features(use: Context, rows: Sequence[int]) -> Any:
    lots = [rows[low : low + _CHUNK] for low in range(0, max(1, len(rows)), _CHUNK)]
    return stack([features(use.modality, use.dataset.payloads(lot)) for lot in lots])


def _movable(use: Context) -> tuple[str, ...]:
    """Return the measures that a tool here can move, by axis."""
    tools, _ = work.tools_here(use)
    movable = {name for tool in tools for name in tool.changes}
    return tuple(name for name in work.coverage(use).derived if name in movable)


def _places(use: Context, rows: Sequence[int], axes: Sequence[str]) -> list[dict[str, str]]:
    """Return where each row lies: its label, and its values on `axes` as far as it has any."""
    cover, places = work.coverage(use), [dict[str, str]() for _ in rows]
    named = {axis_name(tool): tool for tool in select("measure", use.modality)}
    for name in (LABEL, *axes):
        column = cover.reading.measured[name] if name in cover.derived else use.dataset.column(name)
        for row, place in zip(rows, places, strict=True):
            value = bin_of(named[name], column[row]) if name in cover.derived else column[row]
            if value is not None:
                place[name] = str(value)
    return places
