"""Held-out coverage as a target: validation items without a training neighbour become requests for samples.

The test split is never looked at. A request is a cell (label, and the ranges that tools can reach), so it is planned,
made and judged like any other; whether a hole closed is measured on what was accepted, not assumed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agent import work
from agent.state import Context
from memory.errors import UsageError
from memory.job import Target
from tools.catalogue import select
from tools.coverage import holes
from tools.coverage.bins import axis_name, bin_of
from tools.coverage.holes import Hole
from tools.coverage.reach import Looked, Reach, features, stack

PER_HOLE = 4
"""Samples asked for each hole that a request closes: some land beside it, or are refused."""
MOST_REQUESTS = 100
MOST_LOOKED_AT = 1_000
"""Training rows that are looked at as they come in use."""
OFTEN, SELDOM = 0.1, 0.5
"""A range is named that a tenth of the items in use are in, and at most half of that share of the training rows."""
_CHUNK = 256


@dataclass(frozen=True)
class Seen:
    """What was looked at: the training rows as neighbours, and the validation items."""

    reach: Reach
    rows: tuple[int, ...]
    """Validation rows."""
    features: Any
    labels: tuple[str, ...]
    looked: Looked
    holes: tuple[Hole, ...]


def wanted(use: Context) -> list[Target]:
    """Return the requests of a job that asks for held-out coverage, and none for any other."""
    goal = use.job.reach
    return [] if goal is None else requests(use, look(use), goal.at_least)


def look(use: Context) -> Seen:
    """Look for the validation items' neighbours, once a sitting.

    Raises UsageError without a labelled validation split.
    """
    if use.holes is None:
        use.holes = _look(use)
    seen: Seen = use.holes
    return seen


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
    held, named = _features(use, rows), [str(labels[row]) for row in rows]
    looked = reach.look(held, named)
    return Seen(reach, tuple(rows), held, tuple(named), looked, tuple(holes.far(rows, looked, _places(use, rows))))


def requests(use: Context, seen: Seen, wanted: float) -> list[Target]:
    """Return the cells to make items for: the fewest that close enough holes, each as a target of its own."""
    if (seen.looked.share or 0.0) >= wanted:
        return []
    cover, targets = work.coverage(use), []
    for request in holes.hitting_set(seen.holes, None, MOST_REQUESTS):
        axes = tuple(request.cell.at)
        only = {axis: (value,) for axis, value in request.cell.at.items()}
        have = sum(cover.count(axes, only).values())
        targets.append(Target(axes=axes, at_least=have + PER_HOLE * len(request.closes), only=only))
    return targets


def again(use: Context, seen: Seen, steps: Sequence[str]) -> dict[str, Any]:
    """Look at every validation item again, with what was accepted in `steps` as training items beside the real ones."""
    reach, accepted_at = seen.reach, []
    batch: list[tuple[Any, str]] = []
    for made, judged in use.made.accepted(steps):
        payload = work.payload_of(made, use.modality)
        if made.label is not None and payload is not None:
            batch.append((payload, made.label))
            accepted_at.append({"label": made.label, **made.attributes, **judged.attributes})
    for low in range(0, len(batch), _CHUNK):
        part = batch[low : low + _CHUNK]
        reach = reach.with_made(features(use.modality, [payload for payload, _ in part]), [label for _, label in part])
    after = reach.look(seen.features, seen.labels)
    closed = holes.closed(seen.holes, accepted_at, after, rows=seen.rows)
    return {
        "before": round(seen.looked.share or 0.0, 4),
        "after": round(after.share or 0.0, 4),
        "items": len(seen.rows),
        "holes": len(seen.holes),
        "closed": int(np.sum(closed)),
    }


def slices(use: Context, rows: Sequence[int], wrong: Sequence[bool]) -> list[dict[str, Any]]:
    """Return where a learner errs more than elsewhere in the same label, the most errors first."""
    places = _places(use, rows)
    axes = sorted({axis for place in places for axis in place} - {"label"})
    found = sorted(holes.errors(rows, wrong, places, axes), key=lambda one: (-one.weight, sorted(one.at.items())))
    return [{"cell": one.at, "errors": len(one.items), "excess": round(one.weight, 1), "why": one.why} for one in found]


def in_use(use: Context) -> list[dict[str, Any]]:
    """Return the ranges that items come in where the model is used and training rows seldom do, the rarest first.

    Training rows are put through the calls of `use`, and the measures that these calls can move are taken again.
    """
    cover = work.coverage(use)
    moved = sorted({name for call in use.job.use for name in use.tools[call.tool].changes} & set(cover.axes))
    rows = cover.train[:MOST_LOOKED_AT].tolist()
    if not moved or not rows:
        return []
    lots = (work.in_use(use, rows[low : low + _CHUNK]) for low in range(0, len(rows), _CHUNK))
    there = cover.bins([payload for lot in lots for payload in lot])
    found = []
    for axis in moved:
        here, counts = cover.axis(axis), Counter(place[axis] for place in there if axis in place)
        for name, count in counts.items():
            own = float((here.codes == here.values.index(name)).mean()) if name in here.values else 0.0
            share = count / len(rows)
            if share >= OFTEN and own <= SELDOM * share:
                found.append({"axis": axis, "range": name, "in_use": round(share, 3), "here": round(own, 3)})
    return sorted(found, key=lambda one: (one["here"] - one["in_use"], one["axis"], one["range"]))


def _features(use: Context, rows: Sequence[int]) -> Any:
    lots = [rows[low : low + _CHUNK] for low in range(0, max(1, len(rows)), _CHUNK)]
    return stack([features(use.modality, use.dataset.payloads(lot)) for lot in lots])


def _places(use: Context, rows: Sequence[int]) -> list[dict[str, str]]:
    """Return where each row lies: its label, and the ranges of measures that a tool here can move."""
    tools, _ = work.tools_here(use)
    movable = {name for tool in tools for name in tool.changes}
    cover, labels = work.coverage(use), use.dataset.column("label")
    named = {axis_name(tool): tool for tool in select("measure", use.modality)}
    measures = {name: tool for name, tool in named.items() if name in movable and name in cover.derived}
    found = []
    for row in rows:
        place = {"label": str(labels[row])}
        for name, tool in measures.items():
            place[name] = bin_of(tool, cover.reading.measured[name][row])
        found.append(place)
    return found
