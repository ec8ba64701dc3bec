"""Whether the sample still shows its label."""

from __future__ import annotations

from memory.records import Verdict
from tools.candidates import Candidates, Reference
from tools.card import Params, gate


@gate("any", cites=("northcutt2021confident",))
def label_kept(batch: Candidates, reference: Reference, params: Params) -> list[Verdict]:  # noqa: ARG001
    """Reject samples that a teacher, trained on real rows without the parent, reads as another class.

    Confident learning (Northcutt, Jiang and Chuang 2021, section 3.1), see `tools.teacher`; where the teacher has no
    evidence it abstains, and `why` says so. A sample of a tool that was fitted on the training rows is rejected where
    it is unlike all of them. The score is the probability of the label less that of the likeliest other class; there is
    no one threshold, as each class has its own.
    """
    pure = [at for at, mixed in enumerate(batch.mixed) if not mixed]
    read = batch.take(pure)
    opinions = reference.teacher.opinions(read.payloads, read.labels, read.parent_ids, read.parents, read.learnt)
    verdicts = [Verdict(gate="label_kept", accepted=True, why="abstains: the label is mixed")] * len(batch)
    for at, opinion in zip(pure, opinions, strict=True):
        verdicts[at] = Verdict(gate="label_kept", accepted=opinion.agrees, score=opinion.margin, why=opinion.why)
    return verdicts
