"""Looking without making: the profile of a dataset, and the first plan for a job. Nothing stays on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent import accounts, session
from agent.settings import from_environment, keep_quiet
from memory.datasets.dataset import open_dataset
from memory.documents import read_job_or_data
from memory.job import Job
from memory.records import Plan
from tools.coverage.coverage import check_axes, profile, survey

Say = Callable[[dict[str, Any]], None]


def profile_of(path: Path, say: Say) -> dict[str, Any]:
    """Return what `augplan inspect` shows, as {samples, splits, classes, cells, near_duplicates, leaks, gaps, ...}."""
    job = read_job_or_data(path)
    keep_quiet(job.policy.remote)
    with TemporaryDirectory(prefix="augplan-") as place:
        dataset = open_dataset(job.dataset, Path(place), job.seed)
        check_axes(dataset, (axis for target in job.cells for axis in target.axes))
        coverage = survey(dataset, lambda done, of: say({"node": "inspect", "done": done, "of": of}))
        targets = accounts.targets_of(job, coverage)
        gaps = accounts.first_gaps(targets, coverage)
        skipped = {"count": dataset.skipped_count, "first": [vars(one) for one in dataset.skipped[:100]]}
        return profile(dataset, coverage, gaps) | {
            "modality": dataset.modality,
            "columns": dataset.columns.model_dump(mode="json"),
            "notes": dataset.notes,
            "skipped": skipped,
        }


def first_plan(path: Path, say: Say, seed: int | None = None) -> Plan:
    """Return the plan of the first round, by the same graph that would carry it out."""
    job = read_job_or_data(path)
    return first_plan_of(job if seed is None else job.model_copy(update={"seed": seed}), say)


def first_plan_of(job: Job, say: Say = lambda _event: None) -> Plan:
    """Return the plan of the first round of a job; nothing stays on disk."""
    with TemporaryDirectory(prefix="augplan-") as place:
        settings = from_environment(runs=Path(place))
        ended = session.start(job, session.Ask(settings, say, yes=True, dry_run=True))
        assert isinstance(ended, session.Ended), "a dry run does not wait"
        return ended.plan or Plan(round=1, planner="rules", why=ended.report["stop_reason"])
