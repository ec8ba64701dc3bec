"""Tools that change labels: which cells they start from, what is refused, and what the gates make of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from agent import accounts, checks, planner
from agent.planner import Need
from agent.priors import Prior
from agent.proposal import Offer, form, plan_of, problems_of
from agent.settings import Settings
from memory.datasets.dataset import open_dataset
from memory.datasets.made import Made
from memory.job import Columns, Job, Source
from memory.records import Call, Cell, Fill, Gap, Plan, Step, Strategy
from memory.runs import Run
from tools.card import Tool
from tools.catalogue import load, select
from tools.coverage.coverage import Coverage, survey

FLIP = "text.write_counterfactual"
REFUND, DELIVERY, PRAISE = (Cell(at={"label": name}) for name in ("refund", "delivery", "praise"))
PAPERS = [
    Strategy(key=key, title="T", score=1, families=(), modalities=("text",), outcome="gain", tools=(tool,))
    for key, tool in (("zhou2022flipda", FLIP), ("wei2019eda", "text.swap_words"))
]


def gap(cell: Cell = REFUND, have: int = 6, parents: int | None = None) -> Gap:
    return Gap(target=0, cell=cell, required=10, before=have, have=have, parents=have if parents is None else parents)


# --- what a plan may do ---


def problems(tool: str, fill: Fill, *, chain: str | None = None, label: str | None = None, **plan: Any) -> list[str]:
    """Check a plan whose tools all run here."""
    here = {name: replace(one, needs=replace(one.needs, engine=None)) for name, one in load().items()}
    calls = tuple(Call(tool=name) for name in (tool, chain) if name)
    cites = ("zhou2022flipda",) if tool == FLIP else ("wei2019eda",)
    step = Step(id="a", calls=calls, fill=(fill,), cites=cites)
    whole = Plan(round=1, planner="rules", steps=(step,), **plan)
    job = Job(dataset=Source(path="x"))
    return checks.problems(whole, job, here, [gap(fill.cell)], PAPERS, None, label=label)


def test_a_tool_that_changes_labels_starts_from_another_label():
    assert problems(FLIP, Fill(cell=REFUND, count=3, start=DELIVERY)) == []


@pytest.mark.parametrize(
    ("tool", "fill", "said"),
    [
        (FLIP, Fill(cell=REFUND, count=3), "must be a cell of another label than 'refund'"),
        (FLIP, Fill(cell=REFUND, count=3, start=REFUND), "must be a cell of another label"),
        (FLIP, Fill(cell=REFUND, count=3, start=Cell(at={"words": "<5"})), "must be a cell of another label"),
        (FLIP, Fill(cell=Cell(at={"words": "<5"}), count=3, start=DELIVERY), "names no label"),
        ("text.swap_words", Fill(cell=REFUND, count=3, start=DELIVERY), "its tools keep the label"),
        ("text.swap_words", Fill(cell=REFUND, count=3, among="misread"), "names none under `misread`"),
    ],
)
def test_parents_that_a_step_cannot_use_are_named(tool, fill, said):
    [found] = problems(tool, fill)
    assert said in found
    assert found.startswith("Step 'a' fills")


def test_cells_may_call_the_label_by_its_column():
    own, other = Cell(at={"intent": "refund"}), Cell(at={"intent": "delivery"})
    assert problems(FLIP, Fill(cell=own, count=3, start=other), label="intent") == []
    [found] = problems("text.swap_words", Fill(cell=own, count=3, start=other), label="intent")
    assert "its tools keep the label" in found


def test_a_tool_that_changes_labels_is_called_alone():
    [found] = problems(FLIP, Fill(cell=REFUND, count=3, start=DELIVERY), chain="text.swap_words")
    assert "call such a tool alone" in found


def test_misread_rows_that_a_plan_names_may_be_parents():
    assert problems("text.swap_words", Fill(cell=REFUND, count=3, among="misread"), misread=(1, 2)) == []


# --- where it starts ---


@pytest.fixture
def covered(tmp_path: Path) -> Coverage:
    """20 deliveries, 12 praises and 6 refunds by chat; 4 deliveries and no refund by mail."""
    lines = ["text,label,channel"]
    for label, channel, count in (
        ("delivery", "chat", 20),
        ("praise", "chat", 12),
        ("refund", "chat", 6),
        ("delivery", "mail", 4),
    ):
        lines += [f"{label} over {channel} case {at}{at}{at} and so on,{label},{channel}" for at in range(count)]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    source = Source(path=str(tmp_path / "rows.csv"), columns=Columns(attributes=("channel",)))
    return survey(open_dataset(source, tmp_path / "work", 0))


def needed(coverage: Coverage, cell: Cell, tools: list[Tool] | None = None) -> Need:
    job = Job(dataset=Source(path="x"))
    have = gap(cell, 0, len(coverage.rows_in(cell)))
    [need] = accounts.needs([have], job, coverage, Columns(label="label"), tools or select("augment", "text"), {})
    return need


def test_the_largest_class_is_the_first_to_start_from(covered):
    real = covered.real_per_label()
    assert list(needed(covered, REFUND).others) == sorted(set(real) - {"refund"}, key=lambda name: -real[name])
    assert needed(covered, REFUND).others["delivery"] == DELIVERY


def test_a_pair_of_axes_keeps_what_is_not_the_label(covered):
    mail = Cell(at={"label": "refund", "channel": "mail"})
    need = needed(covered, mail)
    assert need.others == {"delivery": Cell(at={"label": "delivery", "channel": "mail"})}
    assert accounts.close([need], {}, True, False) == {}
    kept = needed(covered, mail, [tool for tool in select("augment", "text") if tool.labels == "kept"])
    assert kept.others == {}
    assert list(accounts.close([kept], {}, True, False).values()) == ["no_parent"]


@pytest.mark.parametrize("at", [{"channel": "mail"}, {"label": "unheard of"}])
def test_no_label_or_one_that_no_row_shows_starts_nowhere(covered, at):
    assert needed(covered, Cell(at=at)).others == {}


def planned(*needs: Need) -> Plan:
    tools = [load()[FLIP], load()["text.swap_words"]]
    priors = {tool.family: Prior(mean=0.05, spread=0.05) for tool in tools}
    return planner.plan_round(1, list(needs), planner.arms_of(tools, PAPERS, priors, {}), None)


def test_the_rules_make_an_arm_of_it_only_where_there_is_another_label():
    both = planned(Need(gap(), None, None, (), {"praise": PRAISE, "delivery": DELIVERY}))
    starts = {step.calls[0].tool: [fill.start for fill in step.fill] for step in both.steps}
    assert starts == {FLIP: [PRAISE], "text.swap_words": [None]}
    alone = planned(Need(gap(), None, None, ()))
    assert {step.calls[0].tool for step in alone.steps} == {"text.swap_words"}


def test_a_cell_without_items_of_its_own_is_left_to_it():
    plan = planned(Need(gap(have=0), None, None, (), {"delivery": DELIVERY}))
    assert {step.calls[0].tool for step in plan.steps} == {FLIP}


def test_what_moves_items_into_a_cell_keeps_their_label(covered):
    empty = Cell(at={"label": "refund", "words": "40-80"})
    changing = replace(load()[FLIP], changes=("words",))
    assert FLIP not in needed(covered, empty, [*select("augment", "text"), changing]).movers


# --- the form of a model ---

NEEDS = (
    Need(gap(), None, None, (), {"praise": PRAISE, "delivery": DELIVERY}),
    Need(gap(DELIVERY), None, None, (), {"refund": REFUND}),
)


def proposed(start: str, fills: tuple[int, ...] = (1,), *more: dict[str, Any]) -> tuple[BaseModel, Offer]:
    offer = Offer(1, NEEDS, [load()[FLIP], load()["text.swap_words"]], PAPERS, None)
    range_ = {"low": 0.2, "high": 0.4}
    calls = [{"tool": FLIP, "start_class": start, "share": range_, "temperature": {"low": 0.8, "high": 0.8}}, *more]
    step = {
        "cites": ["zhou2022flipda"],
        "adapts": "Edits are kept small for refund and for delivery.",
        "calls": calls,
        "fills": [{"gap": at, "candidates": 3} for at in fills],
    }
    return form(offer).model_validate({"why": "a pilot", "steps": [step]}), offer


def test_a_model_says_which_class_to_start_from():
    proposal, offer = proposed("praise")
    assert problems_of(proposal, offer) == []
    [step] = plan_of(proposal, offer).steps
    assert step.fill == (Fill(cell=REFUND, count=3, start=PRAISE),)
    assert step.calls == (Call(tool=FLIP, draw={"share": (0.2, 0.4), "temperature": 0.8}),)


def test_a_class_that_does_not_fit_goes_back_with_those_that_do():
    [found] = problems_of(*proposed("praise", (1, 2)))
    assert found == "Step 1: gap 2, label=delivery, cannot start from 'praise'. Classes that it can start from: refund."
    [chained] = problems_of(*proposed("praise", (1,), {"tool": "text.swap_words", "rate": {"low": 0.1, "high": 0.2}}))
    assert "call such a tool alone" in chained
    with pytest.raises(ValidationError, match="start_class"):
        proposed("no such class")


def test_a_gap_without_items_is_not_left_to_a_tool_that_keeps_labels():
    offer = Offer(1, [Need(gap(have=0), None, None, (), {"praise": PRAISE})], [load()["text.swap_words"]], PAPERS, None)
    step = {
        "cites": ["wei2019eda"],
        "adapts": "Words are swapped for label=refund.",
        "calls": [{"tool": "text.swap_words", "rate": {"low": 0.1, "high": 0.2}}],
        "fills": [{"gap": 1, "candidates": 3}],
    }
    [found] = problems_of(form(offer).model_validate({"why": "x", "steps": [step]}), offer)
    assert "has no items of its own to start from" in found


def test_without_another_class_it_is_not_offered():
    offer = Offer(1, [Need(gap(), None, None, ())], [load()[FLIP], load()["text.swap_words"]], PAPERS, None)
    assert [tool.name for tool in offer.plannable] == ["text.swap_words"]


# --- the whole loop ---

POLICY = {"model": "openai:scripted", "remote": "allow", "encoder": "lexical", "tools": {"allow": [FLIP]}}
PARTS = {
    "refund": ("refund", "money", "payment", "charged", "invoice", "card", "amount", "bank"),
    "delivery": ("parcel", "courier", "driver", "door", "address", "depot", "truck", "shipping"),
}
_OTHER = re.compile(r"<other>(\w+)</other>")
_LABEL = re.compile(r"now: <label>(\w+)</label>")


def sentence(label: str, seed: int) -> str:
    words = PARTS[label]
    noise = [f"{seed * 7919 + at * 104729:x}"[-5:] for at in range(6)]
    return " ".join(f"{noise[at]} {words[(seed // (at + 1) + at) % 8]}" for at in range(6))


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """10 refunds and 24 deliveries whose words tell them apart."""
    rows = [f"{sentence('refund', 3 + 11 * at)},refund" for at in range(10)]
    rows += [f"{sentence('delivery', 5 + 13 * at)},delivery" for at in range(24)]
    folder = tmp_path / "talk"
    folder.mkdir()
    (folder / "train.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    return folder


def run_on(talk: Path, server: Any, settings: Settings, run_job: Callable[..., Any], **policy: Any) -> Any:
    job = {"dataset": {"path": str(talk)}, "targets": [{"at_least": 20}], "policy": POLICY | policy, "seed": 3}
    job["limits"] = {"rounds": 4}
    return run_job(Job.model_validate(job), settings=settings.model_copy(update={"openai_base_url": server.url}))


def pairs_of(report: dict[str, Any]) -> list[Any]:
    run = Run.open(Path(report["run"]))
    return list(Made(run.folder / "made").judged_pairs([step.id for plan in run.plans() for step in plan.steps]))


def test_edits_that_turn_the_label_fill_the_class(talk, settings, run_job, model_server, rows_of):
    def turned(body: dict[str, Any]) -> dict[str, Any]:
        [wanted] = _OTHER.findall(body["messages"][-1]["content"])
        return {"text": sentence(wanted, body["seed"] % 100_003)}

    with model_server(turned) as server:
        report = run_on(talk, server, settings, run_job)
        asked = [body["messages"][-1]["content"] for body in server.bodies]
    assert report["stop_reason"] == "targets_met"
    assert {_LABEL.findall(one)[0] for one in asked} == {"delivery"}
    rows = [row for row in rows_of(Path(report["export"]) / "train.csv") if row["synthetic"].lower() == "true"]
    assert len(rows) == report["accepted"] >= 10
    assert {row["label"] for row in rows} == {"refund"}
    by_id = {one.id: one for one, _ in pairs_of(report)}
    assert all(by_id[row["sample_id"]].cell == {"label": "refund"} for row in rows)


def test_an_edit_that_still_reads_as_its_parents_class_is_rejected(talk, settings, run_job, model_server):
    with model_server(lambda body: {"text": sentence("delivery", body["seed"] % 100_003)}) as server:
        report = run_on(talk, server, settings, run_job)
    assert (report["accepted"], report["stop_reason"]) == (0, "no_progress")
    pairs = pairs_of(report)
    assert len(pairs) > 20
    assert {judged.rejected_by for _, judged in pairs} == {"label_kept"}
    assert all("reads as 'delivery'" in judged.verdicts[-1].why for _, judged in pairs)


def test_a_model_plans_it_with_a_class_to_start_from(talk, settings, run_job, model_server, competent):
    good = competent()

    def answer(body: dict[str, Any]) -> Any:
        wanted = _OTHER.findall(body["messages"][-1]["content"])
        return {"text": sentence(wanted[0], body["seed"] % 100_003)} if wanted else good(body)

    with model_server(answer) as server:
        report = run_on(talk, server, settings, run_job, planner="model")
        forms = [json.dumps(body) for body in server.bodies if "start_class" in json.dumps(body)]
    assert report["stop_reason"] == "targets_met"
    assert forms
    plans = Run.open(Path(report["run"])).plans()
    assert {plan.planner for plan in plans} == {"model"}
    assert {fill.start for plan in plans for step in plan.steps for fill in step.fill} == {DELIVERY}


def test_it_is_no_trial_of_a_goal(talk, settings, run_job, model_server, competent):
    with model_server(competent()) as server:
        job = Job.model_validate(
            {
                "dataset": {"path": str(talk)},
                "targets": [{"measure": "probe_macro_f1", "gain": 0.0}],
                "policy": {**POLICY, "tools": {"allow": [FLIP, "text.swap_words"]}},
            }
        )
        report = run_job(job, settings=settings.model_copy(update={"openai_base_url": server.url}))
        assert server.bodies == []
    assert FLIP not in {one["arm"] for one in report["proof"]["tried"]}
