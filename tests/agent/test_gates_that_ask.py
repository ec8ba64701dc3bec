"""Runs whose job names models for its gates."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from memory.datasets.made import Made
from memory.errors import UsageError
from memory.job import Job
from memory.runs import Run

TINY = Path(__file__).parents[1] / "tools" / "tiny"


@pytest.fixture
def tiny() -> Any:
    """Load the module that saves a tiny model."""

    def load(name: str) -> Any:
        spec = importlib.util.spec_from_file_location(f"tiny_{name}", TINY / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def job_with(job: Job, **policy: Any) -> Job:
    facts = {**job.model_dump(), "limits": {"samples": 12, "rounds": 2}}
    facts["policy"] |= {"encoder": "lexical", **policy}
    return Job.model_validate(facts)


def verdicts_of(report: dict[str, Any], gate: str, steps: list[str]) -> list[Any]:
    run = Run.open(Path(report["run"]))
    pairs = Made(run.made).judged_pairs(steps)
    return [verdict for _, one in pairs for verdict in one.verdicts if verdict.gate == gate]


def test_clips_made_anew_are_heard_and_the_verdict_says_what(tiny, bundled, run_job, steps_of, tmp_path):
    speaks = {"speech_model": str(tiny("voice").save(tmp_path / "voice"))}
    hears = {"asr_model": str(tiny("recogniser").save_ctc(tmp_path / "ear", "N"))}
    job = job_with(bundled("numbers"), **speaks, **hears, tools={"allow": ["speech.speak_with_model"]})
    report = run_job(job)
    found = verdicts_of(report, "intelligible", steps_of(Path(report["run"])))
    assert len(found) > 3
    assert all(one.accepted and one.why.startswith("abstains: heard 'n', wanted ") for one in found)
    assert all("real rows of" in one.why and "it understands 0%" in one.why for one in found)


def test_pictures_are_compared_with_the_names_of_classes(tiny, bundled, run_job, steps_of, tmp_path):
    model = tiny("matcher").save(tmp_path / "clip")
    report = run_job(job_with(bundled("digits"), match_model=str(model), tools={"allow": ["image.affine"]}))
    found = verdicts_of(report, "shows_label", steps_of(Path(report["run"])))
    assert len(found) > 3
    assert all("scores '" in one.why and "(clip@" in one.why for one in found)


def test_a_model_that_cannot_be_had_ends_the_run_and_says_how_to_get_it(bundled, run_job):
    with pytest.raises(UsageError, match="run: hf download nobody/nothing"):
        run_job(job_with(bundled("digits"), match_model="nobody/nothing", tools={"allow": ["image.affine"]}))
