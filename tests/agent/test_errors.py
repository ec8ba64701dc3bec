"""Samples made from rows that the learner misreads: an arm like any other, and nothing leaks into what it measures."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent import checks, policy, recipes, session, work
from agent.priors import Prior
from agent.recipes import AS_IS, FROM_ERRORS, LEAST_MISREAD, MIX, USUAL, Recipe
from memory.datasets.dataset import Dataset, open_dataset
from memory.datasets.made import Candidate, Made
from memory.job import Columns, Job, Source
from memory.records import Call, Cell, Fill, Plan, Step, Strategy
from memory.runs import Run
from tools.apply import Maker
from tools.catalogue import load
from tools.coverage.coverage import Coverage, survey
from tools.probe.bench import Bench, Training, probe_for
from tools.probe.held import hold_out

THEMES = {
    "refund": "money refund charge payment card bank return invoice fee credit",
    "delivery": "parcel courier delivery address door truck depot street arrive shipping",
    "account": "password login account email profile phone locked reset name user",
}
FILLER = "please the my a can you we again today with for this and still not it was that on after"
SIZES = {"refund": 30, "delivery": 16, "account": 10}


def sentence(rng: np.random.Generator, words: list[str]) -> str:
    picked = [*rng.choice(words, 2), *rng.choice(FILLER.split(), 8)]
    return " ".join(picked[at] for at in rng.permutation(len(picked)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three topics of unequal size, a quarter of the labels drawn at random, three rows an author, and some twins."""
    place = tmp_path / "topics"
    place.mkdir()
    rng = np.random.default_rng(5)
    for split, counts in (("train", SIZES), ("test", dict.fromkeys(SIZES, 30))):
        rows = []
        for label, count in counts.items():
            for at in range(count):
                theme = rng.choice(list(THEMES)) if rng.random() < 0.25 else label
                text = sentence(rng, THEMES[theme].split())
                rows.append({"text": text, "label": label, "author": f"{split}-{label}-{at // 3}"})
                if split == "train" and at % 7 == 0:  # the same again but for a word, by somebody else
                    rows.append({"text": f"{text} today", "label": label, "author": f"twin-{label}-{at}"})
        with (place / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return place


def job(folder: Path, **more: Any) -> Job:
    facts = {
        "dataset": {"path": str(folder), "columns": {"group": "author"}},
        "targets": [{"measure": "probe_macro_f1", "gain": 0.0}],
        "limits": {"samples": 2000, "rounds": 2},
        "policy": {"tools": {"allow": ["text.swap_words", "text.delete_words"]}, "encoder": "lexical"},
        "seed": 3,
    }
    return Job.model_validate({**facts, **more})


@pytest.fixture
def _widened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look on after the pilot whatever it brought, so that the second round tries the variants of the best recipe."""
    monkeypatch.setattr(policy, "SPEAKS_FOR", 0.0)
    monkeypatch.setattr(policy, "LIKELY", 0.0)


def made_in(run: Run, mark: str) -> list[tuple[str, Candidate]]:
    steps = [step.id for plan in run.plans() for step in plan.steps if mark in step.id]
    return [(one.step, one) for one, _ in Made(run.folder / "made").judged_pairs(steps)]


def baseline_of(run: Run) -> dict[str, Any]:
    bodies = (one["body"] for one in run.trace().read())
    found: dict[str, Any] = next(one["facts"]["baseline"] for one in bodies if one.get("node") == "inspect")
    return found


def dataset_of(folder: Path, place: Path) -> tuple[Dataset, Coverage]:
    dataset = open_dataset(Source(path=str(folder), columns=Columns(group="author")), place, 3)
    return dataset, survey(dataset)


@pytest.mark.usefixtures("_widened")
def test_its_parents_are_rows_that_were_misread_when_they_were_held_out(folder, run_job, tmp_path):
    report = run_job(job(folder))
    run = Run.open(Path(report["run"]))
    wrong = baseline_of(run)["misread"]
    made = made_in(run, "-errors.")
    assert len(made) > 50
    [plan] = [one for one in run.plans() if one.misread]
    assert list(plan.misread) == wrong
    arms = [arm for arm in plan.trials if arm.endswith("-errors")]
    assert len(arms) == 1
    ids = dataset_of(folder, tmp_path)[0].column("id")
    assert {parent for _, one in made for parent in one.parents} <= {ids[row] for row in wrong}
    others = {parent for _, one in made_in(run, ".1") if "-errors" not in one.step for parent in one.parents}
    assert not others <= {ids[row] for row in wrong}
    tried = {one["arm"]: one for one in report["proof"]["tried"]}
    assert tried[arms[0]]["points"] is not None


@pytest.mark.usefixtures("_widened")
def test_killed_between_plan_and_making_it_takes_the_same_parents(folder, run_job, settings, monkeypatch, tmp_path):
    whole = run_job(job(folder))
    make, later = work.make_step, settings.model_copy(update={"runs": tmp_path / "again", "memory": tmp_path / "m"})

    def killed(use: Any, step: Any) -> int:
        if "-errors.2" in step.id:
            raise KeyboardInterrupt
        return make(use, step)

    with monkeypatch.context() as patch:
        patch.setattr(work, "make_step", killed)
        with pytest.raises(KeyboardInterrupt):
            session.start(job(folder), session.Ask(later, yes=True))
    [place] = later.runs.iterdir()
    ended = session.resume(place, session.Ask(later, yes=True))
    assert isinstance(ended, session.Ended)
    runs = [Run.open(Path(one["run"])) for one in (whole, ended.report)]
    first, second = ([one for _, one in made_in(run, "-errors.")] for run in runs)
    assert first == second
    assert first
    assert whole["proof"]["tried"] == ended.report["proof"]["tried"]


@pytest.mark.usefixtures("_widened")
def test_its_samples_are_made_again_from_their_lineage_alone(folder, run_job, tmp_path):
    run = Run.open(Path(run_job(job(folder))["run"]))
    maker = Maker(*dataset_of(folder, tmp_path), load(), 3)
    kept = [(step, one) for step, one in made_in(run, "-errors.") if one.refused is None][:20]
    assert len(kept) == 20
    assert [maker.remake(step, one).text for step, one in kept] == [one.text for _, one in kept]


@pytest.mark.usefixtures("_widened")
def test_few_errors_are_no_arm(folder, run_job, monkeypatch):
    wrong = len(baseline_of(Run.open(Path(run_job(job(folder))["run"])))["misread"])
    assert wrong >= LEAST_MISREAD
    monkeypatch.setattr(recipes, "LEAST_MISREAD", wrong + 1)
    report = run_job(job(folder, seed=3))
    assert not [one["arm"] for one in report["proof"]["tried"] if one["arm"].endswith("-errors")]


@pytest.mark.usefixtures("_widened")
def test_where_other_items_are_held_out_no_training_row_was_misread(folder, run_job):
    rows = (folder / "test.csv").read_text().replace("test-", "validation-")
    (folder / "validation.csv").write_text(rows)
    report = run_job(job(folder))
    facts = baseline_of(Run.open(Path(report["run"])))
    assert facts["measured_on"] == "validation"
    assert facts["misread"] == []
    assert not [one["arm"] for one in report["proof"]["tried"] if one["arm"].endswith("-errors")]


def test_a_sample_of_a_misread_row_never_trains_the_learner_that_is_asked_about_it(folder, tmp_path):
    """Errors on held-out items choose the parents; the same items measure what it brings. Folds keep the two apart."""
    dataset, cover = dataset_of(folder, tmp_path)
    held = hold_out(dataset, cover, 3, "auto")
    assert held.kind == "folds"
    assert cover.duplicate_of, "there are twins, which must stay together too"
    bench = Bench(dataset, held, probe_for(dataset, cover, held, device="cpu", workers=1, encoder=None), 3)
    wrong = held.items[(bench.predict(Training()) != held.truth).all(axis=0)].tolist()
    assert len(wrong) >= LEAST_MISREAD
    ids, labels, groups = (dataset.column(name) for name in ("id", "label", "group"))
    samples = bench.read(
        [f"{text} at once" for text in dataset.payloads(wrong)],
        [labels[row] for row in wrong],
        [(str(ids[row]),) for row in wrong],
    )
    fits, predict = [], bench.probe.predict

    def listened(features: Any, asked: Any) -> Any:
        fits.extend(asked)
        return predict(features, asked)

    bench.probe.predict = listened  # type: ignore[method-assign]
    bench.predict(Training(made=samples))
    trained = 0
    for fit in fits:
        asked = set(held.rows[fit.test].tolist())
        parents = {samples.parents[at - len(held.rows)][0] for at in fit.train.tolist() if at >= len(held.rows)}
        trained += len(parents)
        assert not parents & asked
        assert not {groups[row] for row in parents} & {groups[row] for row in asked}
        assert not {cover.duplicate_of.get(row, row) for row in parents} & {
            cover.duplicate_of.get(row, row) for row in asked
        }
    assert trained > len(wrong), "and it does train the others"


def recipe(name: str, *tools: str) -> Recipe:
    parts = tuple((Call(tool=tool),) for tool in tools)
    return Recipe(name, Prior(mean=0.1, spread=0.1), parts, (("wei2019eda",),) * len(parts))


def paper(key: str, outcome: str, *families: str) -> Strategy:
    facts = {"key": key, "title": "T", "score": 1.0, "modalities": ("text",), "tools": (), "outcome": outcome}
    return Strategy.model_validate({**facts, "families": families})


@pytest.fixture
def known() -> Callable[[], dict[str, Recipe]]:
    some = (recipe(AS_IS), recipe(MIX, "text.swap_words", "text.delete_words"), recipe(USUAL, "text.swap_words"))
    return lambda: {one.name: one for one in some}


def test_the_broadest_recipes_have_a_variant_that_cites_papers_on_errors(known):
    papers = [
        paper("lee2024llm2llm", "gain", FROM_ERRORS),
        paper("other2020other", "gain", "lexical-edit"),
        paper("null2020null", "none", FROM_ERRORS),
        paper("second2021second", "unknown", FROM_ERRORS),
        paper("third2022third", "gain", FROM_ERRORS),
    ]
    found = recipes.from_errors(known(), papers)
    assert set(found) == {f"{MIX}-errors", f"{USUAL}-errors"}
    mix = found[f"{MIX}-errors"]
    assert (mix.among, mix.parts, mix.prior) == ("misread", known()[MIX].parts, known()[MIX].prior)
    assert mix.cites == (("wei2019eda", "lee2024llm2llm", "second2021second"),) * 2


def test_papers_on_errors_may_be_cited_for_fills_from_misread_rows_alone():
    papers = [paper("lee2024llm2llm", "gain", FROM_ERRORS)]
    cell = Cell(at={"label": "refund"})
    for among, said in (("misread", 0), (None, 1)):
        fill = Fill.model_validate({"cell": cell, "count": 3, "among": among})
        step = Step(id="a", calls=(Call(tool="text.swap_words"),), fill=(fill,), cites=("lee2024llm2llm",))
        plan = Plan(round=1, planner="policy", steps=(step,), trials={"mix-errors": ("a",)}, misread=(4,))
        found = checks.problems(plan, Job(dataset=Source(path="x")), load(), [], papers, None)
        assert len(found) == said
        assert all("describes none of its tools" in one for one in found)


def test_a_variant_is_tried_beside_other_strengths_once_its_recipe_leads(known):
    hope = Prior(mean=0.1, spread=0.1)
    led = {"arm": MIX, "prior": hope, "asked": 100, "accepted": 90, "gain": 0.2, "spread": 0.02}
    standing = policy.Standing(0.3, True, 100, 400, AS_IS, None, None)
    all_known = known() | recipes.from_errors(known(), [])
    all_known["text.swap_words"] = recipe("text.swap_words", "text.swap_words")
    choice = policy.choose({MIX: policy.Trial.model_validate(led)}, all_known, standing)
    assert choice.asks == {f"{MIX}-errors": 100, "text.swap_words": 100}
    first = policy.choose({}, all_known, standing)
    assert f"{MIX}-errors" not in first.asks, "not before the pilot"
