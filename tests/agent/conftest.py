"""Jobs on small data: the bundled sets, and texts written here."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent import session
from agent.settings import Settings
from memory.bundled import materialise
from memory.documents import read_job
from memory.records import Job

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
def settings(tmp_path: Path) -> Settings:
    return Settings(runs=tmp_path / "runs", workers=2)


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
