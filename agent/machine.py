"""What this machine can do: the catalogue with what is runnable here, and a doctor's list."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from agent.settings import from_environment, keep_quiet
from memory import outcomes
from memory.errors import UsageError
from tools import devices
from tools.catalogue import load, why_not_runnable
from tools.weights import hub, pinned
from tools.weights.table import TABLE, Weights, entry_of

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
_MORE_USES = {"search": "the search of the literature", "captions": "captions of image.imagine_image"}
"""What runs on weights and is no tool by itself."""


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


def tool_told(entry: dict[str, Any]) -> list[str]:
    """Return what is known of one tool as lines, its parameters last."""
    lines = [
        f"{key}: {', '.join(value) if isinstance(value, list) else value}"
        for key, value in entry.items()
        if key != "parameters" and value not in (None, [], "")
    ]
    own = {name: about for name, about in entry["parameters"].items() if name != "seed"}
    lines += ["parameters:"] if own else []
    return lines + [f"  {name}{_range(about)}: {about['description']}" for name, about in own.items()]


def _range(about: dict[str, Any]) -> str:
    """Return which values a parameter takes, and which are drawn where a plan says nothing."""
    least = [
        f"{sign} {about[key]:g}" for key, sign in (("minimum", "from"), ("exclusiveMinimum", "above")) if key in about
    ]
    most = [
        f"{sign} {about[key]:g}" for key, sign in (("maximum", "to"), ("exclusiveMaximum", "below")) if key in about
    ]
    told = [" ".join((*least, *most))] if least or most else []
    told += [f"one of {', '.join(map(repr, about['enum']))}"] if "enum" in about else []
    drawn = about["usual"]
    if drawn is None:
        told.append(f"default {about.get('default')!r}")
    elif len(drawn) == 2 and all(isinstance(one, int | float) and not isinstance(one, bool) for one in drawn):
        told.append(f"usually {drawn[0]:g} to {drawn[1]:g}")
    else:
        told.append(f"usually {', '.join(dict.fromkeys(map(repr, drawn)))}")
    return f" ({'; '.join(told)})"


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
        "weights": weights(),
        "cache": str(from_environment().cache),
        "memory": str(from_environment().memory),
        "outcomes": outcomes.count(from_environment().memory),
        "not_runnable": {one["name"]: one["why_not"] for one in entries if not one["runnable"]},
        "free_disk_gib": round(usage.free / 2**30, 1),
    }


def weights() -> list[dict[str, Any]]:
    """Return the table of weights: what each is for, and what this machine lacks of it."""
    return [_facts(one) for one in TABLE.values()]


def fetch(names: Sequence[str]) -> list[dict[str, Any]]:
    """Fetch weights by their names, and return their entries.

    Raises UsageError for a name that is not in the table, before anything is fetched, and for what cannot be had.
    """
    keep_quiet("allow")
    wanted = [entry_of(name) for name in names]
    for name, entry in zip(names, wanted, strict=True):
        if entry is None:
            raise UsageError(f"There are no weights {name!r} in the table; there are: {', '.join(TABLE)}.")
    entries = [one for one in wanted if one is not None]
    for one in entries:
        hub.fetch(one)
    return [_facts(one) for one in entries]


def weights_told(facts: dict[str, Any]) -> str:
    """Return an entry of the weights table as a line."""
    where = f"in {facts['folder']}" if facts["folder"] else "not here" if facts["why_not"] else "here"
    return f"{facts['name']} ({facts['licence']}, {facts['gb']:g} GB): {where}; for {', '.join(facts['for'])}"


def _facts(entry: Weights) -> dict[str, Any]:
    folder = hub.place_of(entry)
    return {
        "name": entry.name,
        "repository": entry.repository,
        "licence": entry.licence,
        "gb": entry.gb,
        "for": _users(entry),
        "folder": None if folder is None else str(folder),
        "why_not": _why_not_here(entry),
    }


def _users(entry: Weights) -> list[str]:
    """Return the names of the tools that run on an entry."""
    own = [tool.name for tool in load().values() if tool.needs.engine in entry.serves]
    return own + [what for engine, what in _MORE_USES.items() if engine in entry.serves]


def _why_not_here(entry: Weights) -> str | None:
    """Return what is missing, after reading and checking what is pinned by its content; None where nothing is."""
    if not entry.sha256:
        return hub.why_missing(entry)
    try:
        pinned.read(entry, remote=False)
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
    here = [one["name"] for one in facts["weights"] if one["why_not"] is None]
    lines.append(f"weights  here: {', '.join(here)}; augplan fetch lists all {len(facts['weights'])}")
    lines.append(f"cache    {facts['cache']}")
    lines.append(f"memory   {facts['memory']}: {facts['outcomes']} outcomes of earlier runs")
    lines += [f"missing  {', '.join(names)}: {why}" for why, names in _by_reason(facts["not_runnable"]).items()]
    lines.append(f"disk     {facts['free_disk_gib']} GiB free here")
    return lines


def _by_reason(not_runnable: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, why in not_runnable.items():
        found.setdefault(why, []).append(name)
    return found
