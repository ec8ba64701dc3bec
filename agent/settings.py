"""This machine: where runs go, how large a batch is, what computes. The only reader of the environment."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_serializer

from memory.errors import UsageError
from memory.exchanges import without_secrets


def _cache() -> Path:
    """Return the folder that caches go to by convention (XDG base directories)."""
    return _place("XDG_CACHE_HOME", Path(".cache"))


def _memory() -> Path:
    """Return the folder that a person's data go to by convention (XDG base directories)."""
    return _place("XDG_DATA_HOME", Path(".local") / "share")


def _place(variable: str, usual: Path) -> Path:
    given = os.environ.get(variable, "")
    if given:
        return Path(given) / "augplan"
    try:
        return Path.home() / usual / "augplan"
    except RuntimeError:  # no home folder
        return Path(tempfile.gettempdir()) / "augplan"


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
    cache: Path = Field(default_factory=_cache)
    """Folder of what can be built again at any time: the index of the literature."""
    memory: Path = Field(default_factory=_memory)
    """Folder of what earlier runs measured (memory.outcomes)."""
    timeout: float = Field(120.0, gt=0, le=3600)
    """Seconds that one answer of a language model may take, from the question to its last byte."""
    compile: bool = False
    """Whether the repeated blocks of picture models are compiled: about a minute once a process, meant for a GPU."""
    openai_base_url: str = Field("https://api.openai.com/v1", repr=False)
    """Where an OpenAI-compatible endpoint is; asked only where a job allows it. User, password and query of it are sent
    and never stored."""
    openai_api_key: SecretStr | None = Field(None, exclude=True)
    """Its key; never shown and never stored."""

    @field_serializer("openai_base_url")
    def _without_secrets(self, address: str) -> str:
        return without_secrets(address)

    @property
    def key(self) -> str | None:
        """The key in plain, for those who send it; None where there is none."""
        return None if self.openai_api_key is None else self.openai_api_key.get_secret_value()


_FIELDS = tuple(Settings.model_fields)


def from_environment(**flags: object) -> Settings:
    """Return the settings: `flags` that are not None, then the environment, then the defaults.

    Read are AUGPLAN_RUNS, _BATCH_SIZE, _WORKERS, _DEVICE, _TIMEOUT, _COMPILE, _CACHE and _MEMORY. OPENAI_BASE_URL and
    OPENAI_API_KEY go by their usual names. Raises UsageError naming the variable or flag that cannot be read.
    """
    variables = {name: name.upper() if name.startswith("openai") else f"AUGPLAN_{name.upper()}" for name in _FIELDS}
    values: dict[str, object] = {
        name: os.environ[variable] for name, variable in variables.items() if os.environ.get(variable)
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
