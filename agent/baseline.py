"""What a learner makes of the real rows alone: as they are, with other weights, with copies, with half of them.

Trials are measured against the best of these: where classes are unequal, weighing or repeating rows often brings most
of what made samples seem to, and costs nothing.
"""

from __future__ import annotations

from typing import Any

from agent import holes, policy, recipes, work
from agent.policy import Trial
from agent.priors import chance
from agent.recipes import AS_IS, COPIED, REWEIGHTED
from agent.state import Context, Update
from memory.errors import UsageError
from tools.coverage.profile import confounded
from tools.probe.bench import Bench, Training
from tools.probe.scores import Comparison


def bench_of(use: Context) -> Bench:
    """Return the bench of this sitting. Raises UsageError where the data have nothing to measure on."""
    if use.bench is None:
        use.bench = work.bench(use, "auto")
        if not use.bench.held.usable:
            raise UsageError(
                "A goal needs two classes or more, two training rows a class and as many to hold out.",
                where="targets.measure",
            )
    return use.bench


def measure(use: Context) -> Update:
    """Measure what makes no sample, and say which of it trials are measured against."""
    bench = bench_of(use)
    at_rest = Trial(arm=AS_IS, prior=recipes.AT_REST)
    if not bench.held.informative:
        return {"trials": {AS_IS: at_rest}, "baseline": _facts(use, bench, None, None, AS_IS)}
    base = said_by(use, AS_IS)
    sizes = bench.held.sizes()
    imbalanced = max(sizes.values()) >= recipes.IMBALANCED * min(sizes.values())
    priors = {REWEIGHTED: recipes.WEIGHTS} if imbalanced else {}
    if imbalanced or use.modality == "text":  # a network gets equal steps: copies of equal classes change nothing
        priors[COPIED] = recipes.COPIES
    reference = AS_IS
    for name in priors:  # copies take the place of weights only where they are surely better
        if _sure(bench.compare(said_by(use, reference), said_by(use, name))):
            reference = name
    trials = {AS_IS: taken(use, at_rest, base, reference)}
    for name, prior in priors.items():
        trials[name] = taken(use, Trial(arm=name, prior=prior), said_by(use, name), reference)
    halved = bench.compare(bench.predict(Training(half=True)), base)
    return {"trials": trials, "baseline": _facts(use, bench, bench.compare(base, base), halved, reference)}


def _sure(found: Comparison) -> bool:
    """Return whether a gain is no chance, by what was measured alone."""
    return chance(found.gain, max(found.spread, 1e-9)) >= policy.SURE


def said_by(use: Context, name: str) -> Any:
    """Return what a learner says that is trained on real rows alone, in the way `name` says; once a sitting."""
    if name not in use.said:
        bench = bench_of(use)
        use.said[name] = bench.predict(alone_as(bench, name))
    return use.said[name]


def alone_as(bench: Bench, name: str) -> Training:
    """Return how real rows are trained on without a made sample."""
    if name == REWEIGHTED:
        return Training(weighting="classes")
    if name == COPIED:
        sizes = bench.held.sizes()
        return Training(copies=policy.level(sizes, policy.samples_at(sizes, policy.PILOT_DOSE), {}))
    return Training()


def taken(use: Context, trial: Trial, said: Any, reference: str) -> Trial:
    """Return a trial with what was measured: in points over the data as they are, in shares beside the reference."""
    bench = bench_of(use)
    total = bench.compare(said_by(use, AS_IS), said)
    beside = total if reference == AS_IS else bench.compare(said_by(use, reference), said)
    error = max(1.0 - beside.before, 1e-6)
    point = (trial.accepted, round(total.gain, 4), round(total.low, 4), round(total.high, 4))
    return trial.model_copy(
        update={
            "gain": round(beside.gain / error, 4),
            "spread": round(beside.spread / error, 4),
            "points": point[1],
            "low": point[2],
            "high": point[3],
            "curve": (*trial.curve, point),
        }
    )


def _facts(
    use: Context, bench: Bench, base: Comparison | None, halved: Comparison | None, reference: str
) -> dict[str, Any]:
    held = bench.held
    facts: dict[str, Any] = {
        "measured_on": held.kind,
        "informative": held.informative,
        "items": len(held.items),
        "units": len(set(held.units.tolist())),
        "left_out": held.left_out,
        "sizes": held.sizes(),
        "reference": reference,
        "macro_f1": None,
        "reference_macro_f1": None,
        "wrong": None,
        "doubling": None,
        "confounds": confounded(work.coverage(use)),
        "slices": [],
        "misread": [],
        "in_use": holes.in_use(use),
    }
    if base is None or halved is None:
        return facts
    other = bench.compare(said_by(use, AS_IS), said_by(use, reference))
    facts |= {"macro_f1": round(base.before, 4), "reference_macro_f1": round(other.after, 4)}
    wrong = said_by(use, AS_IS) != held.truth  # (runs, items)
    facts["slices"] = holes.slices(use, held.items.tolist(), wrong[0].tolist())
    if held.kind == "folds":  # then items are training rows, and no learner is asked about one that it was trained on
        facts["misread"] = held.items[wrong.all(axis=0)].tolist()
    facts["wrong"] = sum(round((1 - one.before) * one.items) for one in base.per_class)
    facts["doubling"] = {
        "gain": round(halved.gain, 4),
        "low": round(halved.low, 4),
        "high": round(halved.high, 4),
        "per_class": {
            name: [round(one.gain, 4), round(one.low, 4), round(one.high, 4)]
            for name, one in zip(held.classes, halved.per_class, strict=True)
        },
    }
    return facts
