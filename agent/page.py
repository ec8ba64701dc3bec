"""The report as one self-contained page: coverage, the proof, what was tried. Every word of the data is escaped."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from agent import wording

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1c2733}
table{border-collapse:collapse;width:100%}td,th{padding:.25rem .6rem;border-bottom:1px solid #dde3ea;text-align:left}
.n{text-align:right;font-variant-numeric:tabular-nums}.bar{display:flex;height:.8rem;width:16rem;background:#eef2f6}
.real{background:#4a6fa5}.made{background:#e0a84c}.short{color:#a4322a}.key span{padding:0 .4rem;margin-right:.3rem}
.kept{font-weight:600}svg{display:block}"""
_WIDTH, _HEIGHT = 240, 16


def page(result: dict[str, Any]) -> str:
    """Return the report as one page."""
    lines = [line for line in result["targets"] if "measure" not in line["cell"]]
    largest = max((max(line["after"], line["required"]) for line in lines), default=1)
    rows = "\n".join(_row(line, largest) for line in lines[:500])
    rejected = html.escape(_refused(result["rejected"])) or "none"
    arms = "\n".join(
        f"<tr><td>{html.escape(name)}</td><td class=n>{arm['made']}</td><td class=n>{arm['accepted']}</td>"
        f"<td>{html.escape(_refused(arm['rejected']))}</td></tr>"
        for name, arm in result["arms"].items()
    )
    verdict = "every target met" if result["met"] else "some targets not met"
    dropped = f", {result['dropped']} dropped with what was not settled on" if result["dropped"] else ""
    name, stop = html.escape(result["dataset"]), html.escape(str(result["stop_reason"]))
    cells = f"""<h2>Coverage</h2><p class=key><span class=real>&nbsp;</span>real <span class=made>&nbsp;</span>made</p>
<table><tr><th>cell<th class=n>required<th class=n>before<th class=n>after<th><th></tr>
{rows}
</table>"""
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>augplan: {name}</title>
<style>{_STYLE}</style><h1>{name}</h1>
<p>Stopped after {result["rounds"]} rounds: <b>{stop}</b>, {verdict}.
{result["made"]} samples made, {result["accepted"]} accepted{dropped}; rejected: {rejected}.
{result["cost"]["seconds"]:.1f} s.</p>
{_proof(result["proof"]) if result.get("proof") else ""}
{cells if lines else ""}{_remarks(result)}
<h2>Tools</h2><table><tr><th>tool<th class=n>made<th class=n>accepted<th>refused by</tr>
{arms}
</table></html>
"""


def _remarks(result: dict[str, Any]) -> str:
    said = wording.remarks(result)
    return "\n".join(f"<p>{head.capitalize()}: {html.escape(text)}.</p>" for head, text in said)


def _refused(rejected: dict[str, int]) -> str:
    return ", ".join(f"{gate} {count}" for gate, count in sorted(rejected.items()))


def _row(line: dict[str, Any], largest: int) -> str:
    name = html.escape(wording.cell_of(line))
    real, made = (100 * count / largest for count in (line["before"], line["after"] - line["before"]))
    parts = (f'<div class={kind} style="width:{share:.1f}%"></div>' for kind, share in (("real", real), ("made", made)))
    bar = f"<div class=bar>{''.join(parts)}</div>"
    note = "" if line["met"] else f"<span class=short>short: {html.escape(str(line['reason']))}</span>"
    numbers = "".join(f"<td class=n>{line[name]}</td>" for name in ("required", "before", "after"))
    return f"<tr><td>{name}</td>{numbers}<td>{bar}</td><td>{note}</td></tr>"


# --- the proof ----------------------------------------------------------------------------------------


def _proof(proof: dict[str, Any]) -> str:
    advice = "".join(f"<li>{html.escape(line)}</li>" for line in proof["advice"])
    return f"""<h2>Does it help?</h2><ul>{advice}</ul>
{_held_out(proof["held_out"]) if proof["held_out"] else "<p>No split was held out, so nothing could be proven.</p>"}
{_tried(proof)}"""


def _held_out(found: dict[str, Any]) -> str:
    left = f"; {found['left_out']} that nearly repeat a training row are left out" if found["left_out"] else ""
    rows = [(found["settled"], found, True)]
    rows += [(name, {**one, "after": one["macro_f1"]}, False) for name, one in found["instead"].items()]
    body = "".join(
        f"<tr{' class=kept' if kept else ''}><td>{html.escape(name)}</td><td class=n>{one.get('samples', '')}</td>"
        f"<td class=n>{100 * one['after']:.1f}</td><td class=n>{_gain(one)}</td><td>{_interval(one, rows)}</td></tr>"
        for name, one, kept in rows
    )
    classes = "".join(
        f"<tr><td>{html.escape(one['class'])}</td><td class=n>{one['items']}</td><td class=n>{100 * one['before']:.1f}"
        f"</td><td class=n>{100 * one['after']:.1f}</td><td class=n>{_gain(one)}</td>"
        f"<td>{_interval(one, [('', other, True) for other in found['per_class']])}</td></tr>"
        for one in found["per_class"]
    )
    return f"""<p>On {found["items"]} real items of the {html.escape(found["split"])} split, opened once{left}. Gains
