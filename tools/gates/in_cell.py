"""Whether the sample landed in the cell that it was made for."""

from __future__ import annotations

from memory.records import Cell, Verdict
from tools.candidates import Candidates, Reference
from tools.card import Params, gate


@gate("any")
def in_cell(batch: Candidates, reference: Reference, params: Params) -> list[Verdict]:  # noqa: ARG001
    """Reject samples that miss their cell on any axis; derived attributes count as measured on the sample itself.

    A sample mixed from two labels counts for no cell, so it cannot miss one.
    """
    return [
        Verdict(gate="in_cell", accepted=True, why="mixed: counts for no cell") if mixed else _verdict(cell, has)
        for cell, has, mixed in zip(batch.cells, batch.attributes, batch.mixed, strict=True)
    ]


def _verdict(cell: Cell | None, has: dict[str, str]) -> Verdict:
    wanted = {} if cell is None else cell.at
    missed = [
        f"{axis}: wanted {value!r}, got {has[axis]!r}" if axis in has else f"{axis}: wanted {value!r}, has none"
        for axis, value in wanted.items()
        if has.get(axis) != value
    ]
    return Verdict(gate="in_cell", accepted=not missed, why="; ".join(missed))
