"""Where the plan of a round comes from: a person, trials of recipes, a language model, or the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from agent import accounts, briefing, checks, planner, trials, work
from agent.proposal import Offer, form, plan_of, problems_of
from agent.state import Context, State, Update
from memory.errors import ModelError, UsageError
from memory.exchanges import Message
from memory.records import Plan, Strategy
from tools.card import Tool
from tools.catalogue import select

ANSWER_TOKENS = 4_096
"""Most tokens of a proposal."""


@dataclass(frozen=True)
class Made:
    """A plan, and how it came about."""

    plan: Plan
    settled: Update = field(default_factory=dict)
    """What is settled with it: the recipe whose samples are kept."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the decision records of a model's part in it."""


def make(use: Context, state: State) -> Made:
    """Return the checked plan of the next round. Raises UsageError for a person's plan that may not run."""
    number = state["round"] + 1
    tools = [tool for tool in work.tools_here(use)[0] if tool.name not in state["refused"]]
    limit = use.job.limits.samples
    left = None if limit is None else limit - state["made"]
    made = _from_trials(use, state, number, tools)
    if use.given is not None:
        made = Made(use.given.model_copy(update={"round": number}))
    elif not made.plan.steps:
        state = cast("State", {**state, **made.settled})
        made = _filling(use, state, number, tools, left, made)
    wrong = problems(use, state, made.plan, left)
    if wrong:
        raise UsageError("This plan may not run:\n  " + "\n  ".join(wrong), where="plan")
    return made


def problems(use: Context, state: State, plan: Plan, left: int | None) -> list[str]:
    """Return what is wrong with a plan, whoever made it."""
    here = {tool.name: tool for tool in select("augment", use.modality)}
    label = use.dataset.columns.label
    wrong = checks.problems(plan, use.job, here, state["gaps"], state["strategies"], left, label=label)
    return wrong + work.unknown_starts(use, plan)


def _from_trials(use: Context, state: State, number: int, tools: Sequence[Tool]) -> Made:
    """Return what is tried next where the job has a goal; where all is tried, what was settled on and no steps."""
    nothing = Plan(round=number, planner="rules")
    if use.given is not None or not trials.is_open(use, state):
        return Made(nothing)
    choice, known = trials.choose(use, state, tools)
    plan = trials.plan_of(use, state, number, choice, known)
    return Made(plan) if plan.steps else Made(nothing, trials.settle(use, state) | {"why": choice.why})


def _filling(use: Context, state: State, number: int, tools: Sequence[Tool], left: int | None, before: Made) -> Made:
    """Return a plan that fills open cells, with the tools of the recipe that was settled on where there is one."""
    strategies: list[Strategy] = state["strategies"]
    gaps = [gap for gap in accounts.recounted(state["gaps"], state["filled"]) if gap.missing and not gap.reason]
    if state["settled"] and (proven := trials.tools_of(use, state)):
        tools = [tool for tool in tools if tool.name in proven]
    broke = work.unpaid(use)
    tools = [tool for tool in tools if tool.name not in broke]
    cover, columns = work.coverage(use), use.dataset.columns
    now = accounts.first_in_turn(gaps, state["targets"], state["cells"])
    needed = work.likest_first(use, accounts.needs(now, use.job, cover, columns, tools, state["labels"]))
    facts: dict[str, Any] = {}
    if use.job.policy.planner == "model":
        offer = Offer(number, sorted(needed, key=_emptiest)[: briefing.GAPS], tools, strategies, left)
        plan, facts = _proposed(use, state, offer)
        if plan is not None:
            return Made(plan, before.settled, facts)
    arms = planner.arms_of(tools, strategies, state["priors"], state["arms"], state["kinds"])
    plan = planner.plan_round(number, needed, arms, left)
    if before.settled and not plan.steps:
        why = f"settled on {before.settled['settled']}: {before.settled['why']}"
        plan = plan.model_copy(update={"why": why})
    return Made(plan, before.settled, facts)


def _emptiest(need: planner.Need) -> tuple[float, str]:
    return need.gap.have / need.gap.required, need.gap.cell.key


def _proposed(use: Context, state: State, offer: Offer) -> tuple[Plan | None, dict[str, Any]]:
    """Return the plan that a model proposes, or None where the rules have to take over, and the facts of it."""
    if not offer.needs or not offer.plannable or (offer.left is not None and offer.left < 1):
        return None, {}  # there is nothing to choose from
    assert use.asker is not None, "the session refuses a planner without a model"
    prompt = briefing.brief(use, state, offer)

    def wrong(proposal: Any) -> list[str]:
        found = problems_of(proposal, offer)
        return found or problems(use, state, plan_of(proposal, offer), offer.left)

    facts: dict[str, Any] = briefing.facts_of(prompt)
    heard = len(use.asker.exchanges)
    try:
        asked = use.asker.ask("plan", [Message(role="user", content=prompt.text)], form(offer), wrong, ANSWER_TOKENS)
    except ModelError as problem:
        use.say({"node": "plan", "note": f"The model gave no usable plan, so the rules plan this round: {problem}"})
        keys = [one.key for one in use.asker.exchanges][heard:]
        facts |= {"exchanges": keys, "took_over": {"why": str(problem), "problems": list(problem.problems)}}
        return None, facts
    facts |= {"exchanges": list(asked.exchanges), "repaired": [list(one) for one in asked.repaired]}
    return plan_of(asked.value, offer), facts
