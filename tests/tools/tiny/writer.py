"""A writer whose model is a few lines of arithmetic: it shuffles the words of the text that it is shown."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from memory.errors import ModelError
from memory.exchanges import Exchanges, Reply, Request
from tools.engines.writer import Writer
from tools.models.asker import Asker
from tools.seeds import generator

_TEXT = re.compile(r"<text>\n(.*?)\n</text>", re.DOTALL)


class Shuffler:
    """Answers a request with the words of its text in another order, by its seed."""

    name, to, remote = "shuffler", "this machine", False

    def complete(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        """Return a JSON object with every field that the schema requires."""
        found = _TEXT.findall(request.messages[-1].content)[0].split()
        said = " ".join(found[at] for at in generator(request.seed).permutation(len(found)))
        assert request.reply_schema is not None
        fields = dict.fromkeys(request.reply_schema["required"], said)  # type: ignore[call-overload]
        return Reply(text=json.dumps(fields), tokens_in=request.size // 4, tokens_out=len(said) // 4 + 1)

    def complete_all(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        """Return one reply a request."""
        return [self.complete(request) for request in requests]


def build() -> Writer:
    """Return a writer that knows the labels of the contract tests."""
    folder = Path(tempfile.mkdtemp(prefix="tiny-writer-"))
    asker = Asker(Exchanges(folder), Shuffler(), model="shuffler")
    return Writer(asker, ("zero", "one", "two"), lambda: {"zero": ("card", "money", "order"), "one": ("late",)})
