"""Whether a picture shows what its label says, to a model that compares pictures with words."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from memory.datasets.media import Pixels
from memory.records import Verdict
from tools.candidates import Candidates, Reference
from tools.card import Needs, Params, gate

if TYPE_CHECKING:
    from tools.engines.matcher import Matcher


class ShowsLabel(Params):
    """When a model counts as contradicting a label, and when it may."""

    margin: float = Field(0.2, ge=0, le=1, description="How far another class's share must exceed the own one's.")
    real: float = Field(0.75, ge=0, le=1, description="Least share of real rows of the class that it reads right.")
    rows: int = Field(4, ge=1, description="Fewest real rows that say whether it reads the class.")


@gate("image", params=ShowsLabel, cites=("he2023ready",), needs=Needs(engine="matcher"))
def shows_label(batch: Candidates, reference: Reference, params: ShowsLabel) -> list[Verdict]:
    """Reject pictures that a model of pictures and words reads as another class of the data.

    It is shown the names of all classes. It abstains for classes whose real pictures it does not read, and for
    pictures that were only changed where it misreads the parent too. The score is the share of the label less that
    of the likeliest other class.
    """
    verdicts = [_abstains("the label is mixed or missing")] * len(batch)
    pure = [at for at, label in enumerate(batch.labels) if label is not None and not batch.mixed[at]]
    if not pure:
        return verdicts
    model = cast("Matcher", reference.engine("matcher"))
    known = [at for at in pure if batch.labels[at] in model.classes and len(model.classes) > 1]
    for at in pure:
        verdicts[at] = _abstains(f"no two classes have a name to ask for, or {batch.labels[at]!r} has none")
    shares = model.shares([cast("Pixels", batch.payloads[at]) for at in known])
    for at, own in zip(known, shares, strict=True):
        parent = None if batch.scratch[at] else cast("Pixels", batch.parents[at])
        verdicts[at] = _verdict(model, str(batch.labels[at]), own, parent, params)
    return verdicts


def _verdict(
    model: Matcher, label: str, shares: NDArray[np.float64], parent: Pixels | None, params: ShowsLabel
) -> Verdict:
    own = model.classes.index(label)
    lead, told = _read(model, shares, own)
    told = f"{told} ({model.digest})"
    score, threshold = round(lead, 6), round(-params.margin, 6)
    if lead >= -params.margin:
        return Verdict(gate="shows_label", accepted=True, score=score, threshold=threshold, why=told)
    real = model.right_on_real(label)
    right = sum(real)
    if len(real) < params.rows or right < params.real * len(real):
        why = f"{told}, but of {len(real)} real rows of {label!r} it reads {right} right"
        return _abstains(why, score, threshold)
    if parent is not None and _read(model, model.shares([parent])[0], own)[0] < -params.margin:
        return _abstains(f"{told}, and it misreads the parent too", score, threshold)
    return Verdict(gate="shows_label", accepted=False, score=score, threshold=threshold, why=told)


def _read(model: Matcher, shares: NDArray[np.float64], own: int) -> tuple[float, str]:
    """Return the share of the own class less that of the likeliest other, and what the model says in words."""
    other = int(np.argmax(np.where(np.arange(len(shares)) == own, -1.0, shares)))
    pair = sorted((own, other), key=lambda at: -float(shares[at]))
    told = ", ".join(f"{model.classes[at]!r} {shares[at]:.2f}" for at in pair)
    return float(shares[own] - shares[other]), f"scores {told}"


def _abstains(why: str, score: float | None = None, threshold: float | None = None) -> Verdict:
    return Verdict(gate="shows_label", accepted=True, score=score, threshold=threshold, why=f"abstains: {why}")
