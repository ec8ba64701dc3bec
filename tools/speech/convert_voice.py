"""Another voice for a recording: pitch and vocal tract length change apart (Jaitly & Hinton 2013, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Params, augment
from tools.kernels.filters import audible, cut, strengths
from tools.speech.shift_pitch import ShiftPitch, shift_pitch

if TYPE_CHECKING:
    import torch

_ENVELOPE_S = 0.0022
"""Quefrencies below this are the vocal tract; the periods of most voices, of 2.5 ms and more, are above."""
_KEPT_HZ = 4800.0
_KEPT_SHARE = 0.6
_MOST = 3.5
"""Largest change of a bin's logarithm, 30 dB: what holds no sound is not blown up."""
_FLOOR = 1e-7
_LEAST = 0.005
_NO_SHIFT = 0.03
"""Semitones under which a shift may round to none."""


class ConvertVoice(Params):
    """The other speaker: how high, and how long the vocal tract."""

    semitones: float = Field(2.0, ge=-12, le=12, description="Shift of the pitch in semitones.")
    formants: float = Field(
        1.1, ge=0.7, le=1.4, description="Factor on the resonances' frequencies; 1.1 is a vocal tract a tenth shorter."
    )
    usual: ClassVar = {"semitones": (-4.0, 4.0), "formants": (0.87, 1.15)}


@augment(ConvertVoice, family="vocal-tract", cites=("jaitly2013vtlp",), cost=Cost(cpu_seconds=12.0))
def convert_voice(batch: Waves, params: Sequence[ConvertVoice]) -> list[torch.Tensor | None]:
    """Let a recording sound like another speaker of the same words: pitch, then resonances, at constant duration.

    The pitch is shifted as by `speech.shift_pitch`, which moves the resonances too; then the spectral envelope, told
    from the pitch by its cepstrum, is warped so that in all they move by `formants`: in proportion up to 4.8 kHz (0.6
    of the highest frequency where that is less), from there on as far as the highest frequency stays in its place. The
    energy is kept; a result beyond full scale is divided by its peak. Returns float32 (channels, time). Silent clips,
    clips shorter than a window of the shift (45 to 90 ms), and changes that round to none are refused.
    """
    shifted = shift_pitch(batch, [ShiftPitch(semitones=one.semitones) for one in params])
    window = 1 << int(0.03 * batch.rate_hz).bit_length()
    loud = audible(batch.samples)
    made: list[torch.Tensor | None] = [None] * len(params)
    for at, own in enumerate(params):
        clip, ratio = shifted[at], 2 ** (own.semitones / 12)
        if clip is None and abs(own.semitones) < _NO_SHIFT and loud[at] and batch.lengths[at] >= 2 * window:
            clip, ratio = batch.clip(at), 1.0
        warp = own.formants / ratio
        if clip is not None and (ratio != 1 or abs(warp - 1) >= _LEAST):
            made[at] = _at_strength(_warped(clip, warp, window, batch.rate_hz), batch.clip(at))
    return made


def _at_strength(clip: torch.Tensor, like: torch.Tensor) -> torch.Tensor | None:
    """Return `clip` with the energy of `like`, both (channels, time)."""
    before, after = float(strengths(like[None])[0]), float(strengths(clip[None])[0])
    return cut((clip * (before / max(after, 1e-30)))[None], [clip.shape[-1]])[0]


def _warped(clip: torch.Tensor, warp: float, window: int, rate_hz: int) -> torch.Tensor:
    """Move the resonances of `clip` (channels, time) by the factor `warp` and leave its pitch.

    Every frame is multiplied by its warped envelope over its own; phases stay.
    """
    import torch

    hop, length = window // 4, clip.shape[-1]
    shape = torch.hann_window(window, device=clip.device)
    frames = -(-length // hop) + 4
    source = torch.nn.functional.pad(clip, (window, (frames + 3) * hop - length))
    spectra = torch.fft.rfft(source.unfold(-1, window, hop)[:, :frames] * shape)
    logs = torch.view_as_real(spectra).square().sum(-1).clamp_(min=_FLOOR**2).log_().mul_(0.5)
    cepstra = torch.fft.irfft(logs, window)
    kept = max(2, round(_ENVELOPE_S * rate_hz))
    cepstra[..., kept : window - kept + 1] = 0
    envelope = torch.fft.rfft(cepstra).real
    low, part = _read_at(warp, window, rate_hz)
    first = torch.from_numpy(low).to(clip.device)
    moved = torch.lerp(envelope[..., first], envelope[..., first + 1], torch.from_numpy(part).to(clip.device))
    pieces = torch.fft.irfft(spectra * (moved - envelope).clamp_(-_MOST, _MOST).exp_(), window) * shape
    out = clip.new_zeros((clip.shape[0], frames + 3, hop))
    for quarter, piece in enumerate(pieces.unflatten(-1, (4, hop)).unbind(-2)):
        out[:, quarter : quarter + frames] += piece
    # The squared Hann windows of four overlapping frames sum to 3 / 2 everywhere.
    return out.flatten(1)[:, window : window + length] / 1.5


def _read_at(warp: float, window: int, rate_hz: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return for every bin where the envelope is read: the bin below, and how far on to the next (eq. 1, inverted)."""
    top = rate_hz / 2
    kept = min(_KEPT_HZ, _KEPT_SHARE * top) * min(warp, 1.0)
    bins = np.linspace(0, top, window // 2 + 1)
    at = np.interp(bins, [0, kept, top], [0, kept / warp, top]) * (window / rate_hz)
    low = np.minimum(at.astype(np.int64), window // 2 - 1)
    return low, (at - low).astype(np.float32)
