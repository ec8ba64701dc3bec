"""One function a node, in loop order: read state, do one thing, return an update with one Decision."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, cast

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from agent import accounts, audit, baseline, checks, evidence, holes, planning, recipes, reporting, trials, work
from agent.state import Context, State, Update
from agent.tally import added, merged
from memory.documents import dump_yaml
from memory.outcomes import digest
from memory.records import Decision, Gap, Plan, StopReason
from tools.catalogue import select


def listen(state: State, runtime: Runtime[Context]) -> Update:
    """Take the job, or a question about a run, as it was given."""
    if state.get("question"):
        return {}
    job = runtime.context.job
    facts = {"job": job.model_dump(mode="json", exclude_defaults=True), "seed": job.seed}
    fresh: Update = {"round": 0, "filled": {}, "labels": {}, "arms": {}, "kinds": {}, "cells": {}}
    fresh |= {
        "agreed": [],
        "refused": [],
        "fresh": {},
        "steps": [],
        "rejected": {},
        "outcome": {},
        "strategies": [],
        "priors": {},
        "made": 0,
        "accepted": 0,
        "seconds": 0.0,
    }
    fresh |= {"gpu_seconds": 0.0, "stop": None, "plan": None, "trials": {}, "settled": None, "kept": []}
    return fresh | _decided("listen", 0, f"work on {job.dataset.path}", facts)


def explain(state: State, runtime: Runtime[Context]) -> Update:
    """Answer a question about a sample, from trace and lineage alone; say so when it is none of those."""
    return {"answer": audit.why(runtime.context.run.folder, state["question"])}


def inspect(state: State, runtime: Runtime[Context]) -> Update:
    """Count every cell, close those that nothing can fill, and stop when there is a reason to."""
    use, number = runtime.context, state["round"]
    coverage = work.coverage(use)
    trying = trials.is_open(use, state)
    update: Update = baseline.measure(use) if trying and not number else {}
    slices = update["baseline"]["slices"] if "baseline" in update else ()
    targets = state["targets"] if number else accounts.targets_of(use.job, coverage) + holes.wanted(use, slices)
    gaps = state["gaps"] if number else accounts.first_gaps(targets, coverage)
    gaps = accounts.recounted(gaps, state["filled"])
    tools, forbidden = work.tools_here(use)
    needed = accounts.needs(gaps, use.job, coverage, use.dataset.columns, tools, state["labels"])
    reasons = accounts.close(needed, state["cells"], bool(tools), bool(forbidden))
    gaps = [gap.model_copy(update={"reason": reasons.get(accounts.slot(gap.target, gap.cell))}) for gap in gaps]
    spent = state["gpu_seconds"]
    stop = checks.why_stop(gaps, use.job.limits, state["made"], use.clock(), number, gpu_seconds=spent, trying=trying)
    if use.given is not None and number and stop is None:
        stop = "plan_done"
    if stop is None and not trying and tools and {tool.name for tool in tools} <= work.unpaid(use):
        stop = "budget_spent"
    update |= {"targets": targets, "stop": stop}
    if trying and stop is not None:
        update |= trials.settle(use, _with(state, update))
        gaps = accounts.recounted(gaps, update["filled"])
    gaps = _give_reasons(gaps, stop)
    short = [gap for gap in gaps if gap.missing]
    facts: dict[str, Any] = {"stop": stop, "missing": sum(gap.missing for gap in short)}
    facts["short"] = [[gap.target, gap.cell.model_dump(), gap.have, gap.required, gap.reason] for gap in short]
    if not number:
        facts["targets"] = [target.model_dump(mode="json") for target in targets]
        facts["forbidden"] = forbidden
    if "baseline" in update:
        facts |= {"baseline": update["baseline"], "trials": trials.facts_of(use, _with(state, update))}
    summary = f"{len(short)} of {len(gaps)} short cells are still short, {facts['missing']} samples missing"
    update |= {"gaps": gaps, "seconds": use.clock()}
    return update | _decided("inspect", number, summary, facts)


def retrieve(state: State, runtime: Runtime[Context]) -> Update:
    """Ask the literature about the gaps; turn what it measured into priors for the tools that may run here."""
    use = runtime.context
    tools = select("augment", use.modality)
    index, coverage = work.literature(use), work.coverage(use)
    label = use.dataset.columns.label or "label"
    query = evidence.query_of(use.job, coverage, state["targets"], state["gaps"], tools, label)
    regime = evidence.regime_of(coverage, use.job)
    families = [recipes.FROM_ERRORS] if use.job.goal is not None else []
    found = evidence.retrieve(index, query, tools, families)
    priors = evidence.priors_of(tools, regime, use.remembered)
    facts = {
        "query": query.model_dump(mode="json", exclude_defaults=True),
        "ranking": index.ranking,
        "why_lexical": index.why_lexical,
        "encoder": use.job.policy.encoder if index.ranking == "hybrid" else None,
        "index": index.digest,
        "strategies": [[one.key, one.score, one.outcome, list(one.tools)] for one in found],
        "regime": regime.model_dump(mode="json"),
        "priors": {name: one.model_dump(mode="json") for name, one in priors.items()},
        "remembered": digest(use.remembered) if use.remembered else None,
    }
    summary = f"{len(found)} papers, {index.ranking} ranking"
    return {"strategies": found, "priors": priors} | _decided("retrieve", state["round"], summary, facts)


def plan(state: State, runtime: Runtime[Context]) -> Update:
    """Make the plan of the next round; only one that passes every check goes on."""
    use, number = runtime.context, state["round"] + 1
    found = planning.make(use, state)
    made, settled = found.plan, dict(found.settled)
    use.run.write_text(f"plan-{number}.yaml", dump_yaml(made))
    steps = [step.model_dump(mode="json") for step in made.steps]
    facts: dict[str, Any] = {"planner": made.planner, "why": made.why, "steps": steps, **found.facts}
    if use.job.goal is not None:
        why = settled.pop("why", "")
        state = _with(state, settled)
        facts |= {"tried": dict(made.trials), "settled": state["settled"], "settled_why": why}
    update: Update = {"plan": made, **settled}
    if not made.steps:
        update["stop"] = _nothing_left(use, state)
        update["gaps"] = _give_reasons(accounts.recounted(state["gaps"], state["filled"]), update["stop"])
    samples = sum(step.count for step in made.steps)
    return update | _decided("plan", number, f"{len(made.steps)} steps, {samples} samples: {made.why}", facts)


def approve(state: State, runtime: Runtime[Context]) -> Update:
    """Let the policy or a person agree. A person is asked once for each recipe."""
    use, chosen = runtime.context, _plan(state)
    recipes = sorted({checks.recipe(step) for step in chosen.steps})
    if use.dry_run:
        return {"stop": "dry_run"} | _decided(
            "approve", chosen.round, "dry run: nothing is made", {"recipes": recipes, "by": "dry run"}
        )
    cost = checks.cost_of(chosen, use.tools, use.device, use.job.policy.price)
    who, agreed, why, without = "policy auto", True, "", []
    asks = checks.needs_approval(chosen, use.job.policy, state["agreed"], cost)
    if asks:
        who = "--yes"
        if not use.yes:
            answer = interrupt({"round": chosen.round, "recipes": recipes, **cost, "why": asks})
            who, agreed, why = str(answer["who"]), bool(answer["agreed"]), str(answer.get("why", ""))
            without = sorted(set(answer.get("without", ())) & {call.tool for s in chosen.steps for call in s.calls})
    left = checks.without(chosen, without)
    agreed = agreed and bool(left.steps)
    facts = {"recipes": recipes, "by": who, "agreed": agreed, "why": why, "cost": cost}
    update: Update = {"agreed": sorted({*state["agreed"], *recipes})}
    if without:
        facts["without"] = without
        update |= {"plan": left, "refused": sorted({*state["refused"], *without})}
        use.run.write_text(f"plan-{chosen.round}.yaml", dump_yaml(left))
    if not agreed:
        update = {"stop": "declined", "gaps": _give_reasons(state["gaps"], "declined")}
    return update | _decided("approve", chosen.round, f"{'agreed' if agreed else 'declined'} by {who}", facts)


def apply(state: State, runtime: Runtime[Context]) -> Update:
    """Make the candidates of every step; shards that are there already are not made again."""
    use, chosen = runtime.context, _plan(state)
    start, before, share = time.perf_counter(), state["gpu_seconds"], float(use.device == "cuda")
    use.gpu_clock = lambda: before + share * (time.perf_counter() - start)
    made = {step.id: work.make_step(use, step) for step in chosen.steps}
    update: Update = {"fresh": made, "seconds": use.clock(), "gpu_seconds": use.gpu_clock()}
    return update | _decided("apply", chosen.round, f"{sum(made.values())} candidates", {"made": made})


def judge(state: State, runtime: Runtime[Context]) -> Update:
    """Put every candidate before the gates; stop filling a cell when it is full."""
    use, chosen = runtime.context, _plan(state)
    gaps, job, labels = state["gaps"], use.job, state["labels"]
    if chosen.trials:  # nothing of a trial counts before it is kept, and its plan kept to the cap
        limits = job.limits.model_copy(update={"synthetic_per_real": None})
        gaps, job, labels = [], job.model_copy(update={"limits": limits}), {}
    books = accounts.Books(gaps, state["targets"], labels, work.coverage(use), use.dataset.columns, job)
    outcome = work.judge_steps(use, chosen, books, state["steps"], state["fresh"])
    facts = {"accepted": outcome["accepted"], "rejected": outcome["rejected"]}
    return {"outcome": outcome, "seconds": use.clock()} | _decided(
        "judge", chosen.round, f"{outcome['accepted']} accepted", facts
    )


def learn(state: State, runtime: Runtime[Context]) -> Update:
    """Take in how arms and cells fared, and what each trial brings, for the next plan."""
    use, outcome, chosen = runtime.context, state["outcome"], _plan(state)
    arms, before = merged(state["arms"], outcome["arms"]), state["kinds"]
    kinds = before | {name: merged(before.get(name, {}), one) for name, one in outcome["kinds"].items()}
    fresh = list(state["fresh"])
    update: Update = {
        "round": chosen.round,
        "arms": arms,
        "kinds": kinds,
        "rejected": added(state["rejected"], outcome["rejected"]),
        "made": state["made"] + outcome["made"],
        "accepted": state["accepted"] + outcome["accepted"],
        "steps": [*state["steps"], *fresh],
        "fresh": {},
        "outcome": {},
    }
    facts: dict[str, Any] = {"arms": {name: [tally.accepted, tally.made] for name, tally in arms.items()}}
    if chosen.trials:
        update["trials"] = trials.measure(use, state, chosen, trials.known_recipes(use, state, work.tools_here(use)[0]))
        facts["trials"] = trials.facts_of(use, _with(state, update))
    else:
        update |= {
            "cells": merged(state["cells"], outcome["cells"]),
            "filled": added(state["filled"], outcome["filled"]),
            "labels": added(state["labels"], outcome["labels"]),
            "kept": [*state["kept"], *fresh],
        }
    update["seconds"] = use.clock()
    return update | _decided("learn", chosen.round, f"{len(arms)} arms have been tried", facts)


def report(state: State, runtime: Runtime[Context]) -> Update:
    """Write the export and the report: why we stopped, what was made, what it cost."""
    use = runtime.context
    result = reporting.finish(use, state)
    facts = {name: result[name] for name in ("stop_reason", "made", "accepted", "rejected", "export_digest")}
    return {"seconds": use.clock()} | _decided("report", state["round"], f"stopped: {state['stop']}", facts)


# --- small parts ------------------------------------------------------------------------------------


def _decided(node: str, number: int, summary: str, facts: dict[str, Any]) -> Update:
    return {"decisions": [Decision(node=node, round=number, summary=summary, facts=facts)]}


def _plan(state: State) -> Plan:
    chosen = state["plan"]
    assert chosen is not None, "a plan stands in state before anything that follows it runs"
    return chosen


def _with(state: State, update: Update) -> State:
    return cast("State", {**state, **update})


def _nothing_left(use: Context, state: State) -> StopReason:
    """Return why a run without another step ends."""
    if state["settled"] is None or any(gap.missing for gap in accounts.recounted(state["gaps"], state["filled"])):
        return "no_progress"
    return "nothing_helps" if state["settled"] == recipes.AS_IS else "settled"


def _give_reasons(gaps: Sequence[Gap], stop: str | None) -> list[Gap]:
    """Give every short cell its reason once the loop stops."""
    if stop is None:
        return list(gaps)
    reasons = {"budget_spent": "budget", "round_limit": "budget", "declined": "not_allowed"}
    reason = reasons.get(stop, "no_strategy" if stop == "no_progress" else "no_progress")
    return [gap.model_copy(update={"reason": gap.reason or reason}) if gap.missing else gap for gap in gaps]
