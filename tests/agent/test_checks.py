"""What may run, and when to stop."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from agent import checks
from agent.tally import Tally
from memory.job import Job, Limits, Policy, Price, Source, ToolPolicy
from memory.records import Call, Cell, Fill, Gap, Plan, Step, Strategy
from tools.card import Cost
from tools.catalogue import load

CELL = Cell(at={"label": "refund"})
GAP = Gap(target=0, cell=CELL, required=10, before=2, have=2, parents=2)
STRATEGY = Strategy(
    key="wei2019eda",
    title="EDA",
    score=1,
    families=("lexical-edit",),
    modalities=("text",),
    outcome="gain",
    tools=("text.swap_words",),
)


def step(**changes) -> Step:
    values = {
        "id": "a",
        "calls": (Call(tool="text.swap_words"),),
        "fill": (Fill(cell=CELL, count=3),),
        "cites": ("wei2019eda",),
    }
    return Step(**{**values, **changes})


def problems(*steps: Step, policy: Policy | None = None, left: int | None = None) -> list[str]:
    job = Job(dataset=Source(path="x"), policy=policy or Policy())
    retrieved = [STRATEGY, STRATEGY.model_copy(update={"key": "zhang2018mixup", "tools": ("image.mixup",)})]
    return checks.problems(Plan(round=1, planner="rules", steps=steps), job, load(), [GAP], retrieved, left)


def test_a_good_plan_has_no_problem():
    assert problems(step()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"calls": (Call(tool="text.nothing"),)}, "text.nothing"),
        ({"calls": (Call(tool="text.swap_words", draw={"speed": 1.0}),)}, "speed"),
        ({"calls": (Call(tool="text.swap_words", draw={"rate": (0.1, 0.9)}),)}, "less than or equal to 0.5"),
        ({"cites": ("nobody2020nothing",)}, "nobody2020nothing"),
        ({"fill": (Fill(cell=Cell(at={"label": "other"}), count=1),)}, "has no gap"),
        (
            {"calls": (Call(tool="image.mixup"), Call(tool="image.affine")), "cites": ("zhang2018mixup",)},
            "chains a tool that changes labels",
        ),
        ({"cites": ("zhang2018mixup",)}, "describes none of its tools"),
        ({"fill": (Fill(cell=CELL, count=1), Fill(cell=CELL, count=1))}, "fills a cell twice"),
    ],
)
def test_a_bad_step_is_named_with_what_is_wrong(changes, said):
    found = problems(step(**changes))
    assert len(found) == 1
    assert said in found[0]
    assert "'a'" in found[0]


def test_two_steps_may_not_share_an_id():
    assert "named 'a'" in problems(step(), step())[0]


def test_policy_and_budget_are_checked():
    assert "deny" in problems(step(), policy=Policy(tools=ToolPolicy(deny=("text.*",))))[0]
    assert "allow" in problems(step(), policy=Policy(tools=ToolPolicy(allow=("image.*",))))[0]
    assert "2 are left" in problems(step(), left=2)[0]


def closed(**changes) -> str | None:
    facts = {"room": None, "reachable": True, "forbidden": False, "usable": True}
    tally = changes.pop("tally", Tally())
    return checks.why_closed(tally, **{**facts, **changes})


def test_every_reason_has_its_own_cause():
    assert closed() is None
    assert closed(reachable=False) == "no_parent"
    assert closed(usable=False) == "no_strategy"
    assert closed(usable=False, forbidden=True) == "not_allowed"
    assert closed(room=0) == "cap"
    assert closed(tally=Tally(made=30, dry_rounds=3, dry_made=30)) == "rejected"
    assert closed(tally=Tally(made=90, accepted=5, dry_rounds=3, dry_made=30)) == "no_progress"
    assert closed(tally=Tally(made=3, dry_rounds=3, dry_made=3)) is None


def test_the_loop_stops_for_one_reason_each():
    met, short = GAP.model_copy(update={"have": 10}), GAP
    assert checks.why_stop([met], Limits(), 0, 0, 1) == "targets_met"
    assert checks.why_stop([short], Limits(), 0, 0, 1) is None
    assert checks.why_stop([short.model_copy(update={"reason": "cap"})], Limits(), 0, 0, 1) == "no_progress"
    assert checks.why_stop([short], Limits(samples=5), 5, 0, 1) == "budget_spent"
    assert checks.why_stop([short], Limits(seconds=5), 0, 5, 1) == "budget_spent"
    assert checks.why_stop([short], Limits(rounds=1), 0, 0, 1) == "round_limit"


def test_a_recipe_is_asked_for_once():
    plan = Plan(round=1, planner="rules", steps=(step(),))
    ask = Policy(approval="ask")
    assert checks.needs_approval(plan, ask, [], {})
    assert not checks.needs_approval(plan, ask, ["text.swap_words"], {})
    assert not checks.needs_approval(plan, Policy(), [], {})


def test_a_round_that_takes_more_than_is_free_is_asked_for_each_time():
    plan = Plan(round=1, planner="rules", steps=(step(),))
    above = Policy.model_validate({"approval": {"samples": 3, "money_usd": 0.5}})
    cost = {"samples": 4, "seconds": 1.0, "tokens": 0, "money_usd": 0.1}
    assert checks.needs_approval(plan, above, ["text.swap_words"], cost) == "takes more than is free: samples 4 of 3"
    assert not checks.needs_approval(plan, above, [], {**cost, "samples": 3})
    with pytest.raises(ValidationError, match="say above which"):
        Policy.model_validate({"approval": {}})


def test_a_plan_is_priced_by_the_cards_of_its_tools():
    tool = load()["text.paraphrase"]
    one = step(calls=(Call(tool=tool.name),), fill=(Fill(cell=CELL, count=10),))
    plan = Plan(round=1, planner="rules", steps=(one,))
    cost = checks.cost_of(plan, load(), "cpu", Price(asked=1.0, answered=3.0))
    assert cost["samples"] == 10
    assert cost["tokens"] == tool.cost.tokens / 100
    assert cost["money_usd"] == pytest.approx(cost["tokens"] * 2 / 1e6)


def test_what_takes_too_long_is_tried_only_when_it_is_named():
    tool = replace(load()["image.blur"], cost=Cost(cpu_seconds=50_000, gpu_seconds=10, setup_seconds=5))
    job = Job.model_validate({"dataset": {"path": "x"}})
    assert "policy.tools.allow" in str(checks.why_too_slow(tool, job, "cpu"))
    assert checks.why_too_slow(tool, job, "cuda") is None
    named = Job.model_validate({"dataset": {"path": "x"}, "policy": {"tools": {"allow": ["image.blur"]}}})
    assert checks.why_too_slow(tool, named, "cpu") is None
    assert checks.why_too_slow(load()["image.blur"], job, "cpu") is None


def test_the_cap_counts_made_against_real():
    assert checks.cap_left(10, 5, Limits(synthetic_per_real=2)) == 15
    assert checks.cap_left(1, 5, Limits(synthetic_per_real=2)) == 0
    assert checks.cap_left(0, 0, Limits()) is None
