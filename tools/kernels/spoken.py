"""What is said in a made clip, and how a synthetic voice becomes a clip like the others of its batch."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

from memory.datasets.media import Wave
from tools.kernels.filters import SILENT, resample
from tools.measures.script import script

if TYPE_CHECKING:
    import torch

LONGEST = 600
"""Characters that are spoken at most: half a minute or so."""
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety"
_TRIMMED_DB = -45.0
"""What stays below this, against the loudest 10 ms, at either end is no speech."""
_MARGIN_FRAMES = 1
_GRID = 200


def texts_of(labels: Sequence[str], transcripts: Sequence[str] = ()) -> list[str | None]:
    """Return what is said in each clip: its transcript where there is one, else its label read as words.

    None where there is nothing to say: no letter and no digit, or more than `LONGEST` characters.
    """
    said = transcripts or [""] * len(labels)
    return [_sayable(_tidy(own) or _words(label)) for label, own in zip(labels, said, strict=True)]


def spelled(text: str) -> str:
    """Return an English text with its digits as words: up to 99 as a number, more of them one by one."""
    return " ".join(re.sub(r"\d+", lambda found: f" {_number(found.group())} ", text).split())


def reads(text: str, english: bool) -> bool:
    """Return whether a voice can read a text: an English one reads Latin letters and digits only."""
    return not english or script([text])[0] in {"Latin", None}


def as_clip(sound: Wave, like: tuple[int, int], level_db: float, semitones: float = 0.0) -> torch.Tensor | None:
    """Return a voice's sound as a clip of rate and channels `like`: trimmed, at a level, all channels alike.

    `level_db` is the root mean square in dB of full scale; where the peak would pass full scale, the peak decides.
    Reading it faster by `semitones` moves pitch, formants and tempo together. Returns float32 (channels, time), or
    None for a silent sound.
    """
    import torch

    rate_hz, channels = like
    clip = torch.from_numpy(sound.samples.mean(axis=0, keepdims=True, dtype="float32"))
    step = round(2 ** (semitones / 12) * _GRID)
    if step != _GRID:
        clip = resample(clip, step, _GRID)
    clip = _trimmed(clip, sound.rate_hz)
    if sound.rate_hz != rate_hz and clip.shape[-1]:
        clip = resample(clip, sound.rate_hz, rate_hz)
    peak = float(clip.abs().max()) if clip.numel() else 0.0
    if peak < SILENT:
        return None
    level = float(clip.double().square().mean().sqrt())
    return (clip * min(10 ** (level_db / 20) / level, 1 / peak)).clamp_(-1, 1).repeat(channels, 1)


def _words(label: str) -> str:
    """Return a label as words: `turnOn_light-2` is `turn On light 2`. One with spaces is a sentence already."""
    if " " in label.strip():
        return _tidy(label.replace("_", " "))
    return _tidy(re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[^\W\d_])(?=\d)|[_\-./]+", " ", label))


def _tidy(text: str) -> str:
    """Return a text on one line, without brackets, marks and characters that steer a voice instead of being read."""
    plain = unicodedata.normalize("NFKC", text)
    kept = (" " if unicodedata.category(one)[0] in "CZ" or one in "[]<>{}|*^~\\" else one for one in plain)
    return " ".join("".join(kept).split())


def _sayable(text: str) -> str | None:
    return text if len(text) <= LONGEST and any(map(str.isalnum, text)) else None


def _number(digits: str) -> str:
    small = _SMALL.split()
    if len(digits) > 2 or (len(digits) == 2 and digits[0] == "0"):
        return " ".join(small[int(one)] for one in digits)
    value = int(digits)
    if value < 20:
        return small[value]
    return _TENS.split()[value // 10] + (f" {small[value % 10]}" if value % 10 else "")


def _trimmed(clip: torch.Tensor, rate_hz: int) -> torch.Tensor:
    """Return `clip` (1, time) from 10 ms before its first frame of 10 ms that is heard to 10 ms after the last."""
    import torch

    size = max(1, rate_hz // 100)
    frames = torch.nn.functional.pad(clip[0], (0, -clip.shape[-1] % size)).reshape(-1, size)
    power = frames.double().square().mean(1)
    if not len(power) or float(power.max()) == 0:
        return clip[:, :0]
    heard = torch.nonzero(power > power.max() * 10 ** (_TRIMMED_DB / 10))[:, 0]
    first, last = int(heard[0]) - _MARGIN_FRAMES, int(heard[-1]) + 1 + _MARGIN_FRAMES
    return clip[:, max(0, first) * size : last * size]
