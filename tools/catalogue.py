"""The catalogue: every tool, measure and gate that its folder holds. Adding a file adds the tool."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from fnmatch import fnmatchcase
from functools import cache

import tools.gates
import tools.image
import tools.measures
import tools.speech
import tools.text
from memory.errors import UsageError
from memory.job import Policy
from memory.records import Modality
from tools.card import Kind, Tool, attached
from tools.engines.engine import why_missing
from tools.weights import table

_FOLDERS = (tools.text, tools.image, tools.speech, tools.measures, tools.gates)


@cache
def load() -> dict[str, Tool]:
    """Return every tool by name, in a fixed order. Loads no torch.

    Raises UsageError when a file's function is not named like the file, or two tools share a name.
    """
    found: dict[str, Tool] = {}
    for folder in _FOLDERS:
        for module in sorted(info.name for info in pkgutil.iter_modules(folder.__path__)):
            place = f"{folder.__name__}.{module}"
            tool = attached(getattr(importlib.import_module(place), module, None))
            if tool is None:
                raise UsageError(f"{place} holds no tool named {module!r}; name the function like its file.")
            if tool.name in found:
                raise UsageError(f"Two tools are named {tool.name!r}.")
            found[tool.name] = tool
    return found


def select(kind: Kind, modality: Modality) -> list[Tool]:
    """Return the tools of one kind that work on `modality`, in catalogue order."""
    return [tool for tool in load().values() if tool.kind == kind and tool.modality in (modality, "any")]


def why_not_runnable(tool: Tool, policy: Policy = Policy()) -> str | None:  # noqa: B008  a frozen record
    """Return what this machine lacks for `tool`, with the command that brings it; None when it runs here.

    `policy` names the models that tools run on.
    """
    missing = [package for package in tool.needs.packages if importlib.util.find_spec(package) is None]
    if missing:
        extra = f"[{tool.needs.extra}]" if tool.needs.extra else ""
        return f"{', '.join(missing)} is not installed; run: pip install 'augplan{extra}'"
    return None if tool.needs.engine is None else why_missing(tool.needs.engine, policy)


def check_patterns(policy: Policy) -> None:
    """Refuse a pattern of the policy that no tool's name matches: it would allow or deny nothing, unnoticed."""
    for field, patterns in (("allow", policy.tools.allow), ("deny", policy.tools.deny)):
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in load()):
                raise UsageError(f"No tool is named like {pattern!r}.", where=f"policy.tools.{field}")


def why_not_allowed(tool: Tool, policy: Policy) -> str | None:
    """Return the rule of `policy` that forbids `tool`, or None when it is allowed."""
    if not any(fnmatchcase(tool.name, pattern) for pattern in policy.tools.allow):
        return f"{tool.name} is not in policy.tools.allow"
    if any(fnmatchcase(tool.name, pattern) for pattern in policy.tools.deny):
        return f"{tool.name} is in policy.tools.deny"
    if tool.needs.remote and policy.remote == "deny":
        return f"{tool.name} sends data away and policy.remote is deny"
    if policy.licences == "permissive" and tool.licence not in table.PERMISSIVE:
        return f"{tool.name} uses weights under {tool.licence} and policy.licences is permissive"
    return None
