"""Made samples x gates -> what was accepted, and why the rest was not.

Gates run in one order: sanity, cell, label, any others, leak, near-duplicate. A sample is shown to a gate only when
all earlier ones accepted it. Only the last gate remembers, and it goes sample by sample, so a judgement does not
depend on how samples are divided into calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from memory.datasets.made import Candidate, Judged
from memory.datasets.media import Payload
from memory.errors import RecordError, UsageError
from memory.job import Policy
from memory.records import Cell, Modality, Verdict
from tools.candidates import Candidates, Reference, standing
from tools.card import Tool
from tools.catalogue import load, select, why_not_runnable
from tools.coverage.coverage import measure_all
from tools.engines.engine import Place
from tools.engines.named import FIELDS, is_named
from tools.similarity.seen import Seen
from tools.teacher.teacher import Progress, Teacher

if TYPE_CHECKING:
    from memory.datasets.dataset import Dataset
    from tools.coverage.coverage import Coverage

TRAIN = "train"
_CHUNK = 512
_RANK = {"text_sanity": 0, "image_sanity": 0, "speech_sanity": 0, "in_cell": 1, "label_kept": 2, "leak": 4}
_OTHERS = 3
_LAST = "near_duplicate"


def gates_for(modality: Modality, policy: Policy) -> list[Tool]:
    """Return the gates of a run: all of its modality but those that ask a model which the job does not name.

    Raises UsageError where a model that the job names for a gate cannot be had: a check that was asked for is not left
    out.
    """
    chosen = []
    for tool in select("gate", modality):
        missing = why_not_runnable(tool, policy)
        if missing is None:
            chosen.append(tool)
        elif is_named(tool.needs.engine, policy):
            where = f"policy.{FIELDS[str(tool.needs.engine)]}"
            raise UsageError(f"{tool.name} cannot check what is made: {missing}.", where=where)
    return chosen


class Judge:
    """The gates of one run, and what they compare with; that is read when the first sample comes."""

    def __init__(
        self,
        dataset: Dataset,
        coverage: Coverage | None,
        seed: int,
        gates: Sequence[Tool],
        progress: Progress | None = None,
        place: Place | None = None,
    ) -> None:
        """Keep what the gates need. `gates` may be a part of the catalogue's, in any order.

        `place` is what engines are made from, for gates that ask a model.
        """
        self.place = place
        self.dataset, self.coverage, self.seed, self.progress = dataset, coverage, seed, progress
        self.gates = sorted(gates, key=lambda tool: (_name(tool) == _LAST, _RANK.get(_name(tool), _OTHERS)))
        rows: list[int] = dataset.rows(TRAIN).tolist()
        ids = dataset.column("id")
        self._row = {str(ids[row]): row for row in rows}

    @cached_property
    def reference(self) -> Reference:
        """Everything that made samples are compared with; reads the whole dataset and trains the teacher."""
        seen, held_out = Seen(self.dataset.modality), Seen(self.dataset.modality)
        for split in self.dataset.splits():
            self._read(split, seen if split == TRAIN else held_out)
        teacher = Teacher(self.dataset, self.seed, self.progress)
        return Reference(self.dataset.modality, seen, held_out, self._row.keys(), teacher, self.place)

    def remember(self, ids: Sequence[str], payloads: Sequence[Payload]) -> None:
        """Hold samples that were accepted earlier, in the order they were made, after a run was taken up again."""
        self.reference.seen.add(ids, payloads)

    def judge(self, candidates: Sequence[Candidate], payloads: Sequence[Payload | None]) -> list[Judged]:
        """Return one judgement a candidate, in order; `payloads` are their decoded media, None for refused ones.

        Accepted samples count for all later calls. Raises RecordError for a parent that is not a training row.
        """
        verdicts: list[list[Verdict]] = [[] for _ in candidates]
        measured: list[dict[str, str]] = [{} for _ in candidates]
        live = []
        for at, made in enumerate(candidates):
            if made.refused is None:
                live.append(at)
            else:
                verdicts[at].append(Verdict(gate="refused", accepted=False, why=made.refused))
        batch = self._batch([(candidates[at], payloads[at]) for at in live])
        looked = False
        for tool in self.gates:
            if not looked and _RANK.get(_name(tool)) != 0:
                batch, found = self._measure(batch)
                for at, one in zip(live, found, strict=True):
                    measured[at] = one
                looked = True
            said = tool.run(batch, self.reference, tool.params()) if live else []
            for at, verdict in zip(live, said, strict=True):
                verdicts[at].append(verdict)
            kept = [i for i, verdict in enumerate(said) if verdict.accepted]
            batch, live = batch.take(kept), [live[i] for i in kept]
        accepted = set(live)
        return [
            Judged(made.id, at in accepted, tuple(verdicts[at]), measured[at]) for at, made in enumerate(candidates)
        ]

    def _batch(self, made: Sequence[tuple[Candidate, Payload | None]]) -> Candidates:
        rows = [self._parent_row(one) for one, _ in made]
        different = sorted(set(rows))
        decoded = dict(zip(different, self.dataset.payloads(different), strict=True)) if different else {}
        labels = [_label(one) for one, _ in made]
        return Candidates(
            ids=[one.id for one, _ in made],
            payloads=[_present(one, payload) for one, payload in made],
            parents=[decoded[row] for row in rows],
            parent_ids=[one.parents[0] for one, _ in made],
            labels=labels,
            cells=[Cell(at=one.cell) if one.cell else None for one, _ in made],
            attributes=[
                standing(one, label, self.dataset.columns) for (one, _), label in zip(made, labels, strict=True)
            ],
            mixed=[bool(one.soft_label) for one, _ in made],
            scratch=[any(tool.scratch for tool in _tools_of(one)) for one, _ in made],
            families=[tuple(tool.family for tool in _tools_of(one)) for one, _ in made],
            said=[one.said for one, _ in made],
            learnt=[any(tool.learns for tool in _tools_of(one)) for one, _ in made],
        )

    def _measure(self, batch: Candidates) -> tuple[Candidates, list[dict[str, str]]]:
        """Measure the samples; what the data itself states of an axis goes before what is measured."""
        if not len(batch):
            return batch, []
        if self.coverage is not None:
            found = self.coverage.bins(batch.payloads)
        else:
            found = measure_all(self.dataset.modality, batch.payloads)
        merged = [{**new, **own} for own, new in zip(batch.attributes, found, strict=True)]
        return replace(batch, attributes=merged), found

    def _parent_row(self, made: Candidate) -> int:
        if not made.parents or made.parents[0] not in self._row:
            named = made.parents[0] if made.parents else None
            raise RecordError(f"Sample {made.id} names the parent {named!r}, which is not a training row.")
        return self._row[made.parents[0]]

    def _read(self, split: str, into: Seen) -> None:
        ids, rows = self.dataset.column("id"), self.dataset.rows(split).tolist()
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            into.add([str(ids[row]) for row in part], self.dataset.payloads(part))
            if self.progress is not None:
                self.progress(f"gates: reading split {split}", min(start + _CHUNK, len(rows)), len(rows))


def _name(tool: Tool) -> str:
    return tool.name.rsplit(".", 1)[-1]


def _label(made: Candidate) -> str | None:
    """Return the label, or of a mixed sample the one with the largest share, the first of equals."""
    if made.label is None and made.soft_label:
        return max(made.soft_label, key=lambda name: made.soft_label[name])
    return made.label


def _tools_of(made: Candidate) -> list[Tool]:
    known = load()
    return [known[call["tool"]] for call in made.calls if call["tool"] in known]


def _present(made: Candidate, payload: Payload | None) -> Payload:
    if payload is None:
        raise RecordError(f"Sample {made.id} was not refused, but there is no media to judge.")
    return payload
