"""A run with a goal: it tries, measures on held-out items, keeps what helps alone, and proves it on the test split."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent import inspection, session
from agent.recipes import AS_IS
from memory import outcomes
from memory.errors import UsageError
from memory.job import Job
from memory.runs import Run
from memory.trace import verify

GOAL = {"measure": "probe_macro_f1", "gain": 0.0}
THEMES = {
    "refund": "money refund charge payment card bank return invoice fee credit",
    "delivery": "parcel courier delivery address door truck depot street arrive shipping",
    "account": "password login account email profile phone locked reset name user",
}
FILLER = "please the my a can you we again today with for this and still not it was that on after"


def sentence(rng: np.random.Generator, words: list[str]) -> str:
    picked = [*rng.choice(words, 2), *rng.choice(FILLER.split(), 8)]
    return " ".join(picked[at] for at in rng.permutation(len(picked)))


@pytest.fixture
def topics(tmp_path: Path) -> Callable[..., Path]:
    """Return how to write a dataset of three topics: so many rows of each in training, 40 of each in test."""

    def write(sizes: dict[str, int], held: int = 40, mixed: float = 0.0) -> Path:
        folder = tmp_path / "topics"
        folder.mkdir()
        rng = np.random.Generator(np.random.PCG64(5))
        for split, counts in (("train", sizes), ("test", dict.fromkeys(sizes, held))):
            rows = []
            for label, count in counts.items():
                for _ in range(count):
                    theme = rng.choice(list(THEMES)) if rng.random() < mixed else label
                    rows.append({"text": sentence(rng, THEMES[theme].split()), "label": label})
            with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, ["text", "label"])
                writer.writeheader()
                writer.writerows(rows)
        return folder

    return write


def job(folder: Path, **more: Any) -> Job:
    tools = {"allow": ["text.swap_words", "text.delete_words", "text.keyboard_noise"]}
    facts = {"dataset": {"path": str(folder)}, "targets": [GOAL], "limits": {"samples": 600}, "seed": 3}
    facts |= {"policy": {"tools": tools}}
    return Job.model_validate({**facts, **more})


def decisions(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["body"] for one in Run.open(Path(report["run"])).trace().read() if one["body"]["kind"] == "decision"]


def test_only_the_samples_of_what_was_settled_on_are_exported(topics, run_job, rows_of):
    report = run_job(job(topics({"refund": 30, "delivery": 12, "account": 6})))
    proof = report["proof"]
    assert report["stop_reason"] in ("targets_met", "settled", "nothing_helps")
    rows = rows_of(Path(report["export"]) / "train.csv")
    made = [row for row in rows if row["synthetic"].lower() == "true"]
    assert len(made) == report["accepted"]
    assert {row["step"] for row in made} <= set(report["kept_steps"])
    kept = [one for one in proof["tried"] if one["kept"]]
    assert [one["arm"] for one in kept] == [proof["settled"]]
    assert report["made"] == report["accepted"] + report["dropped"] + sum(report["rejected"].values())
    assert verify(Path(report["run"])).ok


def test_every_choice_records_the_posteriors_it_was_made_from(topics, run_job):
    report = run_job(job(topics({"refund": 30, "delivery": 12, "account": 6})))
    told = decisions(report)
    baseline = next(one for one in told if one["node"] == "inspect")["facts"]
    assert baseline["baseline"]["measured_on"] == "folds"
    assert {"as they are", "copied", "re-weighted"} <= set(baseline["trials"])
    learned = [one["facts"]["trials"] for one in told if one["node"] == "learn"]
    assert learned
    for trial in learned[-1].values():
        mean, spread = trial["posterior"]
        assert -1 <= mean <= 1
        assert spread >= 0
        assert 0 <= trial["worth_it"] <= 1
    settled = [one for one in told if one["node"] == "plan"][-1]["facts"]
    best = max(learned[-1], key=lambda name: learned[-1][name]["posterior"][0])
    assert settled["settled"] in (best, baseline["baseline"]["reference"])
    assert settled["settled_why"]


def test_the_proof_is_of_test_items_and_names_what_else_could_have_been_done(topics, run_job):
    report = run_job(job(topics({"refund": 30, "delivery": 12, "account": 6})))
    found = report["proof"]["held_out"]
    assert (found["split"], found["items"]) == ("test", 120)
    assert {"as they are", "the usual recipe", "random tools"} <= {found["settled"], *found["instead"]}
    assert len(found["per_class"]) == 3
    assert found["low"] <= found["gain"] <= found["high"]
    line = report["targets"][-1]
    assert line["cell"] == {"measure": "probe_macro_f1"}
    assert line["met"] == (found["low"] >= 0.0)
    page = (Path(report["run"]) / "report.html").read_text()
    assert "Does it help?" in page
    assert report["proof"]["advice"]


def test_where_there_is_nothing_left_to_learn_nothing_is_made(topics, run_job):
    report = run_job(job(topics({"refund": 60, "delivery": 60, "account": 60})))
    assert report["stop_reason"] in ("nothing_helps", "targets_met")
    assert report["made"] <= 60, "a tenth of the budget"
    assert report["proof"]["settled"] == AS_IS
    assert report["accepted"] == 0
    assert "as they are" in report["proof"]["advice"][0]


def test_labels_that_mean_nothing_are_not_helped_by_samples(topics, run_job):
    report = run_job(job(topics({"refund": 40, "delivery": 40, "account": 40}, mixed=1.0)))
    found = report["proof"]["held_out"]
    assert not found["low"] > 0, "there is nothing to gain"


def test_a_run_with_a_goal_repeats_and_can_be_killed(topics, run_job, settings):
    folder = topics({"refund": 30, "delivery": 12, "account": 6})
    first = run_job(job(folder))
    again = run_job(job(folder), settings=settings.model_copy(update={"batch_size": 3, "memory": settings.runs / "m"}))
    assert first["export_digest"] == again["export_digest"]
    assert first["proof"]["tried"] == again["proof"]["tried"]


def test_cells_are_filled_with_what_was_settled_on(topics, run_job, short):
    targets = [{"axes": ["label"], "at_least": 45}, GOAL]
    report = run_job(job(topics({"refund": 30, "delivery": 12, "account": 6}), targets=targets))
    cells = [line for line in report["targets"] if "label" in line["cell"]]
    assert all(line["met"] for line in cells), report["stop_reason"]
    assert sum(line["after"] - line["before"] for line in cells) == report["accepted"]


def test_what_was_tried_is_remembered_without_data(topics, run_job, settings):
    report = run_job(job(topics({"refund": 30, "delivery": 12, "account": 6})))
    remembered = outcomes.read(settings.memory)
    tried = [one for one in report["proof"]["tried"] if one["made"] and one["points"] is not None]
    assert {one.arm for one in remembered} == {one["arm"] for one in tried}
    text = json.dumps([one.model_dump() for one in remembered])
    assert not [word for word in ("refund", "parcel", "password") if word in text]


def test_a_later_run_starts_from_what_was_remembered(topics, run_job, settings):
    folder = topics({"refund": 30, "delivery": 12, "account": 6})
    run_job(job(folder))
    before = outcomes.digest(outcomes.read(settings.memory))
    report = run_job(job(folder, seed=4))
    retrieved = next(one for one in decisions(report) if one["node"] == "retrieve")["facts"]
    assert retrieved["remembered"] == before
    assert any(prior["outcomes"] for prior in retrieved["priors"].values())


def test_a_goal_needs_something_to_measure_on(tmp_path, run_job):
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "train.csv").write_text("text,label\nfirst words here,a\nsecond words there,a\n")
    with pytest.raises(UsageError, match="two classes"):
        run_job(job(folder))


def test_two_goals_are_refused(topics):
    with pytest.raises(ValueError, match="measure the same"):
        job(topics({"refund": 9, "delivery": 9, "account": 9}), targets=[GOAL, GOAL])


def test_a_plan_that_waits_for_a_person_goes_on_with_its_trials(topics, settings):
    policy = {"approval": "ask", "tools": {"allow": ["text.swap_words"]}}
    wanted = job(topics({"refund": 30, "delivery": 12, "account": 6}), policy=policy)
    waiting = session.start(wanted, session.Ask(settings))
    assert isinstance(waiting, session.Waiting)
    ended = session.resume(waiting.run.folder, session.Ask(settings, yes=True))
    assert isinstance(ended, session.Ended)
    assert ended.report["proof"] is not None


def test_a_plan_that_was_brought_is_proven_too(topics, run_job):
    folder = topics({"refund": 20, "delivery": 10, "account": 6})
    targets = [{"axes": ["label"], "at_least": 20}]
    plan = inspection.first_plan_of(job(folder, targets=targets))
    report = run_job(job(folder, targets=[*targets, GOAL]), plan=plan)
    assert report["stop_reason"] in ("plan_done", "targets_met")
    assert report["proof"]["settled"] == "the plan"
    assert report["proof"]["held_out"]["samples"] == report["accepted"] > 0
    assert "the plan" in (Path(report["run"]) / "report.html").read_text()


def test_a_dry_run_with_a_goal_plans_its_pilot(topics, run_job):
    report = run_job(job(topics({"refund": 20, "delivery": 10, "account": 6})), dry_run=True)
    assert (report["stop_reason"], report["made"], report["proof"]) == ("dry_run", 0, None)
    [plan] = Run.open(Path(report["run"])).plans()
    assert plan.trials


def test_a_limit_that_is_reached_settles_on_what_is_known(topics, run_job):
    limits = {"samples": 600, "rounds": 1}
    report = run_job(job(topics({"refund": 30, "delivery": 12, "account": 6}), limits=limits))
    assert report["stop_reason"] in ("round_limit", "targets_met")
    assert report["rounds"] == 1
    assert report["proof"]["settled"]
    assert report["proof"]["held_out"] is not None


def test_a_described_use_is_tried_and_its_ranges_are_named(topics, run_job):
    use = [{"tool": "text.delete_words", "draw": {"rate": 0.5}}]
    folder = topics({"refund": 30, "delivery": 12, "account": 6})
    report = run_job(job(folder, use=use, limits={"samples": 200, "rounds": 1}))
    arms = {one["arm"] for one in report["proof"]["tried"]}
    assert {"use", "use+mix"} <= arms
    baseline = next(one for one in decisions(report) if one["node"] == "inspect")["facts"]["baseline"]
    assert [(one["axis"], one["range"]) for one in baseline["in_use"]] == [("words", "<5")]
    assert any("items in use have words <5" in line for line in report["proof"]["advice"])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"tool": "text.mumble"}, "No tool 'text.mumble'"),
        ({"tool": "image.blur"}, "No tool 'image.blur'"),
        ({"tool": "text.delete_words", "draw": {"rate": 0.9}}, "cannot take rate=0.9"),
    ],
)
def test_a_use_that_cannot_be_carried_out_is_refused_before_anything_is_read(topics, run_job, call, said):
    with pytest.raises(UsageError, match=said):
        run_job(job(topics({"refund": 5, "delivery": 5, "account": 5}), use=[call]))
