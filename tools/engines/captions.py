"""What is around the subject of a picture, told by the language model of the run: seen in a parent, or invented.

A picture that goes to an endpoint leaves the machine, so that is asked only where `policy.remote` allows it. A model on
this machine keeps it here, and is asked where it sees pictures (`tools.models.seeing`).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, ValidationError

from memory.datasets.media import encode_image
from memory.digests import digest
from memory.errors import ModelError, SpentError, ToolError, UsageError
from memory.exchanges import Message, Reply, Request
from memory.records import Record
from prompts.render import render
from tools.batches import Images
from tools.engines.canvas import fits
from tools.engines.engine import Place
from tools.engines.orders import MEDIA, Medium, class_name
from tools.engines.writer import harmless, one_line, replies_to
from tools.kernels.pixels import to_uint8
from tools.models.asker import Asker, json_of
from tools.models.choose import ENDPOINT, HERE, source_of
from tools.models.local import Local

if TYPE_CHECKING:
    import torch

MOST_SIDE = 512
"""Pixels of the longer side of a picture that is shown, at most."""
MOST_SCENE = 200
"""Characters of a description; a longer one is refused."""
_TOKENS = 768
"""Room for a description, the JSON around it, and models that think before they write."""


def _plain(scene: str) -> str:
    """Return a description as it stands in a prompt: one line without its full stop. Raises ValueError for no words."""
    line = one_line(harmless(scene)).rstrip(" .")
    if not line.isprintable() or not any(sign.isalpha() for sign in line):
        raise ValueError("it is no line of words")
    return line


class Caption(Record):
    """What a picture shows beside its class."""

    medium: Medium
    """What kind of picture it is."""
    scene: Annotated[str, Field(min_length=1, max_length=MOST_SCENE), AfterValidator(_plain)]
    """Setting, light and viewpoint, as one plain line."""


@dataclass(frozen=True)
class Wanted:
    """A scene that is to be invented."""

    label: str
    about: str
    """What the classes are, or nothing."""
    hints: Sequence[str]
    """What it should have, in words."""
    seed: int


class Captions:
    """Tells scenes through one asker. Threads may ask at the same time; one is served at a time."""

    def __init__(self, asker: Asker, sees: bool = True) -> None:
        """Keep whom to ask, and whether it sees pictures; nothing is sent before it is asked for."""
        self.asker, self.sees, self._lock = asker, sees, Lock()
        said = (_prompt(""), _invention(Wanted("", "", (), 0)))
        self.digest = f"{asker.model}@{digest(said)[:16]}"
        self._told: dict[str, Caption | None] = {}

    def describe(
        self, purpose: str, pictures: Sequence[torch.Tensor | None], labels: Sequence[str]
    ) -> list[Caption | None]:
        """Return what is around the subject of each picture (1 or 3, height, width) uint8, in order.

        None for no picture, for a label without a name, beyond 4:1, and where there is no usable answer: why stands in
        the record of exchanges. A picture is asked about once, so every sample that is made after it has one caption.
        """
        return self._answers(purpose, [self._request(one, label) for one, label in zip(pictures, labels, strict=True)])

    def invent(self, purpose: str, scenes: Sequence[Wanted | None]) -> list[Caption | None]:
        """Return a scene for each that is wanted, in order, drawn by its own seed; None as in `describe`.

        After the language enhancement of He et al. (2023, section 3.1): a model that writes knows more scenes than a
        template.
        """
        asked = [None if one is None or not class_name(one.label) else self._invented(one) for one in scenes]
        return self._answers(purpose, asked)

    def _invented(self, one: Wanted) -> Request:
        said = Message(role="user", content=_invention(one))
        schema = Caption.model_json_schema()
        return Request(
            model=self.asker.model,
            messages=(said,),
            reply_schema=schema,
            max_tokens=_TOKENS,
            temperature=1.0,
            seed=one.seed,
        )

    def _answers(self, purpose: str, asked: Sequence[Request | None]) -> list[Caption | None]:
        with self._lock:
            todo = {one.key: one for one in asked if one is not None and one.key not in self._told}
            replies = replies_to(self.asker, purpose, todo)
            # What the budget did not cover is not kept: it was never asked.
            self._told |= {key: _read(one) for key, one in replies.items() if not isinstance(one, SpentError)}
            return [None if one is None else self._told.get(one.key) for one in asked]

    def _request(self, picture: torch.Tensor | None, label: str) -> Request | None:
        if picture is None or not class_name(label) or not fits(*picture.shape[-2:]):
            return None
        said = Message(role="user", content=_prompt(label), images=(_shown(picture),))
        return Request(
            model=self.asker.model, messages=(said,), reply_schema=Caption.model_json_schema(), max_tokens=_TOKENS
        )


def build(place: Place) -> Captions | None:
    """Return what tells scenes in a run; None where its job names no language model that may be asked.

    Whether it sees pictures: an endpoint is taken at its word, and asked where `policy.remote` allows it. Of a model on
    this machine its files say it; `policy.remote` does not matter, as nothing leaves. Nothing is loaded or asked.
    """
    asker, named = place.asker, place.policy.model
    if asker is None or not named:
        return None
    if named.startswith(ENDPOINT):
        return Captions(asker) if place.policy.remote == "allow" else None
    return Captions(asker, _sees(named, asker, place.device))


def _sees(named: str, asker: Asker, device: str) -> bool:
    """Return whether a model on this machine sees; where only a record stands in for it, whether it was shown any."""
    source = asker.source
    if source is None:
        try:
            source = source_of(named, remote=False, base_url="", api_key=None, device=device)
        except UsageError:
            heard = [one for one in (*asker.exchanges, *(asker.recorded or ())) if one.to == HERE]
            return any(said.images for one in heard for said in one.request.messages)
    return isinstance(source, Local) and source.sees


def seen(tool: str, batch: Images, wanted: Sequence[bool]) -> list[Caption | None]:
    """Return what is seen in the pictures of a batch that are `wanted`, by the captions of its engine; else None.

    Raises ToolError where any is wanted and the engine has no captions (`build`).
    """
    if not any(wanted):
        return [None] * len(wanted)
    captions: Captions | None = getattr(batch.engine, "captions", None)
    if captions is None or not captions.sees:
        raise ToolError(
            tool,
            "caption 'seen' is told by a model that sees pictures, and the job names none that may be asked; name one "
            "as policy.model: the folder or hub id of an image-text-to-text model with its processor, on this machine, "
            "or one at an endpoint (openai:NAME, with remote: allow); or leave caption at 'template'.",
        )
    pictures = [one if is_wanted else None for one, is_wanted in zip(batch.pixels, wanted, strict=True)]
    return captions.describe(f"{tool} caption", pictures, batch.labels)


def written(tool: str, batch: Images, scenes: Sequence[Wanted | None]) -> list[Caption | None]:
    """Return the scenes that the captions of a batch's engine invent; None for none that is wanted.

    Raises ToolError where any is wanted and the job names no language model.
    """
    if not any(scenes):
        return [None] * len(scenes)
    captions: Captions | None = getattr(batch.engine, "captions", None)
    if captions is None:
        raise ToolError(
            tool,
            "caption 'written' is written by a language model, and the job names none; name one as policy.model, or "
            "leave caption at 'template'.",
        )
    return captions.invent(f"{tool} caption", scenes)


def _invention(one: Wanted) -> str:
    hints = f"It should have: {', '.join(one.hints)}." if one.hints else ""
    kind = class_name(one.about)
    about = f"; the classes are of this kind: {harmless(kind)}" if kind else ""
    label = harmless(one_line(one.label))
    return render("caption_written", label=label, about=about, media=", ".join(MEDIA), hints=hints).text


def _prompt(label: str) -> str:
    return render("caption", label=harmless(one_line(label)), media=", ".join(MEDIA)).text


def _shown(picture: torch.Tensor) -> str:
    """Return a picture as a data URL of a PNG, its sides divided by a whole number until both are small enough.

    Means of whole blocks are the same bytes on every machine, and the key of a request hangs on them.
    """
    from torch.nn.functional import avg_pool2d

    grain = -(-max(picture.shape[-2:]) // MOST_SIDE)
    small = to_uint8(avg_pool2d(picture.cpu().float()[None], grain, ceil_mode=True)[0]) if grain > 1 else picture.cpu()
    png = encode_image(small.permute(1, 2, 0).contiguous().numpy())
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _read(reply: Reply | ModelError) -> Caption | None:
    """Return the description that a reply holds, or None where it cannot be used."""
    if isinstance(reply, ModelError) or reply.finish != "stop":
        return None
    try:
        return Caption.model_validate_json(json_of(reply.text))
    except ValidationError:
        return None
