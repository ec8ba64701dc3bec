"""Models of transformers that a job names for its gates: which may be used, where they are, and reading them whole.

A job names a folder or a hub id; a hub id is looked for in the Hugging Face cache, and nothing is ever fetched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Payload
from memory.errors import UsageError
from memory.job import Policy
from tools.models.choose import ENDPOINT
from tools.seeds import generator, seed_for
from tools.weights.hub import folder_named, how_to_get, how_to_get_named, shards_of
from tools.weights.table import serving, why_forbidden

if TYPE_CHECKING:
    from tools.engines.engine import Place

FIELDS: Mapping[str, str] = {"recogniser": "asr_model", "matcher": "match_model"}
"""Engine -> the field of a job's policy that names its model."""
_WHOLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_SETTINGS = (("preprocessor_config.json", "processor_config.json"), ("tokenizer.json", "vocab.json", "spiece.model"))
"""Of each group a model has one file at least: how its input is prepared, and its words."""


@dataclass(frozen=True)
class Kind:
    """What one engine can run on."""

    engine: str
    what: str
    """In words."""
    types: tuple[str, ...]
    """Values of `model_type` that were run."""


def is_named(engine: str | None, policy: Policy) -> bool:
    """Return whether a job names the model of an engine."""
    return engine is not None and engine in FIELDS and bool(getattr(policy, FIELDS[engine]))


def why_missing(kind: Kind, policy: Policy) -> str | None:
    """Return what is missing for the model that a job names, or which rule forbids it; None where it can be read."""
    field = f"policy.{FIELDS[kind.engine]}"
    name: str | None = getattr(policy, FIELDS[kind.engine])
    if not name:
        first = serving(kind.engine)[0]
        return f"{field} names no model; say the folder or hub id of {kind.what}, or {first.name}: {how_to_get(first)}"
    if name.startswith(ENDPOINT):
        return f"{field} {name} is an endpoint; a gate asks a model on this machine: {kind.what}"
    return why_forbidden(name, policy) or _why_not_here(name, kind)


def folder(kind: Kind, policy: Policy) -> Path:
    """Return the folder of the model that a job names. Raises UsageError where `why_missing` has a reason."""
    missing, field = why_missing(kind, policy), FIELDS[kind.engine]
    found = None if missing else _place_of(str(getattr(policy, field)))
    if found is None:
        raise UsageError(f"{missing}.", where=f"policy.{field}")
    return found


def type_of(place: Path) -> str:
    """Return the `model_type` of a model. Raises ValueError and OSError for a configuration that cannot be read."""
    config = json.loads((place / "config.json").read_text("utf-8"))
    return str(config["model_type"]) if isinstance(config, dict) and "model_type" in config else "unknown"


class RealRows:
    """Training rows on which a model shows whether it can tell what a gate asks."""

    def __init__(self, place: Place, most: int) -> None:
        """Keep where rows are; `most` are drawn a label."""
        self.dataset, self.train, self.most, self.seed = place.dataset, place.coverage.train, most, place.seed
        column = self.dataset.column("label")
        self._label = np.array([column[row] for row in self.train.tolist()], dtype=object)
        self.labels = tuple(sorted({str(one) for one in self._label if one is not None}))

    def of(self, label: str) -> list[int]:
        """Return dataset rows of a label, drawn without replacement; the same for the same run."""
        return self._drawn(np.flatnonzero(self._label == label), "label", label)

    def any(self) -> list[int]:
        """Return dataset rows of any label, drawn alike."""
        return self._drawn(np.arange(len(self.train)), "any")

    def payloads(self, rows: Sequence[int]) -> list[Payload]:
        """Return rows decoded."""
        return self.dataset.payloads(rows) if rows else []

    def _drawn(self, at: NDArray[np.int64], *names: str) -> list[int]:
        chosen = generator(seed_for(self.seed, "real rows", *names)).permutation(len(at))[: self.most]
        return [int(row) for row in np.sort(self.train[at[chosen]])]


def _why_not_here(name: str, kind: Kind) -> str | None:
    place = _place_of(name)
    if place is None:
        return (
            f"{name} is no folder, and the Hugging Face cache has no revision of it with safetensors; "
            f"{how_to_get_named(name)}"
        )
    lacking = _lacking(place)
    if lacking is not None:
        return f"{name} has no {lacking} on this machine"
    try:
        found = type_of(place)
    except (OSError, ValueError) as problem:
        return f"the configuration of {name} cannot be read: {problem}"
    return None if found in kind.types else f"{name} is a model of type {found!r}; what serves is {kind.what}"


def _place_of(name: str) -> Path | None:
    """Return the folder that a name means: one here, or a revision in the cache that has safetensors."""
    return folder_named(name, ("config.json", _WHOLE), ("config.json", _INDEX))


def _lacking(place: Path) -> str | None:
    """Return the first file that a model lacks, or None; only safetensors count as weights."""
    if not (place / "config.json").is_file():
        return "config.json"
    for group in _SETTINGS:
        if not any((place / file).is_file() for file in group):
            return " or ".join(group)
    if (place / _WHOLE).is_file():
        return None
    try:
        shards = shards_of(place / _INDEX)
    except ValueError:
        return _WHOLE
    return next((shard for shard in shards if not (place / shard).is_file()), None)
