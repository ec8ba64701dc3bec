"""Answers to questions about data, plan, evidence, samples and decisions: facts with references, never invented.

Facts are collected by rules. A language model may put them into words; it may use no reference and no number that is
not among them or in the question, and where it does, the facts themselves are the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agent import accounts, audit, library
from agent.planner import told
from agent.priors import Prior
from agent.settings import Settings
from agent.wording import plan_lines, targets_lines
from memory.errors import ModelError
from memory.exchanges import Message
from memory.job import Job
from memory.literature.lexical import Lexical
from memory.records import Gap, Record
from memory.runs import Run
from prompts.render import render
from prompts.tables import plain
from tools.card import Tool
from tools.catalogue import select, why_not_allowed, why_not_runnable
from tools.coverage.coverage import Coverage
from tools.models.asker import Asker

SHOWN, TOLD = 6, 30
"""Facts that answer a question by themselves; facts that a model is told."""
NEAR = 0.4
"""A fact is told where its score is at least this share of the best."""
LETTERS = 240
"""Letters of what is told of a paper."""
_ID = re.compile(r"\b[0-9a-f]{16}\b|\b[A-Za-z_]+-\d+\b")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class Fact(Record):
    """One thing that is known, and where it stands."""

    ref: str
    """`data/…`, `job/…`, `tool/…`, `paper/…`, `plan/…`, `decision/…` or `sample/…`."""
    text: str
    words: str = ""
    """Words that it is found by beside its own."""


@dataclass(frozen=True)
class Answer:
    """What is said to a question, and the facts that it rests on."""

    text: str
    facts: tuple[Fact, ...]
    by: str = "rules"
    """`model` where a language model put it into words."""
    note: str = ""
    """Why a model did not, where one was asked."""


class Said(BaseModel):
    """What a model answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: str = Field(min_length=1, max_length=1200, description="The answer, in plain words.")
    references: list[str] = Field(min_length=1, max_length=12, description="References of the facts it rests on.")


def answer(question: str, known: Sequence[Fact], asker: Asker | None = None) -> Answer:
    """Answer a question from what is known; say so where nothing of it is to the point."""
    fitting = relevant(question, known, TOLD)
    if not fitting:
        return Answer("Nothing that is on record here answers this.", ())
    if asker is None:
        return _plain(fitting)
    facts = "\n".join(f"[{one.ref}] {plain(one.text, 600)}" for one in fitting)
    prompt = render("explain", question=plain(question, 1000), facts=facts)
    try:
        asked = asker.ask(
            "explain", [Message(role="user", content=prompt.text)], Said, lambda one: invented(one, fitting, question)
        )
    except ModelError as problem:
        return replace(_plain(fitting), note=str(problem))
    used = tuple(one for one in fitting if one.ref in asked.value.references)
    return Answer(asked.value.answer, used, by="model")


def _plain(fitting: Sequence[Fact]) -> Answer:
    shown = tuple(fitting[:SHOWN])
    return Answer("\n".join(f"{one.text} [{one.ref}]" for one in shown), shown)


def invented(said: Said, known: Sequence[Fact], question: str = "") -> list[str]:
    """Return what an answer holds that no fact does: references, and numbers that do not stand in the question."""
    refs = {one.ref for one in known}
    wrong = [f"There is no fact {ref!r}; use those in brackets." for ref in said.references if ref not in refs]
    used = " ".join([question, *(f"{one.ref} {one.text}" for one in known if one.ref in said.references)])
    numbers = {_number(one) for one in _NUMBER.findall(used)}
    strange = [one for one in _NUMBER.findall(said.answer) if _number(one) not in numbers]
    if strange:
        wrong.append(
            f"These numbers stand in none of the facts that you refer to: {', '.join(dict.fromkeys(strange))}."
        )
    return wrong


def _number(text: str) -> str:
    plain_text = text.replace(",", "")
    return plain_text.rstrip("0").rstrip(".") if "." in plain_text else plain_text


def relevant(question: str, known: Sequence[Fact], most: int) -> list[Fact]:
    """Return the facts that share words with a question, the best first; those that it names come before all others."""
    index = Lexical({"text": 1.0, "words": 1.0})
    index.add((str(at), {"text": one.text, "words": f"{one.words} {one.ref}"}) for at, one in enumerate(known))
    scores = index.scores(question)
    index.close()
    scores = {at: score for at, score in scores.items() if score >= NEAR * max(scores.values())}
    named = {at for at, one in enumerate(known) if one.ref.split("/", 1)[-1].lower() in question.lower()}
    order = sorted({*named, *map(int, scores)}, key=lambda at: (at not in named, -scores.get(str(at), 0.0), at))
    return [known[at] for at in order[:most]]


# --- what is known ------------------------------------------------------------------------------------


