"""The commands about this machine: which tools run here, what is missing, and fetching weights."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.options import Json


def tools(
    name: Annotated[str | None, typer.Argument(help="One tool, such as text.swap_words.")] = None, json: Json = False
) -> None:
    """List the catalogue: what each tool does, needs and cites, and whether it runs here."""
    from agent import display, machine

    entries = machine.catalogue(name)
    if json:
        display.json_out(entries)
    elif name is not None:
        display.say("\n".join(machine.tool_told(entries[0])))
    else:
        heads = ("name", "kind", "labels", "runs here", "what it does")
        rows = [[one["name"], one["kind"], one["labels"], one["why_not"] or "yes", one["summary"]] for one in entries]
        display.table("Tools", heads, rows, most=len(rows))


def doctor(json: Json = False) -> None:
    """Say what works on this machine and what is missing."""
    from agent import display, machine

    facts = machine.examine()
    if json:
        display.json_out(facts)
    else:
        display.say("\n".join(machine.told(facts)))


def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Weights of the table, such as vits-vctk.")] = None,
    json: Json = False,
) -> None:
    """Fetch pretrained weights from the Hugging Face hub into its cache; without a name, list what there is."""
    from agent import display, machine

    found = machine.fetch(names) if names else machine.weights()
    if json:
        display.json_out(found)
    else:
        display.say("\n".join(map(machine.weights_told, found)))
