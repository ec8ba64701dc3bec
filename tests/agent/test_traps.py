"""Traps that look like gains: each is caught or refused, and the report says how."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent import inspection
from agent.recipes import AS_IS
from memory.job import Job
from tools import catalogue
from tools.batches import Texts
from tools.card import Params

GOAL = {"measure": "probe_macro_f1", "gain": 0.0}
WORDS = {
    "refund": "money refund charge payment card bank return invoice fee credit",
    "delivery": "parcel courier delivery address door truck depot street arrive shipping",
}
FILLER = "please the my a can you we again today with for this and still not it was that on after"


def sentence(rng: np.random.Generator, theme: str) -> str:
    picked = [*rng.choice(WORDS[theme].split(), 2), *rng.choice(FILLER.split(), 8)]
    return " ".join(picked[at] for at in rng.permutation(len(picked)))


def write(folder: Path, rows: dict[str, list[tuple[str, str]]]) -> Path:
    folder.mkdir()
    for split, part in rows.items():
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerows([("text", "label"), *part])
    return folder


@pytest.fixture
def rows() -> dict[str, list[tuple[str, str]]]:
    """Thirty rows of one class, fifteen of the other, and forty test rows of each."""
    rng = np.random.Generator(np.random.PCG64(11))
    sizes = {"train": {"refund": 30, "delivery": 15}, "test": {"refund": 40, "delivery": 40}}
    return {
        split: [(sentence(rng, label), label) for label, count in counts.items() for _ in range(count)]
        for split, counts in sizes.items()
    }


def job(folder: Path, *tools: str, **more: Any) -> Job:
    facts = {"dataset": {"path": str(folder)}, "targets": [GOAL], "limits": {"samples": 500}, "seed": 2}
    return Job.model_validate({**facts, "policy": {"tools": {"allow": list(tools)}}, **more})


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put another function behind the name of a tool, for this test."""

    def plant(name: str, run: Callable[[Texts, Sequence[Params]], list[str | None]]) -> None:
        tools = dict(catalogue.load())
        tools[name] = replace(tools[name], run=run, version="planted")
        monkeypatch.setattr(catalogue, "load", lambda: tools)
        monkeypatch.setattr("agent.opening.catalogue.load", lambda: tools)

    return plant


def tried(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["arm"]: one for one in report["proof"]["tried"]}


def test_one_cue_word_in_every_made_text_is_left_out(tmp_path, rows, run_job, planted):
    def signed(batch: Texts, params: Sequence[Params]) -> list[str | None]:
        return [" ".join([*reversed(text.split()[2:]), "regards"]) for text in batch.items]

    planted("text.swap_words", signed)
    many = {"samples": 2000}
    report = run_job(job(write(tmp_path / "cue", rows), "text.swap_words", "text.delete_words", limits=many))
    left_out = [why for one in tried(report).values() for why in one["left_out"].values()]
    assert any("texts hold 'regards'" in why for why in left_out)
    made = Path(report["export"]) / "train.csv"
    assert "regards" not in made.read_text()
    assert "regards" in (Path(report["run"]) / "report.html").read_text()


def test_a_tool_that_repeats_itself_is_left_out(tmp_path, rows, run_job, planted):
    planted("text.swap_words", lambda batch, params: ["thank you for the money that came back today"] * len(batch))
    report = run_job(job(write(tmp_path / "same", rows), "text.swap_words", "text.delete_words"))
    assert report["rejected"].get("near_duplicate", 0) + report["rejected"].get("label_kept", 0) > 0
    text = (Path(report["export"]) / "train.csv").read_text()
    assert text.count("thank you for the money that came back today") <= 1


def test_a_tool_that_flips_labels_brings_nothing(tmp_path, rows, run_job, planted):
    rng = np.random.Generator(np.random.PCG64(7))

    def other(batch: Texts, params: Sequence[Params]) -> list[str | None]:
        refunds = WORDS["refund"].split()
        return [
            sentence(rng, "delivery" if any(word in text.split() for word in refunds) else "refund")
            for text in batch.items
        ]

    planted("text.swap_words", other)
    report = run_job(job(write(tmp_path / "flip", rows), "text.swap_words"))
    assert report["proof"]["settled"] != "text.swap_words"
    assert all(one["arm"] != "text.swap_words" or not one["kept"] for one in report["proof"]["tried"])


def test_test_items_that_repeat_training_rows_are_left_out_of_the_proof(tmp_path, rows, run_job):
    rows["test"] += rows["train"][:15]
    report = run_job(job(write(tmp_path / "leak", rows), "text.delete_words"))
    found = report["proof"]["held_out"]
    assert found["left_out"] >= 15
    assert found["items"] + found["left_out"] == len(rows["test"])
    assert "nearly repeat a training row" in (Path(report["run"]) / "report.html").read_text()


def test_a_class_without_parents_is_named(tmp_path, rows, run_job):
    targets = [{"axes": ["label"], "at_least": 12, "only": {"label": ["delivery", "warranty"]}}]
    report = run_job(job(write(tmp_path / "none", rows), "text.delete_words", targets=targets))
    reasons = {line["cell"]["label"]: line["reason"] for line in report["targets"]}
    assert reasons == {"delivery": None, "warranty": "no_parent"}


def test_a_saturated_dataset_is_left_alone(tmp_path, run_job):
    rng = np.random.Generator(np.random.PCG64(3))
    easy = {
        split: [(f"{label} {sentence(rng, label)} {label}", label) for label in WORDS for _ in range(50)]
        for split in ("train", "test")
    }
    report = run_job(job(write(tmp_path / "easy", easy), "text.delete_words"))
    assert report["proof"]["settled"] == AS_IS
    assert report["made"] <= 50, "a tenth of the budget"
    assert "nothing" in report["proof"]["advice"][0]


def test_a_label_that_can_be_read_off_the_channel_is_named(tmp_path):
    """The clips of one class were all recorded over a telephone line."""
    soundfile = pytest.importorskip("soundfile")
    rng = np.random.Generator(np.random.PCG64(8))
    folder = tmp_path / "clips"
    for split, each in (("train", 30), ("test", 6)):
        for label in ("yes", "no"):
            place = folder / split / label
            place.mkdir(parents=True)
            for number in range(each):
                spectrum = np.fft.rfft(rng.standard_normal(8000))
                if label == "no":
                    spectrum[1700:] = 0  # nothing above 3,400 Hz
                sound = np.fft.irfft(spectrum)
                soundfile.write(place / f"{number}.wav", 0.3 * sound / np.abs(sound).max(), 16_000)
    facts = inspection.profile_of(folder, lambda _event: None)
    assert [one["axis"] for one in facts["confounds"]] == ["bandwidth"]
    assert facts["confounds"][0]["strength"] > 0.9
    assert {label for label, _ in facts["confounds"][0]["cells"]} == {"yes", "no"}


def test_clean_data_have_no_confound(tmp_path, bundled):
    for name in ("requests", "digits", "numbers"):
        facts = inspection.profile_of(Path(bundled(name).dataset.path), lambda _event: None)
        assert facts["confounds"] == []
