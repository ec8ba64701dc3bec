"""Options that commands share, and the settings they make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from agent.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Work = Annotated[Path, typer.Argument(help="A job (YAML) or a dataset: file, folder or hub id.")]
Yes = Annotated[bool, typer.Option("--yes", help="Agree to every plan.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Seed of the run; beats the job's.")]
Runs = Annotated[Path | None, typer.Option("--runs", help="Folder for run folders [default: ./runs].")]
BatchSize = Annotated[int | None, typer.Option("--batch-size", help="Samples in one tensor; changes no result.")]
Workers = Annotated[int | None, typer.Option("--workers", help="Threads that make samples; changes no result.")]
RunFolder = Annotated[Path, typer.Argument(help="A run folder.")]


def settings_of(runs: Path | None = None, **flags: Any) -> Settings:
    """Return the settings of this machine with the flags of a command."""
    from agent.settings import from_environment

    return from_environment(runs=runs, **flags)
