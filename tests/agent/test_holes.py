"""Held-out coverage as a target: what has no training neighbour is asked for, and looked at again."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memory.errors import UsageError
from memory.job import Job

WORDS = "lamp table garden window river mountain bread coffee train ticket doctor winter summer market bridge"


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """Short training texts of two classes; among the validation texts of one are long ones of other words."""
    rng = np.random.Generator(np.random.PCG64(2))
    folder = tmp_path / "far"
    folder.mkdir()

    words = WORDS.split()

    def text(some: list[str], length: int) -> str:
        return " ".join(rng.choice(some, length))

    train = [(text(words[:8], 8), "a") for _ in range(30)] + [(text(words[7:], 8), "b") for _ in range(30)]
    held = [(text(words[:8], 8), "a") for _ in range(10)] + [(text(words[7:], 8), "b") for _ in range(10)]
    held += [(text(["quartz", "zebra", "violin", "glacier"], 30), "b") for _ in range(6)]
    for split, rows in (("train", train), ("validation", held), ("test", held[:6])):
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerows([("text", "label"), *rows])
    return folder


def job(folder: Path, **more: Any) -> Job:
    reach = {"measure": "held_out_coverage", "at_least": 0.95}
    return Job.model_validate({"dataset": {"path": str(folder)}, "targets": [reach], "seed": 1, **more})


def test_items_without_a_neighbour_become_requests_and_closure_is_measured(far, run_job):
    report = run_job(job(far, limits={"samples": 200, "rounds": 3}))
    cells = [line for line in report["targets"] if "measure" not in line["cell"]]
    assert cells
    assert {line["cell"]["label"] for line in cells} <= {"a", "b"}
    found = report["held_out_coverage"]
    assert found["items"] == 26
    assert found["holes"] >= 6
    assert 0 <= found["closed"] <= found["holes"]
    assert found["after"] >= found["before"]
    assert "holes closed" in (Path(report["run"]) / "report.html").read_text()
    line = report["targets"][-1]
    assert line["cell"] == {"measure": "held_out_coverage"}
    assert line["met"] == (found["after"] >= 0.95)
    assert not line["met"], "no edit of a training text makes words that it does not hold"


def test_enough_coverage_asks_for_nothing(far, run_job):
    report = run_job(job(far, targets=[{"measure": "held_out_coverage", "at_least": 0.3}]))
    assert report["made"] == 0
    assert report["met"]


def test_a_validation_split_is_needed(far, run_job):
    (far / "validation.csv").unlink()
    with pytest.raises(UsageError, match="validation split"):
        run_job(job(far))
