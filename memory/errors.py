"""What can go wrong, named by who must act.

    AugplanError
    ├─ UsageError     a person must act: bad job, bad data, missing extra or device
    ├─ ToolError      the planner must act: a tool failed; it becomes a fact for the next plan
    ├─ ModelError     the model's answer stayed unusable after the allowed tries; SpentError: there is no budget to ask
    └─ RecordError    what is on disk contradicts itself: broken seal, changed dataset

A message says what happened, to which thing, and what to do. Values that code needs are fields, so no
code reads the text.
"""

from __future__ import annotations

from collections.abc import Sequence


class AugplanError(Exception):
    """Any failure that augplan explains itself."""

    exit_code = 4


class UsageError(AugplanError):
    """A person must act; the message says how."""

    exit_code = 2

    def __init__(self, message: str, *, where: str | None = None) -> None:
        """Keep `where`: the file, row or field at fault, as `train.csv:17`, or None."""
        super().__init__(message if where is None else f"{where}: {message}")
        self.where = where


class ToolError(AugplanError):
    """A tool failed on a batch; the planner goes on without it."""

    def __init__(self, tool: str, message: str) -> None:
        """Keep the name of the tool that failed."""
        super().__init__(f"Tool {tool!r} failed: {message}")
        self.tool = tool


class ModelError(AugplanError):
    """A model's answer stayed unusable after the allowed tries."""

    def __init__(self, message: str, *, problems: Sequence[str] = ()) -> None:
        """Keep `problems`: what was wrong with the last answer, in words its author could have acted on."""
        super().__init__(message)
        self.problems = tuple(problems)


class SpentError(ModelError):
    """The tokens or the money of a run do not cover another question; nothing was sent."""


class RecordError(AugplanError):
    """What is on disk contradicts itself."""

    def __init__(self, message: str, *, where: str | None = None) -> None:
        """Keep `where`: the file or record at fault, or None."""
        super().__init__(message if where is None else f"{where}: {message}")
        self.where = where
