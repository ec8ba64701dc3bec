"""The rules planner: deterministic, no model. Pilots first, then growth of what the gates accept.

An arm is a tool. Its weight is the gain that the literature leads one to expect of its family in this regime
(`agent.priors`), times the mean of a Beta(1, 1) posterior over acceptance in this run, per unit of cost.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.priors import Prior, expected_gain
from agent.tally import Tally
from memory.records import Call, Cell, Draw, Fill, Gap, Plan, Step, Strategy
from tools.card import Tool

PILOT_SHARE = 0.25
"""Share of a cell's missing items that the first round makes, spread over every arm."""
MOST_CITED = 4
"""Papers that a step cites at most, its tool's own sources apart."""
KEEP_ABOVE = 0.3
"""An arm is dropped when its weight falls under this share of the best arm's."""


def relative_cost(tool: Tool) -> float:
    """Return what a sample costs where its tool is at home, with 1 for judging it."""
    cost = tool.cost
    making = min(cost.cpu_seconds / 1000, cost.gpu_seconds / 100 if cost.gpu_seconds else math.inf)
    return 1.0 + making + cost.tokens / 1e6 + cost.money_usd / 10


@dataclass(frozen=True)
class Arm:
    """One tool that may be tried, and what speaks for it."""

    tool: Tool
    prior: Prior
    cites: tuple[str, ...]
    tally: Tally
    by_kind: Mapping[str, Tally] = field(default_factory=dict)
    """Kind of gap -> how its candidates for such gaps fared."""

    def acceptance(self, kind: str) -> float:
        """Return the posterior mean of the share accepted for a kind of gap; what was not needed is no evidence.

        What is known of other kinds counts as two samples, so that a new kind begins where the others stand.
        """
        here = self.by_kind.get(kind, Tally())
        elsewhere = (self.tally.accepted - here.accepted + 1) / (judged(self.tally) - judged(here) + 2)
        return (here.accepted + 2 * elsewhere) / (judged(here) + 2)

    def weight(self, kind: str = "") -> float:
        """Return the expected gain of the samples that are accepted for a kind of gap, per unit of cost."""
        return expected_gain(self.prior) * self.acceptance(kind) / relative_cost(self.tool)


@dataclass(frozen=True)
class Need:
    """A gap with what may still be made for it."""

    gap: Gap
    room: int | None
    """Samples the cap leaves; None means any number."""
    start: Cell | None
    """Where parents come from when the cell itself has none."""
    movers: tuple[str, ...]
    """Then: the tools that can move a sample into the cell."""
    others: Mapping[str, Cell] = field(default_factory=dict)
    """Label -> the cell of it beside this one, where tools that change labels start from: the best first."""
    inherited: bool = False
    """Whether an axis of the cell (a speaker, a channel) is one that a sample can only have from its parent."""

    @property
    def kind(self) -> str:
        """The kind of gap: its axes."""
        return kind_of(self.gap.cell.at)

    def suits(self, tool: Tool) -> bool:
        """Return whether a tool can make samples for this cell from what there is to start from."""
        if tool.labels == "changed":
            return bool(self.others)
        if tool.scratch and self.inherited:
            return False
        return bool(self.gap.parents or self.start) and (not self.movers or tool.name in self.movers)

    def start_of(self, tool: Tool) -> Cell | None:
        """Return the cell that a tool takes its parents from; None means this one."""
        return next(iter(self.others.values())) if tool.labels == "changed" else self.start


def kind_of(axes: Iterable[str]) -> str:
    """Return the name of a kind of gap: arms may fare otherwise where a label is filled, and where a range is."""
    return ", ".join(sorted(axes))


def judged(tally: Tally) -> int:
    """Return the candidates that a gate looked at; those nobody needed any more say nothing of a tool."""
    return tally.made - tally.rejected.get("surplus", 0) - tally.rejected.get("cap", 0)


def arms_of(
    tools: Sequence[Tool],
    strategies: Sequence[Strategy],
    priors: Mapping[str, Prior],
    tallies: Mapping[str, Tally],
    kinds: Mapping[str, Mapping[str, Tally]] = MappingProxyType({}),
) -> list[Arm]:
    """Return one arm per tool that a retrieved paper describes, best first.

    `priors` are by family, `tallies` by tool, `kinds` by tool and kind of gap.
    """
    arms = []
    for tool in tools:
        cites = cited(tool, strategies)
        if cites:
            own = tallies.get(tool.name, Tally())
            arms.append(Arm(tool, priors[tool.family], cites, own, kinds.get(tool.name, {})))
    return sorted(arms, key=lambda arm: (-arm.weight(), arm.tool.name))


