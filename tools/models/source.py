"""What answers: an endpoint, a model on this machine, or nothing but a record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from memory.errors import ModelError
from memory.exchanges import Reply, Request


class Source(Protocol):
    """Answers one request at a time; several threads may ask at once."""

    name: str
    """Name of the model, as it stands in requests."""
    to: str
    """Address that requests go to, or `this machine`."""
    remote: bool
    """Whether a request leaves the process for somewhere that may pass it on."""

    def complete(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        """Return the answer to `request`; `on_text` is handed pieces of it as they come.

        A reply that breaks off, or is no reply at all, is never returned as if it were whole. Raises ModelError with
        what went wrong and what to do, after retries where another try may help.
        """
        ...

    def complete_all(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        """Return one answer a request, in order, or the error that `complete` would have raised.

        Many are in flight at once, or in one batch on a device; an answer does not depend on its neighbours.
        """
        ...
