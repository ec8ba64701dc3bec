"""Pictures from an OpenAI-compatible endpoint: they leave the machine, so only where the policy allows it.

An endpoint takes no seed and no strength: a result cannot be made again, and works that hang on a strength or on edges
need a pipeline. Each picture is paid for by `policy.price.picture`, within `limits.money_usd`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from memory.datasets.media import decode, encode_image
from memory.errors import ModelError, SpentError, ToolError, UsageError
from memory.exchanges import without_secrets
from memory.job import Policy, Price
from tools.engines.canvas import from_canvas, mask_to_canvas, to_canvas
from tools.engines.engine import Place
from tools.engines.orders import Order
from tools.engines.ways import Work
from tools.models.choose import ENDPOINT, is_loopback
from tools.models.hearing import Hearing, request_of
from tools.models.purse import Share, ask_all

if TYPE_CHECKING:
    import torch

SERVED: tuple[Work, ...] = ("edit", "fill", "imagine")
ENGINES = tuple(f"{work}_pictures" for work in SERVED)
"""Engines that an endpoint may stand behind."""
MOST_BYTES = 64 * 2**20
"""Bytes of one answer, at most."""
DEADLINE_S = 180.0
"""Seconds from asking to the last byte of one try."""
IN_FLIGHT = 8
_SIDE = 1024
_ITEM = frozenset({400, 413, 415, 422})
"""HTTP states that speak of one request; the next may still be answered."""


def is_endpoint(named: str) -> bool:
    """Return whether a policy's name means a model behind an endpoint."""
    return named.startswith(ENDPOINT)


def charge(price: Price) -> float:
    """Return what an endpoint charges for one sample, in dollars: that for a picture."""
    return price.of_pictures(1)


def why_missing(policy: Policy, work: Work) -> str | None:
    """Return why an endpoint may not or cannot do a work; None where it may be asked. Sends nothing."""
    if work not in SERVED:
        return f"an endpoint takes no strength and no edges; to {work} pictures name a pipeline as policy.image_model"
    if policy.remote != "allow":
        return f"{policy.image_model} sends pictures away and policy.remote is deny"
    return None


def build(place: Place, work: Work) -> RemotePictures:
    """Return what asks the endpoint. Raises UsageError without an address, or a key where one is wanted."""
    address, key = place.endpoint
    replayed = place.hearing is not None and place.hearing.recorded is not None
    if not address or not (key or replayed or is_loopback(address)):
        raise UsageError(
            "The endpoint for pictures wants an address and a key; set OPENAI_BASE_URL and OPENAI_API_KEY."
        )
    return RemotePictures(
        str(place.policy.image_model).removeprefix(ENDPOINT), work, address, key or "none", hearing=place.hearing
    )


