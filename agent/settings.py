"""This machine: where runs go, how large a batch is, what computes. The only reader of the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from memory.errors import UsageError


class Settings(BaseModel):
    """What differs between machines and must not change a result. A flag beats the environment beats the default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: Path = Path("runs")
    """Folder that run folders are made in."""
    batch_size: int = Field(64, ge=1, le=65536)
    """Samples in one tensor."""
    workers: int = Field(2, ge=1, le=256)
    """Threads that make shards."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where tensors go; `auto` is a GPU where there is one. Texts never need one."""


def from_environment(**flags: object) -> Settings:
    """Return the settings: `flags` that are not None, then AUGPLAN_RUNS, _BATCH_SIZE, _WORKERS, _DEVICE.

    Raises UsageError naming the variable or flag that cannot be read.
    """
    values: dict[str, object] = {
        name: os.environ[f"AUGPLAN_{name.upper()}"]
        for name in Settings.model_fields
        if f"AUGPLAN_{name.upper()}" in os.environ
    }
    values |= {name: value for name, value in flags.items() if value is not None}
    values.setdefault("workers", min(4, os.cpu_count() or 1))
    try:
        return Settings.model_validate(values)
    except ValidationError as problem:
        first = problem.errors()[0]
        name = str(first["loc"][0])
        said = f"{name} {first['input']!r}: {first['msg']}"
        raise UsageError(f"This setting cannot be used: {said}.", where=f"--{name.replace('_', '-')}") from problem


def wants_traceback() -> bool:
    """Return whether AUGPLAN_TRACEBACK asks for the traceback of an unexpected failure."""
    return os.environ.get("AUGPLAN_TRACEBACK", "") not in {"", "0"}


def keep_quiet(remote: Literal["deny", "allow"]) -> None:
    """Switch telemetry of libraries off; unless `remote` is allow, keep them from looking anything up.

    Must come before they are imported: they read this once.
    """
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["LANGSMITH_TRACING"] = "false"
    if remote == "deny":
        os.environ["HF_HUB_OFFLINE"] = "1"
