"""A writer that says any few words of a short list, and the program of ours that stands in for espeak-ng."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from memory.errors import ModelError
from memory.exchanges import Exchanges, Reply, Request
from tools.engines.writer import Writer
from tools.models.asker import Asker
from tools.seeds import generator

WORDS = ("please", "could", "you", "turn", "that", "off", "for", "me", "now", "tell", "my", "sister", "about", "it")


class Babbler:
    """Answers a request with words that its seed draws."""

    name, to, remote = "babbler", "this machine", False

    def complete(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        """Return one utterance as a JSON object."""
        rng = generator(request.seed)
        said = " ".join(rng.choice(WORDS, size=int(rng.integers(3, 8))).tolist())
        return Reply(text=json.dumps({"text": said}), tokens_in=request.size // 4, tokens_out=len(said) // 4 + 1)

    def complete_all(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        """Return one reply a request."""
        return [self.complete(request) for request in requests]


def build() -> Any:
    """Return the engine."""
    from tools.engines.written_speech import ByRule, WrittenSpeech

    folder = Path(tempfile.mkdtemp(prefix="tiny-written-speech-"))
    writer = Writer(Asker(Exchanges(folder), Babbler(), model="babbler"), ("zero", "one", "two"))
    return WrittenSpeech(writer, ByRule(_beside("espeak").build()))


def _beside(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"tiny_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
