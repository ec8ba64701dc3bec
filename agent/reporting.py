"""The end of a run: the export, `report.json` and `report.html`. The story equals the trace; no model tells it."""

from __future__ import annotations

import html
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agent import accounts, work
from agent.state import Context, State
from memory.datasets.made import Candidate, Judged
from memory.digests import digest
from memory.exports.export import export
from prompts.render import render


def finish(use: Context, state: State) -> dict[str, Any]:
    """Write the export and both reports; return the report."""
    lines = accounts.table(state.get("targets", []), work.coverage(use), state["filled"], state["gaps"])
    contents: list[str] = []
    where = None
    if state["stop"] != "dry_run":
        where = _export(use, state, lines, contents)
    result = {
        "run": str(use.run.folder),
        "dataset": use.dataset.name,
        "modality": use.modality,
        "stop_reason": state["stop"],
        "targets": lines,
        "met": all(line["met"] for line in lines),
        "rounds": state["round"],
        "made": state["made"],
        "accepted": state["accepted"],
        "rejected": state["rejected"],
        "arms": {name: tally.model_dump() for name, tally in state["arms"].items()},
        "real": use.dataset.splits(),
        "skipped": {"count": use.dataset.skipped_count, "first": [vars(one) for one in use.dataset.skipped[:20]]},
        "cost": {
            "seconds": round(use.clock(), 3),
            "gpu_seconds": round(state["gpu_seconds"], 3),
            "tokens": 0,
            "money_usd": 0.0,
        },
        "export": None if where is None else str(where),
        "export_digest": digest(contents),
        "trace": str(use.run.folder / "trace.jsonl"),
    }
    use.run.write_json("report.json", result)
    use.run.write_text("report.html", page(result))
    return result


def _export(use: Context, state: State, lines: Sequence[dict[str, Any]], contents: list[str]) -> Path:
    """Export the accepted samples; `contents` is filled with what each of them holds."""
    path = use.job.export.path
    where = use.run.export if path is None else Path(path)
    card = card_text(use, state, lines)
    if _is_ours(use, where):  # killed after the export and before its checkpoint: made again, it comes out alike
        shutil.rmtree(where)

    def accepted() -> Iterator[tuple[Candidate, Judged]]:
        for made, judged in use.made.accepted(state["steps"]):
            contents.append(f"{made.id} {made.content}")
            yield made, judged

    export(use.dataset, accepted(), where, use.job.export.format, card, work.coverage(use).duplicate_of)
    return where


def _is_ours(use: Context, where: Path) -> bool:
    """Return whether an export that is there came from this run: its card says so."""
    card = where / "README.md"
    return card.is_file() and f"Made by run `{use.run.name}`" in card.read_text(encoding="utf-8", errors="replace")


def card_text(use: Context, state: State, lines: Sequence[dict[str, Any]]) -> str:
    """Return the body of the export's dataset card."""
    tools = sorted({tool for recipe in state["arms"] for tool in recipe.split("+")})
    cites = sorted({key for plan in use.run.plans() for step in plan.steps for key in step.cites})
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
    return _one_line(", ".join(f"{axis}={value}" for axis, value in line["cell"].items()))


_STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1c2733}
table{border-collapse:collapse;width:100%}td,th{padding:.25rem .6rem;border-bottom:1px solid #dde3ea;text-align:left}
.n{text-align:right;font-variant-numeric:tabular-nums}.bar{display:flex;height:.8rem;width:16rem;background:#eef2f6}
.real{background:#4a6fa5}.made{background:#e0a84c}.short{color:#a4322a}.key span{padding:0 .4rem;margin-right:.3rem}"""


def page(result: dict[str, Any]) -> str:
    """Return the report as one self-contained page; every word of the data is escaped."""
    lines = result["targets"]
    largest = max((max(line["after"], line["required"]) for line in lines), default=1)
    rows = "\n".join(_row(line, largest) for line in lines[:500])
    rejected = html.escape(_refused(result["rejected"])) or "none"
    arms = "\n".join(
        f"<tr><td>{html.escape(name)}</td><td class=n>{arm['made']}</td><td class=n>{arm['accepted']}</td>"
        f"<td>{html.escape(_refused(arm['rejected']))}</td></tr>"
        for name, arm in result["arms"].items()
    )
    verdict = "every target met" if result["met"] else "some targets not met"
    name, stop = html.escape(result["dataset"]), html.escape(str(result["stop_reason"]))
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>augplan: {name}</title>
<style>{_STYLE}</style><h1>{name}</h1>
<p>Stopped after {result["rounds"]} rounds: <b>{stop}</b>, {verdict}.
{result["made"]} samples made, {result["accepted"]} accepted; rejected: {rejected}.
{result["cost"]["seconds"]:.1f} s.</p>
<p class=key><span class=real>&nbsp;</span>real <span class=made>&nbsp;</span>made</p>
<table><tr><th>cell<th class=n>required<th class=n>before<th class=n>after<th><th></tr>
{rows}
</table><h2>Tools</h2><table><tr><th>tool<th class=n>made<th class=n>accepted<th>refused by</tr>
{arms}
</table></html>
"""


def _refused(rejected: dict[str, int]) -> str:
    return ", ".join(f"{gate} {count}" for gate, count in sorted(rejected.items()))


def _row(line: dict[str, Any], largest: int) -> str:
    name = html.escape(", ".join(f"{axis}={value}" for axis, value in line["cell"].items()))
    real, made = (100 * count / largest for count in (line["before"], line["after"] - line["before"]))
    parts = (f'<div class={kind} style="width:{share:.1f}%"></div>' for kind, share in (("real", real), ("made", made)))
    bar = f"<div class=bar>{''.join(parts)}</div>"
    note = "" if line["met"] else f"<span class=short>short: {html.escape(str(line['reason']))}</span>"
    numbers = "".join(f"<td class=n>{line[name]}</td>" for name in ("required", "before", "after"))
    return f"<tr><td>{name}</td>{numbers}<td>{bar}</td><td>{note}</td></tr>"
