"""A run as a story for people: what was decided, and why a sample is there. Reads trace and lineage only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from memory.datasets.dataset import reopen
from memory.datasets.made import Candidate, Judged, Made
from memory.literature import notes
from memory.runs import Run


def decisions(folder: Path) -> list[dict[str, Any]]:
    """Return the records of a trace, in order, with `seq` and `at`."""
    return [{"seq": one["seq"], "at": one["at"], **one["body"]} for one in Run.open(folder).trace().read()]


def story(folder: Path) -> str:
    """Return one line per record of the trace."""
    return "\n".join(_told(one) for one in decisions(folder))


def _told(one: dict[str, Any]) -> str:
    when = str(one["at"])[:19]
    if one["kind"] == "opened":
        data = one["dataset"]
        return f"{one['seq']:>4} {when} opened   {data['name']}: {data['modality']}, {data['splits']}"
    if one["kind"] == "decision":
        return f"{one['seq']:>4} {when} {one['node']:<8} round {one['round']}: {one['summary']}"
    return f"{one['seq']:>4} {when} {one['kind']:<8} {one.get('stop_reason', '')}".rstrip()


def why(folder: Path, name: str) -> str:
    """Return the walk from one sample back to step, gap, paper and request, as text."""
    facts = lineage(folder, name)
    lines = [f"{key}: {value}" for key, value in facts.items() if key not in ("calls", "verdicts", "evidence")]
    lines += [
        f"call: {call['tool']} (version {call['version']}) with {call['params']}" for call in facts.get("calls", [])
    ]
    lines += [f"evidence: {one}" for one in facts.get("evidence", [])]
    for verdict in facts.get("verdicts", []):
        score = "" if verdict.get("score") is None else f", score {verdict['score']:.3f}"
        bound = "" if verdict.get("threshold") is None else f" (threshold {verdict['threshold']:.3f})"
        said = f": {verdict['why']}" if verdict.get("why") else ""
        lines.append(f"gate: {verdict['gate']} {'accepted' if verdict['accepted'] else 'REJECTED'}{score}{bound}{said}")
    return "\n".join(lines)


def lineage(folder: Path, name: str) -> dict[str, Any]:
    """Return everything kept about one sample, made or real; {"unknown": ...} when the run knows neither."""
    run = Run.open(folder)
    records = decisions(folder)
    for step, made, judged in _all_made(Made(run.made)):
        if made.id == name:
            return _made(records, step, made, judged)
    dataset = reopen(run.dataset)
    ids = dataset.column("id")
    if name in ids:
        row = ids.index(name)
        facts = {axis: dataset.column(axis)[row] for axis in ("split", "label", "group")}
        return {"sample": name, "kind": "real", "from": dataset.table.column("where")[row].as_py(), **facts}
    return {
        "unknown": f"{name!r} is neither a made sample nor an item of this run; ids stand in the export's sample_id"
    }


def _all_made(made: Made) -> Iterator[tuple[str, Candidate, Judged | None]]:
    for step in sorted(path.name for path in made.folder.iterdir()) if made.folder.exists() else []:
        for shard in made.shards(step):
            known = {one.id: one for one in made.judged(step, shard)} if made.has_judged(step, shard) else {}
            for candidate in made.candidates(step, shard):
                yield step, candidate, known.get(candidate.id)


def _made(records: list[dict[str, Any]], step: str, made: Candidate, judged: Judged | None) -> dict[str, Any]:
    plans = [one for one in records if one["kind"] == "decision" and one["node"] == "plan"]
    chosen: dict[str, Any] = next((part for one in plans for part in one["facts"]["steps"] if part["id"] == step), {})
    number = next((one["round"] for one in plans if chosen in one["facts"]["steps"]), None)
    known = notes.load()
    evidence = [f"{known[key].title} ({known[key].year}) [{key}]" for key in chosen.get("cites", []) if key in known]
    opened = records[0]
    return {
        "sample": made.id,
        "kind": "made",
        "outcome": "not judged"
        if judged is None
        else "accepted"
        if judged.accepted
        else f"rejected by {judged.rejected_by}",
        "request": f"{opened['in_force']['targets'] or 'default targets'} on {opened['dataset']['name']}",
        "cell": made.cell,
        "round": number,
        "step": f"{step}: {chosen.get('why', '')}",
        "parents": list(made.parents),
        "label": made.label if not made.soft_label else made.soft_label,
        **({} if made.said is None else {"says": made.said}),
        "seed": made.seed,
        "content": made.content,
        "calls": list(made.calls),
        "evidence": evidence,
        "verdicts": [] if judged is None else [verdict.model_dump() for verdict in judged.verdicts],
    }
