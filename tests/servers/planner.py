"""A model that plans well, scripted: it reads the prompt and the form as a language model would, and fills it in.

`competent(body)` answers a request to plan, to listen or to explain. What it says when it listens is given by the test;
plans and explanations follow from the prompt alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

PILOT, MOST_STEPS = 3, 4
_SECTION = re.compile(r"<(\w+)>\n(.*?)\n</\1>", re.DOTALL)
_USUAL = re.compile(r"(\w+) \(usually ([^)]*)\)")
_FACT = re.compile(r"^\[([^\]]+)\] (.*)$", re.MULTILINE)


def competent(wishes: Mapping[str, dict[str, Any]] | None = None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return an answer to any request of a chat or a planning run. `wishes`: what a person says -> what is wanted."""

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        words, schema = body["messages"][-1]["content"], form_of(body)
        parts = dict(_SECTION.findall(words))
        if "steps" in schema["properties"]:
            return proposal(parts, schema)
        if "text" in schema["properties"]:
            return dict.fromkeys(schema["properties"], rewritten(parts["text"], str(body.get("seed"))))
        if "references" in schema["properties"]:
            ref, text = _FACT.findall(parts["facts"])[0]
            return {"answer": f"On record: {text}"[:1200], "references": [ref]}
        return (wishes or {})[parts["person"]]

    return answer


def rewritten(text: str, seed: str) -> str:
    """Return another text with most of the words of this one, as a model would say it again."""
    words = text.rstrip(".?!").split()
    start = int(hashlib.sha256(f"{seed}{text}".encode()).hexdigest(), 16)
    opening = ("So,", "Well,", "Honestly,", "To be clear,", "Once more:", "In short,")[start % 6]
    turn = 1 + start // 6 % max(1, len(words) - 1)
    end = ("thanks", "please", "again")[start % 3]
    return f"{opening} {' '.join(words[turn:])} and that is about {' '.join(words[:turn])}, {end}."


def form_of(body: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema that an answer must fit, wherever the request has it."""
    if "response_format" in body:
        return body["response_format"]["json_schema"]["schema"]
    return body["tools"][0]["function"]["parameters"]


def rows(table: str) -> list[dict[str, str]]:
    heads, *lines = [line.split(" | ") for line in table.splitlines() if " | " in line]
    return [dict(zip(heads, line, strict=True)) for line in lines]


def proposal(parts: dict[str, str], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a plan: the tools with the best evidence, less those that gates refused; the emptiest gaps first."""
    gaps, tools = rows(parts["gaps"]), {one["tool"]: one for one in rows(parts["tools"])}
    tried = (
        {one["recipe"]: one for one in rows(parts["tried_in_this_run"])} if " | " in parts["tried_in_this_run"] else {}
    )
    evidence: dict[str, list[tuple[float, str]]] = {}
    for one in rows(parts["evidence"]):
        for name in one["tools"].split(", "):
            expected = float(one["expected gain, % of the error"].split(" ")[0] or 0)
            evidence.setdefault(name, []).append((expected, one["key"]))
    accepted = {name: (1 + int(one["accepted"])) / (2 + int(one["judged"])) for name, one in tried.items()}
    order = sorted(evidence, key=lambda name: (-max(evidence[name])[0] * accepted.get(name, 0.5), name))
    chosen = [name for name in order if name in tools and accepted.get(name, 1.0) > 0.25][:MOST_STEPS]
    steps = []
    left = int(found[1]) if (found := re.search(r"samples left: (\d+)", parts["budget"])) else 10**9
    for turn, name in enumerate(chosen):
        fills = [
            {"gap": int(gap["gap"]), "candidates": share}
            for at, gap in enumerate(gaps)
            if (share := _share(gap, turn, len(chosen), accepted.get(name, 0.5), bool(tried), at)) > 0
            and name in _usable(gap, chosen)
        ]
        form = schema["$defs"][f"Call_{name.replace('.', '_')}"]["properties"]
        start = None
        if "start_class" in form and fills:
            start = _starts(gaps, fills[0])[0]
            fills = [one for one in fills if start in _starts(gaps, one)]
        fills = _within(fills, left)
        left -= sum(one["candidates"] for one in fills)
        if fills:
            cell = next(gap["cell"] for gap in gaps if int(gap["gap"]) == fills[0]["gap"])
            steps.append(
                {
                    "cites": [key for _, key in sorted(evidence[name], reverse=True)[:2]],
                    "adapts": f"The papers report what {name} brings; here it is drawn milder, for {cell}.",
                    "calls": [call(name, tools[name], schema, start)],
                    "fills": fills,
                }
            )
    return {"why": "grow what was accepted" if tried else "a pilot of what has the best evidence", "steps": steps}


def _starts(gaps: list[dict[str, str]], fill: dict[str, int]) -> list[str]:
    """Return the classes that a gap can be filled from by a tool that changes labels, the most alike first."""
    [gap] = [one for one in gaps if int(one["gap"]) == fill["gap"]]
    return gap["start_class, the most alike first"].split(", ")


def _within(fills: list[dict[str, int]], left: int) -> list[dict[str, int]]:
    """Return as much of a step as the budget covers."""
    kept = []
    for one in fills:
        count = min(one["candidates"], left)
        left -= count
        kept += [{**one, "candidates": count}] if count else []
    return kept


def _usable(gap: dict[str, str], chosen: list[str]) -> list[str]:
    start = gap["items to start from"]
    return start.removeprefix("none; only ").split(", ") if start.startswith("none") else chosen


def _share(gap: dict[str, str], turn: int, of: int, accepted: float, later: bool, at: int) -> int:
    wanted = int(gap["missing"]) if later else max(PILOT, int(gap["missing"]) // 3)
    count = min(round(wanted / max(accepted, 0.3)), int(gap["most candidates"]))
    return count // of + ((turn + at) % of < count % of)


def resolved(about: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference in a schema, or a choice of one, stands for."""
    if "anyOf" in about:
        return resolved(about["anyOf"][0], schema)
    return schema["$defs"][about["$ref"].rsplit("/", 1)[-1]] if "$ref" in about else about


def call(name: str, tool: dict[str, str], schema: dict[str, Any], start: str | None = None) -> dict[str, Any]:
    """Return a call with the usual values that the prompt tells, pulled in a little; bounds are in the form."""
    usual = dict(_USUAL.findall(tool["parameters"]))
    form = schema["$defs"][f"Call_{name.replace('.', '_')}"]
    made: dict[str, Any] = {"tool": name}
    for field, about in form["properties"].items():
        if field == "tool":
            continue
        if field == "start_class":
            made[field] = start
            continue
        if about.get("type") == "array":
            words = [one.strip() for one in usual[field].split(",")]
            made[field] = words
            continue
        ends = [json.loads(one) for one in usual[field].split(",")]
        low, high = float(ends[0]), float(ends[-1])
        inner = resolved(about, schema)
        if inner["properties"]["low"]["type"] == "integer":
            made[field] = {"low": int(low), "high": int(high)}
        else:
            made[field] = {"low": low, "high": round(low + 0.9 * (high - low), 6)}
    return made
