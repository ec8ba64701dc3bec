"""Run folders are unique, locked and whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from memory.documents import dump_yaml
from memory.errors import RecordError, UsageError
from memory.job import Job, Source
from memory.records import Plan
from memory.runs import Run, listing
from memory.trace import verify


def test_two_runs_of_one_second_get_two_folders(tmp_path: Path):
    runs = [Run.create(tmp_path / "runs", "my digits!") for _ in range(3)]
    assert len({run.folder for run in runs}) == 3
    assert all(run.name.startswith("my-digits-2") for run in runs)
    assert all(verify(run.folder).ok for run in runs)


def test_a_name_cannot_lead_out_of_the_parent(tmp_path: Path):
    run = Run.create(tmp_path, "../../etc/passwd")
    assert run.folder.parent == tmp_path
    assert run.name.startswith("etc-passwd-")
    assert Run.create(tmp_path, "///").name.startswith("run-")


def test_only_run_folders_are_opened(tmp_path: Path):
    run = Run.create(tmp_path, "a")
    assert Run.open(run.folder) == run
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError, match="no run folder"):
            Run.open(path)


def test_a_run_without_its_head_can_still_be_opened_to_be_audited(tmp_path: Path):
    run = Run.create(tmp_path, "a")
    (run.folder / "head").unlink()
    assert not verify(Run.open(run.folder).folder).ok


def test_every_place_is_inside_the_run_folder(tmp_path: Path):
    run = Run.create(tmp_path, "a")
    places = [run.job_file, run.plan_file(3), run.checkpoint, run.made, run.dataset]
    places += [run.report_json, run.report_html, run.export]
    assert {place.parent for place in places} == {run.folder}
    assert run.plan_file(3).name == "plan-3.yaml"
    assert len({*places}) == 8


def test_files_are_written_whole_and_nothing_else_stays(tmp_path: Path):
    run = Run.create(tmp_path, "a")
    before = {file.name for file in run.folder.iterdir()}
    run.write_json("report.json", {"made": 3, "name": "ä"})
    run.write_json("report.json", {"made": 4})
    assert run.read_json("report.json") == {"made": 4}
    with pytest.raises(ValueError, match="JSON"):
        run.write_json("report.json", {"made": float("nan")})
    assert run.read_json("report.json") == {"made": 4}
    assert {file.name for file in run.folder.iterdir()} == before | {"report.json"}


@pytest.mark.parametrize("name", ["../a", "made/a", ".hidden", "", "/etc/a"])
def test_only_plain_names_are_written(tmp_path: Path, name: str):
    with pytest.raises(ValueError, match="plain name"):
        Run.create(tmp_path, "a").write_text(name, "x")


def test_a_broken_or_missing_json_file_is_named(tmp_path: Path):
    run = Run.create(tmp_path, "a")
    run.write_text("report.json", "{")
    for name in ("report.json", "other.json"):
        with pytest.raises(RecordError, match=name):
            run.read_json(name)


def test_a_second_process_is_kept_out_until_the_first_has_left(tmp_path: Path):
    run = Run.create(tmp_path, "a")
    code = (
        "import sys; from pathlib import Path; from memory.runs import Run\n"
        "with Run.open(Path(sys.argv[1])).lock(): print('in', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(run.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "in\n"
        assert run.state == "running"
        with pytest.raises(UsageError, match="another process is working on this run"), run.lock():
            pytest.fail("the lock was given twice")
        other.kill()
        other.wait()
    with run.lock():
        assert run.state == "running"
    assert run.state == "unfinished"


def test_runs_are_listed_newest_first_with_their_state(tmp_path: Path):
    assert listing(tmp_path / "none") == []
    (tmp_path / "notes").mkdir()
    for name in ("b-20260101-000000", "a-20260102-000000", "a-20260102-000000-2", "a-20260102-000000-10"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "trace.jsonl").touch()
    (tmp_path / "b-20260101-000000" / "report.json").write_text("{}")
    runs = listing(tmp_path)
    assert [run.name[-9:] for run in runs] == ["000000-10", "-000000-2", "02-000000", "01-000000"]
    assert [run.state for run in runs] == ["unfinished", "unfinished", "unfinished", "finished"]


def test_a_run_reads_its_job_and_its_plans_in_order(tmp_path: Path):
    run = Run.create(tmp_path, "a")
    job = Job(dataset=Source(path="/data/train.csv"), seed=7)
    run.write_text("job.yaml", dump_yaml(job))
    for name in ("plan-given.yaml", "plan-1-mine.yaml"):
        run.write_text(name, "not the plan of a round")
    for number in (10, 2, 1):
        run.write_text(run.plan_file(number).name, dump_yaml(Plan(round=number, planner="rules")))
    assert run.job() == job
    assert [plan.round for plan in run.plans()] == [1, 2, 10]