def of_data(coverage: Coverage, splits: dict[str, int], job: Job) -> list[Fact]:
    """Return what is known of a dataset: splits, classes, and the gaps that a job's targets leave."""
    parts = ", ".join(f"{name} {count}" for name, count in splits.items())
    facts = [
        Fact(ref="data/splits", text=f"The data are {coverage.modality}: {parts} items.", words="dataset size many")
    ]
    sizes = coverage.real_per_label()
    counts = "distinct training items (near-duplicates count once)"
    facts += [
        Fact(
            ref=f"data/{name}",
            text=f"Class {name} has {count} {counts}.",
            words="class label many items examples count",
        )
        for name, count in sizes.items()
    ]
    if sizes:
        small, large = min(sizes, key=lambda one: sizes[one]), max(sizes, key=lambda one: sizes[one])
        text = f"Of {len(sizes)} classes {small} is the smallest with {sizes[small]}, {large} the largest with "
        text += f"{sizes[large]} {counts}."
        if sizes[small] == sizes[large]:
            text = f"All {len(sizes)} classes have {sizes[small]} {counts} each."
        words = "imbalance balanced smallest largest rare classes how many"
        facts.append(Fact(ref="data/balance", text=text, words=words))
    targets = accounts.targets_of(job, coverage)
    return facts + [_gap(gap) for gap in accounts.first_gaps(targets, coverage)]


def _gap(gap: Gap) -> Fact:
    text = f"{gap.cell.key} lacks {gap.missing} items: it has {gap.have} of the {gap.required} that are wanted."
    return Fact(ref=f"data/gap/{gap.cell.key}", text=text, words="gap missing lacks short needs hole coverage")


def of_job(job: Job) -> list[Fact]:
    """Return what is asked for and allowed."""
    lines = targets_lines(job)
    facts = [
        Fact(ref=f"job/{at}", text=one, words="job target want limit budget policy") for at, one in enumerate(lines, 1)
    ]
    return facts or [Fact(ref="job/1", text="Nothing is asked for yet.", words="job target want")]


def of_tools(modality: str, job: Job) -> list[Fact]:
    """Return what each tool does, and why it would not run."""
    facts = []
    for tool in select("augment", modality):  # type: ignore[arg-type]
        why = why_not_allowed(tool, job.policy) or why_not_runnable(tool, job.policy)
        runs = "It may run here." if why is None else f"It is not used: {why}."
        facts.append(Fact(ref=f"tool/{tool.name}", text=f"{tool.name}: {tool.summary} {runs}", words=_about(tool)))
    return facts


def _about(tool: Tool) -> str:
    named = f"{tool.family} {tool.name}".translate(str.maketrans("-._", "   "))
    return f"tool {named} cites {' '.join(tool.cites)}"


def of_literature(question: str, job: Job, modality: Any, settings: Settings, most: int = 5) -> list[Fact]:
    """Return what the literature says to a question: papers, what they measured, what gain to expect."""
    asked = library.Question(words=question, modality=modality, limit=most)
    found = library.ask(asked, job.policy, settings, lambda _event: None)
    facts = []
    for one in found.entries if found.answered else []:
        expected = "" if one["prior"] is None else f" {told(Prior.model_validate(one['prior']))}."
        about = plain(one["approach"] or "only its reference is known", LETTERS)
        text = f"{one['title']} ({one['year']}): {about}{expected}"
        facts.append(Fact(ref=f"paper/{one['key']}", text=text, words=f"paper evidence study literature {question}"))
    return facts


def of_run(folder: Path, question: str = "") -> list[Fact]:
    """Return what a run decided and, where the question names a sample, why that is there."""
    facts = []
    for one in audit.decisions(folder):
        if one["kind"] == "decision":
            words = "decision why run round " + " ".join(map(str, one["facts"].get("recipes", ())))
            facts.append(
                Fact(
                    ref=f"decision/{one['seq']}",
                    text=f"{one['node']}, round {one['round']}: {one['summary']}",
                    words=words,
                )
            )
    for plan in Run.open(folder).plans():
        lines = plan_lines(plan)
        facts += [
            Fact(ref=f"plan/{step.id}", text=line, words="plan step why tool paper")
            for step, line in zip(plan.steps, lines[1:], strict=True)
        ]
    for name in dict.fromkeys(_ID.findall(question)):
        known = audit.lineage(folder, name)
        if "unknown" not in known:
            facts.append(Fact(ref=f"sample/{name}", text=audit.why(folder, name).replace("\n", "; ")))
    return facts + _of_report(folder)


def _of_report(folder: Path) -> list[Fact]:
    run = Run.open(folder)
    if not run.report_json.is_file():
        return []
    report = run.read_json("report.json")
    refused = ", ".join(f"{gate} {count}" for gate, count in sorted(report["rejected"].items())) or "none"
    text = (
        f"The run stopped with {report['stop_reason']} after {report['rounds']} rounds: {report['made']} samples made, "
        f"{report['accepted']} accepted; refused by gates: {refused}."
    )
    return [Fact(ref="decision/end", text=text, words="stop stopped end why rejected accepted made result report")]
