"""Pure rules: whether a plan is allowed, why a cell is closed, whether to stop and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from agent.recipes import FROM_ERRORS
from agent.tally import Tally
from memory.errors import UsageError
from memory.job import Job, Limits, Policy, Price
from memory.records import Call, Cell, Gap, Plan, Reason, Step, StopReason, Strategy
from tools.card import Tool
from tools.catalogue import why_not_allowed, why_not_runnable
from tools.parents import label_axis
from tools.seeds import check_draw

DRY_ROUNDS = 3
"""A cell is given up after so many rounds in a row without an accepted sample ..."""
DRY_MADE = 24
"""... in which at least so many candidates were made for it."""
PILOT_SAMPLES, PILOT_SHARE, PILOT_SECONDS = 20, 0.02, 5.0
"""A tool is tried of itself where so many samples, and what they need, take at most this share of the run's time, or
so few seconds."""

_LIMITS: tuple[Reason, ...] = ("cap", "budget")
"""What refuses samples whichever tool or parent they come from."""


def problems(  # noqa: PLR0913  everything that a plan is held to
    plan: Plan,
    job: Job,
    tools: Mapping[str, Tool],
    gaps: Sequence[Gap],
    strategies: Sequence[Strategy],
    samples_left: int | None,
    *,
    label: str | None = None,
) -> list[str]:
    """Return what is wrong with `plan`, each in words its author can act on; empty means it may run.

    `label` is the name of the label's column in the data, where it has one: cells may call the label by it.
    """
    found: list[str] = []
    ids = [step.id for step in plan.steps]
    found += [
        f"Two steps are named {name!r}; give each its own id." for name in sorted({i for i in ids if ids.count(i) > 1})
    ]
    known = {gap.cell for gap in gaps}
    for step in plan.steps:
        found += _problems_of_tools(step, job.policy, tools)
        found += _problems_of_citations(step, tools, strategies)
        found += _problems_of_parents(step, tools, label, bool(plan.misread))
        found += [
            f"Step {step.id!r} fills {fill.cell.key!r}, which has no gap."
            for fill in step.fill
            if fill.cell not in known and not plan.trials
        ]
        cells = [fill.cell for fill in step.fill]
        if len(set(cells)) < len(cells):
            found.append(f"Step {step.id!r} fills a cell twice; add the counts up.")
    wanted = sum(step.count for step in plan.steps)
    if samples_left is not None and wanted > samples_left:
        found.append(f"The plan makes {wanted} samples and {samples_left} are left in limits.samples.")
    return found


def _problems_of_citations(step: Step, tools: Mapping[str, Tool], strategies: Sequence[Strategy]) -> list[str]:
    """Refuse a citation that was not retrieved, or that describes no tool of the step."""
    called = {call.tool for call in step.calls}
    if not called <= set(tools):
        return []
    from_errors = any(fill.among for fill in step.fill)
    fitting = sorted(
        one.key for one in strategies if called & set(one.tools) or (from_errors and FROM_ERRORS in one.families)
    )
    strange = [key for key in step.cites if key not in fitting]
    if not strange:
        return []
    return [f"Step {step.id!r} cites {strange}, which describes none of its tools. Cite one of: {fitting}."]


def _problems_of_tools(step: Step, policy: Policy, tools: Mapping[str, Tool]) -> list[str]:
    found: list[str] = []
    for call in step.calls:
        tool = tools.get(call.tool)
        if tool is None:
            found.append(f"Step {step.id!r} calls {call.tool!r}. There are: {', '.join(sorted(tools))}.")
            continue
        for why in (why_not_allowed(tool, policy), why_not_runnable(tool, policy)):
            if why:
                found.append(f"Step {step.id!r}: {why}.")
        try:
            check_draw(tool, call.draw)
        except UsageError as problem:
            found.append(f"Step {step.id!r}: {problem}")
    if len(step.calls) > 1 and any(call.tool in tools and tools[call.tool].labels != "kept" for call in step.calls):
        found.append(f"Step {step.id!r} chains a tool that changes labels; call such a tool alone.")
    return found


def _problems_of_parents(step: Step, tools: Mapping[str, Tool], label: str | None, errors_known: bool) -> list[str]:
    """Refuse parents that a step cannot use: of the wrong label for its tools, or among rows that nobody named."""
    changing = next((call.tool for call in step.calls if call.tool in tools and _changes(tools[call.tool])), None)
    found = []
    for fill in step.fill:
        own, start = _label_of(fill.cell, label), _label_of(fill.start, label)
        what = f"Step {step.id!r} fills {fill.cell.key!r}"
        if changing and own is None:
            found.append(f"{what}, which names no label, with {changing}, which changes labels. Name the wanted label.")
        elif changing and start in (None, own):
            found.append(
                f"{what} with {changing}, which changes labels: its start must be a cell of another label than {own!r}."
            )
        elif not changing and None not in (own, start) and own != start:
            found.append(
                f"{what} from items of {start!r}, and its tools keep the label. Start from {own!r}, or call a tool "
                "that changes labels."
            )
        if fill.among and not errors_known:
            found.append(f"{what} from misread rows, and the plan names none under `misread`. Leave `among` out.")
    return found


def _changes(tool: Tool) -> bool:
    return tool.labels == "changed"


def _label_of(cell: Cell | None, column: str | None) -> str | None:
    axis = None if cell is None else label_axis(cell, column)
    return None if cell is None or axis is None else cell.at[axis]


def check_use(use: Sequence[Call], tools: Mapping[str, Tool]) -> None:
    """Refuse a description of use that cannot be carried out. `tools` work on the modality, by name.

    Raises UsageError naming the tool, and the parameter that leaves its bounds.
    """
    for call in use:
        tool = tools.get(call.tool)
        if tool is None or tool.labels != "kept":
            known = ", ".join(name for name, one in sorted(tools.items()) if one.labels == "kept")
            raise UsageError(f"No tool {call.tool!r} can stand for use here; there are: {known}.", where="use")
        why = why_not_runnable(tool)
        if why:
            raise UsageError(f"{why}.", where="use")
        check_draw(tool, call.draw)


def cap_left(real: int, made: int, limits: Limits) -> int | None:
    """Return how many more samples of a label `synthetic_per_real` allows; None means any number."""
    if limits.synthetic_per_real is None:
        return None
    return max(0, int(Decimal(str(limits.synthetic_per_real)) * real) - made)


def why_closed(tally: Tally, room: int | None, *, reachable: bool, forbidden: bool, usable: bool) -> Reason | None:
    """Return why nothing more will be tried for a cell, or None.

    `room` is what the cap leaves (None: any number), `usable` whether any tool may run here at all, `forbidden`
    whether tools exist that the policy forbids, `reachable` whether there is an item to start from.
    """
    if not reachable:
        return "no_parent"
    if not usable:
        return "not_allowed" if forbidden else "no_strategy"
    if room == 0:
        return "cap"
    if tally.dry_rounds >= DRY_ROUNDS and tally.dry_made >= DRY_MADE:
        limited = next((one for one in _LIMITS if one in tally.rejected), None)
        return limited or ("no_progress" if tally.accepted else "rejected")
    return None


def time_is_up(limits: Limits, seconds: float, gpu_seconds: float) -> bool:
    """Return whether the time of a run, or its time on a GPU, is spent."""
    spent = limits.seconds is not None and seconds >= limits.seconds
    return spent or (limits.gpu_seconds is not None and gpu_seconds > limits.gpu_seconds)


def why_stop(  # noqa: PLR0913  everything that can end a run
    gaps: Sequence[Gap],
    limits: Limits,
    made: int,
    seconds: float,
    rounds: int,
    *,
    gpu_seconds: float = 0.0,
    trying: bool = False,
) -> StopReason | None:
    """Return why the loop ends now, or None. Reaching a limit is an outcome, not an exception.

    `trying`: the job has a goal, and what helps most is still being found; then no gap is no reason.
    """
    short = [gap for gap in gaps if gap.missing]
    if not short and not trying:
        return "targets_met"
    if not trying and all(gap.reason for gap in short):
        return "budget_spent" if any(gap.reason == "budget" for gap in short) else "no_progress"
    if limits.samples is not None and made >= limits.samples:
        return "budget_spent"
    if time_is_up(limits, seconds, gpu_seconds):
        return "budget_spent"
    if rounds >= limits.rounds:
        return "round_limit"
    return None


def why_too_slow(tool: Tool, job: Job, device: str) -> str | None:
    """Return why a tool is not tried of itself: getting it ready and a pilot take too much of the run's time, or None.

    A tool that `policy.tools.allow` names in full is tried whatever it takes.
    """
    if job.limits.seconds is None or tool.name in job.policy.tools.allow:
        return None
    cost = tool.cost
    each = cost.gpu_seconds if device == "cuda" and cost.gpu_seconds else cost.cpu_seconds
    wanted = cost.setup_seconds + PILOT_SAMPLES * each / 1000
    if wanted <= max(PILOT_SECONDS, PILOT_SHARE * job.limits.seconds):
        return None
    return (
        f"{tool.name} takes about {wanted:.0f} s for a pilot here, over {PILOT_SHARE:.0%} of limits.seconds; name it "
        "in policy.tools.allow to use it all the same"
    )


def cost_of(plan: Plan, tools: Mapping[str, Tool], device: str, price: Price | None) -> dict[str, float]:
    """Return what a plan is expected to take, by the cards of its tools: {samples, seconds, tokens, money_usd}.

    What endpoints charge for pictures and speech stands on the cards of `agent.prices.priced` tools.
    """
    seconds = money = tokens = 0.0
    for step in plan.steps:
        for cost in (tools[call.tool].cost for call in step.calls):
            on_gpu = device == "cuda" and cost.gpu_seconds > 0
            seconds += (cost.gpu_seconds if on_gpu else cost.cpu_seconds) * step.count / 1000 + cost.setup_seconds
            tokens += cost.tokens * step.count / 1000
            money += cost.money_usd * step.count / 1000
    if price is not None:  # of the tokens of a text tool, about half are asked and half answered
        money += price.of(round(tokens / 2), round(tokens / 2))
    samples = sum(step.count for step in plan.steps)
    return {"samples": samples, "seconds": round(seconds, 1), "tokens": round(tokens), "money_usd": round(money, 4)}


def needs_approval(plan: Plan, policy: Policy, agreed: Sequence[str], cost: Mapping[str, float]) -> str:
    """Return why a person must agree, or "": a recipe that nobody agreed to yet, or a round that takes too much."""
    if policy.approval == "ask":
        new = sorted({recipe(step) for step in plan.steps} - set(agreed))
        return f"not agreed to yet: {', '.join(new)}" if new else ""
    if policy.approval == "auto":
        return ""
    limits = policy.approval.model_dump(exclude_none=True)
    over = [f"{name} {cost[name]:g} of {most:g}" for name, most in limits.items() if cost[name] > most]
    return f"takes more than is free: {', '.join(over)}" if over else ""


def without(plan: Plan, tools: Sequence[str]) -> Plan:
    """Return a plan less the steps that call any of these tools."""
    steps = tuple(step for step in plan.steps if not {call.tool for call in step.calls} & set(tools))
    kept = {step.id for step in steps}
    trials = {arm: tuple(name for name in names if name in kept) for arm, names in plan.trials.items()}
    return plan.model_copy(update={"steps": steps, "trials": {arm: names for arm, names in trials.items() if names}})


def recipe(step: Step) -> str:
    """Return the tools of a step joined by `+`: the arm that the step belongs to."""
    return "+".join(call.tool for call in step.calls)
