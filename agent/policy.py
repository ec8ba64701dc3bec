"""What to try next, and when to stop: a bandit over recipes whose prior is the literature and whose reward is measured.

The unit is the share of the error that goes away. A posterior joins the prior with what the learner measured on
held-out items (normal-normal). The order of work is from cheap to dear: what makes nothing, a pilot of the broadest
recipes within a tenth of the budget, single tools and other strengths, then growth of the best until the last doubling
did not pay. What is measured is measured beside the best use of the real rows alone (`agent.baseline`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from agent.priors import Prior, chance, expected_gain
from agent.recipes import PILOTS, USE_MIX, Recipe
from memory.records import Record

WORTH = 0.002
"""A gain in macro-F1 under this, a fifth of a point, is not worth a sample."""
PILOT_SHARE = 0.1
"""Share of the samples that may be made before it must be said whether anything helps."""
PILOT_DOSE, MOST_DOSE = 1.0, 4.0
"""Samples a row of the largest class, beyond classes of equal size: in a pilot, and at most."""
WIDENED = 4
"""Single tools that are tried after the pilot."""
LIKELY = 0.25
"""Work goes on while some recipe is worth it with at least this probability."""
SURE = 0.85
"""A recipe is kept only when it brings more than nothing with at least this probability."""
SPEAKS_FOR = 0.7
"""What was measured must say so too, at least with this probability: the literature alone keeps nothing."""
_NO_LIMIT = 1_000_000


class Trial(Record):
    """One recipe as it stands: what was made for it, what was expected of it, what was measured."""

    arm: str
    prior: Prior
    steps: tuple[str, ...] = ()
    asked: int = 0
    """Samples asked for so far."""
    made: int = 0
    accepted: int = 0
    seconds: float = 0.0
    """Time spent training learners to measure it."""
    gain: float | None = None
    """Measured share of the reference's error that goes away; None: not measured."""
    spread: float | None = None
    points: float | None = None
    """Measured gain in macro-F1 over the data as they are, in 0..1, with its 90 % interval."""
    low: float | None = None
    high: float | None = None
    curve: tuple[tuple[int, float, float, float], ...] = ()
    """(accepted samples, gain, low, high) in macro-F1 each time that it was measured."""
    notes: dict[str, str] = Field({})
    """Step -> what else a person should know of it."""
    left_out: dict[str, str] = Field({})
    """Step -> why its samples are left out, whatever they bring: a mark gives them away."""

    @property
    def kept(self) -> tuple[str, ...]:
        """The steps whose accepted samples are in it."""
        return tuple(step for step in self.steps if step not in self.left_out)

    @property
    def posterior(self) -> tuple[float, float]:
        """Mean and standard deviation of the gain, after what was measured."""
        mean, spread = self.prior.mean, self.prior.spread
        if self.gain is None or self.spread is None:
            return mean, spread
        trust = spread**2 / (spread**2 + max(self.spread, 1e-6) ** 2)
        return mean + trust * (self.gain - mean), spread * math.sqrt(max(0.0, 1.0 - trust))


@dataclass(frozen=True)
class Standing:
    """What a choice is made from."""

    error: float
    """1 - macro-F1 of the reference."""
    informative: bool
    """Whether held-out items can say anything of others; else the priors decide."""
    pilot: int
    """Samples that a pilot of one recipe would make at most."""
    most: int
    """Samples that one recipe may make."""
    reference: str
    """What trials are measured against: the best use of the real rows alone."""
    left: int | None
    """Samples that the budget leaves; None: any number."""
    budget: int | None


@dataclass(frozen=True)
class Choice:
    """What is tried next: recipe -> samples; nothing once a recipe is settled on."""

    stage: Literal["pilot", "widen", "grow", "settle"]
    why: str
    asks: Mapping[str, int]


def choose(trials: Mapping[str, Trial], known: Mapping[str, Recipe], at: Standing) -> Choice:
    """Return what to try next. The same trials give the same choice."""
    made = [one for one in trials.values() if one.asked]
    if not at.informative:
        return _by_prior(made, known, at)
    if not _likely([*trials.values(), *_untried(known, trials)], at.error):
        return Choice("settle", f"no recipe is likely to bring {100 * WORTH:g} points", {})
    if not made:
        return _pilot(known, at)
    if not _widened(made, known):
        if not any(_speaks_for_itself(one) for one in made):  # looking on among many recipes would find luck
            return Choice("settle", "none of the broadest recipes shows a gain", {})
        return _widen(trials, known, at)
    return _grow(trials, at)


def best(trials: Mapping[str, Trial], at: Standing) -> str:
    """Return the recipe with the highest posterior mean among those that surely bring more than the reference.

    The reference itself where there is none that is worth anything. Where nothing could be measured the mean decides.
    """
    sure = [one for one in trials.values() if one.accepted and (not at.informative or _is_sure(one, at.error))]
    first = max(sure, key=lambda one: (one.posterior[0], one.arm), default=None)
    return at.reference if first is None or first.posterior[0] * at.error < WORTH else first.arm


def _is_sure(trial: Trial, error: float) -> bool:
    """Return whether a recipe surely brings something: by all that is known, and likely by what was measured alone."""
    return _speaks_for_itself(trial) and probability(trial, error, 0.0) >= SURE


def _speaks_for_itself(trial: Trial) -> bool:
    """Return whether a recipe likely brings something by what was measured alone."""
    if trial.gain is None or trial.spread is None:
        return False
    return chance(trial.gain, max(trial.spread, 1e-9)) >= SPEAKS_FOR


