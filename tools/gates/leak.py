"""Whether the sample brings evaluation data into training."""

from __future__ import annotations

from memory.records import Verdict
from tools.candidates import Candidates, Reference
from tools.card import Params, gate
from tools.similarity.seen import THRESHOLDS


@gate("any", cites=("broder1997resemblance",))
def leak(batch: Candidates, reference: Reference, params: Params) -> list[Verdict]:  # noqa: ARG001
    """Reject samples that nearly repeat a row of an evaluation split.

    The score is the similarity to the nearest such row (`tools.similarity.seen`), given where it reaches the threshold.
    """
    threshold = THRESHOLDS[reference.modality]
    verdicts = []
    for match in reference.held_out.nearest(batch.payloads):
        if match is None:
            verdicts.append(Verdict(gate="leak", accepted=True, threshold=threshold))
        else:
            why = f"{match.similarity:.2f} like the evaluation row {match.id!r}; {threshold:.2f} is a near-duplicate"
            score = round(match.similarity, 6)
            verdicts.append(Verdict(gate="leak", accepted=False, score=score, threshold=threshold, why=why))
    return verdicts
