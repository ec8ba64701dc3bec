"""Pictures in what a transformers model on this machine is asked: whether it sees any, and how they become its tensors.

A picture is read from a data URL and never fetched. Every request goes through the processor of the model alone, so
what a model is shown of a picture does not depend on the pictures beside it in a batch.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from memory.datasets.media import BrokenItemError, decode
from memory.errors import ModelError, UsageError

if TYPE_CHECKING:
    import torch

PROCESSOR_FILES = ("processor_config.json", "preprocessor_config.json")
"""Either says how a model is shown pictures."""
_URL = re.compile(r"data:image/[a-z0-9.+-]+;base64,", re.IGNORECASE)
_ASKED = "What is there?"


@dataclass(frozen=True, eq=False)
class Shown:
    """A prompt with its pictures, as the model takes them."""

    prompt: list[int]
    """Tokens, those that stand for pictures included."""
    along: Mapping[str, torch.Tensor]
    """What goes along with the prompt: one value a token, (1, tokens)."""
    pictures: Mapping[str, torch.Tensor]
    """The rest; the first axis counts pictures, their tiles or their patches."""

    @property
    def kind(self) -> tuple[object, ...]:
        """What prompts that share a batch have in common: their tensors can be laid one after the other."""
        along = tuple((name, one.dtype) for name, one in sorted(self.along.items()))
        return (*along, *((name, one.dtype, one.shape[1:]) for name, one in sorted(self.pictures.items())))


@dataclass(frozen=True, eq=False)
class Eyes:
    """Shows pictures to a model with its own processor."""

    processor: Any

    @property
    def marks(self) -> set[str]:
        """Texts that the processor reads as a picture, or as its beginning or end."""
        named = [one for name, one in vars(self.processor).items() if name.endswith(("_token", "_tag"))]
        return {one for one in named if isinstance(one, str) and len(one) > 1}

    def content(self, text: str, count: int) -> list[dict[str, str]]:
        """Return the content of a turn as chat templates take it: pictures, `count` of them, before the words."""
        return [*({"type": "image"} for _ in range(count)), {"type": "text", "text": text}]

    def show(self, text: str, urls: Sequence[str]) -> Shown:
        """Return a prompt, already laid out by the chat template, with the pictures that it has places for.

        Raises ModelError for what is no picture, and for one that the processor does not take.
        """
        import torch

        pictures = [pixels_of(url, f"picture {at} of the request") for at, url in enumerate(urls, 1)]
        try:
            made = self.processor(
                text=[text],
                images=[pictures],
                return_tensors="pt",
                text_kwargs={"add_special_tokens": False},
                images_kwargs={"input_data_format": "channels_first"},
            )
        except (ValueError, TypeError, RuntimeError) as problem:
            raise ModelError(f"The model's processor does not take these pictures: {problem}") from problem
        tensors = {name: made[name] for name in made if name not in {"input_ids", "attention_mask"}}
        odd = [name for name, one in tensors.items() if not isinstance(one, torch.Tensor)]
        if odd:
            raise ModelError(
                f"The model's processor gives {odd[0]} as no tensor; take another model that sees pictures."
            )
        ids = made["input_ids"]
        return Shown(
            ids[0].tolist(),
            {name: one for name, one in tensors.items() if one.shape == ids.shape},
            {name: one for name, one in tensors.items() if one.shape != ids.shape},
        )


def joined(shown: Sequence[Shown], longest: int, like: Any) -> dict[str, torch.Tensor]:
    """Return the tensors of prompts of one kind for a batch, each prompt filled up to `longest` tokens on its left.

    They lie where the model `like` does, numbers with a fraction in its own precision. Empty for no prompts.
    """
    import torch

    if not shown:
        return {}
    out = {
        name: torch.cat([torch.nn.functional.pad(one.along[name], (longest - len(one.prompt), 0)) for one in shown])
        for name in shown[0].along
    }
    out |= {name: torch.cat([one.pictures[name] for one in shown]) for name in shown[0].pictures}
    return {
        name: one.to(like.device, like.dtype if one.is_floating_point() else one.dtype) for name, one in out.items()
    }


def pixels_of(url: str, where: str) -> torch.Tensor:
    """Return the picture of a data URL as RGB (3, height, width) uint8.

    Raises ModelError naming `where` for any other address, which is never fetched, and for a picture that is broken.
    """
    import torch

    head = _URL.match(url)
    if head is None:
        raise ModelError(f"{where} is no data URL of a picture (data:image/png;base64,...); nothing else is read.")
    try:
        pixels = decode("image", base64.b64decode(url[head.end() :], validate=True), where)
    except (binascii.Error, ValueError, BrokenItemError) as problem:
        raise ModelError(f"{where} cannot be read: {problem}") from problem
    picture = torch.from_numpy(pixels).permute(2, 0, 1)
    return picture.expand(3, -1, -1).contiguous()


def open_eyes(folder: Path) -> Eyes:
    """Return what shows pictures to the model in a folder. Runs no code that came with it.

    Raises UsageError where a part is missing, and for a chat template that has no places for pictures.
    """
    import jinja2
    from transformers import AutoProcessor

    try:
        processor = cast("Any", AutoProcessor).from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (ImportError, OSError, ValueError, KeyError, TypeError, RuntimeError) as problem:
        raise UsageError(f"The processor of this model cannot be loaded: {problem}", where=str(folder)) from problem
    if not hasattr(processor, "tokenizer") or not hasattr(processor, "image_processor"):
        raise UsageError("Its processor does not take words and pictures together.", where=str(folder))
    # Older models keep the template of a conversation with pictures in the processor's files alone.
    processor.tokenizer.chat_template = getattr(processor, "chat_template", None) or processor.tokenizer.chat_template
    eyes = Eyes(processor)
    if processor.tokenizer.chat_template:
        try:
            lengths = [_laid_out(eyes, count) for count in (0, 1, 2)]
        except (jinja2.TemplateError, TypeError) as problem:
            raise UsageError(f"Its chat template takes no pictures: {problem}.", where=str(folder)) from problem
        if not 0 < lengths[0] < lengths[1] < lengths[2]:
            raise UsageError("Its chat template has no places for pictures.", where=str(folder))
    return eyes


def _laid_out(eyes: Eyes, count: int) -> int:
    """Return how long a turn with so many pictures is in characters; 0 where its words are not in it, or more is."""
    turn = {"role": "user", "content": eyes.content(_ASKED, count)}
    text = str(eyes.processor.tokenizer.apply_chat_template([turn], tokenize=False, add_generation_prompt=True))
    return len(text) if _ASKED in text and "'type'" not in text else 0


def why_blind(folder: Path) -> str | None:
    """Return why the model in a folder sees no pictures, or None where it does. Reads no weights."""
    from transformers.models.auto import modeling_auto

    try:
        kind = json.loads((folder / "config.json").read_bytes())["model_type"]
    except (OSError, ValueError, KeyError, TypeError):
        kind = None
    if kind not in cast("Any", modeling_auto).MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        return f"a model of type {kind} is told words alone"
    if not any((folder / file).is_file() for file in PROCESSOR_FILES):
        return f"its folder has neither {' nor '.join(PROCESSOR_FILES)}"
    return None
