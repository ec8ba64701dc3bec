"""Planners side by side: rules, and a scripted language model behind a real socket, on gaps of three modalities.

    python tests/benchmarks/planners.py [--only NAME] [--model openai:NAME --url URL]

For each situation and planner a whole run is made: are its plans valid at the first try, how well does the evidence
that they cite fit the question (mean score; share of citations that are the tool's own source or are likely to answer),
what was made for what was accepted, and what it cost. With `--model` one of yours plans instead of the scripted one.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import mean
from types import ModuleType
from typing import Any

from agent import audit, session
from agent.settings import Settings, from_environment
from memory.bundled import materialise
from memory.job import Job
from memory.literature.index import ANSWERED
from memory.runs import Run
from tools.catalogue import load

SERVERS = Path(__file__).parent.parent / "servers"
WRITERS = ("text.paraphrase", "text.write_*", "text.mix_languages")
SITUATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "text: every class as large as the largest": ("requests", {}),
    "text: one class": ("requests", {"targets": [{"at_least": 30, "only": {"label": ["complaint"]}}]}),
    "text: every pair of class and channel": (
        "requests",
        {"targets": [{"axes": ["label", "channel"], "at_least": 10}]},
    ),
    "text: typed in a hurry": (
        "requests",
        {"request": "texts are typed in a hurry, with typing errors", "targets": [{"at_least": 30}]},
    ),
    "text: a cap on what is made": ("requests", {"targets": [{"at_least": 40}], "limits": {"synthetic_per_real": 1}}),
    "text: a small budget": ("requests", {"targets": [{"at_least": 40}], "limits": {"samples": 40}}),
    "text: two tools only": (
        "requests",
        {"targets": [{"at_least": 24}], "policy": {"tools": {"allow": ["text.swap_words", "text.ocr_noise"]}}},
    ),
    "image: every class": ("digits", {"targets": [{"at_least": 30}]}),
    "image: one class": ("digits", {"targets": [{"at_least": 60, "only": {"label": ["3"]}}]}),
    "image: dark ones": (
        "digits",
        {"targets": [{"axes": ["brightness"], "at_least": 40, "only": {"brightness": ["<0.25"]}}]},
    ),
    "image: no mirroring": (
        "digits",
        {"targets": [{"at_least": 30}], "policy": {"tools": {"deny": ["image.flip_crop"]}}},
    ),
    "speech: every class": ("numbers", {"targets": [{"at_least": 16}]}),
    "speech: noisy clips": (
        "numbers",
        {"request": "clips come from noisy phone lines", "targets": [{"at_least": 16}]},
    ),
    "speech: clips of a narrow band": (
        "numbers",
        {"targets": [{"axes": ["bandwidth"], "at_least": 20, "only": {"bandwidth": ["<2000"]}}]},
    ),
    "speech: every speaker": ("numbers", {"targets": [{"axes": ["speaker"], "at_least": 40}]}),
    "speech: a small budget": ("numbers", {"targets": [{"at_least": 16}], "limits": {"samples": 24}}),
}


def server_file(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"servers_{name}", SERVERS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def job_of(data: Path, changes: dict[str, Any], planner: dict[str, Any]) -> Job:
    policy = changes.get("policy", {})
    denied = policy.get("tools", {}).get("deny", [])
    tools = {**policy.get("tools", {}), "deny": [*denied, *WRITERS]}
    own = {"dataset": {"path": str(data)}, "policy": {**policy, "tools": tools, **planner}}
    return Job.model_validate({**changes, **own})


def measure(job: Job, settings: Settings) -> dict[str, Any]:
    """Return the figures of one run."""
    start = time.perf_counter()
    ended = session.start(job, session.Ask(settings, yes=True))
    assert isinstance(ended, session.Ended)
    report, folder = ended.report, Path(ended.report["run"])
    plans = [one["facts"] for one in audit.decisions(folder) if one.get("node") == "plan"]
    scores = {
        key: score
        for one in audit.decisions(folder)
        if one.get("node") == "retrieve"
        for key, score, *_ in one["facts"]["strategies"]
    }
    known = load()
    steps = [step for plan in Run(folder).plans() for step in plan.steps]
    cited = [(key, call.tool) for step in steps for call in step.calls for key in step.cites]
    fit = [key in known[tool].cites or scores.get(key, 0.0) >= ANSWERED for key, tool in cited]
    lines = [line for line in report["targets"] if "measure" not in line["cell"]]
    return {
        "valid": sum(not one.get("took_over") and not one.get("repaired") for one in plans) / max(1, len(plans)),
        "taken over": sum(bool(one.get("took_over")) for one in plans),
        "score": mean(scores.get(key, 0.0) for key, _ in cited) if cited else 0.0,
        "fits": mean(fit) if fit else 0.0,
        "met": sum(line["met"] for line in lines) / max(1, len(lines)),
        "made": report["made"],
        "accepted": report["accepted"],
        "tokens": report["cost"]["tokens"],
        "seconds": time.perf_counter() - start,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="situations whose name holds this")
    parser.add_argument("--model", help="openai:NAME of a model to plan instead of the scripted one")
    parser.add_argument("--url", help="address of its endpoint")
    given = parser.parse_args()
    print("situation | planner | valid at once | taken over | score | fits | met | made | accepted | tokens | s")
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        url = given.url
        if url is None:
            url = stack.enter_context(server_file("endpoint").Server(server_file("planner").competent())).url
        settings = from_environment(runs=Path(place) / "runs").model_copy(update={"openai_base_url": url})
        model = {"planner": "model", "model": given.model or "openai:scripted", "remote": "allow"}
        found: dict[str, list[dict[str, Any]]] = {"rules": [], "model": []}
        for name, (data, changes) in SITUATIONS.items():
            if given.only not in name:
                continue
            folder = materialise(data, Path(place))  # type: ignore[arg-type]
            for planner, policy in (("rules", {}), ("model", model)):
                one = measure(job_of(folder, changes, policy), settings)
                figures = (f"{one['valid']:.2f}", one["taken over"], f"{one['score']:.2f}", f"{one['fits']:.2f}")
                more = (f"{one['met']:.2f}", one["made"], one["accepted"], one["tokens"], f"{one['seconds']:.1f}")
                print(" | ".join(map(str, (name, planner, *figures, *more))), flush=True)
                found[planner].append(one)
        for planner, all_of in found.items():
            if all_of:
                means = {key: f"{mean(one[key] for one in all_of):.2f}" for key in all_of[0]}
                print(f"mean of {len(all_of)} | {planner} | {' | '.join(means.values())}")


if __name__ == "__main__":
    main()
