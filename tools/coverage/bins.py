"""Measured values as named ranges, so that a number can be an axis."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from memory.datasets.media import Payload
from memory.records import Modality
from tools.card import Tool
from tools.catalogue import select

UNKNOWN = "unknown"
"""The bin of a value that could not be measured; it is never a cell to fill."""


def axis_name(tool: Tool) -> str:
    """Return the name of a measure's axis: `words` for `measures.words`."""
    return tool.name.rsplit(".", 1)[-1]


def bins_of(tool: Tool) -> tuple[str, ...]:
    """Return the names of a numeric measure's ranges, ascending: edges (5, 15) give `<5`, `5-15`, `>=15`.

    With a negative edge the middle ranges read `-40 to -30`. A measure without edges gives words and has none.
    """
    edges = [f"{edge:g}" for edge in tool.edges]
    if not edges:
        return ()
    between = " to " if tool.edges[0] < 0 else "-"
    inner = (f"{low}{between}{high}" for low, high in pairwise(edges))
    return (f"<{edges[0]}", *inner, f">={edges[-1]}")


def bin_of(tool: Tool, value: float | str | None) -> str:
    """Return the named range that `value` falls in (low edge included), a word as it is, `unknown` for None or NaN."""
    if isinstance(value, str):
        return value
    if value is None or math.isnan(value):
        return UNKNOWN
    return bins_of(tool)[bisect_right(tool.edges, value)] if tool.edges else f"{value:g}"


def values_of(modality: Modality, payloads: Sequence[Payload]) -> dict[str, list[float | str | None]]:
    """Return what every measure of `modality` gives, one value per payload, by axis name."""
    return {axis_name(tool): tool.run(payloads) for tool in select("measure", modality)}


def measure_all(modality: Modality, payloads: Sequence[Payload]) -> list[dict[str, str]]:
    """Return the derived attributes of each payload as named ranges: `{words: 5-15, script: Latin}`."""
    tools = {axis_name(tool): tool for tool in select("measure", modality)}
    named = {axis: [bin_of(tools[axis], one) for one in given] for axis, given in values_of(modality, payloads).items()}
    return [{axis: given[at] for axis, given in named.items()} for at in range(len(payloads))]


def as_number(value: float | str | None) -> float:
    """Return a measured number, NaN for None."""
    return math.nan if value is None else float(value)
