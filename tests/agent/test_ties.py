"""Made samples that send one class through one channel are named; those that treat classes alike are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent import session
from agent.opening import context_of
from agent.page import page
from agent.state import Context
from agent.ties import ties
from memory.bundled import materialise
from memory.datasets.made import Candidate, Judged
from memory.job import Job
from memory.runs import Run


@pytest.fixture
def noisy(tmp_path, run_job, settings) -> tuple[Context, dict[str, Any]]:
    """A run that mixed noise into every class, and its report."""
    data = materialise("numbers", tmp_path / "data")
    policy = {"encoder": "lexical", "tools": {"allow": ["speech.add_noise"]}}
    report = run_job(Job.model_validate({"dataset": {"path": str(data)}, "policy": policy}))
    run = Run.open(Path(report["run"]))
    return context_of(run, run.job(), session.Ask(settings)), report


def accept(use: Context, step: str, label: str, snr: str, count: int) -> None:
    """Put accepted samples of one label and one range in a step, as if a tool had made them."""
    ids, labels = use.dataset.column("id"), use.dataset.column("label")
    parents = [str(ids[row]) for row in use.dataset.rows("train").tolist() if labels[row] == label]
    names = [f"{step}-{at}" for at in range(count)]
    made = [
        Candidate(name, step, at, 0, (parents[at % len(parents)],), {}, label, None, {}, (), at, text="x", content=name)
        for at, name in enumerate(names)
    ]
    use.made.write_candidates(step, 0, made)
    use.made.write_judged(step, 0, [Judged(name, True, (), {"snr": snr}) for name in names])


def test_a_tool_that_treats_classes_alike_ties_nothing(noisy):
    _, report = noisy
    assert report["accepted"] > 50
    assert report["ties"] == []


def test_one_class_sent_through_one_channel_is_named(noisy):
    use, report = noisy
    accept(use, "odd", "six", "<0", 40)
    [found] = ties(use, ["odd"])
    assert found["axis"] == "snr"
    assert 0.15 < found["rise"] <= 1
    shown = page({**report, "ties": [found]})
    assert f"made samples tie the label to snr (V rises by {found['rise']:.2f})" in shown


def test_without_samples_or_labels_there_is_nothing_to_tie(noisy, job_on, run_job):
    use, _ = noisy
    assert ties(use, []) == []
    assert run_job(job_on())["ties"] == []