are over the data as they are, with paired 90 % intervals.{_cost(found["per_point"])}</p>
<table><tr><th>trained on<th class=n>made<th class=n>macro-F1<th class=n>gain<th></tr>{body}</table>
<h3>By class</h3>
<table><tr><th>class<th class=n>items<th class=n>F1 before<th class=n>after<th class=n>gain<th></tr>{classes}</table>"""


def _cost(per_point: dict[str, float] | None) -> str:
    if per_point is None:
        return ""
    return f" A point of macro-F1 cost {per_point['samples']:g} samples and {per_point['seconds']:g} s."


def _gain(one: dict[str, Any]) -> str:
    return wording.gain(one["gain"], one["low"], one["high"])


def _interval(one: dict[str, Any], rows: Sequence[tuple[str, dict[str, Any], bool]]) -> str:
    """Draw a gain with its interval on the scale that all `rows` share; the grey line is no gain."""
    low = min(0.0, *(row["low"] for _, row, _ in rows))
    high = max(0.0, *(row["high"] for _, row, _ in rows))
    scale = _WIDTH / max(high - low, 1e-9)
    left, middle, right, zero = ((value - low) * scale for value in (one["low"], one["gain"], one["high"], 0.0))
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}">'
        f'<line x1="{zero:.1f}" x2="{zero:.1f}" y2="{_HEIGHT}" stroke="#aab4c0"/>'
        f'<line x1="{left:.1f}" x2="{right:.1f}" y1="8" y2="8" stroke="#e0a84c" stroke-width="3"/>'
        f'<circle cx="{middle:.1f}" cy="8" r="4" fill="#4a6fa5"/></svg>'
    )


def _tried(proof: dict[str, Any]) -> str:
    on = proof["chosen_on"]
    if on is None:
        return ""
    rows = "".join(
        f"<tr{' class=kept' if one['kept'] else ''}><td>{html.escape(one['arm'])}</td><td class=n>{one['made']}</td>"
        f"<td class=n>{one['accepted']}</td><td class=n>{_measured(one)}</td><td class=n>{_grown(one)}</td>"
        f"<td>{html.escape(wording.fate(one))}</td></tr>"
        for one in proof["tried"]
    )
    return f"""<h3>What was tried</h3>
<p>Measured on {on["items"]} real items nobody was trained on ({html.escape(on["measured_on"])}, {on["units"]}
independent units); the test split was not looked at.</p>
<table><tr><th>recipe<th class=n>made<th class=n>accepted<th class=n>gain<th class=n>as it grew<th></tr>{rows}
</table>"""


def _measured(one: dict[str, Any]) -> str:
    if one["points"] is None:
        return "not measured"
    return wording.gain(one["points"], one["low"], one["high"])


def _grown(one: dict[str, Any]) -> str:
    """Tell the marginal value: samples and gain each time a recipe was given more."""
    return ", ".join(f"{samples}: {100 * gain:+.1f}" for samples, gain, _, _ in one["curve"]) if one["made"] else ""
