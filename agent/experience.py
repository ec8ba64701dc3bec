"""What earlier runs brought, as evidence beside the literature; and what this run leaves for the next one.

A run takes what is remembered when it begins and keeps a copy beside its trace, so that it ends alike however often it
is taken up again. Test items are never remembered: a later run on the same data must not learn from them.
"""

from __future__ import annotations

from datetime import UTC, datetime

from agent.evidence import regime_of
from agent.recipes import ERRORS, FROM_ERRORS, MAKES_NOTHING, NARROW, WIDE
from agent.settings import Settings
from agent.state import Context, State
from agent.work import coverage
from memory import outcomes
from memory.errors import AugplanError
from memory.outcomes import Outcome
from memory.runs import Run


def take(run: Run, settings: Settings) -> None:
    """Copy what is remembered into a run that begins. Raises RecordError naming a line that cannot be read."""
    remembered = outcomes.read(settings.memory)
    if remembered:
        outcomes.add(run.folder, remembered)


def leave(use: Context, state: State) -> str:
    """Remember what every trial brought; return "" or why it could not be remembered, which ends no run."""
    try:
        outcomes.add(use.settings.memory, outcomes_of(use, state))
    except AugplanError as problem:
        return str(problem)
    return ""


def outcomes_of(use: Context, state: State) -> list[Outcome]:
    """Return what was measured in a run, one outcome a recipe. Nothing of the data is in it but counts."""
    regime, facts = regime_of(coverage(use), use.job), state["baseline"]
    rows = max(1, sum(facts["sizes"].values()))
    ended = datetime.now(UTC).isoformat(timespec="seconds")
    steps = {step.id: step for plan in use.run.plans() for step in plan.steps}
    found = []
    for name, one in state["trials"].items():
        if name in MAKES_NOTHING or one.points is None or one.spread is None:
            continue
        tools = {call.tool: use.tools[call.tool] for step in one.steps for call in steps[step].calls}
        error = 1.0 - facts["reference_macro_f1"]
        kinds = [*(tool.family for tool in tools.values()), *([FROM_ERRORS] if name.endswith(ERRORS) else [])]
        found.append(
            Outcome(
                run=f"{use.run.name[:160]}-{use.dataset.digest[:8]}",
                ended=ended,
                modality=use.modality,
                per_class=regime.per_class,
                imbalance=regime.imbalance,
                pretrained=regime.pretrained,
                arm=name,
                families=tuple(dict.fromkeys(kinds)),
                tools={tool.name: tool.version for tool in tools.values()},
                strength=next((mark[1:] for mark in (NARROW, WIDE) if name.endswith(mark)), "usual"),
                dose=round(one.accepted / rows, 3),
                before=facts["reference_macro_f1"],
                gain=round((one.gain or 0.0) * error, 4),
                spread=round(one.spread * error, 4),
                measured_on=facts["measured_on"],
                units=facts["units"],
                made=one.made,
                accepted=one.accepted,
                seconds=round(one.seconds, 3),
            )
        )
    return found
