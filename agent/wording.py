"""How what was measured is said, alike on a terminal and on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memory.job import AskAbove, Job
from memory.records import Plan, Step

SHOWN = 12
"""Cells that are told of a run that ended."""
CELLS = 6
"""Cells of a step that are named."""


def gain(middle: float, low: float, high: float) -> str:
    """Return a gain in macro-F1 (shares of 1) with its interval, in points: `+2.0 [+0.5, +3.5]`."""
    points = (round(100 * one, 1) + 0.0 for one in (middle, low, high))  # + 0.0: no "-0.0"
    return "{:+.1f} [{:+.1f}, {:+.1f}]".format(*points)


def fate(one: dict[str, Any]) -> str:
    """Return what became of a recipe: kept or dropped, and what of it was left out whatever it brought."""
    notes = dict.fromkeys([*one["left_out"].values(), *one["notes"].values()])
    return "; ".join(["kept" if one["kept"] else "dropped", *notes])


def cell_of(line: Mapping[str, Any]) -> str:
    """Return the cell of a line of a report in words: `label=refund, channel=chat`."""
    return ", ".join(f"{axis}={value}" for axis, value in line["cell"].items())


def remarks(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what else a report says of the made samples, each with a word for what it is about."""
    said = (
        ("held-out coverage", "held_out_coverage", reached),
        ("variety", "diversity", varied),
        ("voices", "voices", heard),
        ("shortcut", "ties", tied),
    )
    return [(head, told(result[key])) for head, key, told in said if result.get(key)]


def reached(found: dict[str, Any]) -> str:
    """Return what became of held-out coverage, and of the holes of each kind."""
    kinds = [f"{kind} {done} of {of}" for kind, (done, of) in found["by_kind"].items() if of]
    return (
        f"{100 * found['before']:.1f} % of {found['items']} validation items before, "
        f"{100 * found['after']:.1f} % after; {found['closed']} of {found['holes']} holes closed"
        f"{' (' + ', '.join(kinds) + ')' if kinds else ''}"
    )


def varied(found: Mapping[str, Mapping[str, float]]) -> str:
    """Return how varied made samples are beside as many real ones: the mean over classes, and the least varied one."""
    shares = {label: one["made"] / one["real"] for label, one in found.items()}
    least = min(shares, key=lambda label: (shares[label], label))
    one, classes = found[least], f"{len(found)} class{'es' if len(found) > 1 else ''}"
    return (
        f"made samples are {100 * sum(shares.values()) / len(shares):.0f} % as varied as real ones (Vendi score, "
        f"{classes}); least varied class {least}: {one['made']:.1f} different items in {one['n']}, real ones "
        f"{one['real']:.1f}"
    )


def heard(found: Mapping[str, Sequence[float]]) -> str:
    """Return how far the voices of made clips spread beside real ones."""
    made, real = found["made"], found["real"]
    return (
        f"made clips speak at {made[0]:.0f} to {made[2]:.0f} Hz, real ones at {real[0]:.0f} to {real[2]:.0f} Hz "
        "(median pitch, 10th to 90th percentile)"
    )


def tied(found: Sequence[Mapping[str, Any]]) -> str:
    """Return which axes of the channel the made samples tie to the label."""
    axes = ", ".join(f"{one['axis']} (V rises by {one['rise']:.2f})" for one in found)
    return f"made samples tie the label to {axes}: a learner may read it off there; fill more classes the same way"


def plan_lines(plan: Plan) -> list[str]:
    """Return a plan in words: what the round is for, then a line a step."""
    return [f"Round {plan.round}, planned by {plan.planner}: {plan.why}", *map(step_line, plan.steps)]


def step_line(step: Step) -> str:
    """Return one step in words: how many candidates, with which tools, for which cells, on what it rests."""
    tools = " then ".join(call.tool for call in step.calls)
    cells = "; ".join(f"{part.count} for {part.cell.key}" for part in step.fill[:CELLS])
    more = f" and {len(step.fill) - CELLS} more cells" if len(step.fill) > CELLS else ""
    samples = f"{step.count} sample{'s' if step.count > 1 else ''}"
    return f"{samples} with {tools} ({cells}{more}), after {', '.join(step.cites)}: {step.why}"


def cost_line(cost: Mapping[str, float]) -> str:
    """Return what a plan is expected to take."""
    parts = [f"{cost['samples']:g} samples", f"about {cost['seconds']:g} s of making"]
    parts += [f"{cost['tokens']:g} tokens"] if cost["tokens"] else []
    parts += [f"{cost['money_usd']:.2f} dollars"] if cost["money_usd"] else []
    return ", ".join(parts)


def targets_lines(job: Job) -> list[str]:
    """Return what a job asks for and allows, a line each."""
    lines = []
    for target in job.cells:
        only = "".join(f", {axis} only {', '.join(names)}" for axis, names in target.only.items())
        lines.append(f"at least {target.at_least} items in every cell of {' x '.join(target.axes)}{only}")
    if not job.targets:
        lines.append("every class as large as the largest")
    if job.goal is not None:
        lines.append(f"a learner gains {100 * job.goal.gain:g} points or more, or nothing is kept")
    if job.reach is not None:
        lines.append(f"{100 * job.reach.at_least:g} % of validation items have a training neighbour")
    limits = {name: value for name, value in job.limits.model_dump().items() if value is not None}
    lines.append(f"limits: {', '.join(f'{name} {value:g}' for name, value in limits.items())}")
    return lines + _policy_lines(job)


def _policy_lines(job: Job) -> list[str]:
    policy, lines = job.policy, []
    asks: str = policy.approval if isinstance(policy.approval, str) else f"ask above {_above(policy.approval)}"
    model = "" if policy.model is None else f"; model {policy.model}"
    lines.append(f"plans by {policy.planner}{model}; approval {asks}; sending data away: {policy.remote}")
    if policy.tools.deny:
        lines.append(f"not used: {', '.join(policy.tools.deny)}")
    if policy.tools.allow != ("*",):
        lines.append(f"used alone: {', '.join(policy.tools.allow)}")
    if job.export.path is not None:
        lines.append(f"written to {job.export.path} ({job.export.format})")
    return lines


def _above(most: AskAbove) -> str:
    return ", ".join(f"{value:g} {name}" for name, value in most.model_dump(exclude_none=True).items())


def ended_lines(report: Mapping[str, Any]) -> list[str]:
    """Return how a run ended, in a few lines."""
    lines = [f"Stopped: {report['stop_reason']}. {report['made']} samples made, {report['accepted']} accepted."]
    short = [line for line in report["targets"] if "measure" not in line["cell"] and line["before"] < line["required"]]
    for line in short[:SHOWN]:
        state = "met" if line["met"] else f"short: {line['reason']}"
        lines.append(f"{cell_of(line)}: {line['before']} -> {line['after']} of {line['required']}, {state}")
    if len(short) > SHOWN:
        met = sum(line["met"] for line in short)
        lines.append(f"... and {len(short) - SHOWN} more cells; of all {len(short)} that were short {met} are met")
    proof = report.get("proof")
    if proof is not None and proof["held_out"] is not None:
        found = proof["held_out"]
        lines.append(
            f"Proof on {found['items']} {found['split']} items with {found['settled']}: macro-F1 "
            f"{100 * found['after']:.1f}, gain {gain(found['gain'], found['low'], found['high'])}"
        )
    if proof is not None:
        lines += proof["advice"]
    if report["ties"]:
        lines.append(tied(report["ties"]))
    if report["export"]:
        lines.append(f"Export: {report['export']}")
    return [*lines, f"Run: {report['run']}"]
