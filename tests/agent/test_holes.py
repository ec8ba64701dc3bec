"""Held-out coverage as a target: what the data lack is asked for in one list, and looked at again."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent import holes
from agent.settings import Settings
from agent.state import Context
from memory.datasets.dataset import open_dataset
from memory.datasets.made import Candidate, Judged, Made
from memory.errors import UsageError
from memory.exchanges import Exchanges
from memory.job import Columns, Job
from memory.runs import Run
from tools import catalogue
from tools.executors import Here

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
    kinds = found["by_kind"]
    assert kinds["far"][1] >= 6
    assert kinds["pattern"][1] >= 1
    assert kinds["errors"] == kinds["use"] == [0, 0]
    assert [sum(column) for column in zip(*kinds.values(), strict=True)] == [found["closed"], found["holes"]]
    assert found["errors"] == []
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


# --- kinds of holes --------------------------------------------------------------------------------

SHORT, LONG = 8, 20
"""Words of a text: those of `SHORT` stand at 5-15, those of `LONG` at 15-50."""
OTHER = -LONG
"""As many, and words that no training text has."""


def write(folder: Path, splits: dict[str, Sequence[tuple[Any, ...]]], columns: tuple[str, ...]) -> Path:
    """Write texts as CSV files; each row is (words, label, ...)."""
    rng = np.random.Generator(np.random.PCG64(5))
    pools = WORDS.split(), ["quartz", "zebra", "violin", "glacier"]
    folder.mkdir()
    for split, rows in splits.items():
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("text", *columns))
            writer.writerows([(" ".join(rng.choice(pools[size < 0], abs(size))), *values) for size, *values in rows])
    return folder


@pytest.fixture
def at_work(tmp_path: Path, settings: Settings) -> Callable[..., Context]:
    """Return what nodes work with, for a job on some texts."""

    def make(splits: dict[str, Sequence[tuple[Any, ...]]], *attributes: str, **more: Any) -> Context:
        asked = job(write(tmp_path / "texts", splits, ("label", *attributes)), **more)
        columns = Columns(payload="text", label="label", attributes=attributes)
        asked = asked.model_copy(update={"dataset": asked.dataset.model_copy(update={"columns": columns})})
        run = Run.create(settings.runs, "texts")
        dataset = open_dataset(asked.dataset, run.dataset, asked.seed)
        made, tools = Made(run.made), catalogue.load()
        heard = Exchanges(run.folder)
        return Context(asked, run, dataset, made, tools, Here(1), dataset.modality, settings, "cpu", exchanges=heard)

    return make


def kinds(seen: holes.Seen, kind: str) -> list[holes.Hole]:
    return [hole for hole in seen.holes if hole.kind == kind]


def accept(use: Context, step: str, made: Sequence[tuple[str, dict[str, str]]]) -> None:
    """Put accepted texts of (text, where it stands) in a step."""
    names = [f"{step}-{at}" for at in range(len(made))]
    candidates = [
        Candidate(name, step, at, 0, ("p",), {}, place["label"], None, {}, (), at, text=text, content=name)
        for at, (name, (text, place)) in enumerate(zip(names, made, strict=True))
    ]
    use.made.write_candidates(step, 0, candidates)
    judged = [Judged(name, True, (), place) for name, (_, place) in zip(names, made, strict=True)]
    use.made.write_judged(step, 0, judged)


PATTERN = {
    "train": [(SHORT, "a")] * 30 + [(SHORT, "b")] * 20 + [(LONG, "b")] * 20 + [(LONG, "a")] * 2,
    "validation": [(SHORT, "a")] * 10 + [(LONG, "a")] * 4 + [(OTHER, "a")] * 6 + [(SHORT, "b")] * 10,
}


def test_a_range_that_validation_items_are_in_and_training_rows_are_not_is_a_hole(at_work):
    use = at_work(PATTERN)
    seen = holes.look(use)
    [found] = kinds(seen, "pattern")
    assert found.at == {"label": "a", "words": "15-50"}
    assert found.weight == 10.0, "ten validation items stand there"
    assert found.wants == 3, "two of five are there"
    assert {seen.places[seen.rows.index(row)]["words"] for row in found.items} == {"15-50"}


def test_one_request_closes_far_items_a_pattern_and_a_slice(at_work):
    use = at_work(PATTERN)
    cell = {"label": "a", "words": "15-50"}
    slices = [{"cell": cell, "errors": 9, "excess": 8.5, "why": "errs there"}]
    [target] = [one for one in holes.wanted(use, slices) if one.only == {name: (cell[name],) for name in cell}]
    far = sum(hole.at == cell for hole in kinds(holes.look(use), "far"))
    assert far >= 6
    assert target.at_least == 2 + max(holes.PER_HOLE * far, 34), "each sample counts for all that it closes"
    [error] = [hole for hole in holes.look(use).with_errors(slices).holes if hole.kind == "errors"]
    assert (error.weight, error.wants) == (8.5, 34)


def test_once_enough_items_have_a_neighbour_errors_are_asked_for_alone(at_work):
    use = at_work(PATTERN, targets=[{"measure": "held_out_coverage", "at_least": 0.01}])
    assert holes.wanted(use) == []
    slices = [{"cell": {"label": "b", "words": "5-15"}, "errors": 3, "excess": 2.0, "why": ""}]
    [target] = holes.wanted(use, slices)
    assert target.only == {"label": ("b",), "words": ("5-15",)}
    assert target.at_least == 20 + 8


def test_a_job_without_the_target_asks_for_nothing(at_work):
    use = at_work(PATTERN, targets=[{"axes": ["label"], "at_least": 5}])
    assert holes.wanted(use, [{"cell": {"label": "b"}, "errors": 3, "excess": 2.0, "why": ""}]) == []
    assert use.holes is None, "and looks at nothing"


def test_attributes_divide_the_data_too_unless_they_rename_the_label(at_work):
    rows = [(SHORT, label, f"{label}{label}", "web") for label in "ab" for _ in range(20)]
    rows += [(SHORT, "a", "aa", "phone")] * 8
    held = [(SHORT, "a", "aa", "web")] * 6 + [(SHORT, "b", "bb", "phone")] * 6
    use = at_work({"train": rows, "validation": held}, "code", "channel")
    found = kinds(holes.look(use), "pattern")
    assert [(one.at, one.weight, one.wants) for one in found] == [({"label": "b", "channel": "phone"}, 6.0, 5)]
    asked = [dict(target.only) for target in holes.wanted(use)]
    assert not [one for one in asked if "channel" in one], "no tool moves a text to another channel, and none is there"


def test_training_rows_come_in_use_as_the_calls_leave_them(at_work):
    splits = {"train": [(18, label) for label in "ab" for _ in range(25)], "validation": [(18, "a")] * 10}
    use = at_work(splits, use=[{"tool": "text.delete_words", "draw": {"share": 0.5}}])
    assert {(one["axis"], one["range"], one["here"]) for one in holes.in_use(use)} == {("words", "5-15", 0.0)}
    [found] = kinds(holes.look(use), "use")
    assert found.at == {"label": "a", "words": "5-15"}, "no validation item is labelled b"
    assert 5 < found.weight <= 10
    [target] = [one for one in holes.wanted(use) if one.only["words"] == ("5-15",)]
    assert target.only["label"] == ("a",)
    assert target.at_least == found.wants


def test_closure_is_measured_for_each_kind(at_work):
    use = at_work(PATTERN)
    cell, seen = {"label": "a", "words": "15-50"}, holes.look(use)
    slices = [{"cell": cell, "errors": 9, "excess": 1.0, "why": ""}]
    far = kinds(seen, "far")
    accept(use, "beside", [(f"nothing of that kind {at}", cell) for at in range(3)])
    [there] = use.dataset.payloads([far[0].items[0]])
    accept(use, "there", [(str(there), cell)])
    nothing, beside, all_of_it = (
        holes.again(use, seen, steps, slices) for steps in ([], ["beside"], ["beside", "there"])
    )
    assert nothing["by_kind"] == {"far": [0, len(far)], "pattern": [0, 1], "errors": [0, 1], "use": [0, 0]}
    assert nothing["holes"] == len(far) + 2
    assert nothing["after"] == nothing["before"]
    assert beside["by_kind"] == nothing["by_kind"] | {"pattern": [1, 1]}, "three were missing"
    assert all_of_it["by_kind"]["errors"] == [1, 1], "four were asked for"
    closed, _ = all_of_it["by_kind"]["far"]
    assert closed >= 1, "a copy of an item is its neighbour"
    assert all_of_it["closed"] == closed + 2
    assert all_of_it["after"] == pytest.approx(nothing["before"] + closed / 30, abs=1e-4)


def test_errors_are_told_again_where_the_learner_after_is_known(at_work):
    use = at_work(PATTERN)
    cell, seen = {"label": "a", "words": "15-50"}, holes.look(use)
    slices = [{"cell": cell, "errors": 9, "excess": 1.0, "why": ""}]
    inside = [at == cell for at in seen.places]
    before, after = ([share if one else 1.0 for one in inside] for share in (0.5, 0.25))
    found = holes.again(use, seen, [], slices, holes.Erred(seen.rows, (before, after)))
    assert found["errors"] == [{"cell": cell, "items": 10, "before": 0.5, "after": 0.25}]
    assert holes.again(use, seen, [], slices)["errors"] == []


def test_requests_are_bounded(at_work, monkeypatch):
    use = at_work(PATTERN)
    every = holes.wanted(use)
    monkeypatch.setattr(holes, "MOST_REQUESTS", 1)
    assert len(every) > 1
    assert holes.wanted(use) == every[:1]
