"""What a tool is handed: a batch of one modality, prepared so that a result depends on its own item alone.

Images of one batch have one shape. Waves of one batch have one rate and one channel count, and are padded with
zeros to a length that follows from each clip's own length (`padded_length`), never from its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Corpus:
    """What a text tool may know of the training texts: word counts, never a text."""

    documents: int = 0
    document_frequency: Mapping[str, int] = field(default_factory=dict)
    """Lower-cased word -> training texts that hold it."""
    term_frequency: Mapping[str, int] = field(default_factory=dict)
    """Lower-cased word -> occurrences in all training texts."""


@dataclass(frozen=True)
class Texts:
    """A batch of texts."""

    items: Sequence[str]
    corpus: Corpus = field(default_factory=Corpus)
    labels: Sequence[str] = ()
    """The label of each item, for tools whose needs name an engine; else ()."""
    engine: Any = None
    """What the tool's engine loaded or trained (tools.engines); None for tools that need none."""
    wanted: Sequence[str] = ()
    """The label that each item is to get, for tools that change labels; else ()."""

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.items)


@dataclass(frozen=True)
class Images:
    """A batch of images of one shape: `pixels` (items, channels, height, width) uint8."""

    pixels: torch.Tensor
    partners: torch.Tensor | None = None
    """For tools that mix: a second image for each item, same shape; else None."""
    labels: Sequence[str] = ()
    """As in `Texts`."""
    engine: Any = None
    """As in `Texts`."""

    def __len__(self) -> int:
        """Return the number of images."""
        return int(self.pixels.shape[0])


@dataclass(frozen=True)
class Waves:
    """A batch of clips: `samples` (items, channels, padded time) float32, zero beyond each clip's length."""

    samples: torch.Tensor
    lengths: Sequence[int]
    rate_hz: int
    noise: Sequence[torch.Tensor] = ()
    """Recordings (time,) float32 at `rate_hz` to mix in; empty means none were given."""
    labels: Sequence[str] = ()
    """As in `Texts`."""
    engine: Any = None
    """As in `Texts`."""
    transcripts: Sequence[str] = ()
    """What is said in each clip, "" where that is not known, for tools whose needs name an engine; else ()."""

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.lengths)

    def clip(self, index: int) -> torch.Tensor:
        """Return one clip (channels, time) without its padding."""
        return self.samples[index, :, : self.lengths[index]]


class Utterance(NamedTuple):
    """What a tool that speaks returns of a clip: (channels, time) float32, and the words."""

    sound: torch.Tensor
    words: str


def padded_length(samples: int) -> int:
    """Return the padded length of a clip of `samples` samples: at most an eighth longer, few distinct values."""
    if samples <= 1024:
        return 1024
    grain = 1 << (samples.bit_length() - 4)
    return -(-samples // grain) * grain
