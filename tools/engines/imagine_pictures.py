"""What makes pictures from words alone, and what tells the words where the job names a model that sees pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from memory.job import Policy
from tools.engines import captions, pipelines
from tools.engines.engine import Engine, Place
from tools.engines.orders import Order

if TYPE_CHECKING:
    import torch


class Imagining:
    """Makes pictures, and describes those that new ones are to be like."""

    def __init__(self, pictures: Any, seeing: captions.Captions) -> None:
        """Join what `tools.engines.pipelines` built and what describes pictures."""
        self._pictures, self.captions = pictures, seeing
        self.digest = hashlib.sha256(f"{pictures.digest}\n{seeing.digest}".encode()).hexdigest()

    def make(self, orders: Sequence[Order | None]) -> list[torch.Tensor | None]:
        """Return a picture (3, *order.size) uint8 for each order, as the engine inside does."""
        made: list[torch.Tensor | None] = self._pictures.make(orders)
        return made


def why_missing(policy: Policy) -> str | None:
    """Return what is missing, with the command that brings it; None when it can be built."""
    return pipelines.why_missing(policy, "imagine")


def build(place: Place) -> Engine:
    """Load it, or name the endpoint. Raises UsageError where what it needs is not here or may not be used."""
    pictures = pipelines.build(place, "imagine")
    seeing = captions.build(place)
    return pictures if seeing is None else Imagining(pictures, seeing)
