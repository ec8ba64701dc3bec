"""What the literature and earlier runs lead one to expect of a family of augmentation, as a number with a spread.

A prior is a weighted mean over papers, shrunk towards a sceptic who expects nothing (a normal-normal model with known
weights; DerSimonian & Laird 1986 for the spread between studies). A paper weighs more the better it was read, and the
nearer its family and its data regime. A run that was measured here counts like a paper, less the noisier its gain is.
Null and negative results weigh like any other.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field

from memory.literature.notes import Effect, Note
from memory.literature.vocabulary import Vocabulary
from memory.outcomes import Outcome
from memory.records import Modality, Record
from memory.records import Outcome as Reported

SCEPTIC_WEIGHT = 0.5
"""The sceptic counts as half a paper that was read in full and fits exactly."""
SCEPTIC_SPREAD = 0.05
STATED_GAIN = 0.05
"""What a gain or a loss counts for when its source gives no number that can be compared, or only the best case."""
_READ = {"full-text": 1.0, "abstract": 0.8, "citation-only": 0.0}
_SOURCE = {"paper": 1.0, "authors": 1.0, "second-hand": 0.5}
_STATED = 0.5
"""Weight of a conclusion without a number."""
_SIBLING = 0.4
"""Weight of another family under the same parent."""
_LEAST = 0.02
"""A paper that weighs less is not among the records a prior rests on."""


class Regime(Record):
    """The state of a dataset and of what is trained on it, as far as it decides what augmentation brings."""

    modality: Modality | None = None
    per_class: float | None = None
    """Real training items of the median class."""
    imbalance: float | None = None
    """Items of the largest class over those of the smallest."""
    pretrained: bool | None = None
    """Whether the model that is trained on the data was pretrained; None: not known."""


class Prior(Record):
    """What the literature and earlier runs lead one to expect of a family of augmentation in a regime.

    The unit is the gain: the share of the error that goes away, so that 0.1 takes an accuracy of 80 to 82.
    """

    mean: float
    spread: float = Field(gt=0)
    """Standard deviation of the gain in a new dataset."""
    records: tuple[str, ...] = ()
    """The papers it rests on, the weightiest first; () means that the literature knows nothing."""
    outcomes: int = Field(0, ge=0)
    """Runs it rests on beside them."""


def chance(mean: float, spread: float, least: float = 0.0) -> float:
    """Return the probability that a normal gain is `least` or more."""
    return 0.5 * (1 + math.erf((mean - least) / spread / math.sqrt(2)))


def expected_gain(prior: Prior) -> float:
    """Return the mean of the gain where it is a gain and 0 elsewhere: an arm that harms can be left alone.

    The expected improvement over doing nothing (Jones, Schonlau & Welch 1998, eq. 15).
    """
    at = prior.mean / prior.spread
    density = math.exp(-at * at / 2) / math.sqrt(2 * math.pi)
    return prior.mean * chance(prior.mean, prior.spread) + prior.spread * density


@dataclass(frozen=True)
class _Study:
    """A paper, or a run that counts like one."""

    key: str
    gain: float
    weight: float


def prior(
    family: str, regime: Regime, notes: Iterable[Note], words: Vocabulary, outcomes: Sequence[Outcome] = ()
) -> Prior:
    """Return the prior of a family in a regime, with the records and the number of runs it rests on."""
    papers = [one for note in notes if (one := _paper(note, family, regime, words)) is not None]
    runs = _runs(outcomes, family, regime, words)
    studies = papers + runs
    total = SCEPTIC_WEIGHT + sum(one.weight for one in studies)
    mean = sum(one.weight * one.gain for one in studies) / total
    around = SCEPTIC_WEIGHT * (SCEPTIC_SPREAD**2 + mean**2)
    around += sum(one.weight * (one.gain - mean) ** 2 for one in studies)
    between = around / total
    papers.sort(key=lambda one: (-one.weight, one.key))
    return Prior(
        mean=round(mean, 4),
        spread=round(math.sqrt(between + between / total), 4),
        records=tuple(one.key for one in papers if one.weight >= _LEAST),
        outcomes=sum(one.weight >= _LEAST for one in runs),
    )


def priors(
    families: Iterable[str],
    regime: Regime,
    notes: Mapping[str, Note],
    words: Vocabulary,
    outcomes: Sequence[Outcome] = (),
) -> dict[str, Prior]:
    """Return the prior of every family named."""
    return {family: prior(family, regime, notes.values(), words, outcomes) for family in sorted(set(families))}


def outcome_of(note: Note, families: Iterable[str], words: Vocabulary) -> Reported:
    """Return what a paper reports of some families, taken by themselves."""
    wanted = {name for family in families for name in words.lineage(family)}
    said = {
        effect.outcome
        for effect in note.effects
        if gain_of(effect) is not None and any(wanted & set(words.lineage(name)) for name in effect.families)
    }
    return "unknown" if not said else "mixed" if len(said) > 1 else said.pop()


def gain_of(effect: Effect) -> tuple[float, bool] | None:
    """Return (gain, whether it was measured) of an effect; None where it says nothing of what augmentation brings.

    A figure in per cent is turned into the share of the error that goes away; "up to" figures, and metrics that cannot
    be compared between papers, count by their outcome alone. An effect that mixes in other changes does not count.
    """
    if not effect.isolated:
        return None
    measured = _measured(effect)
    if measured is not None and not effect.best_case:
        return max(-1.0, min(1.0, measured)), True
    if effect.scale == "other":
        return None  # a cost or a count: worth knowing, but no gain in quality
    return {"gain": STATED_GAIN, "none": 0.0, "loss": -STATED_GAIN}[effect.outcome], False


def _measured(effect: Effect) -> float | None:
    if effect.delta is None:
        return None
    if effect.scale == "relative":
        return -effect.delta / 100 if effect.better == "lower" else None
    if effect.scale != "percent" or effect.baseline_value is None:
        return None
    error = effect.baseline_value if effect.better == "lower" else 100.0 - effect.baseline_value
    fallen = -effect.delta if effect.better == "lower" else effect.delta
    return fallen / error if error > 0 else None


def _paper(note: Note, family: str, regime: Regime, words: Vocabulary) -> _Study | None:
    """Return what one paper says of a family in a regime, or None where it says nothing."""
    found: list[tuple[float, float]] = []
    for effect in note.effects:
        said = gain_of(effect)
        if said is None:
            continue
        near = _part(family, effect.families, words) * _fit(effect, note.modalities, regime)
        weight = near * _SOURCE[effect.source] * (1.0 if said[1] else _STATED)
        found.append((said[0], weight * _READ[note.evidence]))
    return _study(note.key, found)


def _runs(outcomes: Iterable[Outcome], family: str, regime: Regime, words: Vocabulary) -> list[_Study]:
    """Return what earlier runs say of a family in a regime, one study a run, in whatever order outcomes come."""
    found: dict[str, list[tuple[float, float]]] = {}
    for one in outcomes:
        near = _part(family, one.families, words) * _fit(one, (one.modality,), regime)
        error = 1.0 - one.before
        if not near or error <= 0.0:
            continue  # of another family, or of none; or there was no error to take a share of
        weight = near * _precision(one.spread / error)
        found.setdefault(one.run, []).append((max(-1.0, min(1.0, one.gain / error)), weight))
    return [study for run in sorted(found) if (study := _study(run, sorted(found[run]))) is not None]


def _precision(spread: float) -> float:
    """Return 1 for a gain without noise and less the noisier it is: the weight of a study in a random-effects model.

    DerSimonian & Laird 1986, section 2, with the sceptic's spread as the one between studies.
    """
    return SCEPTIC_SPREAD**2 / (SCEPTIC_SPREAD**2 + spread**2)


def _study(key: str, found: Sequence[tuple[float, float]]) -> _Study | None:
    """Return pairs of (gain, weight) of one source as one study that weighs as much as the weightiest of them."""
    total = sum(weight for _, weight in found)
    if not total:
        return None
    return _Study(key, sum(gain * weight for gain, weight in found) / total, max(weight for _, weight in found))


def _part(family: str, others: Collection[str], words: Vocabulary) -> float:
    """Return how much is said of a family by what was measured of others together: the nearest one's share of it.

    Outcomes may be older than the vocabulary; a family that it no longer has is near to none.
    """
    known = [other for other in others if other in words.families]
    return max((_nearness(family, other, words) for other in known), default=0.0) / max(1, len(others))


def _nearness(family: str, other: str, words: Vocabulary) -> float:
    """Return 1 for the same family, a part of it or one it is part of, less for a sibling, and 0 for any other."""
    if family in words.lineage(other) or other in words.lineage(family):
        return 1.0
    return _SIBLING if set(words.lineage(family)) & set(words.lineage(other)) else 0.0


def _fit(measured: Effect | Outcome, modalities: Collection[Modality], regime: Regime) -> float:
    """Return how near the data regime of a measurement is to the one asked about: a product of factors up to 1."""
    parts: Sequence[float] = (
        1.0 if regime.modality is None or regime.modality in modalities else 0.3,
        _ratio(measured.per_class, regime.per_class),
        _ratio(measured.imbalance, regime.imbalance),
        _same(measured.pretrained, regime.pretrained),
    )
    return math.prod(parts)


def _ratio(there: float | None, here: float | None) -> float:
    """Return 1 for equal sizes, 1/e a factor of ten apart, and between the two where one is not known."""
    if here is None:
        return 1.0
    if there is None:
        return 0.8
    return math.exp(-abs(math.log10(max(there, 1.0) / max(here, 1.0))))


def _same(there: bool | None, here: bool | None) -> float:
    if here is None:
        return 1.0
    return 0.8 if there is None else 1.0 if there == here else 0.3
