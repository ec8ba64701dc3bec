"""Lays out facts as short tables and lists that a model reads well. What comes from data cannot leave its place."""

from __future__ import annotations

from collections.abc import Sequence

CUT = "…"
CELL = 500
"""Most characters of a cell of a table."""


def plain(text: object, most: int = 200) -> str:
    """Return a text from data as one line of at most `most` characters that opens and closes no tag or cell."""
    line = " ".join(str(text).split()).translate({ord("<"): "&lt;", ord(">"): "&gt;", ord("|"): "/"})
    return line if len(line) <= most else line[: most - 1] + CUT


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], nothing: str = "none", most: int = 60) -> str:
    """Return rows under their heads, a bar between cells; `nothing` stands for none, a note for what is left out."""
    if not rows:
        return nothing
    lines = [" | ".join(heads), *(" | ".join(plain(cell, CELL) for cell in row) for row in rows[:most])]
    if len(rows) > most:
        lines.append(f"({len(rows) - most} more are left out)")
    return "\n".join(lines)


def bullets(lines: Sequence[object], nothing: str = "none", most: int = 60) -> str:
    """Return one line each, with a dash before it."""
    shown = [f"- {plain(line, 400)}" for line in lines[:most]]
    if len(lines) > most:
        shown.append(f"({len(lines) - most} more are left out)")
    return "\n".join(shown) or nothing
