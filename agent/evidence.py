"""Which papers speak for which tools: a question made from the gaps, a search, and priors from what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from agent.priors import Prior, Regime, outcome_of, priors
from agent.settings import Settings
from memory.errors import UsageError
from memory.job import Job, Policy, Target
from memory.literature import notes, vocabulary
from memory.literature.index import Index, Query
from memory.literature.notes import Note
from memory.literature.store import Say
from memory.literature.vocabulary import Vocabulary
from memory.outcomes import Outcome
from memory.records import Gap, Strategy
from tools.card import Tool
from tools.coverage.coverage import Coverage
from tools.embed.choose import choose

BEST = 12
"""Papers that a search for a plan returns at least, where there are so many."""
BEST_OF_FAMILY = 2
FEW_SHOT, LOW_RESOURCE = 16, 200
"""At most so many items: in the smallest short class; in the median class."""
IMBALANCED = 3.0
"""The largest class has at least so many times the items of the smallest."""
REPETITIVE = 0.1
"""At least this share of the training rows nearly repeats another."""
MANY_CLASSES = 50
_DEFAULT = Policy().encoder
_LABEL_TASKS = {
    "intent": "intent-classification",
    "emotion": "emotion-recognition",
    "command": "keyword-spotting",
}
_TASKS = {"text": "text-classification", "image": "image-classification"}


def open_literature(policy: Policy, settings: Settings, say: Say = lambda _event: None) -> Index:
    """Open the index of the literature with the encoder that a policy names.

    Where the default encoder cannot run, words alone are compared, and `Index.why_lexical` says why. Raises
    UsageError where another encoder was asked for and cannot run.
    """
    known, words = notes.load(), vocabulary.load()
    try:
        encoder = choose(
            policy.encoder,
            remote=policy.remote == "allow",
            base_url=settings.openai_base_url,
            api_key=settings.key,
        )
        return Index.open(settings.cache, known, words, encoder, say)
    except UsageError as problem:
        if policy.encoder != _DEFAULT:
            raise
        return Index.open(settings.cache, known, words, None, say, why=str(problem))


def regime_of(coverage: Coverage, job: Job) -> Regime:
    """Return the state of a dataset as far as it decides what augmentation brings."""
    sizes = [size for size in coverage.real_per_label().values() if size]
    return Regime(
        modality=coverage.modality,
        per_class=float(median(sizes)) if sizes else None,
        imbalance=max(sizes) / min(sizes) if sizes else None,
        pretrained=None if job.student is None else job.student == "pretrained",
    )


def query_of(
    job: Job, coverage: Coverage, targets: Sequence[Target], gaps: Sequence[Gap], tools: Sequence[Tool], label: str
) -> Query:
    """Return the question that a dataset and its gaps put to the literature; the same for the same state.

    `label` is the name of the label's column in the data.
    """
    short = [gap for gap in gaps if gap.missing and not gap.reason]
    axes = {axis for gap in short for axis in targets[gap.target].axes}
    task = _LABEL_TASKS.get(label.lower(), _TASKS.get(coverage.modality))
    known = [f"tasks:{task}"] if task else []
    known += [f"situations:{name}" for name in _situations(job, coverage, short, axes)]
    movers = {tool.family for tool in tools if set(tool.changes) & axes}
    known += [f"families:{name}" for name in sorted(movers)]
    return Query(words=job.request, known=tuple(known), modality=coverage.modality)


def _situations(job: Job, coverage: Coverage, short: Sequence[Gap], axes: set[str]) -> list[str]:
    sizes = [size for size in coverage.real_per_label().values() if size]
    by_label = [gap.before for gap in short if "label" in gap.cell.at]
    repeats = len(coverage.duplicate_of) / max(1, len(coverage.train))
    held = {
        "few-shot": bool(by_label) and min(by_label) <= FEW_SHOT,
        "low-resource": bool(sizes) and median(sizes) <= LOW_RESOURCE,
        "class-imbalance": bool(sizes) and max(sizes) >= IMBALANCED * min(sizes),
        "fine-grained": len(sizes) >= MANY_CLASSES,
        "low-diversity": repeats >= REPETITIVE,
        "rare-speaker": coverage.modality == "speech" and "group" in axes,
        "noisy-audio": "snr" in axes or job.assets.noise is not None,
        "multilingual": "script" in axes,
        "domain-shift": bool(axes & set(coverage.derived)),
        "low-budget": job.policy.remote == "deny",
    }
    return [name for name, holds in held.items() if holds]


def bound(note: Note, tools: Iterable[Tool], words: Vocabulary) -> tuple[str, ...]:
    """Return the tools that do what a note describes: they cite it, or are of its family or a part of it."""
    wider = {family for name in note.families for family in words.lineage(name)}
    return tuple(
        tool.name
        for tool in tools
        if note.is_augmentation
        and (note.key in tool.cites or tool.family in wider or set(words.lineage(tool.family)) & set(note.families))
    )


def retrieve(index: Index, query: Query, tools: Sequence[Tool], families: Sequence[str] = ()) -> list[Strategy]:
    """Return the papers to plan with, best first: the best of all, and for every tool the best that describes it.

    So are the best two of each of `families`, for what is planned without a tool of its own.

    A paper that augments nothing is never one of them.
    """
    known, words = notes.load(), vocabulary.load()
    only = tuple(key for key, note in known.items() if note.is_augmentation)
    found = [
        strategy_of(known[one.key], one.score, bound(known[one.key], tools, words), words)
        for one in index.search(query.model_copy(update={"only": only}))
    ]
    chosen = {one.key for one in found[:BEST]}
    for tool in tools:
        mine = [one.key for one in found if tool.name in one.tools]
        chosen |= {*mine[:1], *(key for key in mine if key in tool.cites)}
    for family in families:
        chosen |= {one.key for one in [one for one in found if family in one.families][:BEST_OF_FAMILY]}
    return [one for one in found if one.key in chosen]


def strategy_of(note: Note, score: float, tools: tuple[str, ...], words: Vocabulary) -> Strategy:
    """Return a note as a strategy."""
    return Strategy(
        key=note.key,
        title=note.title,
        score=score,
        families=note.families,
        modalities=note.modalities,
        outcome=outcome_of(note, note.families, words),
        tools=tools,
    )


def priors_of(tools: Sequence[Tool], regime: Regime, outcomes: Sequence[Outcome] = ()) -> dict[str, Prior]:
    """Return family -> prior for the families of some tools: what papers measured, and what earlier runs did."""
    return priors((tool.family for tool in tools), regime, notes.load(), vocabulary.load(), outcomes)
