"""What is tried next, and when it ends: pure choices from what was measured."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import policy
from agent.policy import Standing, Trial, choose
from agent.priors import Prior
from agent.recipes import AS_IS, MIX, REWEIGHTED, USUAL, Recipe
from memory.records import Call

HOPE = Prior(mean=0.1, spread=0.1)


def standing(**facts: Any) -> Standing:
    usual = {"error": 0.3, "informative": True, "pilot": 400, "most": 1600, "left": 10_000, "budget": 10_000}
    return Standing(**{"reference": AS_IS, **usual, **facts})


STANDING = standing()


def recipe(name: str, *tools: str, prior: Prior = HOPE) -> Recipe:
    parts = tuple((Call(tool=tool),) for tool in tools)
    return Recipe(name, prior, parts, (("a2020",),) * len(parts))


KNOWN = {
    one.name: one
    for one in (
        recipe(AS_IS),
        recipe(MIX, "image.a", "image.b"),
        recipe(USUAL, "image.a", "image.c"),
        recipe(f"{MIX}-wide", "image.a", "image.b"),
        recipe("image.a", "image.a"),
        recipe("image.b", "image.b", prior=Prior(mean=0.2, spread=0.1)),
    )
}


def tried(arm: str, gain: float, spread: float = 0.02, **more: object) -> Trial:
    facts = {"asked": 400, "accepted": 400, "steps": (f"r1.{arm}.1",), "curve": ((400, 0.3 * gain, 0.0, 0.0),)}
    return Trial.model_validate({"arm": arm, "prior": HOPE, "gain": gain, "spread": spread, **facts, **more})


def trials(*several: Trial) -> dict[str, Trial]:
    return {AS_IS: Trial(arm=AS_IS, prior=Prior(mean=0.0, spread=1e-6), gain=0.0, spread=0.0)} | {
        one.arm: one for one in several
    }


def test_a_pilot_of_the_broadest_recipes_stays_within_a_tenth_of_the_budget():
    choice = choose(trials(), KNOWN, STANDING)
    assert choice.stage == "pilot"
    assert set(choice.asks) == {MIX, USUAL}
    assert sum(choice.asks.values()) <= 0.1 * 10_000
    small = standing(error=0.3, informative=True, left=200, budget=200)
    assert sum(choose(trials(), KNOWN, small).asks.values()) <= 20


def test_a_learner_without_errors_is_left_alone_before_anything_is_made():
    saturated = standing(error=0.004, informative=True, left=10_000, budget=10_000)
    assert choose(trials(), KNOWN, saturated).stage == "settle"
    assert policy.best(trials(), saturated) == AS_IS


def test_a_pilot_that_brings_nothing_ends_it():
    choice = choose(trials(tried(MIX, -0.1), tried(USUAL, -0.05)), KNOWN, STANDING)
    assert choice.stage == "settle"
    assert policy.best(trials(tried(MIX, -0.1), tried(USUAL, -0.05)), STANDING) == AS_IS


def test_single_tools_are_not_searched_for_luck_where_no_pilot_shows_a_gain():
    assert choose(trials(tried(MIX, 0.005), tried(USUAL, -0.02)), KNOWN, STANDING).stage == "settle"
    assert choose(trials(tried(MIX, 0.02), tried(USUAL, -0.02)), KNOWN, STANDING).stage == "widen"


def test_after_a_pilot_single_tools_and_other_strengths_get_as_much_as_the_leader():
    choice = choose(trials(tried(MIX, 0.2), tried(USUAL, 0.1)), KNOWN, STANDING)
    assert choice.stage == "widen"
    assert choice.asks == {f"{MIX}-wide": 400, "image.b": 400, "image.a": 400}


def test_the_leader_grows_until_doubling_stops_paying():
    before = [tried(MIX, 0.3), tried(USUAL, 0.1), tried("image.a", 0.05), tried("image.b", 0.0)]
    choice = choose(trials(*before), KNOWN, STANDING)
    assert (choice.stage, dict(choice.asks)) == ("grow", {MIX: 400})
    curve = ((400, 0.09, 0.0, 0.0), (800, 0.02, 0.0, 0.0))
    fallen = tried(MIX, 0.3, asked=800, accepted=800, curve=curve)
    assert choose(trials(fallen, *before[1:]), KNOWN, STANDING).stage == "settle"
    full = tried(MIX, 0.3, asked=1600, accepted=1600)
    assert choose(trials(full, *before[1:]), KNOWN, STANDING).stage == "settle"


def test_nobody_grows_beyond_the_budget():
    poor = standing(error=0.3, informative=True, left=0, budget=1000)
    assert choose(trials(tried(MIX, 0.3), tried("image.a", 0.1)), KNOWN, poor).asks == {}


def test_the_literature_decides_where_items_say_nothing_of_others():
    blind = standing(error=1.0, informative=False, left=10_000, budget=10_000)
    choice = choose(trials(), KNOWN, blind)
    assert (choice.stage, dict(choice.asks)) == ("pilot", {MIX: 1600})
    unmeasured = Trial(arm=MIX, prior=Prior(mean=0.02, spread=0.2), asked=1600, accepted=1500)
    assert choose(trials(unmeasured), KNOWN, blind).stage == "settle"
    assert policy.best(trials(unmeasured), blind) == MIX
    assert policy.best(trials(unmeasured), STANDING) == AS_IS


def test_what_costs_nothing_is_kept_when_samples_bring_no_more():
    """Gains are beside the reference: 0 is as good as weights alone."""
    at = standing(reference=REWEIGHTED)
    assert policy.best(trials(tried(MIX, 0.0)), at) == REWEIGHTED
    assert policy.best(trials(tried(MIX, 0.1)), at) == MIX


def test_what_may_well_harm_is_not_kept():
    assert policy.best(trials(tried(MIX, 0.1, spread=0.15)), STANDING) == MIX
    unsure = Prior(mean=0.03, spread=0.1)
    assert policy.best(trials(tried(MIX, 0.03, spread=0.1, prior=unsure)), STANDING) == AS_IS


def test_what_has_no_sample_that_may_be_used_never_wins():
    marked = {f"r1.{MIX}.1": "every made text holds 'thanks'"}
    assert policy.best(trials(tried(MIX, 0.5, accepted=0, left_out=marked)), STANDING) == AS_IS
    assert tried(MIX, 0.5, left_out=marked).kept == ()


@given(st.floats(-0.5, 0.5), st.floats(0.001, 1.0))
def test_a_posterior_lies_between_what_was_expected_and_what_was_measured(gain: float, spread: float):
    mean, deviation = tried(MIX, gain, spread).posterior
    assert min(gain, HOPE.mean) - 1e-9 <= mean <= max(gain, HOPE.mean) + 1e-9
    assert deviation <= min(HOPE.spread, spread) + 1e-9


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 60), min_size=1), st.integers(0, 400))
def test_levelling_makes_what_was_asked_and_raises_the_smallest_first(sizes: dict[str, int], total: int):
    made = policy.level(sizes, total, {})
    assert sum(made.values()) == total
    after = {name: size + made.get(name, 0) for name, size in sizes.items()}
    raised = [after[name] for name in made]
    assert not raised or max(raised) - min(raised) <= 1
    assert all(size >= max(raised, default=0) - 1 for name, size in sizes.items() if name not in made)


def test_levelling_keeps_to_caps():
    assert policy.level({"a": 2, "b": 10}, 100, {"a": 4, "b": 5}) == {"a": 4, "b": 5}


@pytest.mark.parametrize(("dose", "samples"), [(0.0, 8), (1.0, 28)])
def test_a_dose_counts_from_classes_of_equal_size(dose: float, samples: int):
    assert policy.samples_at({"a": 2, "b": 10}, dose) == samples
