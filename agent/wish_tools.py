"""Which tools a job allows once a wish was heard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from memory.job import ToolPolicy

if TYPE_CHECKING:
    from agent.wish import Facts, Wish


def allowed(before: ToolPolicy, wish: Wish, facts: Facts) -> ToolPolicy:
    """Return the policy with what a wish denies, frees and limits; of two wishes about one tool, denying goes first."""
    only = [tool for name in wish.use_only for tool in facts.tools_like(name)]
    freed = [*only, *(tool for name in wish.allow for tool in facts.tools_like(name))]
    allow = only or list(before.allow)
    allow += [tool for tool in freed if not _matches(tool, allow)]
    deny = [left for pattern in before.deny for left in _without(pattern, freed, facts)]
    for name in wish.deny:
        deny += [name] if any(fnmatchcase(tool, name) for tool in facts.tools) else facts.tools_like(name)
    return ToolPolicy(allow=tuple(dict.fromkeys(allow)), deny=tuple(dict.fromkeys(deny)))


def any_left(tools: ToolPolicy, facts: Facts) -> bool:
    """Return whether any tool for this data may still be used."""
    return any(_matches(tool, tools.allow) and not _matches(tool, tools.deny) for tool in facts.tools)


def _matches(tool: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(tool, pattern) for pattern in patterns)


def _without(pattern: str, freed: Sequence[str], facts: Facts) -> list[str]:
    """Return a denied pattern as it is, or as the tools that it still denies when some of them are freed."""
    matched = [tool for tool in facts.tools if fnmatchcase(tool, pattern)]
    return [tool for tool in matched if tool not in freed] if set(matched) & set(freed) else [pattern]
