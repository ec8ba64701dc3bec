"""A language model on this machine: a transformers model with its chat template. Nothing leaves the process.

A model of the kind that transformers calls image-text-to-text sees pictures, any other reads words alone.
An answer that must fit a schema is held to it token by token (llguidance). All choices of tokens are made here, from
the request's own seed, so `generate` draws nothing and an answer depends on its request alone, up to the rounding of
the device's arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from memory.errors import ModelError
from memory.exchanges import Reply, Request
from tools.models.forms import told
from tools.models.seeing import why_blind

if TYPE_CHECKING:
    from tools.models.decoding import Choice, Loaded

HERE = "this machine"
"""Where requests go that do not leave it."""
AT_ONCE = 16
"""Requests of one batch; it is halved where that does not fit."""
MOST_AT_ONCE = 64
"""On a GPU, where a step takes about as long for many as for few: requests of one batch, while their prompts ..."""
MOST_TOKENS = 32_768
"""... have at most so many tokens together, padded."""


@dataclass(eq=False)
class Local:
    """Answers requests with a model in a folder; a `tools.models.source.Source`. It is loaded by the first request."""

    name: str
    folder: Path = field(repr=False)
    device: str = "cpu"
    """`cpu` or `cuda`."""
    to: str = field(default=HERE, init=False)
    remote: bool = field(default=False, init=False)
    _loaded: Loaded | None = field(default=None, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    @property
    def sees(self) -> bool:
        """Whether it can be shown pictures. Loads nothing."""
        return why_blind(self.folder) is None

    def complete(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        """Return the answer to `request`; `on_text` is handed its words as they are chosen.

        Raises ModelError for a prompt longer than the context, for pictures that cannot be read or that the model does
        not see, and for a schema that cannot be held to; UsageError where the model cannot be loaded.
        """
        (reply,) = self._all([request], on_text)
        if isinstance(reply, ModelError):
            raise reply
        return reply

    def complete_all(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        """Return one answer a request, in order; those of like length share a batch, with pictures or without."""
        return self._all(requests, None)

    def _all(self, requests: Sequence[Request], on_text: Callable[[str], None] | None) -> list[Reply | ModelError]:
        from tools.models.loading import load

        if not requests:
            return []
        with self._lock:
            if self._loaded is None:
                self._loaded = load(self.folder, self.device)
            return self._answers(self._loaded, requests, on_text)

    def _answers(
        self, model: Loaded, requests: Sequence[Request], on_text: Callable[[str], None] | None
    ) -> list[Reply | ModelError]:
        out: list[Reply | ModelError] = [ModelError("not asked")] * len(requests)
        for places in _groups(requests):
            todo: list[tuple[int, Choice]] = []
            for at in places:
                try:
                    todo.append((at, self._begin(model, requests[at])))
                except ModelError as problem:
                    out[at] = problem
            todo.sort(key=lambda one: (len(one[1].prompt), one[0]))  # alike lengths need little padding
            while todo:
                alike = [one for one in todo if one[1].kind == todo[0][1].kind]
                part = alike[: self._together([len(one.prompt) for _, one in alike])]
                todo = [one for one in todo if one not in part]
                for (at, _), reply in zip(part, self._batch(model, [one for _, one in part], on_text), strict=True):
                    out[at] = reply
        return out

    def _together(self, lengths: Sequence[int]) -> int:
        """Return how many of the prompts with `lengths` in tokens, ascending, the next batch takes."""
        if self.device == "cpu":
            return AT_ONCE
        fit = sum(count * tokens <= MOST_TOKENS for count, tokens in enumerate(lengths[:MOST_AT_ONCE], 1))
        return max(AT_ONCE, fit)

    def _begin(self, model: Loaded, request: Request) -> Choice:
        """Return the state of a request that nothing was chosen for yet."""
        if any(one.images for one in request.messages) and (why := why_blind(self.folder)):
            raise ModelError(
                f"{self.name} reads no pictures: {why}. Take an image-text-to-text model with its processor, such as "
                "Qwen3-VL, or one at an endpoint that sees."
            )
        messages = request.messages
        if request.reply_schema is not None:
            messages = told(messages, request.reply_schema)
        said = [{"role": one.role, "content": one.content, "images": one.images} for one in messages]
        return model.begin(said, request)

    def _batch(
        self, model: Loaded, choices: list[Choice], on_text: Callable[[str], None] | None
    ) -> list[Reply | ModelError]:
        """Run a batch; where the device has too little memory for it, its halves, each from the start."""
        import torch

        try:
            model.run(choices, on_text)
        except torch.OutOfMemoryError:
            fits = False
        else:
            fits = True
        if fits:
            return [one.reply() for one in choices]
        if self.device == "cuda":
            torch.cuda.empty_cache()
        if len(choices) == 1:
            return [ModelError(f"{self.name} does not fit the memory of {self.device}, even for one short answer.")]
        half = len(choices) // 2
        fresh = [one.again() for one in choices]
        return [*self._batch(model, fresh[:half], on_text), *self._batch(model, fresh[half:], on_text)]


def _groups(requests: Sequence[Request]) -> list[list[int]]:
    """Return the places of requests that are begun together: words alone all at once, pictures (large) a few."""
    pictured = [any(said.images for said in one.messages) for one in requests]
    seen = [at for at, shown in enumerate(pictured) if shown]
    words = [at for at, shown in enumerate(pictured) if not shown]
    return [words, *(seen[start : start + AT_ONCE] for start in range(0, len(seen), AT_ONCE))]


def lacking(folder: Path) -> str | None:
    """Return what a folder lacks to be a model that is read here, or None. Reads no weights."""
    for file in ("config.json", "tokenizer.json"):
        if not (folder / file).is_file():
            return f"{folder} has no {file}; it is no folder of a transformers model."
    if not any(folder.glob("*.safetensors")):
        return f"{folder} has no weights in safetensors, and no other kind is read."
    return None
