"""What a conversation stands on: the data, the job as it is now, the model, what was spent. It is kept turn by turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent import answers, wish
from agent.opening import asker_of
from agent.settings import Settings, keep_quiet
from agent.wish import Facts
from memory.chats import UNDONE, Chat, Standing
from memory.datasets.dataset import Dataset, open_dataset, reopen
from memory.documents import read_job_or_data
from memory.errors import UsageError
from memory.exchanges import Exchanges
from memory.job import Job, Price
from tools.catalogue import select
from tools.coverage.bins import axis_name, bins_of
from tools.coverage.coverage import Coverage, survey
from tools.models.asker import Asker
from tools.models.purse import Budget

SHALL_I = "Shall I start? (yes, no, or say what to change)"
GAPS = 6
"""Cells that are told to lack items when data are taken up."""
VALUES = 30
"""Values of an axis that a request may name."""


@dataclass
class Desk:
    """One sitting at a chat."""

    chat: Chat
    settings: Settings
    say: Callable[[str], None]
    """Takes what is said, a paragraph at a time."""
    watch: Callable[[dict[str, Any]], None] = lambda _event: None
    """Told of progress, as a run tells it."""
    at: Standing = field(init=False)
    said: list[str] = field(default_factory=list, init=False)
    """What was said in this turn."""
    heard: dict[str, Any] = field(default_factory=dict, init=False)
    """What was understood in this turn."""
    _known: tuple[int, Dataset, Coverage] | None = field(default=None, init=False)
    _asker: Asker | None = field(default=None, init=False)
    _named: tuple[str | None, str] = field(default=(None, ""), init=False)

    def __post_init__(self) -> None:
        """Stand where the chat stood."""
        self.at = self.chat.standing

    def tell(self, text: str) -> None:
        """Say something, and keep it with the turn."""
        self.said.append(text)
        self.say(text)

    # --- the job ---------------------------------------------------------------------------------------

    @property
    def job(self) -> Job:
        """The job that is talked about. Raises UsageError where there is none yet."""
        if self.at.job is None:
            raise UsageError("No data yet. Name a job or a dataset: /data PATH")
        return self.at.job

    def take(self, path: Path) -> None:
        """Talk about another job or dataset from now on."""
        self._take_up(read_job_or_data(path))

    def _take_up(self, job: Job) -> None:
        earlier = self.at.earlier if self.at.job is None else (*self.at.earlier, self.at.job)[-UNDONE:]
        policy = job.policy
        if "approval" not in policy.model_fields_set:  # in a chat somebody is there to be asked
            job = job.model_copy(update={"policy": policy.model_copy(update={"approval": "ask"})})
        self.at = Standing(job=job, earlier=earlier, data=self.at.data + 1, run=self.at.run)
        _, dataset, coverage = self.read()
        self.asker()  # a model that may not be asked is refused now
        known = answers.of_data(coverage, dataset.splits(), job)
        gaps = [one for one in known if one.ref.startswith("data/gap/")]
        more = f"... and {len(gaps) - GAPS} more cells; /inspect shows all." if len(gaps) > GAPS else ""
        first = [one for one in known if one.ref in ("data/splits", "data/balance")]
        self.tell("\n".join([*(one.text for one in first + gaps[:GAPS]), *filter(None, [more])]))

    def settle_on(self, job: Job) -> None:
        """Take a job as the one that is talked about; what a run waits with is left as it is on disk."""
        earlier = (*self.at.earlier, self.job)[-UNDONE:]
        self.at = self.at.model_copy(update={"job": job, "earlier": earlier, "pending": "job"})

    def undo(self) -> None:
        """Go back to the job before the latest change; runs stay where they are."""
        if not self.at.earlier:
            self.tell("There is nothing to take back.")
            return
        before, job = self.job, self.at.earlier[-1]
        other = job.dataset != before.dataset
        back = {"job": job, "earlier": self.at.earlier[:-1], "pending": "job", "data": self.at.data + other}
        self.at = self.at.model_copy(update=back)
        self.tell("Taken back:\n" + "\n".join(f"- {line}" for line in wish.told(before, job)))
        self.tell(SHALL_I)

    # --- the data and the model -------------------------------------------------------------------------

    def read(self) -> tuple[int, Dataset, Coverage]:
        """Return the dataset that is talked about and what it covers, read once a sitting."""
        if self._known is None or self._known[0] != self.at.data:
            keep_quiet(self.job.policy.remote)
            place = self.chat.dataset(self.at.data)
            known = (place / "dataset.json").exists()
            dataset = reopen(place) if known else open_dataset(self.job.dataset, place, self.job.seed)
            coverage = survey(dataset, lambda done, of: self.watch({"node": "inspect", "done": done, "of": of}))
            self._known = (self.at.data, dataset, coverage)
        return self._known

    def dataset(self) -> Dataset:
        """Return the dataset that is talked about."""
        return self.read()[1]

    def facts(self) -> Facts:
        """Return what a request may speak of."""
        _, dataset, coverage = self.read()
        tools = select("augment", dataset.modality)
        return Facts(
            modality=dataset.modality,
            label_column=dataset.columns.label or "label",
            classes=coverage.real_per_label(),
            axes={name: _values(coverage, name) for name in coverage.axes if name != "label"},
            tools={tool.name: tool.summary for tool in tools},
            families={tool.name: tool.family for tool in tools},
            counts={name: _counts(coverage, name) for name in coverage.axes if name != "label"},
        )

    def asker(self) -> Asker | None:
        """Return the language model that the job names, with what this chat and its runs have left of the budget."""
        if self.at.job is None:
            return None
        policy = self.job.policy
        named = (policy.model, policy.remote)
        if self._asker is None or self._named != named:  # a model on this machine is loaded once
            self._asker, self._named = (
                asker_of(self.job, Exchanges(self.chat.folder), None, self.settings),
                named,
            )
        if self._asker is not None:
            limits = _less(self.job, self.at.tokens, self.at.money_usd).limits
            self._asker.purse.budget = Budget(limits.tokens, limits.money_usd)
            self._asker.purse.price = policy.price or Price()
        return self._asker

    def left(self) -> Job:
        """Return the job with what talking and runs have left of its limits."""
        asker = self.asker()
        tokens = self.at.tokens + (0 if asker is None else asker.exchanges.tokens)
        money = self.at.money_usd + (0.0 if asker is None else asker.exchanges.money_usd)
        return _less(self.job, tokens, money)


def _less(job: Job, tokens: int, money: float) -> Job:
    """Return a job whose limits are less by what was spent."""
    limits = job.limits
    left = {
        "tokens": None if limits.tokens is None else max(0, limits.tokens - tokens),
        "money_usd": None if limits.money_usd is None else max(0.0, round(limits.money_usd - money, 6)),
    }
    return job.model_copy(update={"limits": limits.model_copy(update=left)})


def _values(coverage: Coverage, axis: str) -> tuple[str, ...]:
    """Return the values of an axis that may be asked for: every range of a measure; () where there are too many."""
    tool = next((one for one in select("measure", coverage.modality) if axis_name(one) == axis), None)
    values = bins_of(tool) if tool is not None and tool.edges else tuple(coverage.axis(axis).values)
    return values if len(values) <= VALUES else ()


def _counts(coverage: Coverage, axis: str) -> dict[str, int]:
    return {cell.at[axis]: have for cell, have in coverage.count((axis,), {}).items()}
