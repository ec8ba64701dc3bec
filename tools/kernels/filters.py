"""Signal processing that speech tools share: groups of equal length, transform lengths, resampling, full scale.

On a CPU everything here gives an item the same bits alone and in any batch: transforms take
their length from the item's own padded length; products of matrices and of complex numbers are made row by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tools.batches import Waves, padded_length

if TYPE_CHECKING:
    import torch

SILENT = 1e-5
"""A clip whose peak is below this (a third of the last bit of 16) holds nothing to work on."""
AT_ONCE = 1 << 21
"""Samples in a group: planning a Fourier transform costs as much as doing four."""
IN_CACHE = 1 << 18
"""Samples in a piece of a group: 1 MiB, so that a piece and what is made of it fit a core's cache."""
_LOOKED_AT = 512
_TAPS = 16
"""Zero crossings of the resampling filter on either side."""
_TOGETHER = 40
"""Input samples that neighbouring filters of the bank step over together."""
_ROLL_OFF = 0.95
"""Pass band of the resampling filter, as a share of the lower of the two Nyquist frequencies."""


def groups(batch: Waves, at_once: int = AT_ONCE) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Yield (positions, samples (items, channels, padded time)) of clips that share a padded length.

    On a CPU a group holds about `at_once` samples, at least one clip; on a GPU up to 2**26. Empty clips are in
    no group.
    """
    import torch

    by_length: dict[int, list[int]] = {}
    padded_lengths = {length: padded_length(length) for length in set(batch.lengths) if length > 0}
    for at, length in enumerate(batch.lengths):
        if length > 0:
            by_length.setdefault(padded_lengths[length], []).append(at)
    most = 1 << 26 if batch.samples.is_cuda else at_once
    for padded, positions in by_length.items():
        items = max(1, most // (padded * batch.samples.shape[1]))
        for start in range(0, len(positions), items):
            own = positions[start : start + items]
            whole = own[-1] - own[0] + 1 == len(own)
            rows = batch.samples[own[0] : own[-1] + 1] if whole else batch.samples[own]
            missing = padded - rows.shape[-1]
            rows = rows[..., :padded] if missing <= 0 else torch.nn.functional.pad(rows, (0, missing))
            yield own, rows


def pieces(rows: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
    """Yield (items, part of `rows`), so small that several passes over a part stay in the cache.

    `rows` is (items, channels, time). A part holds about `IN_CACHE` samples, at least one item; a GPU gets everything
    at once.
    """
    items = len(rows) if rows.is_cuda else max(1, IN_CACHE // (rows.shape[1] * rows.shape[2]))
    for start in range(0, len(rows), items):
        part = slice(start, min(start + items, len(rows)))
        yield part, rows[part]


def sliced(rows: torch.Tensor) -> Any:
    """Return the memory of `rows` as a NumPy array, or `rows` itself on a GPU: both are indexed in the same way.

    For work on many short slices: NumPy cuts one in a tenth of the time that PyTorch takes.
    """
    return rows.numpy() if rows.is_cpu else rows


def without_padding(rows: torch.Tensor, lengths: Sequence[int]) -> list[torch.Tensor]:
    """Return the items of `rows` (items, channels, time), each cut to its length; nothing is copied."""
    if len(set(lengths)) == 1:
        return list(rows[..., : lengths[0]].unbind())
    return [row.narrow(1, 0, length) for row, length in zip(rows.unbind(), lengths, strict=True)]


def too_short(length: int, rate_hz: int) -> bool:
    """Return True for a clip under 10 ms: it holds no frequency of speech."""
    return length * 100 < rate_hz


def peaks(rows: torch.Tensor) -> list[float]:
    """Return the highest absolute value of each item of `rows` (items, channels, time)."""
    import torch

    highest = torch.maximum(rows.amax((1, 2)), -rows.amin((1, 2)))
    return [float(value) for value in highest.tolist()]


def strengths(rows: torch.Tensor) -> torch.Tensor:
    """Return the root of the energy of each item of `rows` (items, channels, time), as (items,)."""
    import torch

    # Flat first: over strided channels a single item is summed in another order than a batch.
    made: torch.Tensor = torch.linalg.vector_norm(rows.flatten(1), dim=1)
    return made


def audible(rows: torch.Tensor) -> list[bool]:
    """Return for each item of `rows` (items, channels, time) whether its peak reaches `SILENT`.

    A stretch in the middle is looked at first, which is all that most clips need.
    """
    middle = max(0, (rows.shape[-1] - _LOOKED_AT) // 2)
    found = [peak >= SILENT for peak in peaks(rows[..., middle : middle + _LOOKED_AT])]
    return [seen or peaks(rows[at : at + 1])[0] >= SILENT for at, seen in enumerate(found)]


def cut(rows: torch.Tensor, lengths: Sequence[int]) -> list[torch.Tensor | None]:
    """Return the items of `rows` without padding; those beyond full scale are divided by their peak, in place.

    What stands in the padding becomes zero. An item that came out silent (peak below `SILENT`) is None.
    """
    samples = sliced(rows)
    for at, length in enumerate(lengths):
        samples[at, :, length:] = 0
    return below_full_scale(rows, lengths)


def below_full_scale(rows: torch.Tensor, lengths: Sequence[int]) -> list[torch.Tensor | None]:
    """Do what `cut` does, for `rows` whose padding is zero."""
    made: list[torch.Tensor | None] = []
    for result, peak in zip(without_padding(rows, lengths), peaks(rows), strict=True):
        if peak > 1:
            result.div_(peak)
        made.append(result if peak >= SILENT else None)
    return made


def spectra_of(rows: torch.Tensor, size: int) -> torch.Tensor:
    """Return the real Fourier transform of `rows` (items, channels, time), cut or zero-filled to `size` samples.

    A row alone is transformed twice over: for long lengths MKL computes one transform in another way than
    several, with other last bits.
    """
    import torch

    alone = rows.shape[0] * rows.shape[1] == 1
    made: torch.Tensor = torch.fft.rfft(rows.expand(2, -1, -1) if alone else rows, size)
    return made[:1] if alone else made


def waves_of(spectra: torch.Tensor, size: int) -> torch.Tensor:
    """Return the `size` samples that `spectra` (items, channels, frequencies) stand for; see `spectra_of`."""
    import torch

    alone = spectra.shape[0] * spectra.shape[1] == 1
    made: torch.Tensor = torch.fft.irfft(spectra.expand(2, -1, -1) if alone else spectra, size)
    return made[:1] if alone else made


@lru_cache(maxsize=1024)
def transform_length(samples: int) -> int:
    """Return the least length >= `samples` that transforms fast: a multiple of 64 with no prime factor above 7.

    Multiples of 4096 are passed over: their power-of-two strides miss the cache (twice the time at 65,536). A
    multiple of 64 leaves torch's vector loops no rest, which they would compute with other last bits.
    """
    length = -(-max(samples, 64) // 64) * 64
    while not _is_smooth(length) or length % 4096 == 0:
        length += 64
    return length


def _is_smooth(length: int) -> bool:
    for prime in (2, 3, 5, 7):
        while length % prime == 0:
            length //= prime
    return length == 1


def resampled_length(samples: int, step: int, per: int) -> int:
    """Return how many samples `resample` makes of `samples`: round(samples * per / step)."""
    return round(samples * per / step)


def resample(clip: torch.Tensor, step: int, per: int) -> torch.Tensor:
    """Read `clip` (channels, time) at every `step / per`-th sample, below the lower Nyquist frequency.

    A windowed sinc (Hann, 16 zero crossings on either side, cut at 0.95 of the lower Nyquist frequency) as a
    polyphase bank: `per` filters, each frame of `step` input samples gives `per` output samples. Returns
    (channels, round(time * per / step)).
    """
    import torch

    common = int(np.gcd(step, per))
    # Where a frame is at least as long as a filter, the overlapping frames are a matrix as they lie: nothing is copied.
    times = -(-96 // (step // common))
    step, per = step // common * times, per // common * times
    length = resampled_length(clip.shape[-1], step, per)
    frames = -(-length // per)
    reach, banks = _banks(step, per, str(clip.device))
    after = max(0, frames * step + 2 * reach + step - clip.shape[-1])
    source = torch.nn.functional.pad(clip, (reach, after))
    made = clip.new_empty((clip.shape[0], frames, per))
    for row, out in zip(source, made, strict=True):
        offset = row.storage_offset()
        for start, phase, taps in banks:
            view = row.as_strided((frames, taps.shape[0]), (step, 1), offset + start)
            torch.mm(view, taps, out=out[:, phase : phase + taps.shape[1]])
    return made.flatten(1)[:, :length]


@lru_cache(maxsize=256)
def _banks(step: int, per: int, device: str) -> tuple[int, list[tuple[int, int, torch.Tensor]]]:
    """Return (reach, [(first input sample, first phase, taps (inputs, phases))]).

    Neighbouring phases read nearly the same inputs, so they are filtered together; all phases at once would
    multiply mostly zeros.
    """
    import torch

    band = _ROLL_OFF * min(1.0, per / step)
    reach = int(np.ceil(_TAPS / band))
    together = max(1, round(_TOGETHER * per / step))
    banks = []
    for phase in range(0, per, together):
        at = np.arange(phase, min(phase + together, per)) * step / per
        first = int(at[0])
        inputs = np.arange(first - reach, int(at[-1]) + reach + 2)
        distance = (inputs[:, None] - at[None, :]) * band
        window = np.where(np.abs(distance) < _TAPS, np.cos(distance * (np.pi / 2 / _TAPS)) ** 2, 0.0)
        taps = torch.from_numpy((band * np.sinc(distance) * window).astype(np.float32))
        banks.append((first, phase, taps.to(device)))
    return reach, banks


def outside(hertz: torch.Tensor, bands: torch.Tensor, edge_hz: float) -> torch.Tensor:
    """Return the gain (bands, frequencies) of band-stop filters: 0 inside `bands` (bands, 2: low and high Hz).

    From `edge_hz` beyond a band on the gain is 1; between, it rises as a raised cosine.
    """
    import torch

    # Whole vectors of 64, so that no item's last gains come from another code path than in a batch.
    wide = torch.nn.functional.pad(hertz, (0, -hertz.shape[-1] % 64))
    beyond = torch.maximum(bands[:, :1] - wide, wide - bands[:, 1:]).div_(edge_hz).clamp_(0, 1)
    return beyond.mul_(torch.pi).cos_().neg_().add_(1).mul_(0.5)[:, : hertz.shape[-1]]
