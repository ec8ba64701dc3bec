"""Whole runs: exact counts, the same bytes however it is run, every reason for stopping short."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from agent import session
from agent.opening import context_of
from agent.settings import Settings
from memory.datasets.made import Made
from memory.errors import UsageError
from memory.records import Call, Cell, Fill, Step
from memory.runs import Run
from memory.trace import verify


@pytest.mark.parametrize("name", ["requests", "digits", "numbers"])
def test_a_bundled_job_meets_its_targets_exactly(name, bundled, run_job):
    job = bundled(name)
    report = run_job(job)
    assert report["stop_reason"] == "targets_met"
    wanted = job.targets[0].at_least
    assert all(line["after"] == max(line["before"], wanted) for line in report["targets"])
    assert report["made"] == report["accepted"] + sum(report["rejected"].values())
    assert verify(Path(report["run"])).ok


def test_an_independent_count_of_the_export_equals_the_report(job_on, run_job, texts, rows_of):
    report = run_job(job_on(targets=[{"axes": ["label"], "at_least": 25}]))
    rows = rows_of(Path(report["export"]) / "train.csv")
    counted = Counter(row["label"] for row in rows if not row["duplicate_of"])
    assert (
        counted
        == {line["cell"]["label"]: line["after"] for line in report["targets"]}
        == {"refund": 25, "delivery": 25}
    )
    assert (Path(report["export"]) / "test.csv").read_bytes() == (texts / "test.csv").read_bytes()
    real = {row["sample_id"] for row in rows if row["synthetic"].lower() == "false"}
    made = [row for row in rows if row["synthetic"].lower() == "true"]
    assert len(real) == 16
    assert all(set(json.loads(row["parents"])) <= real and row["tool"] and row["step"] for row in made)


def test_no_pair_of_the_export_reaches_the_duplicate_threshold(job_on, run_job, rows_of):
    report = run_job(job_on(targets=[{"axes": ["label"], "at_least": 30}]))
    texts = [row["text"] for row in rows_of(Path(report["export"]) / "train.csv")]

    def shingles(text: str) -> set[str]:
        plain = " ".join(text.casefold().split())
        return {plain[at : at + 5] for at in range(len(plain) - 4)}

    sets = [shingles(text) for text in texts]
    pairs = ((one, other) for at, one in enumerate(sets) for other in sets[:at])
    assert max(len(one & other) / len(one | other) for one, other in pairs) < 0.8


@pytest.mark.parametrize("name", ["requests", "digits", "numbers"])
def test_batch_size_and_workers_change_nothing(name, bundled, run_job, tmp_path, cache):
    job = bundled(name)
    digests = {
        run_job(job, settings=Settings(runs=tmp_path / f"runs{size}", batch_size=size, workers=workers, cache=cache))[
            "export_digest"
        ]
        for size, workers in ((1, 1), (64, 3))
    }
    assert len(digests) == 1


def test_another_seed_gives_other_samples(job_on, run_job):
    target = [{"axes": ["label"], "at_least": 15}]
    first, second = (run_job(job_on(targets=target, seed=seed)) for seed in (1, 2))
    assert first["export_digest"] != second["export_digest"]


def cli(*words: str | Path, cwd: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "agent", *map(str, words)]
    return subprocess.Popen(
        command,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_run_that_is_killed_three_times_ends_like_one_that_was_not(bundled, run_job, tmp_path, steps_of):
    job = bundled("digits")
    whole = run_job(job)
    file = tmp_path / "bundled" / "digits" / "job.yaml"
    runs = tmp_path / "killed"
    process = cli("run", file, "--runs", runs, "--json", cwd=tmp_path)
    places = [
        "plan-1.yaml",
        "made/r1.image.colour/00000.candidates.parquet",
        "made/r2.image.affine/00000.verdicts.parquet",
    ]
    for place in places:
        until = time.monotonic() + 120
        while not list(runs.glob(f"*/{place}")) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        [folder] = list(runs.iterdir())
        process = cli("run", "--resume", folder, "--json", cwd=tmp_path)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    report = json.loads(out)
    assert report["export_digest"] == whole["export_digest"]
    assert report["accepted"] == whole["accepted"]
    assert verify(folder).ok
    ids = [made.id for made, _ in Made(Run.open(folder).made).accepted(steps_of(folder))]
    assert len(ids) == len(set(ids)) == whole["accepted"]


def test_a_dry_run_makes_nothing(job_on, run_job):
    report = run_job(job_on(), dry_run=True)
    assert report["stop_reason"] == "dry_run"
    assert report["made"] == 0
    assert report["export"] is None
    assert Run.open(Path(report["run"])).plans()[0].steps


def test_a_person_is_asked_and_can_agree_later(job_on, settings):
    job = job_on(policy={"approval": "ask"})
    waiting = session.start(job, session.Ask(settings))
    assert isinstance(waiting, session.Waiting)
    assert waiting.question["recipes"]
    again = session.resume(waiting.run.folder, session.Ask(settings))
    assert isinstance(again, session.Waiting), "asking again is not agreeing"
    ended = session.resume(waiting.run.folder, session.Ask(settings, answer={"agreed": True, "who": "anna"}))
    assert isinstance(ended, session.Ended)
    assert ended.report["met"]
    decided = [one["body"] for one in waiting.run.trace().read() if one["body"].get("node") == "approve"]
    assert decided[0]["facts"]["by"] == "anna"


def test_a_person_can_decline(job_on, settings, short):
    waiting = session.start(job_on(policy={"approval": "ask"}), session.Ask(settings))
    assert isinstance(waiting, session.Waiting)
    ended = session.resume(
        waiting.run.folder, session.Ask(settings, answer={"agreed": False, "who": "anna", "why": "no"})
    )
    assert isinstance(ended, session.Ended)
    assert ended.report["stop_reason"] == "declined"
    assert set(short(ended.report).values()) == {"not_allowed"}


def test_a_plan_that_a_person_brought_is_carried_out_and_no_more(job_on, run_job):
    plans = Run.open(Path(run_job(job_on(), dry_run=True)["run"])).plans()
    step = plans[0].steps[0].model_copy(update={"id": "mine"})
    report = run_job(job_on(), plan=plans[0].model_copy(update={"steps": (step,), "planner": "given"}))
    assert report["rounds"] == 1
    assert report["made"] == step.count


def test_a_plan_that_may_not_run_is_refused_with_reasons(job_on, run_job):
    plans = Run.open(Path(run_job(job_on(), dry_run=True)["run"])).plans()
    step = plans[0].steps[0].model_copy(update={"cites": ("nobody2020nothing",)})
    with pytest.raises(UsageError, match="nobody2020nothing"):
        run_job(job_on(), plan=plans[0].model_copy(update={"steps": (step,)}))


def test_an_export_folder_that_exists_is_refused_before_any_work(job_on, settings, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="exists"):
        session.start(job_on(export={"path": str(tmp_path / "out")}), session.Ask(settings))
    assert not settings.runs.exists()


def test_a_finished_run_gives_its_report_again(job_on, run_job, settings):
    report = run_job(job_on())
    again = session.resume(Path(report["run"]), session.Ask(settings))
    assert isinstance(again, session.Ended)
    assert again.report == report
    assert verify(Path(report["run"])).ok


def test_shards_of_a_tool_that_changed_since_are_made_again(job_on, run_job, settings, monkeypatch):
    from dataclasses import replace

    from agent import work

    run = Run.open(Path(run_job(job_on())["run"]))
    context = context_of(run, run.job(), session.Ask(settings))
    step = run.plans()[0].steps[0]
    file = next((run.made / step.id).glob("*.candidates.parquet"))
    before = file.stat().st_mtime_ns
    assert work.make_step(context, step) == step.count
    assert file.stat().st_mtime_ns == before
    name = step.calls[0].tool
    context.tools = {**context.tools, name: replace(context.tools[name], version="newer")}
    context.maker = None  # as in the next sitting
    assert work.make_step(context, step) == step.count
    assert {made.calls[0]["version"] for made in context.made.candidates(step.id, 0)} == {"newer"}


def test_an_export_that_somebody_else_put_there_is_never_removed(job_on, settings, tmp_path, monkeypatch):
    from agent import reporting

    out = tmp_path / "out"
    write = reporting.export

    def late(*words: object) -> object:
        out.mkdir()
        (out / "precious.txt").write_text("mine")
        return write(*words)

    monkeypatch.setattr(reporting, "export", late)
    with pytest.raises(UsageError, match="exists"):
        session.start(job_on(export={"path": str(out)}), session.Ask(settings))
    monkeypatch.setattr(reporting, "export", write)
    [folder] = settings.runs.iterdir()
    with pytest.raises(UsageError, match="exists"):
        session.resume(folder, session.Ask(settings))
    assert (out / "precious.txt").read_text() == "mine"
    shutil.rmtree(out)
    ended = session.resume(folder, session.Ask(settings))
    assert isinstance(ended, session.Ended)
    assert ended.report["met"]


def test_an_export_of_this_run_is_made_again_after_a_kill(job_on, settings, tmp_path, monkeypatch):
    from agent import reporting

    out = tmp_path / "out"
    write = reporting.page
    monkeypatch.setattr(reporting, "page", lambda _result: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        session.start(job_on(export={"path": str(out)}), session.Ask(settings))
    assert out.exists()
    monkeypatch.setattr(reporting, "page", write)
    [folder] = settings.runs.iterdir()
    ended = session.resume(folder, session.Ask(settings))
    assert isinstance(ended, session.Ended)
    assert ended.report["met"]
    assert verify(folder).ok


def test_a_checkpoint_does_not_grow_with_rounds(bundled, run_job):
    import sqlite3

    report = run_job(bundled("requests"))
    with sqlite3.connect(Path(report["run"]) / "checkpoint.sqlite") as saved:
        [count] = saved.execute("SELECT COUNT(*) FROM checkpoints").fetchone()
    saved.close()
    assert count == 1


@pytest.mark.parametrize("name", ["../escaped", "/tmp/x", "", "a/b"])
def test_a_step_cannot_be_called_like_a_path(name):
    with pytest.raises(ValueError, match="pattern"):
        Step(
            id=name,
            calls=(Call(tool="text.swap_words"),),
            fill=(Fill(cell=Cell(at={"label": "a"}), count=1),),
            cites=("k",),
        )
