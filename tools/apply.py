"""One step x dataset -> candidates with their lineage.

A shard is a fixed number of consecutive candidates of a step, so its content does not depend on how many fit in
a batch, on the worker, or on what else runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from memory.datasets.dataset import Dataset
from memory.datasets.made import Candidate
from memory.datasets.media import Payload, Wave, content_of, encode_image, encode_wave
from memory.digests import short
from memory.errors import ToolError, UsageError
from memory.records import Call, Cell, Step
from tools.batches import Corpus, Images, Texts, Utterance, Waves, padded_length
from tools.card import Params, Tool
from tools.coverage.coverage import Coverage
from tools.engines.engine import Engine, Place
from tools.executors import guarded
from tools.material import Material
from tools.parents import Task, label_axis, likest, tasks
from tools.seeds import draw, seed_for

if TYPE_CHECKING:
    import torch

__all__ = ["SHARD", "Maker", "Task", "tasks"]

SHARD = 256


@dataclass
class _Item:
    """A candidate on its way through the calls of a step."""

    task: Task
    payload: Any
    """Text, or a tensor; None once a tool refused."""
    rate_hz: int = 0
    parents: tuple[str, ...] = ()
    partner: Any = None
    partner_label: str = ""
    soft_label: dict[str, float] = field(default_factory=dict)
    drawn: list[dict[str, Any]] = field(default_factory=list)
    said: str | None = None
    refused: str | None = None


class Maker:
    """Makes candidates from the training rows of one dataset."""

    def __init__(  # noqa: PLR0913  everything that a result may depend on, and the two things it may not
        self,
        dataset: Dataset,
        coverage: Coverage,
        tools: dict[str, Tool],
        run_seed: int,
        *,
        noise: Sequence[Wave] = (),
        batch_size: int = 64,
        device: str = "cpu",
        place: Place | None = None,
    ) -> None:
        self.dataset, self.coverage, self.tools, self.run_seed = dataset, coverage, tools, run_seed
        self.batch_size, self.device = batch_size, device
        self.labels = dataset.column("label")
        self.groups = dataset.column("group")
        self.ids = dataset.column("id")
        self.attributes = {name: dataset.column(name) for name in dataset.columns.attributes}
        self.material = Material(dataset, coverage, noise, device, place)

    @cached_property
    def likest(self) -> Mapping[str, tuple[str, ...]]:
        """Label -> the other labels, the most alike first (`tools.parents.likest`)."""
        return likest(self.dataset, self.coverage)

    def make(self, step: Step, shard: Sequence[Task]) -> list[Candidate]:
        """Return one candidate per task, in order; refused ones say by whom and why."""
        rows = sorted({task.row for task in shard})
        decoded = dict(zip(rows, self.dataset.payloads(rows), strict=True))
        items = [self._start(task, decoded[task.row]) for task in shard]
        for turn, call in enumerate(step.calls):
            self._run(step, turn, call, items)
        return [self._finish(step, item) for item in items]

    def remake(self, step_id: str, made: Candidate) -> Candidate:
        """Make one sample again from its lineage row alone.

        Raises KeyError when its parent is not in the dataset any more.
        """
        row = self.ids.index(made.parents[0])
        calls = tuple(
            Call(tool=call["tool"], draw={name: value for name, value in call["params"].items() if name != "seed"})
            for call in made.calls
        )
        step = Step.model_construct(id=step_id, calls=calls, fill=(), cites=(), why="")
        return self.make(step, [Task(made.position, row, made.attempt, Cell(at=made.cell))])[0]

    # --- one candidate -----------------------------------------------------------------------------

    def _start(self, task: Task, payload: Payload) -> _Item:
        parent = str(self.ids[task.row])
        if isinstance(payload, str):
            return _Item(task, payload, parents=(parent,))
        import torch

        if isinstance(payload, Wave):
            said = self.dataset.transcript(task.row) or None
            return _Item(task, torch.from_numpy(payload.samples), payload.rate_hz, (parent,), said=said)
        return _Item(task, torch.from_numpy(payload).permute(2, 0, 1).contiguous(), 0, (parent,))

    def _seed(self, step: Step, item: _Item) -> int:
        return seed_for(self.run_seed, item.parents[0], step.id, item.task.cell.key, str(item.task.attempt))

    def _finish(self, step: Step, item: _Item) -> Candidate:
        row = item.task.row
        anew = any(self.tools[call.tool].scratch for call in step.calls)
        made = Candidate(
            id=short(str(self.run_seed), step.id, item.parents[0], item.task.cell.key, str(item.task.attempt)),
            step=step.id,
            position=item.task.position,
            attempt=item.task.attempt,
            parents=item.parents,
            cell=dict(item.task.cell.at),
            label=None if item.soft_label else self._label(step, item),
            group=None if anew else self.groups[row],
            attributes={} if item.soft_label or anew else self._inherited(step, row),
            calls=tuple(item.drawn),
            seed=self._seed(step, item),
            soft_label=item.soft_label,
            said=item.said,
            refused=item.refused,
        )
        if item.payload is None:
            return made
        if isinstance(item.payload, str):
            return replace(made, text=item.payload, content=content_of(item.payload))
        if not item.rate_hz:
            pixels = item.payload.permute(1, 2, 0).contiguous().cpu().numpy()
            return replace(made, blob=encode_image(pixels), content=content_of(pixels))
        wave = Wave(item.payload.cpu().numpy(), item.rate_hz)
        if not np.isfinite(wave.samples).all():
            return replace(made, refused=f"{item.drawn[-1]['tool']} made samples that are not finite")
        return replace(made, blob=encode_wave(wave), content=content_of(wave))

    def _label(self, step: Step, item: _Item) -> str | None:
        """Return the parent's label, or the cell's where a tool of the step changes labels."""
        changed = any(self.tools[call.tool].labels == "changed" for call in step.calls)
        return self._wanted(item) if changed else self.labels[item.task.row]

    def _wanted(self, item: _Item) -> str | None:
        axis = label_axis(item.task.cell, self.dataset.columns.label)
        return None if axis is None else item.task.cell.at[axis]

    def _inherited(self, step: Step, row: int) -> dict[str, str]:
        """Return the parent's attributes, less those that a tool of the step changes."""
        changed = {name for call in step.calls for name in self.tools[call.tool].changes}
        kept = {name: of[row] for name, of in self.attributes.items() if name not in changed}
        return {name: str(value) for name, value in kept.items() if value is not None}

    # --- one call over many ------------------------------------------------------------------------

    def _run(self, step: Step, turn: int, call: Call, items: list[_Item]) -> None:
        tool = self.tools[call.tool]
        live = [item for item in items if item.payload is not None]
        engine, missing = self._engine_of(tool)
        for item in live:
            params = draw(tool, call.draw, seed_for(self._seed(step, item), str(turn)))
            item.drawn.append({"tool": tool.name, "version": tool.version, "params": params.model_dump()})
            if engine is not None:
                item.drawn[-1]["engine"] = engine.digest
            if missing:
                item.payload, item.refused = None, f"{tool.name} cannot run: {missing}"
            elif tool.labels == "changed" and self._wanted(item) is None:
                item.payload, item.refused = None, f"{tool.name} changes labels, and this cell names none"
            elif tool.needs.partner:
                self._give_partner(step, item)
        for batch in _alike([item for item in live if item.payload is not None], self.batch_size):
            self._run_batch(tool, batch)

    def _engine_of(self, tool: Tool) -> tuple[Engine | None, str]:
        """Return what a tool runs on, or why it cannot be had: a fact for the next plan, as other tools may serve."""
        if tool.needs.engine is None:
            return None, ""
        try:
            return self.material.engine(tool.needs.engine), ""
        except UsageError as problem:
            return None, str(problem)

    def _run_batch(self, tool: Tool, batch: list[_Item]) -> None:
        params = [tool.params(**item.drawn[-1]["params"]) for item in batch]
        made, problem = list[Any](), ""
        try:
            made = guarded(tool, partial(self._batch, tool, batch), list[Params](params))
        except ToolError as failed:
            problem = str(failed)  # the error itself is let go of: its frames hold what did not fit into memory
        if problem and len(batch) == 1:
            batch[0].payload, batch[0].refused = None, problem
        elif problem:
            half = len(batch) // 2  # one bad sample must not cost its neighbours, nor a full memory the batch
            self._run_batch(tool, batch[:half])
            self._run_batch(tool, batch[half:])
        else:
            for item, result in zip(batch, made, strict=True):
                self._take(tool, item, result)

    def _take(self, tool: Tool, item: _Item, result: Any) -> None:
        if result is None:
            item.payload, item.refused = None, f"{tool.name} refused this sample"
        elif tool.labels == "mixed":
            item.payload, share = result
            own = str(self.labels[item.task.row])
            item.soft_label = {own: round(float(share), 6), item.partner_label: round(1.0 - float(share), 6)}
        elif isinstance(result, Utterance):
            item.payload, item.said = result
        else:
            item.payload = result

    def _batch(self, tool: Tool, batch: list[_Item]) -> Any:
        plain = self._plain_batch(tool, batch)
        if tool.needs.engine is None:
            return plain
        labels = [str(self.labels[item.task.row] or "") for item in batch]
        plain = replace(plain, labels=labels, engine=self.material.engine(tool.needs.engine))
        if isinstance(plain, Waves):
            return replace(plain, transcripts=[self.dataset.transcript(item.task.row) for item in batch])
        return plain

    def _plain_batch(self, tool: Tool, batch: list[_Item]) -> Any:
        if isinstance(batch[0].payload, str):
            wanted = [str(self._wanted(item)) for item in batch] if tool.labels == "changed" else []
            corpus = self.material.corpus() if tool.needs.corpus else Corpus()
            return Texts([item.payload for item in batch], corpus, wanted=wanted)
        import torch

        if not batch[0].rate_hz:
            pixels = torch.stack([item.payload for item in batch]).to(self.device)
            partners = torch.stack([item.partner for item in batch]).to(self.device) if tool.needs.partner else None
            return Images(pixels, partners)
        lengths = [int(item.payload.shape[-1]) for item in batch]
        # Where the clips are already: after a first call on a GPU they do not come back in between.
        where = batch[0].payload.device
        samples = torch.zeros((len(batch), batch[0].payload.shape[0], padded_length(max(lengths))), device=where)
        for at, item in enumerate(batch):
            samples[at, :, : lengths[at]] = item.payload
        rate = batch[0].rate_hz
        noise = self.material.noise_at(rate) if tool.needs.noise else []
        return Waves(samples.to(self.device), lengths, rate, noise)

    def _give_partner(self, step: Step, item: _Item) -> None:
        row = self.material.row_of_another_label(item.task.row, seed_for(self._seed(step, item), "partner"))
        if row is None:
            item.payload, item.refused = None, "there is no image of another label to mix with"
            return
        import torch

        pixels = torch.from_numpy(self.dataset.payloads([row])[0]).permute(2, 0, 1)  # type: ignore[arg-type, unused-ignore]
        item.partner = _same_shape(pixels, item.payload)
        item.parents = (item.parents[0], str(self.ids[row]))
        item.partner_label = str(self.labels[row])


def _same_shape(pixels: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Bring a partner to the shape of the image that it is mixed into."""
    import torch

    channels, height, width = like.shape
    grey = pixels.float().mean(dim=0, keepdim=True)
    made = pixels.float() if pixels.shape[0] == channels else grey.expand(channels, -1, -1)
    if made.shape != like.shape:
        made = torch.nn.functional.interpolate(made[None], (height, width), mode="bilinear", antialias=True)[0]
    return made.round().clamp(0, 255).to(torch.uint8)


def _alike(items: list[_Item], batch_size: int) -> Iterator[list[_Item]]:
    """Yield batches of items that may stand in one tensor."""
    groups: dict[tuple[object, ...], list[_Item]] = {}
    for item in items:
        groups.setdefault(_kind(item), []).append(item)
    for group in groups.values():
        for start in range(0, len(group), batch_size):
            yield group[start : start + batch_size]


def _kind(item: _Item) -> tuple[object, ...]:
    if isinstance(item.payload, str):
        return ("text",)
    if item.rate_hz:
        return item.rate_hz, item.payload.shape[0], padded_length(int(item.payload.shape[-1]))
    return tuple(item.payload.shape)
