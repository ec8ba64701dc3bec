"""A voice behind an OpenAI-compatible `/v1/audio/speech`. Words leave the machine: only where the policy allows it.

An endpoint takes no seed: what it says cannot be made again. Each line is paid for by its characters and
`policy.price.speech`, within `limits.money_usd`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from threading import Lock
from typing import Any

from memory.datasets.media import Wave, decode
from memory.errors import ModelError, SpentError, UsageError
from memory.exchanges import without_secrets
from memory.job import Price
from tools.engines.voice import Line
from tools.models.hearing import Hearing, request_of
from tools.models.purse import Share, ask_all
from tools.seeds import generator

VOICES = ("alloy", "ash", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer")
"""Names that servers of this interface know; for others a plan gives `voice`."""
ENGINES = ("voice", "written_speech")
"""Engines that an endpoint may stand behind."""
USUAL_CHARACTERS = 60
"""Of a line, where what is said is not known yet."""
IN_FLIGHT = 8
MOST_BYTES = 16 << 20
DEADLINE_S = 120.0
"""For one line, from the request to its last byte."""
_SLOWEST, _FASTEST = 0.25, 4.0
"""Speeds that the interface takes."""


def charge(price: Price, characters: int = USUAL_CHARACTERS) -> float:
    """Return what an endpoint charges for one sample, in dollars: that for a line of so many characters."""
    return price.of_speech(characters)


class SpeechEndpoint:
    """Says lines over HTTP, several at a time. The client tries again by itself where that may help."""

    english = False
    """It reads digits, and other languages than English, by itself."""

    def __init__(
        self, model: str, base_url: str, api_key: str, client: Any = None, hearing: Hearing | None = None
    ) -> None:
        """Keep where to ask; nothing is sent before `speak`. Exchanges are put on record in `hearing`.

        `client` stands in for the openai client in tests.
        """
        self._hearing, self._shown = hearing, without_secrets(base_url)
        self.digest = hashlib.sha256(f"{base_url}\n{model}".encode()).hexdigest()
        self._model, self._base_url, self._api_key, self._client = model, base_url, api_key, client
        self._lock, self._refused = Lock(), ""

    def speak(self, lines: Sequence[Line]) -> list[Wave | None]:
        """Return the sound of each line; None where the endpoint gave none, more than 16 MiB, or was too slow.

        Raises ModelError with the first reason where every line failed, and, without asking, once the endpoint is
        known to refuse everything: a wrong key, address or model. Raises SpentError where the budget does not cover
        every line: those that it covers are on record then, and heard again in a part of the batch.
        """
        if self._refused:
            raise ModelError(self._refused)
        client = self._opened()
        heard = ask_all(lines, lambda line: self._say(client, line), IN_FLIGHT)
        unpaid = next((one for one in heard if isinstance(one, SpentError)), None)
        if unpaid is not None:
            raise unpaid
        problems = [one for one in heard if isinstance(one, ModelError)]
        if problems and len(problems) == len(lines):
            raise problems[0]
        return [one if isinstance(one, Wave) else None for one in heard]

    def _opened(self) -> Any:
        with self._lock:
            if self._client is None:
                import openai

                self._client = openai.OpenAI(base_url=self._base_url, api_key=self._api_key, timeout=DEADLINE_S)
            return self._client

    def _say(self, client: Any, line: Line) -> Wave | ModelError:
        import httpx2
        import openai

        if self._refused:
            return ModelError(self._refused)
        try:
            sound = decode("speech", self._received(client, line), f"the answer of {self._shown}")
        except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as problem:
            self._refused = f"The endpoint refuses to speak: {problem}"
            return ModelError(self._refused)
        except ModelError as problem:
            return problem
        except (openai.OpenAIError, httpx2.HTTPError, UsageError) as problem:
            return ModelError(f"The endpoint gave no sound: {problem}")
        assert isinstance(sound, Wave), "speech is decoded to a wave"
        return sound

    def _received(self, client: Any, line: Line) -> bytes:
        """Return the bytes of one answer. Raises UsageError where they grow too many or take too long."""
        voice = line.voice or VOICES[int(generator(line.seed).integers(len(VOICES)))]
        speed = round(min(_FASTEST, max(_SLOWEST, line.rate)), 3)
        asked = {"model": self._model, "voice": voice, "input": line.text, "response_format": "wav", "speed": speed}
        if self._hearing is None:
            return self._sent(client, asked)
        request = request_of(self._model, asked, line.seed)
        share = Share("A line of speech", money_usd=charge(self._hearing.purse.price, len(line.text)))
        return self._hearing.take("speech.speak", self._base_url, request, lambda: self._sent(client, asked), share)

    def _sent(self, client: Any, asked: dict[str, Any]) -> bytes:
        ends = time.monotonic() + DEADLINE_S
        data = bytearray()
        with client.audio.speech.with_streaming_response.create(**asked) as answer:
            for part in answer.iter_bytes(1 << 16):
                data += part
                if len(data) > MOST_BYTES:
                    raise UsageError(f"It sent more than {MOST_BYTES:,} bytes for one line.", where=self._shown)
                if time.monotonic() > ends:
                    raise UsageError(f"It took more than {DEADLINE_S:.0f} s for one line.", where=self._shown)
        return bytes(data)