class RemotePictures:
    """A model behind an endpoint, set to one work; many requests are in flight at once."""

    def __init__(  # noqa: PLR0913  what is asked, where, and how patiently
        self,
        model: str,
        work: Work,
        address: str,
        key: str,
        *,
        deadline_s: float = DEADLINE_S,
        retries: int = 2,
        hearing: Hearing | None = None,
    ) -> None:
        """Keep where to ask; nothing is sent before `make`. Exchanges are put on record in `hearing`."""
        self._hearing, self.shown = hearing, without_secrets(address)
        self.model, self.work, self.address = model, work, address
        self.digest = hashlib.sha256(f"{address}\n{model}\n{work}".encode()).hexdigest()
        self._key, self._deadline_s, self._retries = key, deadline_s, retries
        self._lock, self._broken = Lock(), ""
        self._unpaid = set[tuple[str, int]]()
        self._client: Any = None

    def make(self, orders: Sequence[Order | None]) -> list[torch.Tensor | None]:
        """Return a picture (3, *order.size) uint8 for each order; None for no order and where one request failed.

        Raises ToolError where no request was answered for a reason that holds for all of them; nothing more is sent
        then, so that halving a batch does not ask and pay again. Raises SpentError where the budget does not cover
        every order: those that it covers are on record then, and heard again in a part of the batch.
        """
        todo = [(at, one) for at, one in enumerate(orders) if one is not None]
        if self._broken:
            raise ToolError(f"{self.work} pictures", self._broken)
        out: list[torch.Tensor | None] = [None] * len(orders)
        client = self._connect()
        answers = ask_all([one for _, one in todo], lambda one: self._one(client, one), IN_FLIGHT)
        for (at, _), answer in zip(todo, answers, strict=True):
            if isinstance(answer, SpentError):
                raise answer
            out[at] = None if isinstance(answer, _Failed) else answer
        failed = [answer for answer in answers if isinstance(answer, _Failed)]
        if failed and len(failed) == len(answers) and any(one.for_all for one in failed):
            self._broken = next(one.why for one in failed if one.for_all)
            raise ToolError(f"{self.work} pictures", self._broken)
        return out

    def _connect(self) -> Any:
        import openai

        with self._lock:
            if self._client is None:
                self._client = openai.OpenAI(
                    base_url=self.address, api_key=self._key, timeout=self._deadline_s, max_retries=self._retries
                )
            return self._client

    def _one(self, client: Any, one: Order) -> torch.Tensor | _Failed | SpentError:
        import httpx2
        import openai

        try:
            return self._picture(self._paid(client, one), one)
        except openai.APIStatusError as problem:
            return _Failed(f"{self.shown} answered {problem.status_code}.", problem.status_code not in _ITEM)
        except (openai.OpenAIError, httpx2.HTTPError) as problem:
            return _Failed(f"{self.shown} gave no answer: {type(problem).__name__}.", for_all=True)
        except SpentError as problem:
            return problem
        except ModelError as problem:  # of a replay, which asks nobody: it speaks of this order alone
            return _Failed(str(problem), for_all=False)
        except (_UnusableError, UsageError) as problem:
            return _Failed(str(problem), for_all=False)

    def _paid(self, client: Any, one: Order) -> bytes:
        """Return the body of the answer to an order. Raises SpentError where the budget does not cover it.

        Parts of a batch are asked again one by one then (`tools.apply`): what was too much before, and still is, is
        not drawn and encoded for it.
        """
        mark = (one.prompt, one.seed)
        if self._hearing is not None and mark in self._unpaid:
            self._hearing.purse.check(self._share)
        try:
            body = self._heard(client, one)
        except SpentError:
            self._unpaid.add(mark)
            raise
        self._unpaid.discard(mark)
        return body

    @property
    def _share(self) -> Share:
        price = Price() if self._hearing is None else self._hearing.purse.price
        return Share("A picture", money_usd=charge(price))

    def _heard(self, client: Any, one: Order) -> bytes:
        """Return the body of the answer to an order: the one on record, else a new one."""
        asked = self._arguments(one)
        ask = client.images.with_streaming_response

        def send() -> bytes:
            with (ask.generate if self.work == "imagine" else ask.edit)(**asked) as answer:
                return self._body(answer)

        if self._hearing is None:
            return send()
        plain = {name: value for name, value in asked.items() if isinstance(value, str | int)}
        files = [value[1] for value in asked.values() if isinstance(value, tuple)]
        request = request_of(self.model, plain, one.seed, files)
        return self._hearing.take(f"image.{self.work}", self.address, request, send, self._share)

    def _arguments(self, one: Order) -> dict[str, Any]:
        import torch

        asked: dict[str, Any] = {"model": self.model, "prompt": one.prompt, "n": 1, "size": f"{_SIDE}x{_SIDE}"}
        if not self.model.startswith("gpt-image"):  # those give base64 alone and refuse to be told so
            asked["response_format"] = "b64_json"
        if self.work == "imagine" or one.image is None:
            return asked
        size = (_SIDE, _SIDE)
        colours = to_canvas(one.image.cpu(), size)
        asked["image"] = ("picture.png", _png(colours), "image/png")
        if one.mask is not None:
            kept = 1 - mask_to_canvas(one.mask.cpu(), size)  # what is transparent is painted
            asked["mask"] = ("mask.png", _png(torch.cat([colours, kept])), "image/png")
        return asked

    def _body(self, answer: Any) -> bytes:
        """Read an answer within its bounds: a server may drip, or never stop."""
        ends, content = time.monotonic() + self._deadline_s, bytearray()
        for piece in answer.iter_bytes():
            content += piece
            if len(content) > MOST_BYTES:
                raise _UnusableError(f"{self.shown} sent more than {MOST_BYTES} bytes for one picture.")
            if time.monotonic() > ends:
                raise _UnusableError(f"{self.shown} took longer than {self._deadline_s:g} seconds for one picture.")
        return bytes(content)

    def _picture(self, body: bytes, one: Order) -> torch.Tensor:
        import numpy as np
        import torch

        try:
            data = base64.b64decode(json.loads(body)["data"][0]["b64_json"], validate=True)
        except (ValueError, KeyError, IndexError, TypeError) as problem:
            raise _UnusableError(
                f"{self.shown} sent no picture as b64_json; an address is never followed."
            ) from problem
        pixels = np.asarray(decode("image", data, self.shown))
        shown = to_canvas(torch.from_numpy(pixels).permute(2, 0, 1), pixels.shape[:2])
        return from_canvas(_in_shape(shown, one.size) if self.work == "imagine" else shown, one.size)


class _Failed:
    """Why one request brought nothing, and whether every other would fail alike."""

    def __init__(self, why: str, for_all: bool) -> None:
        self.why, self.for_all = why, for_all


class _UnusableError(Exception):
    """An answer came, and it is no picture."""


def _in_shape(shown: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Cut the middle of a picture (3, height, width) to the shape of `size`; what was sent in was squeezed instead."""
    tall, wide = shown.shape[1:]
    scale = min(tall / size[0], wide / size[1])
    height, width = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    top, left = (tall - height) // 2, (wide - width) // 2
    return shown[:, top : top + height, left : left + width]


def _png(colours: torch.Tensor) -> bytes:
    """Return (3 or 4, height, width) float in [0, 1] as PNG."""
    return encode_image((colours * 255).round().byte().permute(1, 2, 0).contiguous().numpy())
