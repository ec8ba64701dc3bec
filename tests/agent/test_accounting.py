"""Exact accounts: what counts for which cell, and why a cell was left short."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from memory.datasets.made import Made
from memory.job import Job
from memory.runs import Run


def test_a_class_without_a_parent_is_short_for_that_reason(job_on, run_job, short):
    report = run_job(job_on(targets=[{"at_least": 12, "only": {"label": ["refund", "complaint"]}}]))
    assert short(report) == {"complaint": "no_parent"}
    assert report["stop_reason"] == "no_progress"
    assert not report["met"]


def test_the_cap_is_kept_and_named(job_on, run_job, short):
    report = run_job(job_on(targets=[{"at_least": 40}], limits={"synthetic_per_real": 2}))
    assert short(report) == {"refund": "cap", "delivery": "cap"}
    assert {line["cell"]["label"]: line["after"] for line in report["targets"]} == {"refund": 18, "delivery": 30}


def test_a_cap_holds_over_all_cells_of_a_label(bundled, run_job, steps_of):
    job = Job.model_validate(
        {**bundled("numbers").model_dump(), "targets": [{"axes": ["label", "speaker"], "at_least": 40}]}
    )
    job = job.model_copy(update={"limits": job.limits.model_copy(update={"synthetic_per_real": 1.5})})
    report = run_job(job)
    made = Counter[str]()
    for candidate, _ in Made(Run.open(Path(report["run"])).made).accepted(steps_of(Path(report["run"]))):
        made[str(candidate.label)] += 1
    real = Counter[str]()
    for line in report["targets"]:
        real[line["cell"]["label"]] += line["before"]
    assert made == {label: int(1.5 * count) for label, count in real.items()}
    assert {line["reason"] for line in report["targets"] if line["before"] and not line["met"]} == {"cap"}


def test_targets_that_share_a_cell_are_both_met(job_on, run_job):
    report = run_job(job_on(targets=[{"at_least": 12}, {"at_least": 20, "only": {"label": ["refund"]}}]))
    assert report["met"]
    assert [line["after"] for line in report["targets"] if line["cell"]["label"] == "refund"] == [20, 20]


def test_axes_may_be_called_by_their_column(bundled, run_job):
    job = Job.model_validate({**bundled("requests").model_dump(), "targets": [{"axes": ["intent"], "at_least": 20}]})
    job = job.model_copy(update={"limits": job.limits.model_copy(update={"synthetic_per_real": 1})})
    report = run_job(job)
    assert {line["cell"]["intent"]: line["reason"] for line in report["targets"] if not line["met"]} == {
        "complaint": "cap"
    }


def test_the_budget_is_kept_and_named(job_on, run_job, short):
    report = run_job(job_on(targets=[{"at_least": 40}], limits={"samples": 10}))
    assert report["made"] == 10
    assert set(short(report).values()) == {"budget"}
    assert report["stop_reason"] == "budget_spent"


def test_time_is_a_budget_too(job_on, run_job, short):
    report = run_job(job_on(targets=[{"at_least": 40}], limits={"seconds": 0.0001}))
    assert report["made"] == 0
    assert set(short(report).values()) == {"budget"}


def test_what_policy_forbids_is_not_done(job_on, run_job, short):
    report = run_job(job_on(targets=[{"at_least": 40}], policy={"tools": {"deny": ["*"]}}))
    assert report["made"] == 0
    assert set(short(report).values()) == {"not_allowed"}


def test_a_cell_whose_every_candidate_is_rejected_is_given_up(tmp_path, run_job, short):
    data = tmp_path / "data"
    data.mkdir()
    lines = [
        "text,label",
        "no,a",
        "yes,b",
        *(f"this is plain sentence number {word} of the set,b" for word in ("one", "two")),
    ]
    (data / "train.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    job = Job.model_validate({"dataset": {"path": str(data)}, "targets": [{"at_least": 6, "only": {"label": ["a"]}}]})
    job = job.model_copy(
        update={
            "policy": job.policy.model_copy(
                update={"tools": job.policy.tools.model_copy(update={"allow": ("text.swap_words",)})}
            )
        }
    )
    report = run_job(job)
    assert short(report) == {"a": "rejected"}
    assert report["rejected"] == {"refused": report["made"]}


def test_a_pair_of_axes_is_filled_cell_by_cell(bundled, run_job, rows_of):
    job = bundled("requests")
    job = job.model_copy(
        update={
            "targets": (
                Job.model_validate(
                    {"dataset": {"path": "x"}, "targets": [{"axes": ["label", "channel"], "at_least": 12}]}
                ).targets[0],
            )
        }
    )
    report = run_job(job)
    assert all(line["after"] >= 12 or line["reason"] == "no_parent" for line in report["targets"])
    rows = rows_of(Path(report["export"]) / "train.csv")
    counted = Counter((row["intent"], row["channel"]) for row in rows if not row["duplicate_of"])
    assert all(counted[line["cell"]["label"], line["cell"]["channel"]] == line["after"] for line in report["targets"])


def test_a_derived_axis_can_be_a_target(bundled, run_job):
    job = bundled("requests")
    target = {"axes": ["words"], "at_least": 60}
    job = job.model_copy(
        update={"targets": Job.model_validate({"dataset": {"path": "x"}, "targets": [target]}).targets}
    )
    report = run_job(job)
    assert any(line["before"] < 60 <= line["after"] for line in report["targets"])
    assert all(line["met"] or line["reason"] for line in report["targets"])


def test_without_targets_every_class_grows_to_the_largest(job_on, run_job):
    report = run_job(job_on())
    assert {line["cell"]["label"]: line["after"] for line in report["targets"]} == {"refund": 10, "delivery": 10}


def test_values_with_signs_in_them_stay_apart(tmp_path, run_job, rows_of):
    lines = ["text,label,z"]
    lines += [
        f'"the {at} quick sentence about weather {word}","x, z=1","2"' for at, word in enumerate(("rain", "sun", "fog"))
    ]
    lines += [f'"a {at} slow remark on cooking with {word}","x","1, z=2"' for at, word in enumerate(("salt", "oil"))]
    data = tmp_path / "data.csv"
    data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    source = {"path": str(data), "columns": {"attributes": ["z"]}}
    only = {"label": ["x, z=1", "x"], "z": ["2", "1, z=2"]}
    target = {"axes": ["label", "z"], "at_least": 6, "only": only}
    report = run_job(Job.model_validate({"dataset": source, "targets": [target]}))
    rows = (
        rows_of(Path(report["export"]) / "data.csv")
        if (Path(report["export"]) / "data.csv").exists()
        else rows_of(Path(report["export"]) / "train.csv")
    )
    counted = Counter((row["label"], row["z"]) for row in rows if not row["duplicate_of"])
    assert all(counted[line["cell"]["label"], line["cell"]["z"]] == line["after"] for line in report["targets"])


def test_a_column_called_like_a_role_it_does_not_have_is_no_attribute(tmp_path, run_job):
    lines = ["text,intent,label"]
    lines += [
        f"a plain sentence number {at} on {word} and more,{intent},{at % 2}"
        for at, (word, intent) in enumerate([("rain", "a"), ("sun", "a"), ("fog", "a"), ("oil", "b"), ("salt", "b")])
    ]
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    job = Job.model_validate(
        {"dataset": {"path": str(tmp_path / "data.csv"), "columns": {"label": "intent"}}, "targets": [{"at_least": 6}]}
    )
    report = run_job(job)
    assert {line["cell"]["label"]: (line["before"], line["after"]) for line in report["targets"]} == {
        "a": (3, 6),
        "b": (2, 6),
    }


def test_a_plan_cut_short_by_time_says_so(job_on, run_job, short):
    plans = Run.open(Path(run_job(job_on(), dry_run=True)["run"])).plans()
    report = run_job(job_on(limits={"seconds": 1e-6}), plan=plans[0])
    assert report["stop_reason"] == "budget_spent"
    assert set(short(report).values()) == {"budget"}


@pytest.mark.parametrize("only", [{"label": []}, {"channel": ["web"]}])
def test_a_target_limited_to_nothing_or_to_another_axis_is_refused(only):
    with pytest.raises(ValueError, match="only"):
        Job.model_validate({"dataset": {"path": "x"}, "targets": [{"at_least": 3, "only": only}]})
