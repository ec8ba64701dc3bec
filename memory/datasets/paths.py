"""Files named by a dataset: inside its folder, regular, of bounded size; anything else is refused."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path, PurePosixPath

from memory.datasets.media import BrokenItemError
from memory.errors import UsageError

MAX_MEDIA_BYTES = 1 << 31


def inside(root: Path, under: str, name: str, where: str) -> str:
    """Return the path that `name` (relative to `root/under`, or absolute) has relative to `root`.

    `root` is absolute and free of links. The file need not exist. Raises UsageError naming `where` for a path that
    leaves `root`: through `..`, as an absolute path, or through a link.
    """
    path = PurePosixPath(name)
    if ".." in path.parts:
        raise UsageError(f"the path {name!r} steps up with '..'; paths must stay inside {root}.", where=where)
    if path.is_absolute() and not path.is_relative_to(root):
        raise UsageError(f"the absolute path {name!r} lies outside {root}; move the file there.", where=where)
    full = root / under / path
    if "\0" not in name and not Path(os.path.realpath(full)).is_relative_to(root):
        raise UsageError(f"the path {name!r} leads out of {root} through a link; copy the file there.", where=where)
    return full.relative_to(root).as_posix()


def regular(file: Path, where: str) -> os.stat_result:
    """Return the state of a regular, readable file that is not empty; raise UsageError naming `where` otherwise."""
    try:
        state = file.stat()
        if stat.S_ISREG(state.st_mode):
            with file.open("rb"):
                pass
    except OSError as problem:
        raise UsageError(f"cannot be read ({problem.strerror}).", where=where) from problem
    if not stat.S_ISREG(state.st_mode):
        raise UsageError("is not a regular file but a folder, pipe or device.", where=where)
    if state.st_size == 0:
        raise UsageError("is empty (0 bytes).", where=where)
    return state


def is_there(root: Path, name: str) -> bool:
    """Return whether a regular file of this name lies under `root`."""
    try:
        return (root / name).is_file()
    except OSError:
        return False


def media_bytes(root: Path, name: str, where: str) -> bytes:
    """Return the bytes of a media file; raise BrokenItemError naming `where` when there are none to be had."""
    try:
        state = (root / name).stat()
        if not stat.S_ISREG(state.st_mode):
            raise BrokenItemError(f"{name!r} is not a regular file.", where=where)
        if state.st_size > MAX_MEDIA_BYTES:
            raise BrokenItemError(
                f"{name!r} has {state.st_size:,} bytes; the limit is {MAX_MEDIA_BYTES:,}.", where=where
            )
        return (root / name).read_bytes()
    except FileNotFoundError:
        raise BrokenItemError(f"{name!r} is missing.", where=where) from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "the name holds a NUL character"
        raise BrokenItemError(f"{name!r} cannot be read ({reason}).", where=where) from problem


def fingerprint(file: Path) -> dict[str, int | str]:
    """Return size, time of change and SHA-256 of a file; raises OSError."""
    state = file.stat()
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    return {"size": state.st_size, "mtime_ns": state.st_mtime_ns, "sha256": sha256}


def unchanged(file: Path, before: dict[str, int | str]) -> bool:
    """Return whether a file is what `fingerprint` saw; it is read again only when its time of change differs."""
    try:
        state = file.stat()
        if state.st_size != before["size"]:
            return False
        return state.st_mtime_ns == before["mtime_ns"] or fingerprint(file)["sha256"] == before["sha256"]
    except OSError:
        return False
