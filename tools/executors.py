"""Where shards run: on the threads of this machine. Only an executor knows machines; a tool never does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from memory.errors import ToolError
from tools.card import Tool

Item = TypeVar("Item")
Result = TypeVar("Result")


class Here:
    """Threads of this process. PyTorch, Pillow and soundfile let go of the interpreter while they work."""

    def __init__(self, workers: int = 2) -> None:
        self.workers = workers

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield `work(item)` in the order of `items`; the first failure stops the rest and is raised."""
        pool = ThreadPoolExecutor(self.workers)
        try:
            yield from pool.map(work, items)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def guarded(tool: Tool, batch: Callable[[], Any], params: list[Any]) -> list[Any]:
    """Run one tool on one batch; whatever breaks inside it becomes a `ToolError`, a fact for the next plan.

    The batch is put together in here, as that may be what does not fit into memory.
    """
    try:
        made = tool.run(batch(), params)
    except ToolError:
        raise
    except Exception as problem:
        raise ToolError(tool.name, f"{type(problem).__name__}: {problem}") from problem
    if len(made) != len(params):
        raise ToolError(tool.name, f"gave {len(made)} results for {len(params)} samples")
    return list(made)
