"""Whether the sample adds anything to what is there."""

from __future__ import annotations

from memory.records import Verdict
from tools.candidates import Candidates, Reference
from tools.card import Params, gate
from tools.similarity.seen import THRESHOLDS, Match


@gate("any", cites=("broder1997resemblance",))
def near_duplicate(batch: Candidates, reference: Reference, params: Params) -> list[Verdict]:  # noqa: ARG001
    """Reject samples that nearly repeat their parent, another training row, or a sample accepted before.

    The last gate: what it accepts is held in `reference.seen`. The score is the similarity to the earliest such item
    (`tools.similarity.seen`), given where it reaches the threshold.
    """
    threshold = THRESHOLDS[reference.modality]
    verdicts = []
    for match, parent in zip(reference.seen.admit(batch.ids, batch.payloads), batch.parent_ids, strict=True):
        if match is None:
            verdicts.append(Verdict(gate="near_duplicate", accepted=True, threshold=threshold))
        else:
            why = f"{match.similarity:.2f} like {_name(match, parent, reference)}; {threshold:.2f} is a near-duplicate"
            score = round(match.similarity, 6)
            verdicts.append(Verdict(gate="near_duplicate", accepted=False, score=score, threshold=threshold, why=why))
    return verdicts


def _name(match: Match, parent: str, reference: Reference) -> str:
    if match.id == parent:
        return f"its parent {match.id!r}"
    return f"the training row {match.id!r}" if match.id in reference.training else f"the accepted sample {match.id!r}"
