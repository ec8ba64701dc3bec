"""Evidence: questions made from gaps, papers bound to tools, and no plan that does not change with its papers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import accounts, evidence, planner
from agent.priors import Regime, priors
from agent.settings import Settings
from memory.bundled import materialise
from memory.datasets.dataset import open_dataset
from memory.documents import read_job
from memory.errors import UsageError
from memory.job import Job, Policy, Source, Target
from memory.literature import notes, vocabulary
from memory.literature.index import Index, Query
from memory.records import Cell, Gap, Plan
from tools.card import Tool
from tools.catalogue import load, select
from tools.coverage.coverage import survey

WORDS = vocabulary.load()
AUGMENT = [tool for tool in load().values() if tool.kind == "augment"]


@pytest.fixture(scope="module")
def lexical() -> Iterator[Index]:
    with Index.open(Path("nowhere"), notes.load(), WORDS, None) as index:
        yield index


@pytest.fixture(scope="module")
def requests(tmp_path_factory) -> Any:
    """The bundled texts: (job, coverage, targets, gaps)."""
    place = tmp_path_factory.mktemp("requests")
    job = read_job(materialise("requests", place) / "job.yaml")
    dataset = open_dataset(job.dataset, place / "workspace", 0)
    coverage = survey(dataset)
    targets = list(job.targets)
    return job, coverage, targets, accounts.first_gaps(targets, coverage)


# --- tools and papers ---


@pytest.mark.parametrize("tool", AUGMENT, ids=lambda tool: tool.name)
def test_what_a_tool_cites_is_there_and_is_about_augmentation(tool: Tool):
    for key in tool.cites:
        assert notes.load()[key].is_augmentation, key
    assert tool.family in WORDS.families


def test_what_measures_and_gates_cite_is_there():
    assert {key for tool in load().values() for key in tool.cites} <= set(notes.load())


@pytest.mark.parametrize("name", WORDS.families)
def test_a_family_is_bound_to_tools_or_says_that_there_is_none_yet(name: str):
    own = {wider for tool in AUGMENT for wider in WORDS.lineage(tool.family)}
    assert WORDS.families[name].no_tool_yet == (name not in own)


def test_a_paper_is_bound_to_the_tools_that_cite_it_and_those_of_its_family():
    known = notes.load()
    tools = select("augment", "speech")
    assert "speech.add_noise" in evidence.bound(known["snyder2015musan"], tools, WORDS)
    assert evidence.bound(known["ko2015speed"], tools, WORDS) == ("speech.change_speed",)
    assert evidence.bound(known["shorten2019survey"], select("augment", "image"), WORDS)
    assert evidence.bound(known["dai2023auggpt"], AUGMENT, WORDS) == ("text.paraphrase",)
    assert evidence.bound(known["gkournelos2024hrc"], AUGMENT, WORDS) == ()


@pytest.mark.parametrize("modality", ["text", "image", "speech"])
def test_every_tool_has_a_paper_and_no_paper_that_augments_nothing_is_retrieved(lexical, modality):
    tools = select("augment", modality)
    found = evidence.retrieve(lexical, Query(known=("situations:low-resource",), modality=modality), tools)
    assert found == sorted(found, key=lambda one: (-one.score, one.key))
    assert {name for one in found for name in one.tools} == {tool.name for tool in tools}
    assert all(notes.load()[one.key].is_augmentation and modality in one.modalities for one in found)


# --- limitations ---


def test_what_answers_a_limitation_exists():
    import importlib

    from memory import job

    for weakness in WORDS.limitations.values():
        for answer in weakness.answers:
            kind, _, name = answer.split(":")[0].partition(" ")
            if kind in ("gate", "measure"):
                assert load()[name].kind == kind
            elif kind == "limit":
                assert name in job.Limits.model_fields
            elif kind == "policy":
                assert name in Policy.model_fields
            elif kind == "record":
                owner, _, field = name.partition(".")
                assert field in getattr(job, owner).model_fields
            else:
                assert kind == "rule"
                module, _, thing = name.rpartition(".")
                assert hasattr(importlib.import_module(module), thing), name


# --- questions ---


def test_a_question_is_made_of_what_the_data_are_and_lack(requests):
    job, coverage, targets, gaps = requests
    query = evidence.query_of(job, coverage, targets, gaps, select("augment", "text"), "intent")
    assert query.modality == "text"
    assert query.words == ""
    assert query.known == (
        "tasks:intent-classification",
        "situations:few-shot",
        "situations:low-resource",
        "situations:class-imbalance",
        "situations:low-budget",
    )
    assert query == evidence.query_of(job, coverage, targets, gaps, select("augment", "text"), "intent")


def test_what_is_wanted_in_words_is_part_of_the_question(requests):
    job, coverage, targets, gaps = requests
    asked = job.model_copy(update={"request": "bear typing mistakes"})
    assert evidence.query_of(asked, coverage, targets, gaps, (), "label").words == "bear typing mistakes"


def test_a_gap_on_a_derived_axis_asks_for_the_families_that_move_it(requests):
    job, coverage, _, _ = requests
    target = Target(axes=("words",), at_least=5)
    gap = Gap(target=0, cell=Cell(at={"words": "20-40"}), required=5, before=0, have=0, parents=0)
    query = evidence.query_of(job, coverage, [target], [gap], select("augment", "text"), "label")
    assert {"families:lexical-edit", "situations:domain-shift"} <= set(query.known)


def test_a_regime_is_read_off_the_data(requests):
    job, coverage, _, _ = requests
    regime = evidence.regime_of(coverage, job.model_copy(update={"student": "pretrained"}))
    sizes = sorted(coverage.real_per_label().values())
    assert regime.imbalance == sizes[-1] / sizes[0]
    assert sizes[0] <= (regime.per_class or 0) <= sizes[-1]
    assert regime.pretrained is True
    assert evidence.regime_of(coverage, job).pretrained is None


# --- decisions ---


def planned(index: Index, known: dict[str, notes.Note], modality: Any) -> Plan:
    """Return the first plan for one short cell, on the notes given."""
    tools = [tool for tool in select("augment", modality) if tool.labels == "kept"]
    query = Query(known=("situations:low-resource", "situations:class-imbalance"), modality=modality)
    expected = priors((tool.family for tool in tools), Regime(modality=modality, per_class=20.0), known, WORDS)
    arms = planner.arms_of(tools, evidence.retrieve(index, query, tools), expected, {})
    cell = Cell(at={"label": "rare"})
    need = planner.Need(Gap(target=0, cell=cell, required=900, before=9, have=9, parents=9), None, None, ())
    return planner.plan_round(1, [need], arms, None)


@pytest.mark.parametrize("modality", ["text", "image", "speech"])
def test_deleting_any_record_that_a_plan_rests_on_changes_the_plan_or_what_it_cites(lexical, monkeypatch, modality):
    known = dict(notes.load())
    whole = planned(lexical, known, modality)
    tools = [tool for tool in select("augment", modality) if tool.labels == "kept"]
    expected = priors((tool.family for tool in tools), Regime(modality=modality, per_class=20.0), known, WORDS)
    rests_on = {key for step in whole.steps for key in step.cites} | {
        key for one in expected.values() for key in one.records
    }
    assert len(rests_on) >= 8
    for key in rests_on:
        fewer = {other: note for other, note in known.items() if other != key}
        monkeypatch.setattr(notes, "load", lambda fewer=fewer: fewer)
        with Index.open(Path("nowhere"), fewer, WORDS, None) as index:
            changed = planned(index, fewer, modality)
        assert changed != whole, key
        assert key not in {cited for step in changed.steps for cited in step.cites}


def test_a_paper_that_reports_no_gain_is_evidence_and_is_not_cited_for_a_step(lexical):
    plan = planned(lexical, dict(notes.load()), "text")
    assert "longpre2020effective" not in {key for step in plan.steps for key in step.cites}
    regime = Regime(modality="text", per_class=20.0, pretrained=True)
    assert "longpre2020effective" in priors(["lexical-edit"], regime, notes.load(), WORDS)["lexical-edit"].records


def test_what_will_be_trained_changes_what_is_planned():
    tools = [tool for tool in select("augment", "text") if tool.labels == "kept"]
    gains = {
        pretrained: priors(
            (tool.family for tool in tools),
            Regime(modality="text", per_class=150.0, pretrained=pretrained),
            notes.load(),
            WORDS,
        )
        for pretrained in (True, False)
    }
    assert gains[False]["lexical-edit"].mean > gains[True]["lexical-edit"].mean


# --- opening ---


def test_the_default_encoder_that_is_missing_leaves_words_and_says_so(monkeypatch, tmp_path):
    def missing(*_: object, **__: object) -> None:
        raise UsageError("The weights are not on this machine.")

    monkeypatch.setattr(evidence, "choose", missing)
    with evidence.open_literature(Policy(), Settings(cache=tmp_path)) as index:
        assert index.ranking == "lexical"
        assert index.why_lexical == "The weights are not on this machine."
    with pytest.raises(UsageError, match="not on this machine"):
        evidence.open_literature(Policy(encoder="some/other"), Settings(cache=tmp_path))


def test_a_job_names_its_encoder():
    job = Job(dataset=Source(path="x"), policy=Policy(encoder="lexical"))
    with evidence.open_literature(job.policy, Settings()) as index:
        assert (index.ranking, index.why_lexical) == ("lexical", "no encoder was asked for")
