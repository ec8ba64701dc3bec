"""The form in which a language model proposes a plan, made for one round, and how it becomes a `Plan` like any other.

The form names only what is there: tools that may run with the bounds of their parameters, numbered gaps, retrieved
papers. What a form cannot say is checked afterwards, in words that the model can act on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, create_model

from agent.planner import Need, cited
from memory.records import Call, Draw, Fill, Plan, Step, Strategy
from prompts.tables import plain
from tools.card import Tool

START = "start_class"
"""Field of a call that changes labels: the class that its items are taken from."""
STEPS, CALLS, FILLS, CITES = 8, 3, 40, 4
"""Most steps of a plan, calls of a step, gaps that a step fills, papers that it cites."""
STARTS = 5
"""Classes to start from that are named at once: those most like the wanted one."""
SPARE = 4
"""A round makes at most so many candidates for each item that a gap lacks, and a few."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Offer:
    """What a plan of one round may be made of."""

    number: int
    needs: Sequence[Need]
    """Gaps, numbered from 1 in the form."""
    tools: Sequence[Tool]
    strategies: Sequence[Strategy]
    left: int | None
    """Samples left in the budget; None means any number."""

    def most(self, need: Need) -> int:
        """Return how many candidates a round may make for a gap."""
        most = SPARE * need.gap.missing + 8
        room = most if need.room is None else min(most, SPARE * need.room + 8)
        return room if self.left is None else max(1, min(room, self.left))

    @property
    def plannable(self) -> list[Tool]:
        """The tools that a retrieved paper speaks for: nothing else may be planned."""
        tools = [tool for tool in self.tools if tool.labels != "changed" or self.starts]
        return [tool for tool in tools if cited(tool, self.strategies)]

    @property
    def starts(self) -> list[str]:
        """The classes that a tool which changes labels may start from, for some gap."""
        return sorted({name for need in self.needs for name in need.others})


def form(offer: Offer) -> type[BaseModel]:
    """Return the record that a proposal must fit. Every field is required, so that servers can hold a model to it."""
    calls = tuple(_call_form(tool, offer.starts) for tool in offer.plannable)
    call: Any = Annotated[Union[calls], Field(discriminator="tool")] if len(calls) > 1 else calls[0]  # noqa: UP007
    keys = sorted({key for tool in offer.plannable for key in cited(tool, offer.strategies)})
    fill = create_model(
        "Fill",
        __base__=_Part,
        gap=(int, Field(ge=1, le=len(offer.needs), description="Number of the gap.")),
        candidates=(int, Field(ge=1, le=max(map(offer.most, offer.needs)), description="Candidates to make for it.")),
    )
    step = create_model(
        "Step",
        __base__=_Part,
        cites=(_some_of(keys), Field(min_length=1, max_length=CITES)),
        adapts=(str, Field(min_length=20, max_length=400, description="What is taken from the papers, and changed.")),
        calls=(_list_of(call), Field(min_length=1, max_length=CALLS)),
        fills=(_list_of(fill), Field(min_length=1, max_length=FILLS)),
    )
    return create_model(
        "Proposal",
        __base__=_Part,
        why=(str, Field(min_length=1, max_length=600, description="What this round is for.")),
        steps=(_list_of(step), Field(max_length=STEPS)),
    )


def _one_of(words: Sequence[str]) -> Any:
    literal: Any = Literal
    return literal[tuple(words)]


def _some_of(words: Sequence[str]) -> Any:
    """Return the type of a list of some of these words."""
    return _list_of(_one_of(words))


def _list_of(kind: Any) -> Any:
    generic: Any = list
    return generic[kind]


def _call_form(tool: Tool, starts: Sequence[str]) -> type[BaseModel]:
    fields: dict[str, Any] = {"tool": (Literal[tool.name], ...)}
    if tool.labels == "changed":
        fields[START] = (_one_of(starts), Field(description="Class of the items that are changed into the gap's."))
    for name, about in parameters(tool).items():
        if "enum" in about:
            fields[name] = (_some_of(about["enum"]), Field(min_length=1, max_length=len(about["enum"])))
        else:
            fields[name] = (
                _range_form(f"Range_{tool.name}_{name}".replace(".", "_"), about),
                Field(description=about.get("description", "")),
            )
    return create_model(f"Call_{tool.name.replace('.', '_')}", __base__=_Part, **fields)


def parameters(tool: Tool) -> dict[str, dict[str, Any]]:
    """Return parameter -> JSON Schema, for those that a plan may draw: numbers and choices of words."""
    found = {}
    schema = tool.params.model_json_schema()
    for name, said in schema["properties"].items():
        about = schema["$defs"][said["$ref"].rsplit("/", 1)[-1]] if "$ref" in said else said
        if name != "seed" and (about.get("type") in ("number", "integer") or "enum" in about):
            found[name] = about
    return found


