"""What paints pictures anew where a mask is (in-painting)."""

from __future__ import annotations

from memory.job import Policy
from tools.engines import pipelines
from tools.engines.engine import Engine, Place


def why_missing(policy: Policy) -> str | None:
    """Return what is missing, with the command that brings it; None when it can be built."""
    return pipelines.why_missing(policy, "fill")


def build(place: Place) -> Engine:
    """Load it, or name the endpoint. Raises UsageError where what it needs is not here or may not be used."""
    return pipelines.build(place, "fill")
