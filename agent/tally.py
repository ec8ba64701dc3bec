"""How candidates fared: the count that plans, accounts and checks go by."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from memory.records import Record


class Tally(Record):
    """How candidates of one tool, or for one cell, have fared."""

    made: int = 0
    accepted: int = 0
    rejected: dict[str, int] = Field({})
    """Gate -> candidates it refused."""
    dry_rounds: int = 0
    """Rounds in a row that made candidates and had none accepted."""
    dry_made: int = 0
    """Candidates made in those rounds."""


def added(old: dict[str, int], new: dict[str, int]) -> dict[str, int]:
    """Return the counts of both, name by name."""
    return {name: old.get(name, 0) + new.get(name, 0) for name in (*old, *(name for name in new if name not in old))}


def merged(old: dict[str, Tally], new: dict[str, Any]) -> dict[str, Tally]:
    """Return the tallies with what one round brought; a round without an accepted sample is a dry one."""
    merged = dict(old)
    for name, brought in new.items():
        was = merged.get(name, Tally())
        dry = not brought["accepted"]
        merged[name] = Tally(
            made=was.made + brought["made"],
            accepted=was.accepted + brought["accepted"],
            rejected=added(was.rejected, brought["rejected"]),
            dry_rounds=was.dry_rounds + 1 if dry else 0,
            dry_made=was.dry_made + brought["made"] if dry else 0,
        )
    return merged
