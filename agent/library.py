"""A question put to the literature by a person: what was found, what it measured, what it leads one to expect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from agent import evidence
from agent.glance import Say, glance
from agent.priors import Prior, Regime, priors
from agent.settings import Settings, keep_quiet
from memory.errors import UsageError
from memory.job import Job, Policy
from memory.literature import notes, vocabulary
from memory.literature.index import ANSWERED, Found, Query
from memory.literature.notes import Effect, Note
from memory.records import Modality, Record
from tools.catalogue import load, select, why_not_allowed, why_not_runnable

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Question:
    """What a person wants to know, and which papers may answer."""

    words: str = ""
    data: Path | None = None
    """A job or a dataset whose state the question is about; its modality, regime and gaps are filled in."""
    modality: Modality | None = None
    within: tuple[str, ...] = ()
    """Situations of which a paper must be for at least one."""
    runnable: bool = False
    """Only papers that a tool stands for which runs here and which `policy` allows."""
    per_class: float | None = None
    pretrained: bool | None = None
    limit: int = 10


@dataclass(frozen=True)
class Answer:
    """What was found, best first, and how it was searched."""

    entries: list[dict[str, Any]]
    ranking: str
    why_lexical: str | None
    regime: Regime

    @property
    def answered(self) -> bool:
        """Whether the best of it is likely to be an answer at all."""
        return bool(self.entries) and self.entries[0]["score"] >= ANSWERED


def policy_of(*, encoder: str | None, remote: bool, licences: str) -> Policy:
    """Return the policy of a search. Raises UsageError for another word for licences."""
    given = {"remote": "allow" if remote else "deny", "licences": licences}
    return _valid(Policy, given | ({} if encoder is None else {"encoder": encoder}))


def question_of(**given: Any) -> Question:
    """Return a question as the command line gives it. Raises UsageError for a modality or student that is none."""
    student = given.pop("student")
    checked = _valid(Job, {"dataset": {"path": ".", "modality": given["modality"]}, "student": student})
    return Question(pretrained=None if checked.student is None else checked.student == "pretrained", **given)


def _valid(kind: type[R], value: dict[str, Any]) -> R:
    try:
        return kind.model_validate(value)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise UsageError(
            f"{first['input']!r} cannot be used: {first['msg']}.", where=f"--{first['loc'][-1]}"
        ) from problem


def ask(question: Question, policy: Policy, settings: Settings, say: Say) -> Answer:
    """Search the literature.

    Raises UsageError for an empty question, a situation that is none, or data that do not open.
    """
    keep_quiet(policy.remote)
    query, regime = _posed(question, say)
    tools = [tool for tool in load().values() if tool.kind == "augment"]
    known, words = notes.load(), vocabulary.load()
    if question.runnable:
        usable = [tool for tool in tools if not why_not_runnable(tool) and not why_not_allowed(tool, policy)]
        query = query.model_copy(
            update={"only": tuple(key for key, note in known.items() if evidence.bound(note, usable, words))}
        )
    with evidence.open_literature(policy, settings, say) as index:
        found = index.search(query, question.limit)
        families = {family for one in found for family in known[one.key].families}
        expected = priors(families, regime, known, words)
        entries = [_entry(one, known[one.key], expected, evidence.bound(known[one.key], tools, words)) for one in found]
        return Answer(entries, index.ranking, index.why_lexical, regime)


def _posed(question: Question, say: Say) -> tuple[Query, Regime]:
    """Return the question as it is searched, and the regime that priors are for."""
    query = Query(words=question.words, modality=question.modality)
    regime = Regime(modality=question.modality)
    if question.data is not None:
        query, regime = _of_data(question.data, say)
        if question.modality not in (None, query.modality):
            raise UsageError(f"The data are {query.modality}, not {question.modality}.", where="--modality")
        query = query.model_copy(update={"words": " ".join((query.words, question.words)).strip()})
    told = {"per_class": question.per_class, "pretrained": question.pretrained}
    regime = regime.model_copy(update={name: value for name, value in told.items() if value is not None})
    return query.model_copy(update={"within": question.within}), regime


def _of_data(path: Path, say: Say) -> tuple[Query, Regime]:
    """Return the question that the gaps of a dataset put, as a run on it would."""
    with glance(path, say) as at:
        tools, label = select("augment", at.dataset.modality), at.dataset.columns.label or "label"
        query = evidence.query_of(at.job, at.coverage, at.targets, at.gaps, tools, label)
        return query, evidence.regime_of(at.coverage, at.job)


def _entry(found: Found, note: Note, expected: Mapping[str, Prior], tools: Sequence[str]) -> dict[str, Any]:
    """Return one paper as plain facts."""
    family = note.families[0] if note.families else None
    return {
        "key": note.key,
        "title": note.title,
        "score": found.score,
        "answers": found.score >= ANSWERED,
        "family": family,
        "modality": note.modalities[0],
        "prior": None if family is None else expected[family].model_dump(mode="json"),
        "tools": list(tools),
        "families": list(note.families),
        "modalities": list(note.modalities),
        "year": note.year,
        "evidence": note.evidence,
        "flags": list(note.flags),
        "approach": note.approach,
        "effects": [effect.model_dump(mode="json", exclude_none=True) for effect in note.effects],
        "limitations": [one.model_dump(mode="json") for one in note.limitations],
        "applies_when": list(note.applies_when),
        "remark": note.remark,
        "address": address_of(note),
        "cosine": found.cosine,
        "bm25": found.bm25,
    }


def address_of(note: Note) -> str | None:
    """Return where a paper is found: DOI, arXiv, or another address; None where none is known."""
    if note.doi:
        return f"https://doi.org/{note.doi}"
    if note.arxiv:
        return f"https://arxiv.org/abs/{note.arxiv}"
    return note.urls[0] if note.urls else None


def told(effect: Effect) -> str:
    """Return an effect in one line."""
    if effect.scale == "relative" and effect.delta is not None:
        size = f"{effect.delta:+g} %"
    elif effect.value is not None and effect.baseline_value is not None:
        size = f"{effect.baseline_value:g} -> {effect.value:g}"
    elif effect.delta is not None:
        size = f"{effect.delta:+g}"
    else:
        size = {"gain": "better", "none": "no effect", "loss": "worse"}[effect.outcome]
    marks = [
        word for word, holds in (("up to", effect.best_case), ("with other changes", not effect.isolated)) if holds
    ]
    marked = f" ({', '.join(marks)})" if marks else ""
    return f"{effect.metric}: {size}{marked}; {effect.dataset}"
