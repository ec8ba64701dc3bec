"""What this machine can do: the catalogue with what is runnable here, and a doctor's list."""

from __future__ import annotations

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from agent.settings import from_environment, keep_quiet
from memory import outcomes
from memory.errors import UsageError
from tools import devices, weights
from tools.catalogue import load, why_not_runnable

_PACKAGES = (
    "torch",
    "torchaudio",
    "torchvision",
    "transformers",
    "langgraph",
    "chromadb",
    "openai",
    "datasets",
    "pyarrow",
    "soundfile",
    "scikit-learn",
    "diffusers",
    "llguidance",
)


def catalogue(name: str | None = None) -> list[dict[str, Any]]:
    """Return every tool, or the one named, as plain facts. Raises UsageError for a name that is not there."""
    known = load()
    if name is not None and name not in known:
        close = [other for other in known if name.split(".")[-1] in other]
        raise UsageError(f"There is no tool {name!r}; there are: {', '.join(close or known)}.")
    entries = []
    for tool in known.values() if name is None else [known[name]]:
        why_not = why_not_runnable(tool)
        entry: dict[str, Any] = {
            "name": tool.name,
            "kind": tool.kind,
            "modality": tool.modality,
            "family": tool.family,
            "labels": tool.labels if tool.kind == "augment" else "",
            "runnable": why_not is None,
            "why_not": why_not,
            "licence": tool.licence,
            "remote": tool.needs.remote,
            "cites": list(tool.cites),
            "changes": list(tool.changes),
            "cpu_seconds_per_1000": tool.cost.cpu_seconds if tool.kind == "augment" else None,
            "version": tool.version,
            "summary": tool.summary,
        }
        if name is not None:
            entry["parameters"] = {
                field: {**about, "usual": tool.params.usual.get(field)}
                for field, about in tool.params.model_json_schema()["properties"].items()
            }
        entries.append(entry)
    return entries


def examine() -> dict[str, Any]:
    """Return what works on this machine: device, packages, tools that run, disk."""
    keep_quiet("deny")
    entries = catalogue()
    usage = shutil.disk_usage(".")
    return {
        "python": platform.python_version(),
        "machine": devices.describe(devices.choose("auto", "image")),
        "packages": {name: _version(name) for name in _PACKAGES},
        "tools": {"runnable": sum(one["runnable"] for one in entries), "of": len(entries)},
        "weights": {name: {"licence": one.licence, "why_not": _unusable(one)} for name, one in weights.TABLE.items()},
        "pipelines": {
            name: {"licence": one.licence, "why_not": weights.why_no_pipeline(one)}
            for name, one in weights.PIPELINES.items()
        },
        "cache": str(from_environment().cache),
        "memory": str(from_environment().memory),
        "outcomes": outcomes.count(from_environment().memory),
        "not_runnable": {one["name"]: one["why_not"] for one in entries if not one["runnable"]},
        "free_disk_gib": round(usage.free / 2**30, 1),
    }


def _unusable(entry: weights.Weights) -> str | None:
    """Return why weights cannot be used here, after reading and checking them, or None."""
    try:
        weights.read(entry, remote=False)
    except UsageError as problem:
        return str(problem)
    return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def told(facts: dict[str, Any]) -> list[str]:
    """Return the doctor's list as lines."""
    machine = facts["machine"]
    where = f"{machine['gpu']}, {machine['gpu_memory_gib']} GiB" if "gpu" in machine else "no GPU; tools run on the CPU"
    lines = [f"python   {facts['python']}", f"device   {machine['device']}: {where}"]
    lines += [
        f"package  {name} {found or 'MISSING; run: pip install augplan'}" for name, found in facts["packages"].items()
    ]
    lines.append(f"tools    {facts['tools']['runnable']} of {facts['tools']['of']} run here")
    lines += [
        f"weights  {name} ({one['licence']}): {one['why_not'] or 'here, and the upstream files'}"
        for name, one in facts["weights"].items()
    ]
    lines += [
        f"pipeline {name} ({one['licence']}): {one['why_not'] or 'here'}" for name, one in facts["pipelines"].items()
    ]
    lines.append(f"cache    {facts['cache']}")
    lines.append(f"memory   {facts['memory']}: {facts['outcomes']} outcomes of earlier runs")
    lines += [f"missing  {name}: {why}" for name, why in facts["not_runnable"].items()]
    lines.append(f"disk     {facts['free_disk_gib']} GiB free here")
    return lines
