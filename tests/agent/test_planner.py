"""The rules planner: pilots, growth, exact splits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from agent import planner
from agent.planner import Need
from agent.priors import Prior
from agent.tally import Tally
from memory.records import Cell, Gap, Strategy
from tools.catalogue import select

PRIOR = Prior(mean=0.05, spread=0.05, records=("wei2019eda",))


def papers(tools) -> list[Strategy]:
    """One paper a tool: the first that it cites."""
    plain = {"title": "T", "score": 0.5, "families": (), "modalities": ("text",), "outcome": "gain"}
    return [Strategy(key=f"{tool.cites[0]}{at}", tools=(tool.name,), **plain) for at, tool in enumerate(tools)]


def arms(tallies: dict[str, Tally] | None = None, priors: dict[str, Prior] | None = None) -> list[planner.Arm]:
    tools = [tool for tool in select("augment", "text") if tool.labels == "kept"]
    known = {tool.family: PRIOR for tool in tools} | (priors or {})
    return planner.arms_of(tools, papers(tools), known, tallies or {})


def need(label: str, have: int, required: int, room: int | None = None) -> Need:
    cell = Cell(at={"label": label})
    return Need(Gap(target=0, cell=cell, required=required, before=have, have=have, parents=have), room, None, ())


def made_for(plan, label: str) -> int:
    return sum(fill.count for step in plan.steps for fill in step.fill if fill.cell.at["label"] == label)


def test_every_text_tool_is_an_arm_with_a_paper_behind_it():
    assert len(arms()) == len([tool for tool in select("augment", "text") if tool.labels == "kept"])
    assert all(arm.cites for arm in arms())


def test_the_first_round_is_a_pilot_of_every_arm():
    plan = planner.plan_round(1, [need("refund", 10, 110)], arms(), None)
    assert {step.calls[0].tool for step in plan.steps} == {arm.tool.name for arm in arms()}
    assert made_for(plan, "refund") == 25


def test_a_pilot_never_makes_more_than_is_missing():
    plan = planner.plan_round(1, [need("refund", 10, 12)], arms(), None)
    assert made_for(plan, "refund") == 2


def test_growth_makes_more_candidates_when_fewer_are_accepted():
    good = {arm.tool.name: Tally(made=100, accepted=98) for arm in arms()}
    poor = {arm.tool.name: Tally(made=100, accepted=24) for arm in arms()}
    wanted = [need("refund", 10, 110)]
    assert made_for(planner.plan_round(2, wanted, arms(good), None), "refund") == 104
    assert made_for(planner.plan_round(2, wanted, arms(poor), None), "refund") == 408


def test_an_arm_that_is_always_rejected_is_dropped():
    loser = arms()[0].tool.name
    tallies = {arm.tool.name: Tally(made=50, accepted=45) for arm in arms()} | {loser: Tally(made=50, accepted=0)}
    plan = planner.plan_round(2, [need("refund", 10, 110)], arms(tallies), None)
    assert loser not in {step.calls[0].tool for step in plan.steps}
    assert plan.steps


def test_samples_that_were_not_needed_do_not_count_against_an_arm():
    arm = arms()[0]
    full = planner.Arm(arm.tool, PRIOR, arm.cites, Tally(made=100, accepted=10, rejected={"surplus": 90}))
    assert full.acceptance("label") == 11 / 12


def test_what_is_made_anew_fills_no_cell_that_only_a_parent_can_give():
    spoken = next(tool for tool in select("augment", "speech") if tool.name == "speech.speak_text")
    moved = next(tool for tool in select("augment", "speech") if tool.name == "speech.add_noise")
    plain = need("six", 3, 9)
    owned = Need(plain.gap, None, None, (), inherited=True)
    assert plain.suits(spoken)
    assert plain.suits(moved)
    assert owned.suits(moved)
    assert not owned.suits(spoken)


def test_an_arm_is_judged_by_the_kind_of_gap_it_is_used_for():
    first, second = (arm.tool.name for arm in arms()[:2])
    overall = {name: Tally(made=100, accepted=50) for name in (first, second)}
    good, bad = Tally(made=50, accepted=48), Tally(made=50, accepted=2)
    kinds = {first: {"label": good, "label, words": bad}, second: {"label": bad, "label, words": good}}
    tools = [tool for tool in select("augment", "text") if tool.name in (first, second)]
    both = planner.arms_of(tools, papers(tools), {tool.family: PRIOR for tool in tools}, overall, kinds)
    plain = need("refund", 10, 60)
    short = Need(plain.gap.model_copy(update={"cell": Cell(at={"label": "refund", "words": "<5"})}), None, None, ())
    plan = planner.plan_round(2, [plain, short], both, None)
    made = {(step.calls[0].tool, fill.cell.key) for step in plan.steps for fill in step.fill}
    assert made == {(first, plain.gap.cell.key), (second, short.gap.cell.key)}
    new = both[0].acceptance("label, channel")
    assert new == both[0].acceptance("") == 51 / 102


def test_the_cap_and_the_budget_hold():
    assert made_for(planner.plan_round(1, [need("refund", 10, 110, room=3)], arms(), None), "refund") == 3
    plan = planner.plan_round(1, [need("refund", 10, 110), need("delivery", 10, 110)], arms(), 30)
    assert sum(step.count for step in plan.steps) == 30


def test_the_emptiest_cell_is_served_first_when_the_budget_is_short():
    plan = planner.plan_round(1, [need("large", 100, 110), need("small", 1, 110)], arms(), 20)
    assert made_for(plan, "small") == 20
    assert made_for(plan, "large") == 0


def test_no_need_gives_no_step():
    assert planner.plan_round(1, [], arms(), None).steps == ()


@given(
    count=some.integers(0, 500),
    weights=some.lists(some.floats(0.01, 1.0), min_size=1, max_size=9),
    turn=some.integers(0, 50),
)
def test_a_split_loses_and_invents_nothing(count: int, weights: list[float], turn: int):
    shares = planner.split(count, weights, turn)
    assert sum(shares) == count
    total = sum(weights)
    assert all(abs(share - count * weight / total) <= 1 for share, weight in zip(shares, weights, strict=True))


def test_an_arm_with_more_to_expect_gets_more():
    better = arms(priors={"text-noise": Prior(mean=0.2, spread=0.05, records=("a",))})
    plan = planner.plan_round(1, [need("refund", 10, 110)], better, None)
    counts = {step.calls[0].tool: step.count for step in plan.steps}
    assert counts["text.keyboard_noise"] > 2 * counts["text.swap_words"]
    assert better[0].tool.family == "text-noise"


def test_a_tool_without_a_paper_is_no_arm():
    tools = [tool for tool in select("augment", "text") if tool.labels == "kept"]
    known = {tool.family: PRIOR for tool in tools}
    found = planner.arms_of(tools, papers(tools[1:]), known, {})
    assert {arm.tool.name for arm in found} == {tool.name for tool in tools[1:]}


def test_a_step_cites_its_own_sources_first_and_nothing_that_failed():
    [tool] = [one for one in select("augment", "text") if one.name == "text.swap_words"]
    plain = {"title": "T", "families": (), "modalities": ("text",), "tools": (tool.name,)}
    retrieved = [
        Strategy(key="null2020null", score=0.9, outcome="none", **plain),
        *(Strategy(key=f"fine202{at}fine", score=0.8, outcome="unknown", **plain) for at in range(6)),
        Strategy(key="wei2019eda", score=0.1, outcome="gain", **plain),
    ]
    [arm] = planner.arms_of([tool], retrieved, {tool.family: PRIOR}, {})
    assert arm.cites == ("wei2019eda", "fine2020fine", "fine2021fine", "fine2022fine")


def test_a_step_says_what_is_expected_and_from_how_much():
    plan = planner.plan_round(1, [need("refund", 10, 110)], arms(), None)
    assert all("expected gain 5.0 ± 5.0 % of the error, from 1 paper; not tried yet" in step.why for step in plan.steps)
    assert planner.told(Prior(mean=0.0, spread=0.1)).endswith("from no paper that measured it")
