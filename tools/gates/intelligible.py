"""Whether a clip that was made anew says what it was to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from pydantic import Field

from memory.datasets.media import Wave
from memory.records import Verdict
from tools.candidates import Candidates, Reference
from tools.card import Needs, Params, gate
from tools.kernels.heard import error_rate, plain

if TYPE_CHECKING:
    from tools.engines.recogniser import Recogniser


class Intelligible(Params):
    """When a recogniser counts as contradicting a clip, and when it may."""

    words: float = Field(0.34, ge=0, le=1, description="Largest word error rate of what is heard.")
    letters: float = Field(0.34, ge=0, le=1, description="The same of a single word, over its characters.")
    real: float = Field(0.75, ge=0, le=1, description="Least share of real rows of the class that are heard so well.")


@gate("speech", params=Intelligible, cites=("quintas2024filtering",), needs=Needs(engine="recogniser"))
def intelligible(batch: Candidates, reference: Reference, params: Intelligible) -> list[Verdict]:
    """Reject clips made anew in which a recogniser hears other words than they were to say.

    What is to be said is what the clip's tool spoke: a transcript, a text that was written for it, or the label as
    words; then a clip that says the words of another class is rejected too. The recogniser abstains for recordings that
    were only changed, and for classes whose real recordings it does not understand either. The score is the error rate
    of what is heard.
    """
    anew = [at for at, scratch in enumerate(batch.scratch) if scratch and batch.labels[at] and not batch.mixed[at]]
    verdicts = [_abstains("is a recording that was changed, or has no one label")] * len(batch)
    if not anew:
        return verdicts
    ear = cast("Recogniser", reference.engine("recogniser"))
    heard = ear.hear([cast("Wave", batch.payloads[at]) for at in anew])
    for at, text in zip(anew, heard, strict=True):
        label, say = str(batch.labels[at]), plain(batch.said[at] or "")
        if not say:
            verdicts[at] = _abstains("there are no words to say")
        elif text is None:
            verdicts[at] = _abstains("it is longer than the recogniser hears at once")
        else:
            other = _classes(ear, text, label) if say == ear.words.get(label) else None
            verdicts[at] = _verdict(ear, label, (say, text), other, params)
    return verdicts


def _verdict(ear: Recogniser, label: str, pair: tuple[str, str], other: str | None, params: Intelligible) -> Verdict:
    """Judge what was to be said against what was heard; `other` is the class whose words the latter are."""
    say, text = pair
    most = params.words if " " in say else params.letters
    error = error_rate(say, text)
    told = f"heard {text!r}, wanted {say!r} ({ear.digest})"
    kept = error <= most and other is None
    if not kept:
        real = np.array(ear.errors_on_real(label))
        share = float(np.mean(real <= most)) if len(real) else 0.0
        if share < params.real:
            why = f"{told}; of {len(real)} real rows of {label!r} it understands {share:.0%}"
            return _abstains(why, round(error, 6), most)
        told += f", which are the words of {other!r}" if other is not None else ""
    return Verdict(gate="intelligible", accepted=kept, score=round(error, 6), threshold=most, why=told)


def _classes(ear: Recogniser, text: str, label: str) -> str | None:
    """Return the other class that has just these words, or None; classes that share words tell nothing apart."""
    if ear.words.get(label) == text:
        return None
    return next((name for name, words in ear.words.items() if words == text), None)


def _abstains(why: str, score: float | None = None, threshold: float | None = None) -> Verdict:
    return Verdict(gate="intelligible", accepted=True, score=score, threshold=threshold, why=f"abstains: {why}")
