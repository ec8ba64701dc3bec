"""The picture of the loop in the README is the graph that runs."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from agent import graph, nodes, session
from agent.graph import build
from agent.opening import context_of
from agent.priors import Prior
from agent.tally import Tally
from memory.job import Target
from memory.records import Call, Cell, Decision, Fill, Gap, Plan, Step, Strategy

README = Path(__file__).parents[2] / "README.md"


def drawing() -> str:
    """Return the graph as Mermaid, without colours, which GitHub chooses better."""
    lines = build().compile().get_graph().draw_mermaid().splitlines()
    kept = [line for line in lines if not line.strip().startswith("classDef") and line.strip() != "---"]
    return "\n".join(
        re.sub(r":::\w+", "", line) for line in kept if not re.match(r"\s*(config:|flowchart:|curve:)", line)
    ).strip()


def test_the_readme_shows_the_graph_that_runs(request: pytest.FixtureRequest):
    text = README.read_text(encoding="utf-8")
    [shown] = re.findall(r"```mermaid\n(.*?)\n```", text, re.DOTALL)
    if request.config.getoption("--update-golden"):
        README.write_text(text.replace(shown, drawing()), encoding="utf-8")
        return
    assert shown == drawing()


def test_the_graph_fits_one_screen():
    assert len(inspect.getsource(graph).splitlines()) <= 80


def test_no_node_routes_itself():
    source = inspect.getsource(nodes)
    assert "Command(" not in source
    assert "goto" not in source


def test_everything_in_state_survives_a_checkpoint():
    cell = Cell(at={"label": "a"})
    step = Step(
        id="s",
        calls=(Call(tool="t", draw={"rate": (0.1, 0.2), "op": ("x", "y")}),),
        fill=(Fill(cell=cell, count=2),),
        cites=("k",),
    )
    values: dict[str, Any] = {
        "targets": [Target(at_least=3)],
        "gaps": [Gap(target=0, cell=cell, required=3, before=1, have=1, parents=1, reason="cap")],
        "arms": {"t": Tally(made=3, accepted=1, rejected={"leak": 2})},
        "strategies": [
            Strategy(
                key="k", title="T", score=0.5, families=("f",), modalities=("text",), outcome="mixed", tools=("t",)
            )
        ],
        "priors": {"f": Prior(mean=0.1, spread=0.1, records=("k",))},
        "plan": Plan(round=1, planner="rules", steps=(step,)),
        "decisions": [Decision(node="plan", round=1, summary="s", facts={"a": [1, {"b": None}]})],
    }
    saver = JsonPlusSerializer(allowed_msgpack_modules=session._records())
    assert saver.loads_typed(saver.dumps_typed(values)) == values


def test_a_question_is_answered_from_the_run_and_nothing_is_made(job_on, run_job, settings):
    report = run_job(job_on())
    run = session.Run.open(Path(report["run"]))
    context = context_of(run, run.job(), session.Ask(settings))
    answer = build().compile().invoke({"question": "train-1"}, context=context)["answer"]
    assert "real" in answer or "neither" in answer
    unknown = build().compile().invoke({"question": "what should I do?"}, context=context)["answer"]
    assert "neither a made sample nor an item" in unknown
