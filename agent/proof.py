"""The proof: what the kept samples bring to a learner on real items of a split that nothing was chosen on.

The split is opened once, when the run ends, and three things that anybody could have done instead are measured on it:
other weights, the recipe that is usual in the modality, and tools drawn at random, each with as many samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agent import baseline, policy, trials, work
from agent.holes import Erred
from agent.planner import split
from agent.recipes import AS_IS, REWEIGHTED, USUAL, Recipe
from agent.state import Context, State
from memory.records import Call, Cell, Fill, Step
from tools import apply
from tools.probe.bench import Bench, Samples, Training
from tools.probe.scores import Comparison
from tools.seeds import generator, seed_for

RUNS = {"text": 1, "image": 3, "speech": 3}
"""Trainings of the learner; that of texts has no start to draw."""
RANDOM = "random tools"
FIXED = "the usual recipe"
GIVEN = "the plan"
"""What a plan that a person brought is called."""
MOST_ADVICE = 5
"""Classes named in advice to collect more of."""


def prove(use: Context, state: State, known: Mapping[str, Recipe]) -> dict[str, Any] | None:
    """Return what was gained, per class and in all, beside what others would have; None where no split is held out."""
    bench = work.bench(use, "test", RUNS[use.modality])
    held = bench.held
    if not held.usable:
        return None
    winner = GIVEN if state["settled"] is None else str(state["settled"])
    kept = _kept(use, bench, state["kept"])
    counts = _counts(bench, kept) or policy.level(held.sizes(), policy.samples_at(held.sizes(), policy.PILOT_DOSE), {})
    base = bench.predict(Training())
    chosen = bench.predict(_training(bench, winner, kept)) if winner != AS_IS or kept is not None else base
    found = {AS_IS: (base, 0), winner: (chosen, 0 if kept is None else len(kept))}
    if winner != REWEIGHTED:
        found[REWEIGHTED] = (bench.predict(Training(weighting="classes")), 0)
    for name, lot in _alternatives(use, bench, known, counts).items():
        found[name] = (bench.predict(Training(made=lot)), len(lot))
    compared = {name: (bench.compare(base, said), samples) for name, (said, samples) in found.items()}
    gained = compared[winner][0]
    return {
        "split": held.kind,
        "items": len(held.items),
        "units": gained.units,
        "left_out": held.left_out,
        "settled": winner,
        "before": round(gained.before, 4),
        "after": round(gained.after, 4),
        "gain": round(gained.gain, 4),
        "low": round(gained.low, 4),
        "high": round(gained.high, 4),
        "samples": found[winner][1],
        "per_point": _per_point(use, gained, found[winner][1]),
        "per_class": _per_class(held.classes, gained),
        "instead": {
            name: {
                "macro_f1": round(one.after, 4),
                "gain": round(one.gain, 4),
                "low": round(one.low, 4),
                "high": round(one.high, 4),
                "samples": samples,
            }
            for name, (one, samples) in compared.items()
            if name != winner
        },
    }


def _per_point(use: Context, gained: Comparison, samples: int) -> dict[str, float] | None:
    """Return what a point of macro-F1 cost: kept samples, seconds of the whole run; None without a gain."""
    points = 100 * gained.gain
    if points <= 0:
        return None
    return {"samples": round(samples / points, 1), "seconds": round(use.clock() / points, 1)}


def _per_class(classes: Sequence[str], found: Comparison) -> list[dict[str, Any]]:
    return [
        {
            "class": name,
            "items": one.items,
            "before": round(one.before, 4),
            "after": round(one.after, 4),
            "gain": round(one.gain, 4),
            "low": round(one.low, 4),
            "high": round(one.high, 4),
        }
        for name, one in zip(classes, found.per_class, strict=True)
    ]


def _kept(use: Context, bench: Bench, steps: Sequence[str]) -> Samples | None:
    return bench.join(trials.lot_of(use, bench, step).samples for step in steps)


def _counts(bench: Bench, kept: Samples | None) -> dict[str, int]:
    if kept is None:
        return {}
    counts = np.bincount(kept.labels, minlength=len(bench.held.classes)).tolist()
    return {name: count for name, count in zip(bench.held.classes, counts, strict=True) if count}


def _training(bench: Bench, winner: str, kept: Samples | None) -> Training:
    if kept is not None:
        return Training(made=kept)
    return baseline.alone_as(bench, winner)


def _alternatives(
    use: Context, bench: Bench, known: Mapping[str, Recipe], counts: Mapping[str, int]
) -> dict[str, Samples]:
    """Return as many samples of each class by the usual recipe and by tools drawn at random; no gate looks at them."""
    found = {}
    if USUAL in known:
        found[FIXED] = known[USUAL].parts
    singles = [one.parts[0] for one in known.values() if one.tools == (one.name,)]
    if singles:
        found[RANDOM] = tuple(singles)
    lots = {}
    for name, parts in found.items():
        made = _made(use, name, parts, counts)
        payloads = [(one, payload) for one in made if (payload := work.payload_of(one, use.modality)) is not None]
        lot = bench.read(
            [payload for _, payload in payloads],
            [one.label for one, _ in payloads],
            [one.parents for one, _ in payloads],
        )
        if len(lot):
            lots[name] = lot
    return lots


def _made(use: Context, name: str, parts: Sequence[tuple[Call, ...]], counts: Mapping[str, int]) -> list[Any]:
    """Make samples that are measured and then forgotten: they can be made again from the seed."""
    maker, cover, made = work.maker(use), work.coverage(use), []
    rng = generator(seed_for(use.job.seed, "proof", name))
    shares = {
        label: rng.multinomial(count, [1 / len(parts)] * len(parts)).tolist()
        if name == RANDOM
        else split(count, [1.0] * len(parts), turn)
        for turn, (label, count) in enumerate(sorted(counts.items()))
    }
    for at, calls in enumerate(parts):
        fill = tuple(
            Fill(cell=Cell(at={"label": label}), count=share[at]) for label, share in shares.items() if share[at]
        )
        step = Step.model_construct(id=f"proof.{name}.{at}", calls=calls, fill=fill, cites=(), why="")
        planned = apply.tasks(step, cover, use.job.seed)
        for low in range(0, len(planned), apply.SHARD):
            made += maker.make(step, planned[low : low + apply.SHARD])
    return made


def erred(use: Context, state: State) -> Erred | None:
    """Return how often the learner gets items wrong that recipes were chosen on, without and with the kept samples.

    None where no slice stood out, or nothing was kept.
    """
    if not state.get("baseline", {}).get("slices") or not state["kept"]:
        return None
    bench = baseline.bench_of(use)
    kept = _kept(use, bench, state["kept"])
    if kept is None:
        return None
    before, after = (
        (said != bench.held.truth).mean(axis=0).tolist()
        for said in (baseline.said_by(use, AS_IS), bench.predict(Training(made=kept)))
    )
    return Erred(bench.held.items.tolist(), (before, after))


def advice(state: State) -> list[str]:
    """Return what to do next, in words, the most telling first: how to train, what to collect."""
    facts, winner = state["baseline"], str(state["settled"])
    lines = [trials.says(winner)]
    lines += [
        f"{100 * one['in_use']:.0f} % of the items in use have {one['axis']} {one['range']}, "
        f"and {100 * one['here']:.0f} % of the training rows."
        for one in facts["in_use"]
    ]
    if not facts["informative"]:
        lines.append(
            "The training items come from too few groups to measure what helps others: collect items of more of them."
        )
        return lines
    lines += [
        f"The label can be read off {one['axis']} (V {one['strength']:.2f}): a model may learn the channel. "
        "Collect every class over every channel."
        for one in facts["confounds"]
    ]
    lines += [
        f"The learner errs most on {', '.join(f'{axis}={value}' for axis, value in one['cell'].items())}: {one['why']}."
        for one in facts["slices"][:MOST_ADVICE]
    ]
    doubling, sizes = facts["doubling"], facts["sizes"]
    lines.append(
        f"Half of the real rows against all of them: {_points(doubling['gain'])} "
        f"({_points(doubling['low'])} to {_points(doubling['high'])}); twice as many would bring no more than that."
    )
    classes = [(gain, name) for name, (gain, low, _) in doubling["per_class"].items() if low > 0]
    for gain, name in sorted(classes, key=lambda one: (-one[0], one[1]))[:MOST_ADVICE]:
        lines.append(
            f"Collect {sizes[name]} more real items of {name!r}: the last {sizes[name] - sizes[name] // 2} brought it "
            f"{_points(gain)} of F1."
        )
    return lines


def _points(value: float) -> str:
    return f"{100 * value:+.1f} points"


def known_of(use: Context, state: State) -> dict[str, Recipe]:
    """Return the recipes of a run that ended; none where it ended before anything was retrieved."""
    if not state["strategies"]:
        return {}
    return trials.known_recipes(use, state, work.tools_here(use)[0])
