"""What a language model is told before it plans: statistics, gaps, tools, evidence, what was tried, what is left.

Items of the data themselves are told only where the job allows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent import work
from agent.planner import Need, cited, judged
from agent.proposal import START, STARTS, Offer, parameters
from agent.state import Context, State
from agent.tally import Tally
from memory.outcomes import Outcome
from memory.records import Strategy
from prompts.render import Rendered, render
from prompts.tables import bullets, plain, table
from tools.card import Tool
from tools.seeds import generator, seed_for

GAPS, PAPERS, EARLIER = 40, 24, 12
"""Most gaps, papers and earlier outcomes that are told."""
ITEMS, LETTERS = 3, 200
"""Items told of a cell, and the letters of each, where items may be told at all."""


def brief(use: Context, state: State, offer: Offer) -> Rendered:
    """Return the prompt of one round."""
    return render(
        "plan",
        dataset=_dataset(use),
        request=plain(use.job.request, 2000) or "none beside the gaps",
        gaps=_gaps(offer),
        tools=_tools(offer),
        evidence=_evidence(use, state, offer),
        tried=_tried(state["arms"]),
        earlier=_earlier(use.remembered),
        budget=_budget(use, state, offer),
        samples=_items(use, offer),
    )


def _dataset(use: Context) -> str:
    sizes = work.coverage(use).real_per_label()
    splits = ", ".join(f"{name} {count}" for name, count in use.dataset.splits().items())
    lines = [f"modality: {use.modality}; items by split: {splits}", f"student: {use.job.student or 'not known'}"]
    if use.job.use:
        lines.append(f"in use items come after: {', '.join(call.tool for call in use.job.use)}")
    rows = sorted(sizes.items(), key=lambda one: (one[1], one[0]))
    return "\n".join([*lines, table(("class", "distinct real training items"), rows)])


def _gaps(offer: Offer) -> str:
    heads = ["gap", "cell", "wanted", "have", "missing", "most candidates", "items to start from"]
    rows = [
        [
            at,
            need.gap.cell.key,
            need.gap.required,
            need.gap.have,
            need.gap.missing,
            offer.most(need),
            need.gap.parents or _without_parents(need),
        ]
        for at, need in enumerate(offer.needs, start=1)
    ]
    if any(tool.labels == "changed" for tool in offer.plannable):
        heads.append(f"{START}, the most alike first")
        rows = [[*row, _alike(need)] for row, need in zip(rows, offer.needs, strict=True)]
    return table(heads, rows, most=GAPS)


def _alike(need: Need) -> str:
    """Return the classes that a tool which changes labels may start from, as far as they are told."""
    return ", ".join(plain(name) for name in list(need.others)[:STARTS]) or "none"


def _without_parents(need: Need) -> str:
    """Return what can fill a gap that has no items of its own."""
    ways = [*need.movers, *([f"a tool with a {START}"] if need.others else [])]
    return f"none; only {', '.join(ways)}"


def _tools(offer: Offer) -> str:
    rows = [
        (tool.name, tool.summary, tool.family, _cost(tool), "; ".join(_told(tool)) or "none")
        for tool in offer.plannable
    ]
    return table(("tool", "what it does", "family", "cost of 1,000", "parameters"), rows)


def _cost(tool: Tool) -> str:
    cost = tool.cost
    parts = [f"{cost.cpu_seconds:g} s"]
    parts += [f"{cost.tokens} tokens"] if cost.tokens else []
    parts += [f"{cost.money_usd:g} dollars"] if cost.money_usd else []
    return ", ".join(parts)


def _told(tool: Tool) -> list[str]:
    lines = []
    if tool.labels == "changed":
        lines.append(f"{START}: the other class that items are taken from to be changed into the gap's; called alone")
    for name, about in parameters(tool).items():
        usual = tool.params.usual.get(name, about.get("default"))
        said = ", ".join(map(str, usual)) if isinstance(usual, tuple) else usual
        lines.append(
            f"{name} (usually {said}): {about.get('description', 'one of ' + ', '.join(about.get('enum', ())))}"
        )
    return lines


def _evidence(use: Context, state: State, offer: Offer) -> str:
    beside: dict[str, list[str]] = {}
    for tool in offer.plannable:
        for key in cited(tool, offer.strategies):
            beside.setdefault(key, []).append(tool.name)
    shown: list[Strategy] = [one for one in offer.strategies if one.key in beside][:PAPERS]
    rows = [
        (
            one.key,
            one.title,
            one.outcome,
            f"{one.score:.2f}",
            ", ".join(beside[one.key]),
            _expected(state, use, beside[one.key]),
        )
        for one in shown
    ]
    return table(("key", "title", "reports", "fits", "tools", "expected gain, % of the error"), rows)


def _expected(state: State, use: Context, tools: Sequence[str]) -> str:
    families = dict.fromkeys(use.tools[name].family for name in tools)
    known = [state["priors"][name] for name in families if name in state["priors"]]
    return ", ".join(f"{100 * one.mean:+.1f} ± {100 * one.spread:.1f}" for one in known)


def _tried(arms: Mapping[str, Tally]) -> str:
    rows = [
        (
            name,
            one.made,
            judged(one),
            one.accepted,
            ", ".join(f"{gate} {n}" for gate, n in sorted(one.rejected.items())),
        )
        for name, one in sorted(arms.items())
    ]
    return table(("recipe", "made", "judged", "accepted", "rejected by"), rows, "nothing yet: this is the first round")


def _earlier(remembered: Sequence[Outcome]) -> str:
    lines = [
        f"{one.arm}: {100 * one.gain:+.1f} ± {100 * one.spread:.1f} points of macro-F1 on {one.modality}"
        for one in remembered[-EARLIER:]
    ]
    return bullets(lines, "none on record")


def _budget(use: Context, state: State, offer: Offer) -> str:
    limits = use.job.limits
    lines = [f"samples left: {'any number' if offer.left is None else offer.left}"]
    if limits.seconds is not None:
        lines.append(f"seconds of the run: {limits.seconds:g}")
    lines.append(f"rounds left: {limits.rounds - state['round']}")
    if limits.synthetic_per_real is not None:
        lines.append(f"made items for each real one of a class: at most {limits.synthetic_per_real:g}")
    return bullets(lines)


def _items(use: Context, offer: Offer) -> str:
    if not use.job.policy.show_samples:
        return "not shown: the job keeps items of the data to itself"
    if use.modality != "text":
        return "not shown: pictures and sounds are not told in words"
    cover, lines = work.coverage(use), list[str]()
    for need in offer.needs[:GAPS]:
        rows = cover.rows_in(need.start or need.gap.cell)
        order = generator(seed_for(use.job.seed, "shown", need.gap.cell.key)).permutation(len(rows))[:ITEMS]
        texts = use.dataset.payloads([int(rows[at]) for at in order])
        lines += [f"{need.gap.cell.key}: {plain(text, LETTERS)}" for text in texts]
    return bullets(lines, most=GAPS * ITEMS)


def facts_of(rendered: Rendered) -> dict[str, Any]:
    """Return what a decision records of a prompt."""
    return {"prompt": rendered.digest, "prompt_version": rendered.version}
