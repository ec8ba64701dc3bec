"""The commands that look into the memory of outcomes: what earlier runs measured, and how to be rid of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.options import Json, settings_of

if TYPE_CHECKING:
    from memory.outcomes import Outcome

outcomes_app = typer.Typer(
    help="What earlier runs measured, as evidence for the next.", no_args_is_help=True, rich_markup_mode=None
)

_WAITING = 3
_HEADS = ("run", "arm", "regime", "gain in points", "measured on")


@outcomes_app.command("list")
def outcomes_list(json: Json = False) -> None:
    """List what was tried, in which regime, with what effect; the newest first."""
    from agent import display
    from memory import outcomes

    folder = settings_of().memory
    found = sorted(outcomes.read(folder), key=_ended, reverse=True)
    if json:
        display.json_out([one.model_dump(mode="json") for one in found])
    elif not found:
        display.say(f"No outcomes are kept in {folder}.")
    else:
        rows = [(one.run, one.arm, _regime(one), _gain(one), one.measured_on) for one in found]
        display.table("Outcomes", _HEADS, rows, ("gain in points",))


@outcomes_app.command("export")
def outcomes_export(file: Annotated[Path, typer.Argument(help="A file that does not exist yet.")]) -> None:
    """Copy every outcome to a JSONL file, one a line."""
    from agent import display
    from memory import outcomes

    copied = outcomes.export(settings_of().memory, file)
    display.say(f"{_counted(copied)} copied to {file}")


@outcomes_app.command("reset")
def outcomes_reset(yes: Annotated[bool, typer.Option("--yes", help="Remove them without asking.")] = False) -> None:
    """Remove every outcome; runs and their reports stay."""
    from agent import display
    from memory import outcomes

    folder = settings_of().memory
    kept = outcomes.count(folder)
    if kept and not yes:
        words = f"Remove {_counted(kept)} from {folder}"
        if not sys.stdin.isatty():
            display.warn(f"{words}. Agree with: augplan outcomes reset --yes")
            raise typer.Exit(_WAITING)
        if not typer.confirm(f"{words}?"):
            display.say("Nothing was removed.")
            raise typer.Exit(_WAITING)
    display.say(f"{_counted(outcomes.reset(folder))} removed from {folder}")


def _ended(one: Outcome) -> float:
    from datetime import datetime

    return datetime.fromisoformat(one.ended).timestamp()


def _counted(number: int) -> str:
    return f"{number} outcome" if number == 1 else f"{number} outcomes"


def _regime(one: Outcome) -> str:
    """Return the state of the dataset in words; what is not known is left out."""
    parts: list[str] = [one.modality]
    if one.per_class is not None:
        parts.append(f"{one.per_class:g} a class")
    if one.imbalance is not None:
        parts.append(f"imbalance {one.imbalance:.1f}")
    if one.pretrained is not None:
        parts.append("pretrained" if one.pretrained else "from scratch")
    return ", ".join(parts)


def _gain(one: Outcome) -> str:
    """Return the gain in points of macro-F1, with its standard deviation."""
    return f"{100 * one.gain:+.1f} ± {100 * one.spread:.1f}"
