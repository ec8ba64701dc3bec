"""Reverberation of a simulated room: image sources (Allen & Berkley 1979), then a diffuse tail (Ko et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import cos, exp, log, pi, sin, sqrt
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tools.batches import Waves
from tools.card import Cost, Params, augment
from tools.kernels.filters import (
    audible,
    below_full_scale,
    groups,
    sliced,
    spectra_of,
    strengths,
    too_short,
    transform_length,
    waves_of,
)
from tools.seeds import generator

if TYPE_CHECKING:
    import torch

_SOUND_M_S = 343.0
_IMAGES_SECONDS = 0.04
_WALL_M = 0.2
_NOISE = 1 << 21


class AddRoom(Params):
    """The room, and how far the talker is from the microphone in it."""

    length_m: float = Field(6.0, ge=2, le=40, description="Length of the room in metres.")
    width_m: float = Field(4.0, ge=2, le=40, description="Width of the room in metres.")
    height_m: float = Field(2.7, ge=2, le=15, description="Height of the room in metres.")
    rt60_s: float = Field(0.3, ge=0.05, le=3, description="Seconds in which the sound falls by 60 dB.")
    distance_m: float = Field(
        1.0, ge=0.1, le=20, description="From talker to microphone in metres; less where the room is too small."
    )
    usual: ClassVar = {
        "length_m": (3.0, 10.0),
        "width_m": (2.5, 8.0),
        "height_m": (2.4, 4.0),
        "rt60_s": (0.1, 0.6),
        "distance_m": (0.5, 3.0),
    }


@augment(AddRoom, family="reverberation", cites=("ko2017reverb", "allen1979image"), cost=Cost(cpu_seconds=1.5))
def add_room(batch: Waves, params: Sequence[AddRoom]) -> list[torch.Tensor | None]:
    """Let a clip sound in a room: the direct sound stays where it was, reflections follow, the level is kept.

    The seed places talker and microphone. Every channel is given the same response; what would sound on after
    the end of the clip is cut off. The energy of the result equals that of the clip, unless that would go
    beyond full scale: then the result is divided by its peak. Returns float32 (channels, time). Clips under
    10 ms and silent clips are refused.
    """
    made: list[torch.Tensor | None] = [None] * len(params)
    for positions, rows in groups(batch):
        responses = [room_response(params[at], batch.rate_hz) for at in positions]
        for size in sorted({_power_of_two(response) for response in responses}):
            places = [place for place, response in enumerate(responses) if _power_of_two(response) == size]
            chosen = rows if len(places) == len(positions) else rows[places]
            lengths = [batch.lengths[positions[place]] for place in places]
            heard = reverberated(chosen, lengths, [responses[place] for place in places])
            loud = audible(chosen)
            for place, result, enough in zip(places, heard, loud, strict=True):
                at = positions[place]
                made[at] = result if enough and not too_short(batch.lengths[at], batch.rate_hz) else None
    return made


def reverberated(
    rows: torch.Tensor, lengths: Sequence[int], responses: Sequence[NDArray[np.float32]]
) -> list[torch.Tensor | None]:
    """Convolve items of `rows` (items, channels, time) with one response each; time and energy stay as they are.

    Responses of one call must share the power of two at or above their length.
    """
    import torch

    reach = _power_of_two(responses[0])
    size = transform_length(rows.shape[-1] + reach)
    filters = np.zeros((len(responses), 1, reach), dtype=np.float32)
    for response, row in zip(responses, filters, strict=True):
        row[0, : response.size] = response
    spectra = spectra_of(rows, size)
    responded = spectra_of(torch.from_numpy(filters).to(rows.device), size)
    # Row by row: the rest of a vector loop over complex numbers is rounded in another way.
    for spectrum, own in zip(spectra.unbind(), responded.unbind(), strict=True):
        spectrum.mul_(own)
    heard = waves_of(spectra, size)[..., : rows.shape[-1]]
    samples = sliced(heard)
    for place, length in enumerate(lengths):
        samples[place, :, length:] = 0
    before, after = (strengths(part)[:, None, None] for part in (rows, heard))
    return below_full_scale(heard.mul_(before / after.clamp_(min=1e-30)), lengths)


def _power_of_two(response: NDArray[np.float32]) -> int:
    return 1 << (response.size - 1).bit_length()


def room_response(own: AddRoom, rate_hz: int) -> NDArray[np.float32]:
    """Return the impulse response (time,) of a room, from the arrival of the direct sound, whose height is 1.

    Walls reflect exp(-0.08 V / (S RT60)) of the pressure (Eyring's formula) and turn its sign, which keeps the
    response free of a slow drift. The first 40 ms are image sources, each 1 / distance strong and rounded to a
    sample (Allen & Berkley 1979, eqs. 9-10). Then there are too many to count, and noise takes over, cut out of
    2**21 numbers drawn once, whose energy at time t is what theirs is on average: c / (4 pi V) exp(-13.8 t / RT60).
    """
    rng = generator(own.seed)
    room = own.length_m, own.width_m, own.height_m
    talker, microphone = _places(room, own.distance_m, rng)
    volume = room[0] * room[1] * room[2]
    surface = 2 * volume * sum(1 / side for side in room)
    reflected = exp(-12 * log(10) * volume / (_SOUND_M_S * surface * own.rt60_s))
    direct = sqrt(sum((one - other) ** 2 for one, other in zip(talker, microphone, strict=True)))
    distances, heights = _images(room, talker, microphone, direct + _SOUND_M_S * _IMAGES_SECONDS, -reflected)
    early = round(_IMAGES_SECONDS * rate_hz)
    arrival = np.minimum((distances - direct) * (rate_hz / _SOUND_M_S) + 0.5, early + 1).astype(np.int64)
    size = max(early + 1, round(own.rt60_s * rate_hz))
    response = np.empty(size, dtype=np.float32)
    response[: early + 1] = np.bincount(arrival, weights=heights, minlength=early + 1)[: early + 1] * direct
    power = 4 * pi * direct**2 * _SOUND_M_S / (volume * rate_hz)
    per_sample = -3 * log(10) / own.rt60_s / rate_hz
    later = np.arange(early + 1, size, dtype=np.float32)
    later += np.float32(direct / _SOUND_M_S * rate_hz)
    fall = np.exp(np.multiply(later, np.float32(per_sample), out=later), out=later)
    fall *= np.float32(sqrt(power))
    start = int(rng.integers(_NOISE - size))
    np.multiply(fall, _noise()[start : start + fall.size], out=response[early + 1 :])
    return response


@lru_cache(maxsize=1)
def _noise() -> NDArray[np.float32]:
    """Return 2**21 normal numbers: tails are cut out of them, as drawing one anew costs as much as the rest."""
    return generator(2017).standard_normal(_NOISE, dtype=np.float32)


def _places(
    room: Sequence[float], distance: float, rng: np.random.Generator
) -> tuple[Sequence[float], Sequence[float]]:
    """Return talker and microphone, at `distance` where one of 32 drawn pairs fits in the room, else nearer.

    Microphones are uniform in the room, and so are the ways from there to the talker on the sphere.
    """
    drawn = rng.random((32, 5)).tolist()
    while True:
        for *place, height, turn in drawn:
            flat = sqrt(1 - (2 * height - 1) ** 2)
            way = flat * cos(2 * pi * turn), flat * sin(2 * pi * turn), 2 * height - 1
            microphone = [_WALL_M + at * (side - 2 * _WALL_M) for at, side in zip(place, room, strict=True)]
            talker = [at + distance * part for at, part in zip(microphone, way, strict=True)]
            if all(_WALL_M < at < side - _WALL_M for at, side in zip(talker, room, strict=True)):
                return talker, microphone
        distance *= 0.8


def _images(
    room: Sequence[float], talker: Sequence[float], microphone: Sequence[float], reach: float, reflected: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (distance from the microphone, height) of every image of the talker within `reach` metres, and of more.

    Along one axis image n stands at n L + x for even n and n L + (L - x) for odd n, after |n| reflections, which
    each multiply its height by `reflected`.
    """
    squares, heights = [], []
    for side, source, here in zip(room, talker, microphone, strict=True):
        most = int(reach / side) + 1
        order = np.arange(-most, most + 1)
        place = order * side - here
        place[most % 2 :: 2] += source
        place[1 - most % 2 :: 2] += side - source
        squares.append(place * place)
        heights.append(reflected ** np.abs(order))
    distance = np.sqrt(np.add.outer(np.add.outer(squares[0], squares[1]), squares[2])).ravel()
    height = np.multiply.outer(np.multiply.outer(heights[0], heights[1]), heights[2]).ravel()
    height /= distance
    return distance, height
