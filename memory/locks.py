"""A file that stands for a lock between processes; the operating system gives it back when its holder dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class BusyError(Exception):
    """Another process holds the lock."""


@contextmanager
def held(file: Path, patience_s: float) -> Iterator[None]:
    """Hold the lock that `file` stands for. Raises BusyError when another process keeps it longer than `patience_s`."""
    with file.open("ab") as handle:
        until = time.monotonic() + patience_s
        while not _taken(handle):
            if time.monotonic() > until:
                raise BusyError(f"{file} is held by another process")
            time.sleep(0.02)
        yield


def is_held(file: Path) -> bool:
    """Return whether some process holds the lock now."""
    if not file.exists():
        return False
    with file.open("rb") as handle:
        return not _taken(handle)


def _taken(handle: IO[bytes]) -> bool:
    """Try to take the lock; closing the file gives it back."""
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
