"""Trials: what each recipe brings to a learner on held-out items. Plans them, measures them, settles on one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from agent import accounts, baseline, policy, recipes, work
from agent.checks import cap_left
from agent.planner import split, told
from agent.policy import Choice, Standing, Trial
from agent.recipes import AS_IS, COPIED, REWEIGHTED, Recipe
from agent.state import Context, State, Update
from memory.datasets.made import Candidate, Judged
from memory.datasets.media import Payload
from memory.records import Cell, Fill, Plan, Step
from tools.card import Tool
from tools.probe.bench import Bench, Lot, Training
from tools.shortcuts.repeats import is_repetitive, repetition
from tools.shortcuts.words import cue_words

RESERVE = 2
"""Samples that trials leave for each one that a cell lacks."""
SATURATED_ITEMS = 3
"""A learner that errs on so few items has nothing left to be taught."""


def is_open(use: Context, state: State) -> bool:
    """Return whether the run has a goal and has not settled on a recipe yet. A plan that was brought is no trial."""
    return use.job.goal is not None and use.given is None and state.get("settled") is None


def standing(use: Context, state: State) -> Standing:
    """Return what the next choice is made from."""
    facts, limit = state["baseline"], use.job.limits.samples
    if limit is not None:  # what cells lack is made after the trials, and some of it will be rejected
        limit = max(0, limit - RESERVE * sum(gap.missing for gap in state.get("gaps", [])))
    sizes = facts["sizes"]
    saturated = facts["wrong"] is not None and facts["wrong"] <= SATURATED_ITEMS
    return Standing(
        error=0.0 if saturated else 1.0 if facts["macro_f1"] is None else 1.0 - facts["reference_macro_f1"],
        reference=facts["reference"],
        informative=facts["informative"],
        pilot=policy.samples_at(sizes, policy.PILOT_DOSE),
        most=policy.samples_at(sizes, policy.MOST_DOSE),
        left=None if limit is None else max(0, limit - state["made"]),
        budget=limit,
    )


def known_recipes(use: Context, state: State, tools: Sequence[Tool]) -> dict[str, Recipe]:
    """Return every recipe that may be tried on this dataset: of tools that keep the label."""
    tools = [tool for tool in tools if tool.labels == "kept"]
    sizes = state["baseline"]["sizes"] if "baseline" in state else work.coverage(use).real_per_label()
    ratio = max(sizes.values()) / max(1, min(sizes.values()))
    held = baseline.bench_of(use).held
    if held.kind == "folds" and held.informative:  # what learned from all rows has seen those that are held out
        tools = [tool for tool in tools if not tool.learns]
    found = recipes.recipes(use.modality, tools, state["strategies"], state["priors"], use.job.use, ratio)
    if len(misread(state)) >= recipes.LEAST_MISREAD:
        found |= recipes.from_errors(found, state["strategies"])
    return found


def misread(state: State) -> list[int]:
    """Return the training rows that the learner of the data as they are misreads; none without folds."""
    rows: list[int] = state.get("baseline", {}).get("misread", [])
    return rows


def choose(use: Context, state: State, tools: Sequence[Tool]) -> tuple[Choice, dict[str, Recipe]]:
    """Return what to try next, and the recipes it was chosen from."""
    known = known_recipes(use, state, tools)
    return policy.choose(state["trials"], known, standing(use, state)), known


def plan_of(use: Context, state: State, number: int, choice: Choice, known: Mapping[str, Recipe]) -> Plan:
    """Return the steps that make what a choice asks for: the smallest classes first, parts of a recipe alike."""
    real = work.coverage(use).real_per_label()
    steps: list[Step] = []
    trials: dict[str, tuple[str, ...]] = {}
    labels, hard = use.dataset.column("label"), misread(state)
    for arm, count in choice.asks.items():
        trial, recipe = state["trials"].get(arm), known[arm]
        before = _made_per_label(use, trial)
        sizes = {name: size + before.get(name, 0) for name, size in state["baseline"]["sizes"].items()}
        caps = {name: cap_left(real.get(name, 0), before.get(name, 0), use.job.limits) for name in sizes}
        if recipe.among is not None:  # a class that is read well has no parent to give
            caps |= dict.fromkeys(set(sizes) - {str(labels[row]) for row in hard}, 0)
        mine = _steps(number, recipe, policy.level(sizes, count, caps))
        if mine:
            trials[arm] = tuple(step.id for step in mine)
            steps += mine
    from_errors = any(fill.among for step in steps for fill in step.fill)
    rows = tuple(hard) if from_errors else ()
    return Plan(round=number, planner="policy", steps=tuple(steps), why=choice.why, trials=trials, misread=rows)


def _made_per_label(use: Context, trial: Trial | None) -> dict[str, int]:
    """Return label -> candidates that a recipe has had made: more of it goes on from there."""
    found: dict[str, int] = {}
    for step in () if trial is None else trial.steps:
        for shard in use.made.shards(step):
            for made in use.made.candidates(step, shard):
                found[made.cell["label"]] = found.get(made.cell["label"], 0) + 1
    return found


def _steps(number: int, recipe: Recipe, wanted: Mapping[str, int]) -> list[Step]:
    fills: list[list[Fill]] = [[] for _ in recipe.parts]
    for turn, (label, count) in enumerate(sorted(wanted.items())):
        for part, share in enumerate(split(count, [1.0] * len(recipe.parts), turn)):
            if share:
                fills[part].append(Fill(cell=Cell(at={"label": label}), count=share, among=recipe.among))
    return [
        Step(id=f"r{number}.{recipe.name}.{at}", calls=calls, fill=tuple(fill), cites=cites, why=told(recipe.prior))
        for at, (calls, cites, fill) in enumerate(zip(recipe.parts, recipe.cites, fills, strict=True), start=1)
        if fill
    ]


def measure(use: Context, state: State, plan: Plan, known: Mapping[str, Recipe]) -> dict[str, Trial]:
    """Return all trials after a round: what was made of each recipe, and what it brings beside all made before."""
    bench, trials = baseline.bench_of(use), dict(state["trials"])
    for done, (arm, steps) in enumerate(plan.trials.items()):
        was = trials.get(arm) or Trial(arm=arm, prior=known[arm].prior)
        asked = sum(step.count for step in plan.steps if step.id in steps)
        lots = {step: lot_of(use, bench, step) for step in (*was.steps, *steps)}
        left_out = {**was.left_out, **{step: lot.left_out for step, lot in lots.items() if lot.left_out}}
        notes = {step: lot.note for step, lot in lots.items() if lot.note}
        used = [lot.samples for step, lot in lots.items() if step not in left_out]
        accepted = sum(len(one) for one in used)
        trial = was.model_copy(
            update={
                "steps": tuple(lots),
                "asked": was.asked + asked,
                "made": sum(lot.made for lot in lots.values()),
                "accepted": accepted,
                "left_out": left_out,
                "notes": notes,
            }
        )
        if accepted and bench.held.informative:
            began = time.perf_counter()
            said = bench.predict(Training(made=bench.join(used)))
            trial = baseline.taken(use, trial, said, state["baseline"]["reference"])
            trial = _without_what_brought_no_more(was, trial, steps)
            trial = trial.model_copy(update={"seconds": was.seconds + time.perf_counter() - began})
        trials[arm] = trial
        use.say({"node": "measure", "step": arm, "done": done + 1, "of": len(plan.trials)})
    return trials


def _without_what_brought_no_more(was: Trial, now: Trial, steps: Sequence[str]) -> Trial:
    """Return a grown recipe less the samples of the latest steps where it did better without them."""
    if not was.accepted or now.points is None or was.points is None or now.points > was.points:
        return now
    measured = {name: getattr(was, name) for name in ("accepted", "gain", "spread", "points", "low", "high")}
    left_out = {**now.left_out, **dict.fromkeys(steps, "more of it brought no more")}
    return now.model_copy(update={**measured, "left_out": left_out})


def lot_of(use: Context, bench: Bench, step: str) -> Lot:
    """Return the accepted samples of a step as the learner sees them; read once a sitting."""
    if step not in use.lots:
        pairs = list(use.made.judged_pairs([step]))
        kept = [one for one, judged in pairs if judged.accepted]
        payloads = [payload for one in kept if (payload := work.payload_of(one, use.modality)) is not None]
        samples = bench.read(payloads, [one.label for one in kept], [one.parents for one in kept])
        use.lots[step] = Lot(samples, len(pairs), _why_left_out(use, bench, pairs, payloads), _note(pairs))
    return use.lots[step]


def _why_left_out(
    use: Context, bench: Bench, pairs: Sequence[tuple[Candidate, Judged]], payloads: Sequence[Payload]
) -> str:
    """Return why no sample of a step may be trained on, or "": a shortcut that looks like a gain."""
    kept = [made for made, judged in pairs if judged.accepted]
    if use.modality != "text" or not kept:
        return ""
    parents = [str(one) for one in use.dataset.payloads([bench.row_of[made.parents[0]] for made in kept])]
    cues = cue_words(parents, [str(one) for one in payloads], [made.label for made in kept])
    if not cues:
        return ""
    first = cues[0]
    return (
        f"gives itself away: {first.made} of {first.of} texts hold {first.word!r}, and {first.parents} of their parents"
    )


def _note(pairs: Sequence[tuple[Candidate, Judged]]) -> str:
    """Return how a step repeats itself, or "". What repeats was rejected; the rest of it may be of use."""
    found = repetition([made.content for made, _ in pairs], [judged.rejected_by for _, judged in pairs])
    if not is_repetitive(found):
        return ""
    return f"repeats itself: {100 * max(found.share_exact, found.share_near):.0f} % of {found.of} were there already"


def settle(use: Context, state: State) -> Update:
    """Keep the samples of the best recipe alone, and enter them in the accounts of cells and labels."""
    at = standing(use, state)
    winner = policy.best(state["trials"], at)
    kept = list(state["trials"][winner].kept)
    filled: dict[str, int] = {}
    labels: dict[str, int] = {}
    for made, judged in use.made.accepted(kept):
        accounts.count_one(filled, accounts.landed(made, judged, state["targets"], use.dataset.columns))
        accounts.count_one(labels, [] if made.label is None else [made.label])
    return {"settled": winner, "kept": kept, "filled": filled, "labels": labels}


def facts_of(use: Context, state: State) -> dict[str, Any]:
    """Return every trial with its posterior, as a decision records it."""
    error = standing(use, state).error
    return {
        name: {
            **one.model_dump(mode="json", exclude={"seconds", "arm"}),
            "posterior": [round(value, 4) for value in one.posterior],
            "worth_it": round(policy.probability(one, error), 4) if error else 0.0,
        }
        for name, one in state["trials"].items()
    }


def tools_of(use: Context, state: State) -> set[str]:
    """Return the tools of the recipe that was settled on; none where it makes nothing."""
    steps = set(state["trials"][str(state["settled"])].kept)
    return {call.tool for plan in use.run.plans() for step in plan.steps if step.id in steps for call in step.calls}


def says(settled: str) -> str:
    """Return what it means for the person who trains on the data that a recipe was settled on."""
    told_of = {
        AS_IS: "Train on the data as they are; nothing that was tried is worth making.",
        REWEIGHTED: "Train with class weights; making samples brings no more.",
        COPIED: "Repeat rows of the smaller classes; making samples brings no more than copies do.",
    }
    return told_of.get(settled, f"Train with the made samples of {settled}.")
