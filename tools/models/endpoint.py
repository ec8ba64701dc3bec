"""A language model at an OpenAI-compatible endpoint, asked by `/chat/completions`.

Every try ends: after so many seconds, or so many bytes. What may pass is tried again, after the time that the server
asks for or one that doubles; what is not whole is never returned. A request leaves this process for somewhere that may
pass it on, wherever the address points.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from memory.errors import ModelError, UsageError
from memory.exchanges import Reply, Request, without_secrets
from tools.models import answers, failures, forms
from tools.seeds import generator

_PATH = "/chat/completions"
TIMEOUT_S = 120.0
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 20.0
_MOST_ASKED_S = 60.0
"""A server that asks to wait longer is not waited for."""


@dataclass(eq=False)
class Endpoint:
    """Answers requests over HTTP; a `tools.models.source.Source`. Nothing is sent before the first request."""

    name: str
    base_url: str = field(repr=False)
    """Address up to and with `/v1`; user, password and query in it are sent and never shown."""
    api_key: str | None = field(repr=False)
    """None or empty: a server that wants none."""
    _: KW_ONLY
    timeout_s: float = TIMEOUT_S
    """From the start of a try to the last byte of its answer."""
    retries: int = 4
    in_flight: int = 8
    """Requests of `complete_all` on their way at once."""
    most_bytes: int = 8 * 2**20
    """Bytes of one answer, as they come."""
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)
    """Seconds of Unix time, to read dates in Retry-After."""
    to: str = field(init=False)
    remote: bool = field(default=True, init=False)
    _form: forms.Form = field(default=forms.Form(), init=False, repr=False)
    _client: Any = field(default=None, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the address and the key. Raises UsageError, without showing either."""
        parts = urlsplit(self.base_url)
        host = parts.netloc.rpartition("@")[2]
        if parts.scheme not in {"http", "https"} or not host:
            raise UsageError("The address of the endpoint is no http:// or https:// URL; set OPENAI_BASE_URL.")
        self.api_key = (self.api_key or "").strip()
        if not (self.api_key.isascii() and self.api_key.isprintable()):
            raise UsageError("The key holds a character that cannot be sent; set OPENAI_API_KEY.")
        self.to = without_secrets(self.base_url)
        self._query = dict(parse_qsl(parts.query))
        self._secrets = [self.api_key, parts.password or "", *(one for one in self._query.values() if len(one) > 7)]

    def complete(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        """Return the answer to `request`, streamed where `on_text` is given.

        Where an answer breaks off and is asked for again, `on_text` gets only what is new of the second one; where that
        begins otherwise, all of it on a new line. Raises ModelError.
        """
        form, tried = self._form, 0
        waits = generator(int(request.key[:15], 16))
        shown = None if on_text is None else _Shown(on_text)
        while True:
            outcome = self._try(request, form, shown)
            if isinstance(outcome, Reply):
                self._learn(form)
                return outcome
            another = forms.other(form, request, outcome.status, outcome.words)
            if another is not None:
                form = another
                continue
            tried += 1
            self.sleep(self._wait_s(outcome, tried, float(waits.random())))

    def complete_all(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        """Return one answer a request, in order, `in_flight` at once; one that fails costs the others nothing."""
        if not requests:
            return []
        with ThreadPoolExecutor(max_workers=min(self.in_flight, len(requests))) as threads:
            return list(threads.map(self._complete_or_say, requests))

    def _complete_or_say(self, request: Request) -> Reply | ModelError:
        try:
            return self.complete(request)
        except ModelError as problem:
            return problem

    def _try(self, request: Request, form: forms.Form, shown: _Shown | None) -> Reply | failures.Failure:
        """Return the reply, or why there is none; no error of a library, and nothing that it holds, gets out."""
        import httpx2
        import openai

        try:
            return self._sent(request, form, shown)
        except (openai.OpenAIError, httpx2.HTTPError, answers.UnusableError) as problem:
            return failures.read(problem, self._secrets, self.clock())

    def _sent(self, request: Request, form: forms.Form, shown: _Shown | None) -> Reply:
        import httpx2
        import openai

        body, client = forms.body(request, form, shown is not None), self._open()
        if shown is not None:
            shown.again()
        if shown is None or not form.streams(True):
            reply = answers.whole(client.post(_PATH, body=body, cast_to=httpx2.Response).content, request)
        else:
            kind = openai.Stream[object]
            with client.post(_PATH, body=body, cast_to=object, stream=True, stream_cls=kind) as stream:
                if "json" in stream.response.headers.get("content-type", ""):  # it does not stream
                    reply = answers.whole(stream.response.read(), request)
                else:
                    reply = answers.pieces(stream, request, shown.piece)
        if shown is not None:
            shown.end("" if reply.finish == "refused" else reply.text)
        return reply

    def _wait_s(self, failure: failures.Failure, tried: int, draw: float) -> float:
        """Return how many seconds to wait before the next try. Raises ModelError where there is none."""
        most = self.retries if failure.tries is None else min(self.retries, failure.tries)
        after = failure.after_s
        if after is not None and after > _MOST_ASKED_S:
            raise ModelError(f"{self.to}: {failure.said}. It asks to come back {self._then(after)}.")
        if tried > most:
            times = "" if tried == 1 else f" ({tried} tries)"
            raise ModelError(f"{self.to}: {failure.said}{times}.")
        doubled: float = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** (tried - 1))
        return doubled * (0.5 + draw / 2) if after is None else after

    def _then(self, after_s: float) -> str:
        try:
            moment = datetime.fromtimestamp(self.clock() + after_s, UTC)
        except (ValueError, OverflowError, OSError):
            return "much later"
        return f"in {after_s:.0f} s, at {moment:%Y-%m-%d %H:%M} UTC"

    def _learn(self, form: forms.Form) -> None:
        """Keep a form that was taken; what was refused on the way is not tried again."""
        with self._lock:
            self._form = self._form.with_what(form)

    def _open(self) -> Any:
        """Return the client, made once; it reads nothing from the environment that it is given here."""
        import httpx2
        import openai

        from tools.models.wire import BoundedTransport

        with self._lock:
            if self._client is None:
                transport = BoundedTransport(self.timeout_s, self.most_bytes, max(1, self.in_flight))
                key = self.api_key or "none"
                self._client = openai.OpenAI(
                    base_url=self._address(),
                    api_key=key,
                    max_retries=0,
                    default_headers={"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"},
                    default_query=self._query,
                    http_client=httpx2.Client(transport=transport, trust_env=False, timeout=self.timeout_s),
                )
                self._client.organization = self._client.project = self._client.admin_api_key = None
                weakref.finalize(self, self._client.close)
            return self._client

    def _address(self) -> str:
        parts = urlsplit(self.base_url)
        return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


class _Shown:
    """Hands pieces on; where an answer had to be asked for twice, what was already shown is not shown again."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text, self._so_far, self._now = on_text, "", ""

    def piece(self, text: str) -> None:
        self._now += text
        if self._now.startswith(self._so_far):
            self._hand(self._now)

    def end(self, text: str) -> None:
        """Hand over what is missing of a whole answer, and be ready for another."""
        if not text.startswith(self._so_far):
            self._so_far = ""
            self._on_text("\n")
        self._hand(text)

    def again(self) -> None:
        """Forget the pieces of an answer that broke off, not that they were shown."""
        self._now = ""

    def _hand(self, text: str) -> None:
        if new := text[len(self._so_far) :]:
            self._on_text(new)
            self._so_far = text
