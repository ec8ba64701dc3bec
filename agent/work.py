"""How nodes set tools to work: survey the dataset, make a step's candidates, put them before the gates.

What is built here (coverage, maker, judge) is built once a sitting and can always be built again from disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from agent import checks, prices
from agent.accounts import Books
from agent.evidence import open_literature
from agent.planner import Need
from agent.state import Context
from memory.datasets.made import Candidate, Judged
from memory.datasets.media import Payload, decode
from memory.errors import RecordError, UsageError
from memory.literature.index import Index
from memory.records import Cell, Modality, Plan, Step, Verdict
from tools import apply
from tools.card import Tool
from tools.catalogue import select, why_not_allowed, why_not_runnable
from tools.coverage.coverage import Coverage, survey
from tools.embed.choose import choose
from tools.engines.engine import Place
from tools.judge import Judge, gates_for
from tools.kernels.spoken import LONGEST
from tools.models.hearing import Hearing
from tools.models.purse import purse_of
from tools.parents import label_axis
from tools.probe.bench import RUNS, Bench, probe_for
from tools.probe.held import hold_out


def coverage(use: Context) -> Coverage:
    """Return what the dataset covers; measured once a run, kept beside the dataset."""
    if use.coverage is None:
        use.coverage = survey(use.dataset, lambda done, of: use.say({"node": "inspect", "done": done, "of": of}))
    return use.coverage


def literature(use: Context) -> Index:
    """Return the index of the literature, opened once a sitting; the session closes it."""
    if use.literature is None:
        use.literature = open_literature(use.job.policy, use.settings, use.say)
    return use.literature


def bench(use: Context, what: Literal["auto", "test"], runs: int = RUNS) -> Bench:
    """Return a learner and what it is measured on; `test` opens the test split, which only the report does."""
    cover = coverage(use)
    held = hold_out(use.dataset, cover, use.job.seed, what)
    encoder = None
    if use.modality == "text" and use.job.student == "pretrained":
        policy = use.job.policy
        encoder = choose(
            policy.encoder, remote=policy.remote == "allow", base_url=use.settings.openai_base_url, api_key=None
        )
    probe = probe_for(use.dataset, cover, held, device=use.device, workers=use.settings.workers, encoder=encoder)
    shift = partial(in_use, use) if use.job.use and what == "auto" else None
    return Bench(use.dataset, held, probe, use.job.seed, shift=shift, runs=runs)


def in_use(use: Context, rows: Sequence[int]) -> list[Payload]:
    """Return real rows as they come where the model is used: after the calls that the job names."""
    step = Step.model_construct(id="use", calls=use.job.use, fill=(), cites=(), why="")
    made = maker(use).make(step, [apply.Task(at, row, 0, Cell(at={})) for at, row in enumerate(rows)])
    whole = use.dataset.payloads(rows)
    changed = [payload_of(one, use.modality) for one in made]
    return [real if other is None else other for other, real in zip(changed, whole, strict=True)]


def tools_here(use: Context) -> tuple[list[Tool], list[str]]:
    """Return the tools that keep a label or change it and may run here, and why the others may not."""
    known = [use.tools[tool.name] for tool in select("augment", use.modality) if tool.labels != "mixed"]
    job = use.job
    why = {
        tool.name: why_not_allowed(tool, job.policy)
        or why_not_runnable(tool, job.policy)
        or checks.why_too_slow(tool, job, use.device)
        for tool in known
    }
    return [tool for tool in known if why[tool.name] is None], [reason for reason in why.values() if reason]


def unpaid(use: Context) -> frozenset[str]:
    """Return the tools of which what is left of the limits may not cover another sample of usual size."""
    return prices.unpaid(use.job, use.tools, use.exchanges.money_usd, use.exchanges.tokens)


def likest_first(use: Context, needs: Sequence[Need]) -> list[Need]:
    """Return needs with the classes that tools may start from in order: first those most like the one wanted."""
    if not any(need.others for need in needs):
        return list(needs)
    alike = maker(use).likest
    ordered = []
    for need in needs:
        axis = label_axis(need.gap.cell, use.dataset.columns.label)
        names = [] if axis is None else [name for name in alike.get(need.gap.cell.at[axis], ()) if name in need.others]
        ordered.append(replace(need, others={name: need.others[name] for name in names} or need.others))
    return ordered


def unknown_starts(use: Context, plan: Plan) -> list[str]:
    """Return the fills of a plan that take parents from a cell of an axis that is not there."""
    found = []
    for step in plan.steps:
        for fill in step.fill:
            try:
                coverage(use).rows_in(fill.start or fill.cell)
            except UsageError as problem:
                found.append(f"Step {step.id!r}: {problem}")
    return found


def maker(use: Context) -> apply.Maker:
    """Return what makes samples, built once a sitting."""
    if use.maker is None:
        use.maker = apply.Maker(
            use.dataset,
            coverage(use),
            use.tools,
            use.job.seed,
            noise=use.noise,
            batch_size=use.settings.batch_size,
            device=use.device,
            place=_place(use),
        )
    return use.maker


def _place(use: Context) -> Place:
    """Return what the engines of generative tools are made from."""
    purse = purse_of(use.job, use.exchanges) if use.asker is None else use.asker.purse
    return Place(
        use.job.policy,
        use.dataset,
        coverage(use),
        use.device,
        use.job.seed,
        asker=use.asker,
        endpoint=(use.settings.openai_base_url, use.settings.key),
        hearing=Hearing(use.exchanges, use.recorded, purse),
        compiled=use.settings.compile,
    )


def make_step(use: Context, step: Step) -> int:
    """Make the shards of one step that are not there yet; return how many candidates the step has.

    Stops between shards when the time of the run is spent; what was made is judged all the same.
    """
    makes = maker(use)
    planned = apply.tasks(step, coverage(use), use.job.seed, _misread(use, step))
    shards = [planned[start : start + apply.SHARD] for start in range(0, len(planned), apply.SHARD)]
    todo = [at for at in range(len(shards)) if not _is_there(use, step, at)]
    done = len(planned) - sum(len(shards[at]) for at in todo)

    def one(at: int) -> int:
        if _time_is_up(use):
            return 0
        use.made.write_candidates(step.id, at, makes.make(step, shards[at]))
        return len(shards[at])

    for made in use.executor.map(one, todo):
        done += made
        use.say({"node": "apply", "step": step.id, "done": done, "of": len(planned)})
    return done


def _misread(use: Context, step: Step) -> Sequence[int]:
    """Return the misread rows of the plan that a step stands in, where it takes parents from them."""
    if not any(fill.among for fill in step.fill):
        return ()
    return next(plan.misread for plan in use.run.plans() if step.id in {one.id for one in plan.steps})


def _is_there(use: Context, step: Step, shard: int) -> bool:
    """Return whether a shard was made already, by the tools as they are now: a changed tool makes it again."""
    if not use.made.has_candidates(step.id, shard):
        return False
    calls = (call for made in use.made.candidates(step.id, shard) for call in made.calls)
    return all(use.tools[call["tool"]].version == call["version"] for call in calls)


def _time_is_up(use: Context) -> bool:
    return checks.time_is_up(use.job.limits, use.clock(), use.gpu_clock())


def payload_of(made: Candidate, modality: Modality) -> Payload | None:
    """Return a made sample as its reader will see it: decoded from the bytes that are kept."""
    if made.refused is not None:
        return None
    if modality == "text":
        return made.text
    assert made.blob is not None, "a made image or clip has its bytes"
    return decode(modality, made.blob, made.id)


def _judge(use: Context, steps: Sequence[str]) -> Judge:
    """Build the judge of this sitting; it remembers what earlier sittings accepted."""
    if use.judge is None:
        gates = gates_for(use.modality, use.job.policy)
        progress = partial(_say_judging, use)
        use.judge = Judge(use.dataset, coverage(use), use.job.seed, gates, progress, maker(use).material.place)
        for batch in _in_batches(use.made.accepted(steps), 512):
            kept = [(made.id, payload_of(made, use.modality)) for made, _ in batch]
            use.judge.remember([name for name, _ in kept], [payload for _, payload in kept if payload is not None])
    return use.judge


def _say_judging(use: Context, what: str, done: int, of: int) -> None:
    use.say({"node": "judge", "step": what, "done": done, "of": of})


def _in_batches(pairs: Iterator[tuple[Candidate, Judged]], size: int) -> Iterator[list[tuple[Candidate, Judged]]]:
    batch: list[tuple[Candidate, Judged]] = []
    for pair in pairs:
        batch.append(pair)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def judge_steps(
    use: Context, plan: Plan, books: Books, steps: Sequence[str], made: Mapping[str, int]
) -> dict[str, Any]:
    """Judge every candidate of a plan in the order it was made, and book it.

    Run again after a crash it gives the same verdicts: they follow from the candidates and from what was accepted
    in earlier rounds, never from what an unfinished judging left behind.
    """
    judge = _judge(use, steps)
    for done, step in enumerate(plan.steps):
        found = 0
        for shard in use.made.shards(step.id):
            candidates = use.made.candidates(step.id, shard)
            judged = _judge_shard(use, judge, books, checks.recipe(step), candidates)
            use.made.write_judged(step.id, shard, judged)
            found += len(judged)
        if found != made[step.id]:
            raise RecordError(
                f"Step {step.id} made {made[step.id]} samples and {found} are here.", where=str(use.made.folder)
            )
        use.say({"node": "judge", "step": step.id, "done": done + 1, "of": len(plan.steps)})
    return books.outcome()


def _told_of_money(made: Candidate, judged: Judged, broke: Set[str]) -> Judged:
    """Return what became of a sample: where nothing came of a tool that cannot be paid any more, that the budget is."""
    if made.refused is None or broke.isdisjoint(str(call["tool"]) for call in made.calls):
        return judged
    return replace(judged, verdicts=(Verdict(gate="budget", accepted=False, why=made.refused),))


def _judge_shard(
    use: Context, judge: Judge, books: Books, recipe: str, candidates: Sequence[Candidate]
) -> list[Judged]:
    """Judge as many at a time as cannot overfill a cell or a cap; what comes after that is not needed."""
    results: list[Judged] = []
    waiting: list[Candidate] = []
    broke = prices.unpaid(use.job, use.tools, use.exchanges.money_usd, use.exchanges.tokens, LONGEST)

    def flush() -> None:
        payloads = [payload_of(made, use.modality) for made in waiting]
        for made, found in zip(waiting, judge.judge(waiting, payloads), strict=True):
            judged = _told_of_money(made, found, broke)
            books.book(recipe, made, judged)
            results.append(judged)
        waiting.clear()

    for made in candidates:
        full = books.why_full(made, waiting)
        if full is not None and waiting:
            flush()
            full = books.why_full(made, waiting)
        if full is None:
            waiting.append(made)
            continue
        judged = Judged(id=made.id, accepted=False, verdicts=(full,), attributes={})
        books.book(recipe, made, judged)
        results.append(judged)
    flush()
    return results
