"""What may be tried on a dataset: nothing, other weights, copies, single tools, and tools in equal parts.

A recipe is an arm of the policy (`agent.policy`). Its parts are chains of calls that make samples in equal numbers; a
recipe without parts makes nothing and says how the real rows are used.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agent.planner import cited, relative_cost
from agent.priors import Prior
from memory.records import Call, Draw, Modality, Strategy
from tools.card import Tool

AS_IS, REWEIGHTED, COPIED = "as they are", "re-weighted", "copied"
MIX, USUAL, USE, USE_MIX = "mix", "usual", "use", "use+mix"
MAKES_NOTHING = (AS_IS, REWEIGHTED, COPIED)
PILOTS = (USE, USE_MIX, MIX, USUAL)
"""Recipes that are tried first: they cover most ground for least."""
NARROW, WIDE, ERRORS = "-narrow", "-wide", "-errors"
"""Marks of a recipe's variants: drawn from half of each range, from twice of it, and made from misread rows alone."""
FROM_ERRORS = "error-driven-generation"
"""The family of papers that generate from what a learner gets wrong."""
LEAST_MISREAD = 8
"""Rows that a learner must have misread before samples are made from them alone: fewer say nothing of what is hard."""
MOST_CITED = 2
"""Papers of that family that a step cites."""
IMBALANCED = 1.5
"""From this ratio of the largest class to the smallest on, other weights are an arm."""
AT_REST = Prior(mean=0.0, spread=1e-6)
WEIGHTS = Prior(mean=0.0, spread=0.1)
COPIES = Prior(mean=0.0, spread=0.05)
_MATCHED = Prior(mean=0.2, spread=0.15)
"""What items as they come in use are expected to bring: it is the one change known to happen there."""
_USUAL: Mapping[Modality, tuple[tuple[str, ...], ...]] = {
    "text": (("text.swap_words",), ("text.delete_words",), ("text.insert_words",), ("text.replace_words",)),
    "image": (("image.trivial_augment", "image.flip_crop"),),
    "speech": (("speech.change_speed", "speech.add_noise", "speech.mask_time", "speech.mask_frequency"),),
}
"""What people of the field reach for without looking: EDA; TrivialAugment, flip and crop; speed, noise and masks."""


@dataclass(frozen=True)
class Recipe:
    """One arm: what is made, from which papers, and what is expected of it."""

    name: str
    prior: Prior
    parts: tuple[tuple[Call, ...], ...] = ()
    cites: tuple[tuple[str, ...], ...] = ()
    """Papers of each part."""
    cost: float = 1.0
    """Relative cost of a sample; 1 is next to nothing."""
    among: Literal["misread"] | None = None
    """Which rows are parents; None means all."""

    @property
    def tools(self) -> tuple[str, ...]:
        """The tools that it calls, each once."""
        return tuple(dict.fromkeys(call.tool for part in self.parts for call in part))


def recipes(
    modality: Modality,
    tools: Sequence[Tool],
    strategies: Sequence[Strategy],
    priors: Mapping[str, Prior],
    use: Sequence[Call],
    imbalance: float,
) -> dict[str, Recipe]:
    """Return every recipe that may be tried, by name. `tools` may run here; `priors` are by family."""
    known = {tool.name: tool for tool in tools}
    found = {AS_IS: Recipe(AS_IS, AT_REST), COPIED: Recipe(COPIED, COPIES)}
    if imbalance >= IMBALANCED:
        found[REWEIGHTED] = Recipe(REWEIGHTED, WEIGHTS)
    build = _Builder(known, strategies, priors, imbalance)
    singles = {name: one for name in known if (one := build.recipe(name, [(_call(known[name]),)]))}
    mixed = [part for one in singles.values() for part in one.parts]
    usual = [tuple(_call(known[name]) for name in chain if name in known) for chain in _USUAL[modality]]
    matched = tuple(call for call in use if call.tool in known)
    wanted = {MIX: mixed, USUAL: usual}
    if matched:
        wanted |= {USE: [matched], USE_MIX: [matched, *((*part, *matched) for part in mixed)]}
    for name, parts in wanted.items():
        made = build.recipe(name, parts)
        if made is not None and made.parts not in [one.parts for one in singles.values()]:
            found[name] = replace(made, prior=_MATCHED) if name in (USE, USE_MIX) else made
            others = varied(made, known) if name in (MIX, USUAL) else []
            found |= {one.name: one for one in others}
    return found | singles


