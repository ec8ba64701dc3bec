"""Two runs side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.differing import Difference, compare, differences, told
from memory.errors import UsageError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def run(job_on, run_job):
    def go(**changes) -> Path:
        changes = {"targets": [{"at_least": 12}], "policy": {"encoder": "lexical"}, "seed": 3} | changes
        return Path(run_job(job_on(**changes))["run"])

    return go


def test_the_same_job_decides_the_same(run):
    found = compare(run(), run())
    assert found.alike
    assert found.given == found.facts == found.results == ()
    assert found.same == found.of[0] == found.of[1] > 5
    assert told(found) == [
        "given: the same job, data, seed, versions and machine",
        f"all {found.same} decisions are the same",
        "result: the same",
    ]


def test_another_limit_is_named_with_the_decision_that_it_leads_to(run):
    one, other = run(), run(limits={"samples": 5})
    found = compare(one, other)
    assert not found.alike
    assert found.given == (Difference("job.limits.samples", 10000, 5),)
    assert found.parted == "plan of round 1"
    assert any(one.place.startswith("steps") for one in found.facts)
    results = {one.place: (one.one, one.other) for one in found.results}
    assert results["stop_reason"] == ("targets_met", "budget_spent")
    assert results["made"][1] == 5
    assert "cells.label=refund" in results
    lines = told(found)
    assert lines[0] == "given: job.limits.samples: 10000 | 5"
    assert f"they part in decision {found.same + 1}, plan of round 1" in lines


def test_a_run_that_has_not_ended_is_compared_as_far_as_it_goes(run):
    one, other = run(), run()
    (other / "report.json").unlink()
    found = compare(one, other)
    assert found.parted is None
    assert {part.other for part in found.results} == {None}


def test_a_folder_that_is_no_run_is_named(run, tmp_path):
    with pytest.raises(UsageError, match="no run folder"):
        compare(run(), tmp_path / "nothing")


def bare(value):
    """Return a value without entries that are None: what is not said and what is said to be nothing are alike."""
    if isinstance(value, dict):
        return {key: bare(one) for key, one in value.items() if one is not None}
    return [bare(one) for one in value] if isinstance(value, list) else value


@given(one=JSON, other=JSON)
@settings(max_examples=300)
def test_nothing_differs_just_where_all_is_the_same(one, other):
    assert (not list(differences(one, other))) == (bare(one) == bare(other))
    assert not list(differences(one, json.loads(json.dumps(one))))


def test_of_lists_of_two_lengths_only_what_one_has_is_told():
    assert list(differences({"a": ["x", "y", "z"]}, {"a": ["x", "z"]})) == [Difference("a", ["y"], [])]
    assert list(differences([1, 1], [1])) == [Difference("", [1, 1], [1])]


def test_the_command_tells_it_and_json_gives_all(run, call):
    one, other = run(), run(seed=4)
    code, out, _ = call("audit", "diff", one, other)
    assert code == 0
    assert "given: job.seed: 3 | 4" in out
    facts = json.loads(call("audit", "diff", one, other, "--json")[1])
    assert facts["given"] == [{"place": "job.seed", "one": 3, "other": 4}]
    assert facts["alike"] is False