_BOUNDS = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}


def _range_form(name: str, about: dict[str, Any]) -> type[BaseModel]:
    bounds = {ours: about[theirs] for theirs, ours in _BOUNDS.items() if theirs in about}
    kind = int if about["type"] == "integer" else float
    return create_model(name, __base__=_Part, low=(kind, Field(**bounds)), high=(kind, Field(**bounds)))


def plan_of(proposal: Any, offer: Offer) -> Plan:
    """Return a proposal as a plan, its steps named like those of the rules planner."""
    steps = []
    for at, one in enumerate(proposal.steps, start=1):
        calls = tuple(Call(tool=call.tool, draw=_draw(call)) for call in one.calls)
        fills = []
        for part in one.fills:
            need = offer.needs[part.gap - 1]
            label = _start_class(one)
            start = need.start if label is None else need.others[label]
            fills.append(Fill(cell=need.gap.cell, count=part.candidates, start=start))
        steps.append(
            Step(
                id=f"r{offer.number}.{at}.{'+'.join(call.tool for call in calls)}"[:100],
                calls=calls,
                fill=tuple(fills),
                cites=tuple(dict.fromkeys(one.cites)),
                why=" ".join(one.adapts.split()),
            )
        )
    return Plan(round=offer.number, planner="model", steps=tuple(steps), why=" ".join(proposal.why.split()))


def _start_class(step: Any) -> str | None:
    """Return the class that the calls of a step start from; None where they keep the label."""
    return next((str(getattr(call, START)) for call in step.calls if hasattr(call, START)), None)


def _draw(call: Any) -> dict[str, Draw]:
    draw: dict[str, Draw] = {}
    for name, value in call:
        if name in ("tool", START):
            continue
        if isinstance(value, list):
            words = tuple(dict.fromkeys(value))
            draw[name] = words[0] if len(words) == 1 else words
        else:
            draw[name] = value.low if value.low == value.high else (value.low, value.high)
    return draw


def problems_of(proposal: Any, offer: Offer) -> list[str]:
    """Return what is wrong with a proposal beside what every plan is checked for."""
    found: list[str] = []
    for at, step in enumerate(proposal.steps, start=1):
        called = [call.tool for call in step.calls]
        for call in step.calls:
            found += [
                f"Step {at}: {call.tool} has a range for {name} whose low is above its high."
                for name, value in call
                if not isinstance(value, str | list) and value.low > value.high
            ]
        if len(set(called)) < len(called):
            found.append(f"Step {at} calls a tool twice; call it once.")
        found += _problems_of_fills(at, step, called, offer)
        found += _problems_of_starts(at, step, offer)
        if not _names_a_cell(step, offer):
            found.append(
                f"Step {at}: `adapts` names none of the cells that it fills, so it adapts nothing to this data."
            )
    return found


def _problems_of_fills(at: int, step: Any, called: Sequence[str], offer: Offer) -> list[str]:
    found = []
    for fill in step.fills:
        need = offer.needs[fill.gap - 1]
        most = offer.most(need)
        if fill.candidates > most:
            found.append(
                f"Step {at}: gap {fill.gap} takes at most {most} candidates in a round, not {fill.candidates}."
            )
        if need.movers and not set(called) & set(need.movers) and _start_class(step) is None:
            found.append(
                f"Step {at}: gap {fill.gap} has no items of its own; only {', '.join(need.movers)} can fill it."
            )
    return found


def _problems_of_starts(at: int, step: Any, offer: Offer) -> list[str]:
    """Refuse a tool that changes labels in a chain, and items that a gap cannot be filled from."""
    start, found = _start_class(step), []
    if start is not None and len(step.calls) > 1:
        return [f"Step {at} chains a tool that has a {START}; call such a tool alone."]
    for fill in step.fills:
        need = offer.needs[fill.gap - 1]
        gap = f"Step {at}: gap {fill.gap}, {need.gap.cell.key},"
        if start is None and not (need.gap.parents or need.start):
            found.append(f"{gap} has no items of its own to start from; only a tool with a {START} can fill it.")
        elif start is not None and start not in need.others:
            fits = ", ".join(list(need.others)[:STARTS]) or "none, so leave it out"
            found.append(f"{gap} cannot start from {start!r}. Classes that it can start from: {fits}.")
    return found


def _names_a_cell(step: Any, offer: Offer) -> bool:
    said = step.adapts.lower()
    cells = (offer.needs[fill.gap - 1].gap.cell.at for fill in step.fills)
    return any(name.lower() in said for at in cells for value in at.values() for name in (value, plain(value)))
