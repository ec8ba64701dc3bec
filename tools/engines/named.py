"""Models of transformers that a job names for its gates: which may be used, where they are, and reading them whole.

A job names a folder or a hub id; a hub id is looked for in the Hugging Face cache, and nothing is ever fetched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Payload
from memory.errors import UsageError
from memory.job import Policy
from tools.engines.checkpoints import Entry, folder_of
from tools.models.choose import ENDPOINT
from tools.seeds import generator, seed_for

if TYPE_CHECKING:
    from tools.engines.engine import Place

FIELDS: Mapping[str, str] = {"recogniser": "asr_model", "matcher": "match_model"}
"""Engine -> the field of a job's policy that names its model."""
_WHOLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_SETTINGS = (("preprocessor_config.json", "processor_config.json"), ("tokenizer.json", "vocab.json", "spiece.model"))
"""Of each group a model has one file at least: how its input is prepared, and its words."""
_UNUSED = ("masked_spec_embed",)
"""Weights that reading does without: they stand in for what training hides, and checkpoints often lack them."""


@dataclass(frozen=True)
class Kind:
    """What one engine can run on."""

    engine: str
    what: str
    """In words."""
    types: tuple[str, ...]
    """Values of `model_type` that were run."""
    licences: tuple[tuple[str, str], ...]
    """Patterns of hub ids -> the licence on their card."""


def is_named(engine: str | None, policy: Policy) -> bool:
    """Return whether a job names the model of an engine."""
    return engine is not None and engine in FIELDS and bool(getattr(policy, FIELDS[engine]))


def why_missing(kind: Kind, policy: Policy) -> str | None:
    """Return what is missing for the model that a job names, or which rule forbids it; None where it can be read."""
    field = f"policy.{FIELDS[kind.engine]}"
    name: str | None = getattr(policy, FIELDS[kind.engine])
    if not name:
        return f"{field} names no model; say the folder or hub id of {kind.what}"
    if name.startswith(ENDPOINT):
        return f"{field} {name} is an endpoint; a gate asks a model on this machine: {kind.what}"
    return _why_not_allowed(name, kind, policy) or _why_not_here(name, kind)


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


def digest_of(place: Path) -> str:
    """Return 16 hex digits that name every setting and weight of a model."""
    whole = hashlib.sha256()
    for file in sorted(one for one in place.iterdir() if one.suffix in {".json", ".safetensors", ".model", ".txt"}):
        with file.open("rb") as content:
            whole.update(file.name.encode() + hashlib.file_digest(content, "sha256").digest())
    return whole.hexdigest()[:16]


def load(kind: Any, place: Path) -> Any:
    """Return a model of class `kind` in float32 for reading; draws nothing, and runs no code that came with files.

    Raises UsageError where the weights lack parts of the model, which would be random.
    """
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call, unused-ignore]
    with torch.random.fork_rng(devices=[]):
        model, told = kind.from_pretrained(
            place, use_safetensors=True, local_files_only=True, dtype=torch.float32, output_loading_info=True
        )
    lacking = sorted(map(str, told["missing_keys"]))
    lacking = [name for name in lacking if not name.endswith(_UNUSED)]
    if lacking or told["mismatched_keys"]:
        names = [*lacking, *sorted(map(str, told["mismatched_keys"]))]
        raise UsageError(f"The weights lack {len(names)} parts of the model, such as {names[0]}.", where=str(place))
    return model.eval()


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


def _why_not_allowed(name: str, kind: Kind, policy: Policy) -> str | None:
    """Return why a licence that is known forbids a model; one that a person keeps in a folder is theirs to judge."""
    from tools.catalogue import PERMISSIVE

    licence = next((licence for pattern, licence in kind.licences if fnmatchcase(name, pattern)), None)
    if licence is None or policy.licences == "any" or licence in PERMISSIVE:
        return None
    return f"{name} is under {licence} and policy.licences is permissive"


def _why_not_here(name: str, kind: Kind) -> str | None:
    place = _place_of(name)
    if place is None:
        return (
            f"{name} is no folder, and the Hugging Face cache has no revision of it with safetensors; run: hf download "
            f"{name} (where its safetensors are in a pull request, with --revision refs/pr/NUMBER)"
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
    here = Path(name).expanduser()
    if here.is_dir():
        return here
    found = (folder_of(Entry(name, "", ("config.json", weights))) for weights in (_WHOLE, _INDEX))
    return next((place for place in found if place is not None), None)


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
        shards = set(json.loads((place / _INDEX).read_text("utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return _WHOLE
    return next((str(shard) for shard in sorted(shards) if not (place / str(shard)).is_file()), None)
