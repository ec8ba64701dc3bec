"""What `policy.match_model` names: a model on this machine that compares pictures with words.

CLIP (Radford et al. 2021) and SigLIP (Zhai et al. 2023). The classes of the data are its words; each is said in
several ways and the mean of their embeddings taken (Radford et al. 2021, section 3.1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from memory.datasets.media import Pixels
from memory.errors import UsageError
from memory.job import Policy
from tools.engines import named
from tools.engines.named import Kind, RealRows
from tools.engines.orders import caption
from tools.weights.loading import digest_of, load

if TYPE_CHECKING:
    import torch

    from tools.engines.engine import Place

KIND = Kind(
    engine="matcher",
    what="a CLIP or SigLIP model",
    types=("clip", "siglip"),
)
ROWS = 16
"""Real rows of a label that are read."""
_MEDIA = ("a photo", "a close-up photo", "a drawing", "a scan")
_AT_ONCE = 32
"""Prompts or pictures in one pass; passes on a GPU are filled up, so that every matrix product has one shape."""


class Agreement:
    """A model of pictures and words at work."""

    def __init__(self, model: Any, tokenizer: Any, processor: Any, device: str = "cpu") -> None:
        """Keep the model in evaluation mode on `device`, and what prepares its words and pictures."""
        self.model, self.tokenizer, self.processor, self.device = model.eval().to(device), tokenizer, processor, device

    def of_words(self, prompts: Sequence[str]) -> torch.Tensor:
        """Return the embedding of each prompt, (prompts, size), of length 1."""
        import torch

        most = int(self.model.config.text_config.max_position_embeddings)
        parts = []
        for start in range(0, len(prompts), _AT_ONCE):
            # SigLIP was trained on texts filled up to its length; CLIP reads up to the end of a text either way.
            read = self.tokenizer(
                list(prompts[start : start + _AT_ONCE]),
                padding="max_length",
                truncation=True,
                max_length=most,
                return_tensors="pt",
            )
            mask = read["attention_mask"] if self.model.config.model_type == "clip" else None
            told = self.model.get_text_features(
                input_ids=read["input_ids"].to(self.device),
                attention_mask=None if mask is None else mask.to(self.device),
            )
            parts.append(torch.nn.functional.normalize(told.pooler_output, dim=-1))
        return torch.cat(parts)

    def of_pictures(self, pictures: Sequence[Pixels]) -> torch.Tensor:
        """Return the embedding of each picture, (pictures, size), of length 1; each depends on its picture alone."""
        import torch

        # On a CPU a batch is no faster, and is rounded in another way than a picture alone.
        size = 1 if self.device == "cpu" else _AT_ONCE
        parts = []
        for start in range(0, len(pictures), size):
            inputs = torch.cat([self._prepared(one) for one in pictures[start : start + size]])
            blanks = torch.zeros((size - len(inputs), *inputs.shape[1:]))
            told = self.model.get_image_features(pixel_values=torch.cat([inputs, blanks]).to(self.device))
            parts.append(torch.nn.functional.normalize(told.pooler_output, dim=-1)[: len(inputs)])
        return torch.cat(parts)

    def sharpness(self) -> float:
        """Return what a cosine is multiplied by."""
        return float(self.model.logit_scale.exp())

    def _prepared(self, picture: Pixels) -> torch.Tensor:
        import torch

        planes = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)
        planes = planes if planes.shape[0] == 3 else planes[:1].expand(3, -1, -1)
        return cast("torch.Tensor", self.processor(images=planes, return_tensors="pt")["pixel_values"])


class Matcher:
    """Reads pictures as classes, and knows how well it reads real ones. One thread at a time."""

    def __init__(self, model: Agreement, rows: RealRows, digest: str) -> None:
        """Keep what reads, and the real rows that it shows itself on; they are read when they are asked for."""
        self.model, self.digest, self._rows, self._lock = model, digest, rows, Lock()
        self.classes = tuple(label for label in rows.labels if caption(_MEDIA[0], label))
        """Labels that have a name to ask for, sorted."""
        self._right: dict[str, tuple[bool, ...]] = {}

    def shares(self, pictures: Sequence[Pixels]) -> NDArray[np.float64]:
        """Return (pictures, classes) shares that sum to 1: the softmax of what a picture agrees with each class."""
        import torch

        if not pictures or not self.classes:
            return np.zeros((len(pictures), len(self.classes)))
        with self._lock, torch.inference_mode():
            # A product a picture: one for all would round each in the light of how many there are.
            cosines = [self._words @ one for one in self.model.of_pictures(pictures).double().cpu()]
            shares = (torch.stack(cosines) * self.model.sharpness()).softmax(dim=-1)
        return np.asarray(shares.numpy(), np.float64)

    def right_on_real(self, label: str) -> tuple[bool, ...]:
        """Return of each real row of a label, at most `ROWS`, whether it reads as its own class.

        Rows are drawn by the run's seed. Raises ValueError for a label without a name.
        """
        if label not in self._right:
            own = self.classes.index(label)
            shares = self.shares(cast("list[Pixels]", self._rows.payloads(self._rows.of(label))))
            self._right[label] = tuple(bool(likeliest == own) for likeliest in shares.argmax(axis=1).tolist())
        return self._right[label]

    @cached_property
    def _words(self) -> torch.Tensor:
        """Embeddings of the classes (classes, size) in double precision."""
        import torch

        prompts = [caption(medium, label) for label in self.classes for medium in _MEDIA]
        each = self.model.of_words(prompts).double().cpu()
        return torch.nn.functional.normalize(each.reshape(len(self.classes), len(_MEDIA), -1).mean(dim=1), dim=-1)


def why_missing(policy: Policy) -> str | None:
    """Return what is missing for `policy.match_model`, or which rule forbids it; None where it can be read."""
    return named.why_missing(KIND, policy)


def build(place: Place) -> Matcher:
    """Return the matcher of a run. Raises UsageError where it is missing, forbidden or not whole."""
    folder = named.folder(KIND, place.policy)
    return Matcher(agreement_of(folder, place.device), RealRows(place, ROWS), f"{folder.name}@{digest_of(folder)}")


def agreement_of(folder: Path, device: str) -> Agreement:
    """Load what compares from a folder. Raises UsageError where parts of it are missing or do not fit."""
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    try:
        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)  # type: ignore[no-untyped-call, unused-ignore]
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)  # type: ignore[no-untyped-call, unused-ignore]
    except (OSError, ValueError) as problem:
        raise UsageError(f"This model of pictures and words cannot be read: {problem}.", where=str(folder)) from problem
    return Agreement(load(AutoModel, folder), tokenizer, processor, device)
