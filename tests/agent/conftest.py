"""Jobs on small data: the bundled sets, and texts written here."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent import cli, session
from agent.settings import Settings
from memory.bundled import materialise
from memory.documents import read_job
from memory.job import Job
from memory.runs import Run

TEXTS = {
    "refund": [
        "I would like my money back for the blue jacket that never fitted.",
        "The lamp arrived broken, so please return what I paid last week.",
        "How long until the refund for my cancelled concert tickets shows up?",
        "You charged me twice for one order and I want one payment returned.",
        "Please send the amount for the faulty kettle back to my credit card.",
        "My subscription ended in March but another month was taken from me.",
    ],
    "delivery": [
        "Where is the parcel that should have arrived on Tuesday morning?",
        "The driver left my box at the wrong house on our street again.",
        "Can the courier bring the sofa after six in the evening instead?",
        "Tracking says delivered, yet nothing was at my door or the neighbours.",
        "How many days does shipping to the northern islands usually take?",
        "Please change the address of the shipment that leaves tomorrow.",
        "Is there a pick-up point near the central railway station?",
        "My package has been sitting in the depot since last Thursday.",
        "The bookshelf came with two panels missing from the second box.",
        "Could you tell me which company is carrying my garden table?",
    ],
}


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A folder with train.csv (6 refunds, 10 deliveries) and test.csv."""
    folder = tmp_path / "texts"
    folder.mkdir()
    rows = [{"text": text, "label": label} for label, mine in TEXTS.items() for text in mine]
    held_out = [
        {"text": "Give me back the fee for the service that nobody ever provided.", "label": "refund"},
        {"text": "When will the van with my new washing machine get to our village?", "label": "delivery"},
    ]
    for name, part in (("train", rows), ("test", held_out)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["text", "label"])
            writer.writeheader()
            writer.writerows(part)
    return folder


@pytest.fixture
def settings(tmp_path: Path, cache: Path) -> Settings:
    return Settings(runs=tmp_path / "runs", workers=2, cache=cache, memory=tmp_path / "memory")


@pytest.fixture
def job_on(texts: Path) -> Callable[..., Job]:
    """Return a job on the texts with whatever else is asked for."""

    def make(**changes: Any) -> Job:
        return Job.model_validate({"dataset": {"path": str(texts)}, **changes})

    return make


@pytest.fixture
def run_job(settings: Settings) -> Callable[..., dict[str, Any]]:
    """Run a job to its end and return its report."""

    def go(job: Job, **how: Any) -> dict[str, Any]:
        plan = how.pop("plan", None)
        ended = session.start(job, session.Ask(how.pop("settings", settings), yes=True, **how), plan)
        assert isinstance(ended, session.Ended)
        return ended.report

    return go


@pytest.fixture
def bundled(tmp_path: Path) -> Callable[[str], Job]:
    """Return the job of a bundled dataset."""

    def make(name: Any) -> Job:
        return read_job(materialise(name, tmp_path / "bundled") / "job.yaml")

    return make


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run the command line in a folder of its own; return (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def go(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["augplan", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return go


@pytest.fixture
def rows_of() -> Callable[..., Any]:
    """Return the rows of a CSV file."""

    def read(file: Path) -> list[dict[str, str]]:
        with file.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))

    return read


@pytest.fixture
def steps_of() -> Callable[..., Any]:
    """Return the ids of all steps of a run, in order."""

    def read(folder: Path) -> list[str]:
        return [step.id for plan in Run.open(folder).plans() for step in plan.steps]

    return read


@pytest.fixture
def short() -> Callable[..., Any]:
    """Return label -> reason of every cell that was left short."""

    def read(report: dict) -> dict[str, str]:
        return {line["cell"]["label"]: line["reason"] for line in report["targets"] if not line["met"]}

    return read
