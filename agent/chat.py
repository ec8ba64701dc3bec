"""A conversation that ends in runs: words become a job, which is shown and confirmed before anything is made.

    words ─▶ read (a model, or rules) ─▶ the job, changed and shown ─▶ yes ─▶ run ─▶ plan shown ─▶ yes ─▶ ...
                                     └─▶ a question ─▶ answered from facts

Nothing here knows a terminal: what is said goes through `say`, so the same conversation can be held on a page. After
every turn the chat is on disk and can be gone on with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent import answers, commands, inspection, reading, session, wish
from agent.desk import SHALL_I, Desk
from agent.wish import Facts, Only, Wish, WishedTarget
from agent.wording import cost_line, ended_lines, plan_lines, targets_lines
from memory.chats import UNDONE
from memory.documents import dump_yaml
from memory.errors import AugplanError, ModelError, UsageError
from memory.exchanges import Message
from memory.job import Job
from prompts.render import render
from prompts.tables import bullets, plain, table
from tools.catalogue import select, why_not_allowed

WHO = "person in the chat"
STARTING = ("run", "approve")
"""Acts that make something: a model alone cannot bring them about."""


@dataclass
class Talk(Desk):
    """A desk with somebody to talk to: hears, reads, acts, answers."""

    # --- turns ----------------------------------------------------------------------------------------

    def open(self, job: Job) -> None:
        """Begin with a job or a dataset: say what is there and what is missing."""
        self._turn("", "start", lambda: self._take_up(job))

    def hear(self, text: str) -> None:
        """Take one thing that a person says, act on it, and write the turn down.

        What goes wrong is said, and the chat goes on as it stood.
        """
        if text.startswith("/"):
            self._turn(text, "command", lambda: commands.carry_out(self, text))
        elif self.at.job is None:
            self._turn(text, "command", lambda: self.tell("No data yet. Name a job or a dataset: /data PATH"))
        else:
            self._turn(text, None, lambda: self._listen(text))

    def _turn(self, text: str, read_by: str | None, act: Callable[[], str | None]) -> None:
        self.said, self.heard = [], {}
        before = self.at
        try:
            read_by = act() or read_by
        except AugplanError as problem:
            self.at = before if self.at.run == before.run else self.at
            self.tell(f"That did not work: {problem}")
        self.chat.add(text, read_by or "rules", self.heard, self.said, self.at)

    # --- listening ------------------------------------------------------------------------------------

    def _listen(self, text: str) -> str:
        facts = self.facts()
        heard, by = self._understood(text, facts)
        self.heard = heard.model_dump(mode="json", exclude_defaults=True)
        for piece in heard.unclear:
            self.tell(f"I did not understand {piece!r}; /help lists what can be said.")
        changed = self.change(heard)
        if heard.question:
            self.answer(heard.question)
        if heard.act != "none":
            self.act(heard.act)
        elif changed is False and not heard.unclear and not heard.question:
            self.tell("There is nothing to change in that. /help lists what can be said.")
        return by

    def _understood(self, text: str, facts: Facts) -> tuple[Wish, str]:
        """Return what was said as a wish, read by the model where there is one, else by rules."""
        plainly = reading.read(text, facts, _last(self.job))
        asker = self.asker()
        if asker is None or (plainly.act != "none" and not plainly.edits and not plainly.unclear):
            return plainly, "rules"  # a plain yes or no needs no model, and none may read it otherwise
        prompt = render(
            "listen",
            classes=table(("class", "items"), list(facts.classes.items()), most=200),
            axes=table(("axis", "values"), [(name, ", ".join(some)) for name, some in facts.axes.items()]),
            tools=table(("tool", "what it does"), list(facts.tools.items())),
            draft=bullets(targets_lines(self.job)),
            pending={"job": "whether to start the job", "plan": "whether to carry out the plan"}.get(
                str(self.at.pending), "nothing"
            ),
            said=plain(text, 2000),
        )

        def wrong(one: Wish) -> list[str]:
            return wish.applied(self.job, one, facts)[1]

        try:
            asked = asker.ask("listen", [Message(role="user", content=prompt.text)], Wish, wrong)
        except ModelError as problem:
            self.tell(f"The model gave nothing usable ({problem}), so the words were read by rules.")
            return plainly, "rules"
        if asked.value.act in STARTING:
            self.tell(f"I take that as {asked.value.act!r}; say yes to go on, so that it is you who starts it.")
            return asked.value.model_copy(update={"act": "none"}), "model"
        return asked.value, "model"

    def change(self, wanted: Wish) -> bool | None:
        """Change the job as wished and show what changed; None where the wish cannot be met, False for no change."""
        if self.at.pending == "plan" and (wanted.deny or wanted.use_only) and not wanted.targets:
            return self._edit_plan(wanted)
        after, problems = wish.applied(self.job, wanted, self.facts())
        for problem in problems:
            self.tell(problem)
        if problems:
            return None
        if after == self.job:
            return False
        before = self.job
        self.settle_on(after)
        self.tell("\n".join(f"- {line}" for line in wish.told(before, after, self.facts())))
        if wanted.act == "none":
            self.tell(
                f"Without what I did not understand: {SHALL_I[0].lower()}{SHALL_I[1:]}" if wanted.unclear else SHALL_I
            )
        return True

    def _edit_plan(self, wanted: Wish) -> bool:
        """Leave tools out of the plan that waits, and out of every later one."""
        after, problems = wish.applied(self.job, wanted, self.facts())
        if problems:
            self.tell("\n".join(problems))
            return False
        tools = select("augment", self.dataset().modality)
        before = {tool.name for tool in tools if why_not_allowed(tool, self.job.policy)}
        out = [tool.name for tool in tools if why_not_allowed(tool, after.policy) and tool.name not in before]
        self.at = self.at.model_copy(update={"job": after, "earlier": (*self.at.earlier, self.job)[-UNDONE:]})
        self.tell(f"Steps with {', '.join(out)} are left out of the plan and of later ones.")
        self.go_on({"agreed": True, "who": WHO, "without": out})
        return True

    # --- acting ---------------------------------------------------------------------------------------

    def act(self, what: str) -> None:
        """Do what an act of a wish asks for."""
        agreed = what in ("approve", "run")
        if self.at.pending == "plan" and what in ("approve", "run", "refuse", "stop"):
            self.go_on({"agreed": agreed, "who": WHO})
        elif agreed and self.at.pending != "job" and what == "approve":
            self.tell("Nothing waits for a yes. Say what you need, or: /run")
        elif agreed:
            self.run()
        elif what in ("refuse", "stop"):
            self.at = self.at.model_copy(update={"pending": None})
            self.tell("Nothing was started. Say what to change.")
        elif what == "undo":
            self.undo()
        elif what == "plan":
            self.plan()
        else:
            self.tell(dump_yaml(self.job).rstrip())

    def run(self) -> None:
        """Carry out the job; what the conversation has cost counts against its limits."""
        name = Path(self.job.dataset.path).stem
        self._after(session.start(self.left(), session.Ask(self.settings, self.watch), name=name))

    def go_on(self, answer: dict[str, Any]) -> None:
        """Go on with the run that waits, with a person's answer."""
        if self.at.run is None:
            raise UsageError("No run was started in this chat.")
        self._after(session.resume(Path(self.at.run), replace(session.Ask(self.settings, self.watch), answer=answer)))

    def resume(self) -> None:
        """Go on with a run that was stopped."""
        if self.at.run is None:
            raise UsageError("No run was started in this chat.")
        self._after(session.resume(Path(self.at.run), session.Ask(self.settings, self.watch)))

    def plan(self) -> None:
        """Show the first plan of the job; nothing is made."""
        self.tell("\n".join(plan_lines(inspection.first_plan_of(self.job, self.watch))))

    def answer(self, question: str) -> None:
        """Answer a question from what is known, with references."""
        _, dataset, coverage = self.read()
        facts = [*answers.of_data(coverage, dataset.splits(), self.job), *answers.of_job(self.job)]
        facts += answers.of_tools(dataset.modality, self.job)
        facts += answers.of_literature(question, self.job, dataset.modality, self.settings)
        if self.at.run is not None:
            facts += answers.of_run(Path(self.at.run), question)
        found = answers.answer(question, facts, self.asker())
        if found.note:
            self.tell(f"The model gave no usable answer ({found.note}); these are the facts.")
        refs = f"\n[{', '.join(one.ref for one in found.facts)}]" if found.by == "model" else ""
        self.tell(found.text + refs)

    def _after(self, ended: session.Ended | session.Waiting) -> None:
        if isinstance(ended, session.Waiting):
            self.at = self.at.model_copy(update={"pending": "plan", "run": str(ended.run.folder)})
            asked = ended.question
            self.tell("\n".join(plan_lines(ended.run.plans()[-1])))
            self.tell(f"This takes {cost_line(asked)}. Shall I? (yes, no, or which tools to leave out)")
            return
        cost = ended.report["cost"]
        spent = {"tokens": self.at.tokens + cost["tokens"], "money_usd": self.at.money_usd + cost["money_usd"]}
        self.at = self.at.model_copy(update={"pending": None, "run": ended.report["run"], **spent})
        self.tell("\n".join(ended_lines(ended.report)))


def _last(job: Job) -> WishedTarget | None:
    """Return the target that a change of mind refers to: the one that was said last."""
    if not job.cells:
        return None
    target = job.cells[-1]
    only = tuple(Only(axis=axis, values=values) for axis, values in target.only.items())
    return WishedTarget(axes=target.axes, only=only, at_least=target.at_least)
