"""Two runs side by side: what they were given otherwise, where their decisions part, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent import audit, wording
from memory.runs import Run

MOST = 12
"""Differences of one kind that are told in words; a program gets all."""
_MOST_SHOWN = 60
_UNSAID = ("seq", "at", "kind", "given", "in_force")
"""Of what a run was given: what says nothing, and what stands there twice."""
_PLACES = ("runs", "cache", "memory")
_RESULTS = ("stop_reason", "rounds", "made", "accepted", "rejected", "export_digest")


@dataclass(frozen=True)
class Difference:
    """A value that two runs do not share; None where one of them lacks it."""

    place: str
    one: Any
    other: Any


@dataclass(frozen=True)
class Compared:
    """What tells two runs apart."""

    given: tuple[Difference, ...]
    """Job, data, seed, versions, machine."""
    same: int
    """Decisions that are the same, from the first."""
    of: tuple[int, int]
    """Decisions of each."""
    parted: str | None
    """The first decision that is not the same, by its node and round; None where all are."""
    facts: tuple[Difference, ...]
    """What differs in it."""
    results: tuple[Difference, ...]
    """What came of it: why they stopped, what was made, what every cell has."""

    @property
    def alike(self) -> bool:
        """Whether they decided the same and made the same."""
        return self.parted is None and not self.results


def compare(one: Path, other: Path) -> Compared:
    """Compare two runs by their traces and reports. Raises UsageError for a folder that is no run."""
    traces = [audit.decisions(folder) for folder in (one, other)]
    # What listening decides is what was given.
    mine, theirs = ([part for part in decided(trace) if part["node"] != "listen"] for trace in traces)
    at = parting(mine, theirs)
    parted, facts = None, list[Difference]()
    if at is not None:
        left, right = (part[at] if at < len(part) else {"facts": None} for part in (mine, theirs))
        first = left if "node" in left else right
        parted = f"{first['node']} of round {first['round']}"
        facts = list(differences(left["facts"], right["facts"]))
    same = len(mine) if at is None else at
    results = differences(_result(one), _result(other))
    return Compared(
        tuple(differences(_given(traces[0][0]), _given(traces[1][0]))),
        same,
        (len(mine), len(theirs)),
        parted,
        tuple(facts),
        tuple(results),
    )


def decided(trace: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the decisions of a trace, less where the run was told to put its export."""
    found = []
    for one in trace:
        if one["kind"] == "decision":
            facts = {name: value for name, value in one["facts"].items() if name != "job"}
            found.append({"node": one["node"], "round": one["round"], "summary": one["summary"], "facts": facts})
    return found


def parting(mine: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the number of the first decision that differs, or that only one of two runs has; None where all agree."""
    for at, (one, other) in enumerate(zip(mine, theirs, strict=False)):
        if one != other:
            return at
    return None if len(mine) == len(theirs) else min(len(mine), len(theirs))


def differences(one: Any, other: Any, place: str = "") -> Iterator[Difference]:
    """Yield where two values of JSON differ, as deep as they are alike; of lists of two lengths what only one has."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys((*one, *other)):
            yield from differences(one.get(key), other.get(key), f"{place}.{key}".lstrip("."))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for at, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{place}[{at}]")
    elif isinstance(one, list) and isinstance(other, list):
        mine, theirs = ([value for value in left if value not in right] for left, right in ((one, other), (other, one)))
        yield Difference(place, mine, theirs) if mine or theirs else Difference(place, one, other)
    elif one != other:
        yield Difference(place, one, other)


def told(found: Compared) -> list[str]:
    """Return a comparison as lines."""
    lines = _listed("given", found.given) or ["given: the same job, data, seed, versions and machine"]
    if found.parted is None:
        lines.append(f"all {found.same} decisions are the same")
    else:
        lines.append(f"the first {found.same} decisions are the same, of {found.of[0]} and {found.of[1]}")
        lines.append(f"they part in decision {found.same + 1}, {found.parted}")
        lines += _listed("  there", found.facts)
    return lines + (_listed("result", found.results) or ["result: the same"])


def _listed(head: str, found: Sequence[Difference]) -> list[str]:
    lines = [f"{head}: {one.place}: {_shown(one.one)} | {_shown(one.other)}" for one in found[:MOST]]
    return lines + ([f"{head}: and {len(found) - MOST} more"] if len(found) > MOST else [])


def _shown(value: Any) -> str:
    text = "nothing" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _given(opened: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run was given: where things lie is left out, as the dataset is told by its digest."""
    job = {**opened["in_force"], "dataset": {**opened["in_force"]["dataset"], "path": ""}, "export": None}
    settings = {name: value for name, value in opened.get("settings", {}).items() if name not in _PLACES}
    return {"job": job, **{name: value for name, value in opened.items() if name not in _UNSAID}, "settings": settings}


def _result(folder: Path) -> dict[str, Any]:
    """Return what came of a run; {} while it has not ended."""
    run = Run.open(folder)
    if not run.report_json.is_file():
        return {}
    report = run.read_json("report.json")
    cells = {wording.cell_of(line): line["after"] for line in report["targets"]}
    return {name: report[name] for name in _RESULTS} | {"cells": cells}
