"""Where randomness comes from: one seed a sample, made of names, so that nothing else can change a result."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from memory.errors import UsageError
from memory.records import Draw, Drawn
from tools.card import Params, Tool

_STEP = np.uint64(0x9E3779B97F4A7C15)


def seed_for(run_seed: int, *names: str) -> int:
    """Return a 63-bit seed for (run seed, names), the same on every machine."""
    text = "\x1f".join((str(run_seed), *names))
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") >> 1


def generator(seed: int) -> np.random.Generator:
    """Return the generator that every draw of augplan comes from: PCG64."""
    return np.random.Generator(np.random.PCG64(seed))


def words(seeds: Sequence[int], counts: Sequence[int]) -> NDArray[np.uint64]:
    """Return `counts[i]` random 64-bit words for `seeds[i]`, one seed after the other: SplitMix64.

    For small tools, where making a generator costs more than the edit: a batch is drawn at once, and word k of a seed
    depends on the seed and k alone (Steele, Lea & Flood 2014, figure 18).
    """
    sizes = np.asarray(counts, dtype=np.int64)
    ends = np.cumsum(sizes)
    # Word k mixes seed + k * constant; numbering all words in one run and shifting each seed back saves a pass.
    starts = np.asarray(seeds, dtype=np.uint64) - (ends - sizes).astype(np.uint64) * _STEP
    state = np.arange(1, int(sizes.sum()) + 1, dtype=np.uint64)
    state *= _STEP
    state += np.repeat(starts, sizes)
    spare = np.empty_like(state)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state ^= np.right_shift(state, np.uint64(shift), out=spare)
        state *= np.uint64(factor)
    state ^= np.right_shift(state, np.uint64(31), out=spare)
    return state


def draws(seeds: Sequence[int], counts: Sequence[int]) -> NDArray[np.uint64]:
    """Return `counts[i]` uniform whole numbers below 2**32 for `seeds[i]`: the upper halves of `words`.

    `(number * n) >> 32` is a whole number below n.
    """
    return words(seeds, counts) >> np.uint64(32)


def distinct(drawn: Sequence[int], below: int) -> list[int]:
    """Return as many different whole numbers below `below` as `drawn` (see `draws`) is long, ascending.

    Every set of that size is equally likely (Floyd's sampling; Bentley & Floyd 1987). Raises UsageError when there
    are not that many.
    """
    if len(drawn) > below:
        raise UsageError(f"{len(drawn)} different numbers below {below} were asked for; there are only {below}.")
    taken: set[int] = set()
    for top, number in enumerate(drawn, below - len(drawn) + 1):
        at = number * top >> 32
        taken.add(top - 1 if at in taken else at)
    return sorted(taken)


def draw(tool: Tool, wanted: Mapping[str, Draw], seed: int) -> Params:
    """Draw one sample's parameters: fixed values as given, ranges uniformly, the rest from the tool's usual ranges.

    Every field has a seed of its own, so fixing one value never shifts another draw.
    Raises pydantic.ValidationError when a value leaves the tool's bounds.
    """
    values: dict[str, Drawn] = {}
    for name, field in tool.params.model_fields.items():
        source = wanted.get(name, tool.params.usual.get(name))
        if name != "seed" and source is not None:
            values[name] = _draw_one(source, field.annotation is int, seed_for(seed, name) / 2**63)
    return tool.params(**{"seed": seed_for(seed, "inside"), **values})


def _draw_one(source: Draw, whole: bool, unit: float) -> Drawn:
    """Place `unit`, uniform in [0, 1), within a range or among words."""
    if not isinstance(source, tuple):
        return source
    if isinstance(source[0], str):
        return source[int(unit * len(source))]
    low, high = float(source[0]), float(source[1])
    if whole:
        return int(low) + int(unit * (int(high) - int(low) + 1))
    return low + (high - low) * unit


def check_draw(tool: Tool, wanted: Mapping[str, Draw]) -> None:
    """Refuse a draw that names an unknown field or can leave the tool's bounds.

    Raises UsageError naming the tool, the field and the bound.
    """
    known = [name for name in tool.params.model_fields if name != "seed"]
    for name, source in wanted.items():
        if name not in known:
            raise UsageError(f"Tool {tool.name!r} has no parameter {name!r}; it has: {', '.join(known) or 'none'}.")
        ends = source if isinstance(source, tuple) else (source,)
        for end in ends:
            try:
                tool.params(**{name: end})
            except ValidationError as problem:
                reason = problem.errors()[0]["msg"]
                raise UsageError(f"Tool {tool.name!r} cannot take {name}={end!r}: {reason}") from problem