def probability(trial: Trial, error: float, gain: float = WORTH) -> float:
    """Return the probability that a recipe brings at least `gain` of macro-F1."""
    mean, spread = trial.posterior
    return chance(mean * error, max(spread * error, 1e-12), gain)


def _likely(trials: list[Trial], error: float) -> bool:
    """Return whether some recipe may be worth it: one that has samples, or one that was not tried yet."""
    return any(probability(one, error) >= LIKELY for one in trials if one.accepted or not one.asked)


def _untried(known: Mapping[str, Recipe], trials: Mapping[str, Trial]) -> list[Trial]:
    """Return the broadest recipes that were not tried yet, at their priors; single tools follow from those."""
    return [Trial(arm=name, prior=known[name].prior) for name in PILOTS if name in known and name not in trials]


def _by_prior(made: list[Trial], known: Mapping[str, Recipe], at: Standing) -> Choice:
    """Choose the broadest recipe that is expected to gain: single tools differ too much from one dataset to another."""
    why = "the training items come from too few groups to measure what helps others; the literature decides"
    broad = (USE_MIX, *PILOTS, *_singles(known))  # as items come in use, in as many ways as there are tools
    names = [name for name in broad if name in known and known[name].prior.mean > 0]
    if made or not names:
        return Choice("settle", why, {})
    return Choice("pilot", why, _asked(names[:1], at.most, at.left))


def _pilot(known: Mapping[str, Recipe], at: Standing) -> Choice:
    names = [name for name in PILOTS if name in known] or _singles(known)[:WIDENED]
    if not names:
        return Choice("settle", "no recipe makes samples here", {})
    share = _NO_LIMIT if at.budget is None else int(PILOT_SHARE * at.budget)
    each = min(at.pilot, max(1, share // len(names)))
    return Choice("pilot", "a pilot of the broadest recipes", _asked(names, each, at.left))


def _singles(known: Mapping[str, Recipe]) -> list[str]:
    """Return the recipes of one tool, those first that promise most for their cost."""
    some = [one for one in known.values() if one.tools == (one.name,)]
    return [one.name for one in sorted(some, key=lambda one: (-expected_gain(one.prior) / one.cost, one.name))]


def _widened(made: list[Trial], known: Mapping[str, Recipe]) -> bool:
    return any(one.arm not in PILOTS for one in made) or not _singles(known)


def _widen(trials: Mapping[str, Trial], known: Mapping[str, Recipe], at: Standing) -> Choice:
    """Try single tools and other strengths of the best recipe, as many samples each as that had."""
    leader = _leader(trials)
    base = leader.asked if leader is not None else at.pilot
    strengths = [] if leader is None else [name for name in known if name.startswith(f"{leader.arm}-")]
    names = [name for name in [*strengths, *_singles(known)[:WIDENED]] if name not in trials]
    if not names:
        return _grow(trials, at)
    return Choice(
        "widen",
        "single tools, and the best recipe at other strengths and from misread rows",
        _asked(names, base, at.left),
    )


def _leader(trials: Mapping[str, Trial]) -> Trial | None:
    live = [one for one in trials.values() if one.accepted]
    return max(live, key=lambda one: (one.posterior[0], one.arm), default=None)


def _grow(trials: Mapping[str, Trial], at: Standing) -> Choice:
    """Double the best recipe while the last doubling was worth it; returns diminish."""
    leader = _leader(trials)
    if leader is None or leader.posterior[0] * at.error < WORTH:
        return Choice("settle", "what was tried brings nothing", {})
    more = min(leader.asked, at.most - leader.asked)
    if more < max(1, leader.asked // 4):
        return Choice("settle", f"{leader.arm} has as many samples as it may have", {})
    if last_step(leader) < WORTH:
        return Choice("settle", f"more of {leader.arm} brought no more", {})
    asks = _asked([leader.arm], more, at.left)
    return Choice("grow" if asks else "settle", f"more of {leader.arm}", asks)


def last_step(trial: Trial) -> float:
    """Return what the last doubling of a recipe brought, in macro-F1; before there was one, what all of it did."""
    return trial.curve[-1][1] - (trial.curve[-2][1] if len(trial.curve) > 1 else 0.0)


def _asked(names: list[str], each: int, left: int | None) -> dict[str, int]:
    """Return so many samples of each, as far as the budget goes."""
    asks: dict[str, int] = {}
    for name in names:
        count = each if left is None else min(each, left - sum(asks.values()))
        if count > 0:
            asks[name] = count
    return asks


def level(sizes: Mapping[str, int], total: int, cap: Mapping[str, int | None]) -> dict[str, int]:
    """Return label -> samples, `total` in all where caps allow: the smallest classes are raised first, then all alike.

    `cap` is what may be made of a label at most; None: any number.
    """
    most = {name: size + (_NO_LIMIT if cap.get(name) is None else int(cap[name] or 0)) for name, size in sizes.items()}

    def made(height: int) -> dict[str, int]:
        return {name: max(0, min(height, most[name]) - size) for name, size in sizes.items()}

    low, high = min(sizes.values(), default=0), max(sizes.values(), default=0) + total
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sum(made(middle).values()) <= total else (low, middle - 1)
    found = made(low)
    rest = total - sum(found.values())
    for name in sorted(sizes, key=lambda one: (sizes[one], one)):  # what is left of a whole level, one each
        if rest > 0 and sizes[name] + found[name] < min(low + 1, most[name]):
            found[name] += 1
            rest -= 1
    return {name: count for name, count in found.items() if count}


def samples_at(sizes: Mapping[str, int], dose: float) -> int:
    """Return the samples that bring every class to `1 + dose` times the largest."""
    largest = max(sizes.values(), default=0)
    return sum(math.ceil((1 + dose) * largest) - size for size in sizes.values())
