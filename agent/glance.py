"""A dataset opened only to look at it: nothing is made, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent import accounts
from agent.settings import keep_quiet
from memory.datasets.dataset import Dataset, open_dataset
from memory.documents import read_job_or_data
from memory.job import Job, Target
from memory.records import Gap
from tools.coverage.coverage import Coverage, check_axes, survey

Say = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Glance:
    """What a run would see first."""

    job: Job
    dataset: Dataset
    coverage: Coverage
    targets: list[Target]
    gaps: list[Gap]


@contextmanager
def glance(path: Path, say: Say) -> Iterator[Glance]:
    """Open a job or dataset for as long as it is looked at; `say` is told how far counting is.

    Raises UsageError for a job or dataset that cannot be used.
    """
    job = read_job_or_data(path)
    keep_quiet(job.policy.remote)
    with TemporaryDirectory(prefix="augplan-") as place:
        dataset = open_dataset(job.dataset, Path(place), job.seed)
        check_axes(dataset, (axis for target in job.cells for axis in target.axes))
        coverage = survey(dataset, lambda done, of: say({"node": "inspect", "done": done, "of": of}))
        targets = accounts.targets_of(job, coverage)
        yield Glance(job, dataset, coverage, targets, accounts.first_gaps(targets, coverage))
