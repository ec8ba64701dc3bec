"""Why a try at an endpoint failed, in words without secrets, and whether another may help."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from tools.models.answers import UnusableError

MOST_SHOWN = 300
"""Characters of a server's own words in a message."""
_MOST_READ = 5_000
_PASSING = frozenset({408, 409, 429})
_KEY = frozenset({401, 403})


@dataclass(frozen=True)
class Failure:
    """One try that came to nothing."""

    said: str
    """What went wrong, as the end of a sentence about the endpoint."""
    status: int | None = None
    words: str = ""
    """The server's own words, and the parameter that it names."""
    tries: int | None = None
    """How often it may be tried again; None means as often as anything."""
    after_s: float | None = None
    """How long the server asks to wait."""


def read(problem: Exception, secrets: Iterable[str], now_s: float) -> Failure:
    """Return what an error of the openai client, its transport or an answer means; `now_s`: seconds of Unix time."""
    import openai

    clean = _Cleaner(secrets)
    if isinstance(problem, UnusableError):
        return Failure(clean(str(problem)))
    if isinstance(problem, openai.APIStatusError):
        return _refused(problem, clean, now_s)
    if isinstance(problem, openai.APIError) and not isinstance(problem, openai.APIConnectionError):
        return Failure(f"it broke off: {clean(problem.message)}")
    return _lost(problem, clean)


def _lost(problem: Exception, clean: _Cleaner) -> Failure:
    import httpx2

    from tools.models.wire import TooLargeError

    cause = problem if isinstance(problem, httpx2.HTTPError) else problem.__cause__
    if isinstance(cause, TooLargeError):
        return Failure("its answer is larger than an answer may be, and was cut off", tries=0)
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout):
        return Failure(f"it cannot be reached ({clean(str(cause)) or 'no answer'})")
    if isinstance(cause, httpx2.TimeoutException):
        return Failure("its answer did not come in time", tries=1)
    return Failure(f"the connection was lost ({clean(str(cause or problem)) or type(cause or problem).__name__})")


def _refused(problem: Any, clean: _Cleaner, now_s: float) -> Failure:
    status, headers = int(problem.status_code), problem.response.headers
    words = clean(_words(problem.body) or problem.response.text, _MOST_READ)
    shown = f": {clean(words)}" if words else ""
    if status in _KEY:
        said = f"it does not let this key in ({status}); set OPENAI_API_KEY to one that may use this model{shown}"
        return Failure(said, status, tries=0)
    if 300 <= status < 400:
        place = clean(headers.get("location", "elsewhere").split("?")[0])
        return Failure(f"it points to {place} ({status}), which is not followed; set OPENAI_BASE_URL", status, tries=0)
    passing = status in _PASSING or status >= 500
    named = problem.param if isinstance(problem.param, str) else ""
    return Failure(
        f"it answered {status}{shown}",
        status,
        f"{named} {words}",
        None if passing else 0,
        _wait(headers, now_s) if passing else None,
    )


def _wait(headers: Any, now_s: float) -> float | None:
    """Return how many seconds a server asks to wait, or None (RFC 9110, section 10.2.3; milliseconds by custom)."""
    seconds = _number(headers.get("retry-after-ms"), 1e-3)
    if seconds is None:
        seconds = _number(headers.get("retry-after"), 1.0)
    if seconds is None:
        seconds = _until(headers.get("retry-after"), now_s)
    return None if seconds is None else max(0.0, seconds)


def _number(value: str | None, unit: float) -> float | None:
    try:
        seconds = float(value or "") * unit
    except ValueError:
        return None
    return None if math.isnan(seconds) else seconds


def _until(value: str | None, now_s: float) -> float | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now_s


def _words(body: Any) -> str:
    """Return the message in an error's body, however it is wrapped."""
    for _ in range(3):
        if not isinstance(body, dict):
            break
        body = next((body[name] for name in ("message", "error", "detail") if body.get(name)), "")
    return body if isinstance(body, str) else json.dumps(body)


class _Cleaner:
    """Takes secrets and control characters out of a server's words, and most of what is long."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for one in secrets if one for form in (one, quote(one, safe=""), json.dumps(one)[1:-1])}
        self._secrets = sorted(forms, key=len, reverse=True)

    def __call__(self, words: str, most: int = MOST_SHOWN) -> str:
        for one in self._secrets:
            words = words.replace(one, "***")
        words = re.sub(r"[\x00-\x1f\x7f-\x9f\s]+", " ", words).strip()
        return words if len(words) <= most else words[:most] + "..."
