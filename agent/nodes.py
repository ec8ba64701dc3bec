"""One function a node, in loop order: read state, do one thing, return an update with one Decision."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from agent import accounts, audit, checks, evidence, planner, reporting, work
from agent.state import Context, State, Tally, Update
from memory.documents import dump_yaml
from memory.errors import UsageError
from memory.records import Decision, Gap, Plan, Strategy
from tools.card import Tool
from tools.catalogue import select, why_not_allowed, why_not_runnable


def listen(state: State, runtime: Runtime[Context]) -> Update:
    """Take the job, or a question about a run, as it was given."""
    if state.get("question"):
        return {}
    job = runtime.context.job
    facts = {"job": job.model_dump(mode="json", exclude_defaults=True), "seed": job.seed}
    fresh: Update = {"round": 0, "filled": {}, "labels": {}, "arms": {}, "cells": {}, "rejected": {}, "outcome": {}}
    fresh |= {
        "agreed": [],
        "fresh": {},
        "steps": [],
        "strategies": [],
        "priors": {},
        "made": 0,
        "accepted": 0,
        "seconds": 0.0,
    }
    fresh |= {"gpu_seconds": 0.0, "stop": None, "plan": None}
    return fresh | _decided("listen", 0, f"work on {job.dataset.path}", facts)


def explain(state: State, runtime: Runtime[Context]) -> Update:
    """Answer a question about a sample, from trace and lineage alone; say so when it is none of those."""
    return {"answer": audit.why(runtime.context.run.folder, state["question"])}


def inspect(state: State, runtime: Runtime[Context]) -> Update:
    """Count every cell, close those that nothing can fill, and stop when there is a reason to."""
    use, number = runtime.context, state["round"]
    coverage = work.coverage(use)
    targets = state.get("targets") or list(use.job.targets) or accounts.default_targets(coverage)
    gaps = state["gaps"] if number else accounts.first_gaps(targets, coverage)
    gaps = [_counted(gap, state["filled"]) for gap in gaps]
    tools, forbidden = _tools(use)
    needed = accounts.needs(gaps, use.job, coverage, use.dataset.columns, tools, state["labels"])
    reasons = accounts.close(needed, state["cells"], bool(tools), bool(forbidden))
    gaps = [gap.model_copy(update={"reason": reasons.get(accounts.slot(gap.target, gap.cell))}) for gap in gaps]
    stop = checks.why_stop(gaps, use.job.limits, state["made"], use.clock(), number, state["gpu_seconds"])
    if use.given is not None and number and stop is None:
        stop = "plan_done"
    gaps = _give_reasons(gaps, stop)
    short = [gap for gap in gaps if gap.missing]
    facts: dict[str, Any] = {"stop": stop, "missing": sum(gap.missing for gap in short)}
    facts["short"] = [[gap.target, gap.cell.model_dump(), gap.have, gap.required, gap.reason] for gap in short]
    if not number:
        facts["targets"] = [target.model_dump(mode="json") for target in targets]
        facts["forbidden"] = forbidden
    summary = f"{len(short)} of {len(gaps)} short cells are still short, {facts['missing']} samples missing"
    update: Update = {"targets": targets, "gaps": gaps, "stop": stop, "seconds": use.clock()}
    return update | _decided("inspect", number, summary, facts)


def retrieve(state: State, runtime: Runtime[Context]) -> Update:
    """Ask the literature about the gaps; turn what it measured into priors for the tools that may run here."""
    use = runtime.context
    tools = select("augment", use.modality)
    index, coverage = work.literature(use), work.coverage(use)
    label = use.dataset.columns.label or "label"
    query = evidence.query_of(use.job, coverage, state["targets"], state["gaps"], tools, label)
    regime = evidence.regime_of(coverage, use.job)
    found, priors = evidence.retrieve(index, query, tools), evidence.priors_of(tools, regime)
    facts = {
        "query": query.model_dump(mode="json", exclude_defaults=True),
        "ranking": index.ranking,
        "why_lexical": index.why_lexical,
        "encoder": use.job.policy.encoder if index.ranking == "hybrid" else None,
        "index": index.digest,
        "strategies": [[one.key, one.score, one.outcome, list(one.tools)] for one in found],
        "regime": regime.model_dump(mode="json"),
        "priors": {name: one.model_dump(mode="json") for name, one in priors.items()},
    }
    summary = f"{len(found)} papers, {index.ranking} ranking"
    return {"strategies": found, "priors": priors} | _decided("retrieve", state["round"], summary, facts)


def plan(state: State, runtime: Runtime[Context]) -> Update:
    """Make the plan of the next round; only one that passes every check goes on."""
    use, number = runtime.context, state["round"] + 1
    tools, _ = _tools(use)
    limit = use.job.limits.samples
    left = None if limit is None else limit - state["made"]
    open_gaps = [gap for gap in state["gaps"] if gap.missing and not gap.reason]
    given = use.given and use.given.model_copy(update={"round": number})
    made = given or _rules(use, state, number, open_gaps, tools, left)
    here = {tool.name: tool for tool in select("augment", use.modality)}
    wrong = checks.problems(made, use.job, here, state["gaps"], state["strategies"], left)
    wrong += work.unknown_starts(use, made)
    if wrong:
        raise UsageError("This plan may not run:\n  " + "\n  ".join(wrong), where="plan")
    use.run.write_text(f"plan-{number}.yaml", dump_yaml(made))
    facts = {"planner": made.planner, "why": made.why, "steps": [step.model_dump(mode="json") for step in made.steps]}
    update: Update = {"plan": made}
    if not made.steps:
        update |= {"stop": "no_progress", "gaps": _give_reasons(state["gaps"], "no_progress")}
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
    who, agreed, why = "policy auto", True, ""
    if checks.needs_approval(chosen, use.job.policy, state["agreed"]):
        who = "--yes"
        if not use.yes:
            answer = interrupt(
                {"round": chosen.round, "recipes": recipes, "samples": sum(s.count for s in chosen.steps)}
            )
            who, agreed, why = str(answer["who"]), bool(answer["agreed"]), str(answer.get("why", ""))
    facts = {"recipes": recipes, "by": who, "agreed": agreed, "why": why}
    update: Update = {"agreed": sorted({*state["agreed"], *recipes})}
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
    books = accounts.Books(
        state["gaps"], state["targets"], state["labels"], work.coverage(use), use.dataset.columns, use.job
    )
    outcome = work.judge_steps(use, chosen, books, state["steps"], state["fresh"])
    facts = {"accepted": outcome["accepted"], "rejected": outcome["rejected"]}
    return {"outcome": outcome, "seconds": use.clock()} | _decided(
        "judge", chosen.round, f"{outcome['accepted']} accepted", facts
    )


def learn(state: State, runtime: Runtime[Context]) -> Update:
    """Take in how arms and cells fared, for the next plan."""
    outcome, chosen = state["outcome"], _plan(state)
    arms = _merged(state["arms"], outcome["arms"])
    update: Update = {
        "round": chosen.round,
        "arms": arms,
        "cells": _merged(state["cells"], outcome["cells"]),
        "filled": _added(state["filled"], outcome["filled"]),
        "labels": _added(state["labels"], outcome["labels"]),
        "rejected": _added(state["rejected"], outcome["rejected"]),
        "made": state["made"] + outcome["made"],
        "accepted": state["accepted"] + outcome["accepted"],
        "steps": [*state["steps"], *state["fresh"]],
        "fresh": {},
        "outcome": {},
    }
    facts = {name: [tally.accepted, tally.made] for name, tally in arms.items()}
    return update | _decided("learn", chosen.round, f"{len(facts)} arms have been tried", {"arms": facts})


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


def _tools(use: Context) -> tuple[list[Tool], list[str]]:
    """Return the label-keeping tools that may run here, and why the others may not."""
    kept = [tool for tool in select("augment", use.modality) if tool.labels == "kept"]
    why = {tool.name: why_not_allowed(tool, use.job.policy) or why_not_runnable(tool) for tool in kept}
    return [tool for tool in kept if why[tool.name] is None], [reason for reason in why.values() if reason]


def _rules(
    use: Context, state: State, number: int, gaps: Sequence[Gap], tools: Sequence[Tool], left: int | None
) -> Plan:
    strategies: list[Strategy] = state["strategies"]
    arms = planner.arms_of(tools, strategies, state["priors"], state["arms"])
    now = accounts.first_in_turn(gaps, state["targets"], state["cells"])
    needed = accounts.needs(now, use.job, work.coverage(use), use.dataset.columns, tools, state["labels"])
    return planner.plan_round(number, needed, arms, left)


def _counted(gap: Gap, filled: dict[str, int]) -> Gap:
    return gap.model_copy(update={"have": gap.before + filled.get(accounts.slot(gap.target, gap.cell), 0)})


def _give_reasons(gaps: Sequence[Gap], stop: str | None) -> list[Gap]:
    """Give every short cell its reason once the loop stops."""
    if stop is None:
        return list(gaps)
    reasons = {"budget_spent": "budget", "round_limit": "budget", "declined": "not_allowed"}
    reason = reasons.get(stop, "no_strategy" if stop == "no_progress" else "no_progress")
    return [gap.model_copy(update={"reason": gap.reason or reason}) if gap.missing else gap for gap in gaps]


def _added(old: dict[str, int], new: dict[str, int]) -> dict[str, int]:
    return {name: old.get(name, 0) + new.get(name, 0) for name in (*old, *(name for name in new if name not in old))}


def _merged(old: dict[str, Tally], new: dict[str, Any]) -> dict[str, Tally]:
    merged = dict(old)
    for name, brought in new.items():
        was = merged.get(name, Tally())
        dry = not brought["accepted"]
        merged[name] = Tally(
            made=was.made + brought["made"],
            accepted=was.accepted + brought["accepted"],
            rejected=_added(was.rejected, brought["rejected"]),
            dry_rounds=was.dry_rounds + 1 if dry else 0,
            dry_made=was.dry_made + brought["made"] if dry else 0,
        )
    return merged
