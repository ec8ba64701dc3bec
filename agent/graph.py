"""The whole loop: ten nodes, four forks, nothing else."""

from __future__ import annotations

from typing import Literal

from langgraph.graph import END, START, StateGraph

from agent import nodes
from agent.state import Context, State


def build() -> StateGraph[State, Context, State, State]:
    """Return the graph, ready to compile with a checkpointer."""
    graph = StateGraph(State, context_schema=Context)

    graph.add_node("listen", nodes.listen)  # a job or a question?
    graph.add_node("explain", nodes.explain)  # question -> answer from trace and lineage
    graph.add_node("inspect", nodes.inspect)  # dataset and accepted samples -> coverage, gaps, stop?
    graph.add_node("retrieve", nodes.retrieve)  # gaps -> strategies with citations
    graph.add_node("plan", nodes.plan)  # strategies -> checked steps
    graph.add_node("approve", nodes.approve)  # a person or the policy agrees
    graph.add_node("apply", nodes.apply)  # steps -> candidates
    graph.add_node("judge", nodes.judge)  # candidates -> accepted, rejected
    graph.add_node("learn", nodes.learn)  # verdicts -> how arms and cells fared
    graph.add_node("report", nodes.report)  # why we stopped, what was made, the export

    graph.add_edge(START, "listen")
    graph.add_conditional_edges("listen", after_listen)
    graph.add_edge("explain", END)
    graph.add_conditional_edges("inspect", after_inspect)
    graph.add_edge("retrieve", "plan")
    graph.add_conditional_edges("plan", after_plan)
    graph.add_conditional_edges("approve", after_approve)
    graph.add_edge("apply", "judge")
    graph.add_edge("judge", "learn")
    graph.add_edge("learn", "inspect")
    graph.add_edge("report", END)
    return graph


def after_listen(state: State) -> Literal["inspect", "explain"]:
    """Answer a question; work on anything else."""
    return "explain" if state.get("question") else "inspect"


def after_inspect(state: State) -> Literal["retrieve", "report"]:
    """Go round again until there is a reason to stop."""
    return "report" if state["stop"] else "retrieve"


def after_plan(state: State) -> Literal["approve", "report"]:
    """End the run when the plan has no steps."""
    return "report" if state["stop"] else "approve"


def after_approve(state: State) -> Literal["apply", "report"]:
    """End the run when the plan is declined."""
    return "report" if state["stop"] else "apply"
