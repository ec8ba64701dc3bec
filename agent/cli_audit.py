"""The commands that audit a run: what was decided, why a sample is there, whether the trace is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.options import Json, RunFolder, Runs, settings_of

audit_app = typer.Typer(help="What a run decided and why.", no_args_is_help=True, rich_markup_mode=None)


@audit_app.command("list")
def audit_list(runs: Runs = None, json: Json = False) -> None:
    """List the runs of a folder."""
    from agent import display
    from memory.runs import listing

    entries = [{"run": str(one.folder), "state": one.state} for one in listing(settings_of(runs).runs)]
    if json:
        display.json_out(entries)
    else:
        display.table("Runs", ("run", "state"), [(one["run"], one["state"]) for one in entries])


@audit_app.command("show")
def audit_show(folder: RunFolder, json: Json = False) -> None:
    """Tell a run's decisions, one line each."""
    from agent import audit, display

    if json:
        display.json_out(audit.decisions(folder))
    else:
        display.say(audit.story(folder))


@audit_app.command("why")
def audit_why(
    folder: RunFolder,
    sample: Annotated[str, typer.Argument(help="An id, as in the export's sample_id.")],
    json: Json = False,
) -> None:
    """Walk from a sample back to its gates, tools, values, evidence, gap and request."""
    from agent import audit, display

    facts = audit.lineage(folder, sample)
    if json:
        display.json_out(facts)
    else:
        display.say(facts.get("unknown") or audit.why(folder, sample))
    raise typer.Exit(2 if "unknown" in facts else 0)


@audit_app.command("verify")
def audit_verify(folder: RunFolder, json: Json = False) -> None:
    """Check every seal of a run's trace; name the first bad record."""
    from agent import display
    from memory.runs import Run
    from memory.trace import verify

    check = verify(Run.open(folder).folder)
    if json:
        display.json_out(vars(check))
    else:
        display.say(
            f"ok: {check.records} records" if check.ok else f"NOT ok, record {check.first_bad}: {check.problem}"
        )
    raise typer.Exit(0 if check.ok else 4)


@audit_app.command("replay")
def audit_replay(folder: RunFolder, runs: Runs = None, json: Json = False) -> None:
    """Carry a run out again from its record, without any model, and say whether it comes out the same."""
    from agent import display, replaying

    with display.Watch(json) as watch:
        found = replaying.replay(folder, settings_of(runs), watch)
    if json:
        display.json_out({**vars(found), "run": str(found.run), "ok": found.ok})
    else:
        state = "the same content" if found.same_content else "OTHER CONTENT"
        display.say(f"{found.decisions} of {found.of} decisions are the same, {state}; {found.run}")
        if found.differs:
            display.say(f"first difference: {found.differs}")
    raise typer.Exit(0 if found.ok else 4)


@audit_app.command("diff")
def audit_diff(
    one: RunFolder, other: Annotated[Path, typer.Argument(help="The run to compare it with.")], json: Json = False
) -> None:
    """Say what two runs were given otherwise, where their decisions part, and what came of it."""
    from dataclasses import asdict

    from agent import differing, display

    found = differing.compare(one, other)
    if json:
        display.json_out({**asdict(found), "alike": found.alike})
    else:
        display.say("\n".join(differing.told(found)))