def cited(tool: Tool, strategies: Sequence[Strategy]) -> tuple[str, ...]:
    """Return the papers that a step with this tool cites: its sources, then the best that report no failure of it."""
    mine = [one for one in strategies if tool.name in one.tools]
    sources = [one.key for one in mine if one.key in tool.cites]
    others = [one.key for one in mine if one.key not in tool.cites and one.outcome not in ("none", "loss")]
    return tuple(sources + others)[: max(MOST_CITED, len(sources))]


def plan_round(number: int, needs: Sequence[Need], arms: Sequence[Arm], samples_left: int | None) -> Plan:
    """Return the steps of one round: which arm makes how many candidates for which cell."""
    live = {need.kind: _worth_trying(arms, need.kind) if number > 1 else list(arms) for need in needs}
    fills: dict[str, list[Fill]] = {}
    left = math.inf if samples_left is None else samples_left
    for turn, need in enumerate(sorted(needs, key=lambda need: (need.gap.have / need.gap.required, need.gap.cell.key))):
        usable = _suited(live[need.kind], need) or _suited(arms, need)
        if not usable or left < 1:
            continue
        count = min(_candidates(number, need, usable), int(min(left, 2**31)))
        left -= count
        for arm, share in zip(usable, split(count, [arm.weight(need.kind) for arm in usable], turn), strict=True):
            if share:
                fill = Fill(cell=need.gap.cell, count=share, start=need.start_of(arm.tool))
                fills.setdefault(arm.tool.name, []).append(fill)
    steps = tuple(_step(number, arm, fills[arm.tool.name]) for arm in arms if fills.get(arm.tool.name))
    why = "a pilot of every arm" if number == 1 else "growth of the arms whose samples are accepted"
    return Plan(round=number, planner="rules", steps=steps, why=why if steps else "no arm is left for any open cell")


def _suited(arms: Sequence[Arm], need: Need) -> list[Arm]:
    return [arm for arm in arms if need.suits(arm.tool)]


def _worth_trying(arms: Sequence[Arm], kind: str) -> list[Arm]:
    best = max((arm.weight(kind) for arm in arms), default=0.0)
    return [arm for arm in arms if arm.weight(kind) >= KEEP_ABOVE * best]


def _candidates(number: int, need: Need, arms: Sequence[Arm]) -> int:
    """Candidates for one cell: a pilot first; then what is missing, divided by the share expected to be accepted."""
    wanted = need.gap.missing if need.room is None else min(need.gap.missing, need.room)
    if number == 1:
        return min(wanted, max(len(arms), math.ceil(PILOT_SHARE * wanted)))
    total = sum(arm.weight(need.kind) for arm in arms)
    expected = sum(arm.weight(need.kind) * arm.acceptance(need.kind) for arm in arms) / total
    return min(math.ceil(wanted / max(expected, 0.1)), 4 * wanted + 8)


def split(count: int, weights: Sequence[float], turn: int) -> list[int]:
    """Split `count` in proportion to `weights` by largest remainder; ties go round with `turn`."""
    total = sum(weights)
    exact = [count * weight / total for weight in weights]
    shares = [int(part) for part in exact]
    order = sorted(range(len(weights)), key=lambda at: (-(exact[at] - shares[at]), (at - turn) % len(weights)))
    for at in order[: count - sum(shares)]:
        shares[at] += 1
    return shares


def told(prior: Prior) -> str:
    """Return a prior in words: what share of the error is expected to go away, and on how much that rests."""
    papers = len(prior.records)
    rests = "no paper that measured it" if not papers else "1 paper" if papers == 1 else f"{papers} papers"
    if prior.outcomes:
        rests += f" and {prior.outcomes} earlier run{'s' if prior.outcomes > 1 else ''}"
    return f"expected gain {100 * prior.mean:.1f} ± {100 * prior.spread:.1f} % of the error, from {rests}"


def _step(number: int, arm: Arm, fills: Sequence[Fill]) -> Step:
    usual: dict[str, Draw] = dict(arm.tool.params.usual)
    tried = judged(arm.tally)
    so_far = f"{arm.tally.accepted} of {tried} accepted so far" if tried else "not tried yet"
    return Step(
        id=f"r{number}.{arm.tool.name}",
        calls=(Call(tool=arm.tool.name, draw=usual),),
        fill=tuple(fills),
        cites=arm.cites,
        why=f"{told(arm.prior)}; {so_far}; weight {arm.weight():.4f}",
    )
