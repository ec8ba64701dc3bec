"""Looking without making: the profile of a dataset, and the first plan for a job. Nothing stays on disk."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent import session
from agent.glance import Say, glance
from agent.settings import from_environment
from memory.documents import read_job_or_data
from memory.job import Job
from memory.records import Plan
from tools.coverage.coverage import profile


def profile_of(path: Path, say: Say) -> dict[str, Any]:
    """Return what `augplan inspect` shows, as {samples, splits, classes, cells, near_duplicates, leaks, gaps, ...}."""
    with glance(path, say) as at:
        dataset = at.dataset
        skipped = {"count": dataset.skipped_count, "first": [vars(one) for one in dataset.skipped[:100]]}
        return profile(dataset, at.coverage, at.gaps) | {
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