def from_errors(known: Mapping[str, Recipe], strategies: Sequence[Strategy]) -> dict[str, Recipe]:
    """Return the broadest recipes with their parents taken from rows that the learner misreads alone, by name.

    After LLM2LLM (Lee et al. 2024), which makes new items for wrong answers only. As much is expected of them as of the
    recipe itself. A step cites the retrieved papers of that family beside those of its tools.
    """
    fine = [one.key for one in strategies if FROM_ERRORS in one.families and one.outcome not in ("none", "loss")]
    found = {}
    for name in (MIX, USUAL):
        if name in known:
            cites = tuple(tuple(dict.fromkeys((*part, *fine[:MOST_CITED]))) for part in known[name].cites)
            found[name + ERRORS] = replace(known[name], name=name + ERRORS, cites=cites, among="misread")
    return found


@dataclass(frozen=True)
class _Builder:
    tools: Mapping[str, Tool]
    strategies: Sequence[Strategy]
    priors: Mapping[str, Prior]
    imbalance: float

    def _kinds(self, tools: Sequence[Tool]) -> list[str]:
        """Return the families that count: each once, or once a tool where classes are filled up.

        Then a parent is used many times over, and tools of one family vary it in ways of their own.
        """
        different = [tool.family for tool in dict.fromkeys(tools)]
        return different if self.imbalance >= IMBALANCED else list(dict.fromkeys(different))

    def recipe(self, name: str, parts: Iterable[tuple[Call, ...]]) -> Recipe | None:
        """Return a recipe of the parts that a retrieved paper speaks for, or None where there is none."""
        kept, cites = [], []
        for part in parts:
            keys = dict.fromkeys(key for call in part for key in cited(self.tools[call.tool], self.strategies))
            if part and keys:
                kept.append(part)
                cites.append(tuple(keys))
        if not kept:
            return None
        mine = [self.tools[call.tool] for part in kept for call in part]
        together = _together([self.priors[name] for name in self._kinds(mine)])
        cost = sum(relative_cost(tool) for tool in mine) / len(kept)
        return Recipe(name, together, tuple(kept), tuple(cites), cost)


def _together(some: Sequence[Prior]) -> Prior:
    """Return what several are expected to bring together.

    Half of what they would bring if each took its share of what the others leave, as they overlap; but no less than
    the best of them alone.
    """
    left = math.prod(1.0 - max(0.0, one.mean) for one in some)
    return Prior(
        mean=round(max(0.5 * (1.0 - left), *(one.mean for one in some)), 4),
        spread=round(sum(one.spread for one in some) / len(some), 4),
        records=tuple(dict.fromkeys(key for one in some for key in one.records)),
        outcomes=max(one.outcomes for one in some),
    )


def _call(tool: Tool) -> Call:
    return Call(tool=tool.name, draw=dict(tool.params.usual))


def varied(recipe: Recipe, tools: Mapping[str, Tool]) -> list[Recipe]:
    """Return a recipe at two other strengths: values drawn from half of each range, and from twice of it.

    Ranges are narrowed and widened about their middle and stay within the bounds of the tool. A strength that changes
    nothing is left out.
    """
    found = []
    for suffix, factor in ((NARROW, 0.5), (WIDE, 2.0)):
        parts = tuple(tuple(_scaled(call, factor, tools[call.tool]) for call in part) for part in recipe.parts)
        if parts != recipe.parts:
            found.append(replace(recipe, name=recipe.name + suffix, parts=parts))
    return found


def _scaled(call: Call, factor: float, tool: Tool) -> Call:
    draw: dict[str, Draw] = {}
    for name, value in call.draw.items():
        if isinstance(value, tuple) and not isinstance(value[0], str):
            low, high = float(value[0]), float(value[1])
            middle, half = (low + high) / 2, factor * (high - low) / 2
            least, most = _bounds(tool, name, (low, high))
            ends = (round(max(least, middle - half), 6), round(min(most, middle + half), 6))
            whole = tool.params.model_fields[name].annotation is int
            draw[name] = (round(ends[0]), round(ends[1])) if whole else ends
        else:
            draw[name] = value
    return Call(tool=call.tool, draw=draw)


def _bounds(tool: Tool, field: str, ends: tuple[float, float]) -> tuple[float, float]:
    """Return the inclusive bounds of a parameter; where a bound is exclusive or missing, the range's own end stays."""
    rules = tool.params.model_fields[field].metadata
    least = next((float(rule.ge) for rule in rules if getattr(rule, "ge", None) is not None), ends[0])
    most = next((float(rule.le) for rule in rules if getattr(rule, "le", None) is not None), ends[1])
    return least, most
