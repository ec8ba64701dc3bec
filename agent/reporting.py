"""The end of a run: the export, `report.json` and `report.html`. The story equals the trace; no model tells it."""

from __future__ import annotations

import shutil
from collections.abc import Container, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent import accounts, experience, holes, policy, proof, trials, wording, work
from agent.page import page
from agent.state import Context, State
from agent.ties import ties
from memory.datasets.made import Candidate, Judged
from memory.datasets.media import Payload
from memory.digests import digest
from memory.exports.export import export
from prompts.render import render
from tools.coverage import diversity, voices


def finish(use: Context, state: State) -> dict[str, Any]:
    """Write the export and both reports; return the report."""
    lines = accounts.table(state.get("targets", []), work.coverage(use), state["filled"], state["gaps"])
    contents: list[str] = []
    labels: dict[str, list[str]] = {}
    where, proven = None, None
    if state["stop"] != "dry_run":
        where = _export(use, state, lines, (contents, labels))
        proven = _proof(use, state)
    if use.job.goal is not None and state["stop"] != "dry_run":
        lines = [*lines, accounts.goal_line(len(lines), use.job.goal, proven and proven["held_out"])]
    reached = None
    if use.job.reach is not None and state["stop"] != "dry_run":
        slices = state.get("baseline", {}).get("slices", ())
        reached = holes.again(use, holes.look(use), state["kept"], slices, proof.erred(use, state))
        lines = [*lines, accounts.reach_line(len(lines), use.job.reach, reached)]
    met = all(line["met"] for line in lines)
    result = {
        "run": str(use.run.folder),
        "dataset": use.dataset.name,
        "modality": use.modality,
        "stop_reason": "targets_met" if met and state["stop"] == "settled" else state["stop"],
        "targets": lines,
        "met": met,
        "rounds": state["round"],
        "made": state["made"],
        "accepted": len(contents) if where is not None else state["accepted"],
        "dropped": state["accepted"] - len(contents) if where is not None else 0,
        "rejected": state["rejected"],
        "arms": {name: tally.model_dump() for name, tally in state["arms"].items()},
        "kept_steps": state["kept"],
        "proof": proven,
        "held_out_coverage": reached,
        **_variety(use, state, labels),
        "ties": ties(use, state["kept"]),
        "real": use.dataset.splits(),
        "skipped": {"count": use.dataset.skipped_count, "first": [vars(one) for one in use.dataset.skipped[:20]]},
        "cost": {
            "seconds": round(use.clock(), 3),
            "gpu_seconds": round(state["gpu_seconds"], 3),
            "tokens": use.exchanges.tokens,
            "money_usd": use.exchanges.money_usd,
        },
        "export": None if where is None else str(where),
        "export_digest": digest(contents),
        "trace": str(use.run.folder / "trace.jsonl"),
    }
    use.run.write_json("report.json", result)
    use.run.write_text("report.html", page(result))
    return result


_SHOWN = {"made", "accepted", "points", "low", "high", "curve", "left_out", "notes"}
"""What a report shows of a trial."""


def _proof(use: Context, state: State) -> dict[str, Any] | None:
    """Return what the samples that were kept bring, what was tried, and what to do next; None without a goal."""
    if use.job.goal is None or (state["settled"] is None and use.given is None):
        return None
    known = proof.known_of(use, state)
    if state["settled"] is None:
        found = proof.prove(use, state, known)
        return {"settled": proof.GIVEN, "chosen_on": None, "tried": [], "held_out": found, "advice": []}
    error = trials.standing(use, state).error
    tried = []
    for name, one in state["trials"].items():
        facts = one.model_dump(mode="json", include=_SHOWN)
        chance = round(policy.probability(one, error), 4) if error else 0.0
        tried.append({"arm": name, "kept": name == state["settled"], "worth_it": chance, **facts})
    return {
        "settled": state["settled"],
        "chosen_on": {name: state["baseline"][name] for name in ("measured_on", "items", "units", "macro_f1")},
        "tried": tried,
        "held_out": proof.prove(use, state, known),
        "advice": proof.advice(state),
        "not_remembered": experience.leave(use, state),
    }


def _variety(use: Context, state: State, made: dict[str, list[str]]) -> dict[str, Any]:
    """Return how varied made samples are: by label beside as many real ones, and the voices of clips.

    `made` gives the ids of each label.
    """

    def fetch(wanted: Container[str]) -> Iterator[tuple[str, Payload]]:
        for one, _ in use.made.accepted(state["kept"]):
            if one.id in wanted:
                payload = work.payload_of(one, use.modality)
                assert payload is not None, "an accepted sample was made"
                yield one.id, payload

    cover, seed = work.coverage(use), use.job.seed
    found = diversity.compare(use.dataset, cover, made, fetch, seed) if made else {}
    heard = None
    if use.modality == "speech":
        every = [one for _, part in sorted(made.items()) for one in part]
        heard = voices.compare(use.dataset, cover, every, fetch, seed)
    return {
        "diversity": {label: asdict(one) for label, one in found.items()},
        "voices": None if heard is None else asdict(heard),
    }


def _export(
    use: Context, state: State, lines: Sequence[dict[str, Any]], noted: tuple[list[str], dict[str, list[str]]]
) -> Path:
    """Export the accepted samples; `noted` is filled with what each of them holds, and with the ids of each label."""
    contents, labels = noted
    path = use.job.export.path
    where = use.run.export if path is None else Path(path)
    card = card_text(use, state, lines)
    if _is_ours(use, where):  # killed after the export and before its checkpoint: made again, it comes out alike
        shutil.rmtree(where)

    def accepted() -> Iterator[tuple[Candidate, Judged]]:
        for made, judged in use.made.accepted(state["kept"]):
            contents.append(f"{made.id} {made.content}")
            if made.label is not None:
                labels.setdefault(made.label, []).append(made.id)
            yield made, judged

    export(use.dataset, accepted(), where, use.job.export.format, card, work.coverage(use).duplicate_of)
    return where


def _is_ours(use: Context, where: Path) -> bool:
    """Return whether an export that is there came from this run: its card says so."""
    card = where / "README.md"
    return card.is_file() and f"Made by run `{use.run.name}`" in card.read_text(encoding="utf-8", errors="replace")


def card_text(use: Context, state: State, lines: Sequence[dict[str, Any]]) -> str:
    """Return the body of the export's dataset card."""
    kept = [step for plan in use.run.plans() for step in plan.steps if step.id in set(state["kept"])]
    tools = sorted({call.tool for step in kept for call in step.calls})
    cites = sorted({key for step in kept for key in step.cites})
    made = "\n".join(f"- `{name}` ({use.tools[name].licence}): {use.tools[name].summary}" for name in tools)
    rows = [f"| {_cell(line)} | {line['required']} | {line['before']} | {line['after']} |" for line in lines[:200]]
    more = f"\n\nThe first 200 of {len(lines)} cells are shown." if len(lines) > 200 else ""
    return render(
        "dataset_card",
        name=_one_line(use.dataset.name),
        run=use.run.name,
        stop=str(state["stop"]),
        accepted=str(state["accepted"]),
        coverage="\n".join(rows) + more,
        tools=made or "- none",
        citations="\n".join(f"- {key}" for key in cites) or "- none",
    ).text


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _cell(line: dict[str, Any]) -> str:
    return _one_line(wording.cell_of(line))
