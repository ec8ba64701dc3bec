"""How what was measured is said, alike on a terminal and on a page."""

from __future__ import annotations

from typing import Any


def gain(middle: float, low: float, high: float) -> str:
    """Return a gain in macro-F1 (shares of 1) with its interval, in points: `+2.0 [+0.5, +3.5]`."""
    points = (round(100 * one, 1) + 0.0 for one in (middle, low, high))  # + 0.0: no "-0.0"
    return "{:+.1f} [{:+.1f}, {:+.1f}]".format(*points)


def fate(one: dict[str, Any]) -> str:
    """Return what became of a recipe: kept or dropped, and what of it was left out whatever it brought."""
    notes = dict.fromkeys([*one["left_out"].values(), *one["notes"].values()])
    return "; ".join(["kept" if one["kept"] else "dropped", *notes])


def reached(found: dict[str, Any]) -> str:
    """Return what became of held-out coverage."""
    return (
        f"{100 * found['before']:.1f} % of {found['items']} validation items before, "
        f"{100 * found['after']:.1f} % after; {found['closed']} of {found['holes']} holes closed"
    )
