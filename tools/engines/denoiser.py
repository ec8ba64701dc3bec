"""A small diffusion model of labelled images and its training, after Ho et al. (2020) and Ho & Salimans (2022).

A U-Net predicts the velocity (Salimans & Ho 2022, appendix D) of images noised on a squared-cosine schedule (Nichol &
Dhariwal 2021, section 3.2), given the class; for a tenth of the items the class is hidden, so that one network serves
with and without it. Images beyond `FOLDED` pixels a side are worked at folded: blocks of 2 x 2 pixels become channels
(Luhman & Luhman 2022), a quarter of the work. Training ends where images that it never sees are not denoised better
any more: beyond that point a network learns its images by heart.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

TIMES = 1000
"""Levels of noise."""
FOLDED = 16
"""Pixels of the longer side beyond which images are folded."""
GROUPS = 8
_EVALUATED = 512
_WARM_UP = 50


@dataclass(frozen=True)
class Recipe:
    """How a network is built and trained."""

    widths: tuple[int, ...] = (32, 64)
    """Channels at each resolution; each is half the one before."""
    iterations: int = 1200
    """At most so many steps."""
    every: int = 100
    """Steps between two looks at the held-back images."""
    patience: int = 3
    """Looks without improvement after which training ends."""
    batch: int = 64
    rate: float = 2e-3
    """Largest learning rate of AdamW; it falls to a twentieth along a cosine."""
    decay: float = 0.995
    """Of the moving average of the weights, which is what samples are drawn with."""
    hidden: float = 0.1
    """Share of items whose class is hidden."""
    held_back: float = 0.1
    """Share of images that are never trained on."""


@dataclass(frozen=True)
class Fitted:
    """A trained network, and how training went."""

    network: Any
    """The averaged weights of the best look, a `diffusers.UNet2DModel` in evaluation mode."""
    iterations: int
    """Steps that were taken."""
    best_at: int
    """Step of the look that was kept."""
    losses: tuple[tuple[int, float], ...]
    """Step -> mean squared error on the held-back images, at fixed noise."""
    held_back: int
    """Images that were held back."""


@dataclass(frozen=True)
class _Look:
    """Held-back images under fixed noise."""

    noised: torch.Tensor
    times: torch.Tensor
    classes: torch.Tensor
    wanted: torch.Tensor


def fold_of(size: tuple[int, int]) -> int:
    """Return the side of the blocks that images (height, width) are folded by."""
    return 2 if max(size) > FOLDED else 1


def grain_of(size: tuple[int, int], recipe: Recipe) -> int:
    """Return what height and width of an image must be multiples of."""
    return int(fold_of(size) * 2 ** (len(recipe.widths) - 1))


def network_for(size: tuple[int, int], channels: int, classes: int, recipe: Recipe, seed: int) -> Any:
    """Return a fresh `UNet2DModel` for folded images (channels, *size); class number `classes` is the hidden one."""
    import torch
    from diffusers import UNet2DModel

    made: Any = UNet2DModel
    levels = len(recipe.widths)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return made(
            sample_size=size,
            in_channels=channels,
            out_channels=channels,
            block_out_channels=recipe.widths,
            down_block_types=("DownBlock2D",) * levels,
            up_block_types=("UpBlock2D",) * levels,
            layers_per_block=1,
            norm_num_groups=GROUPS,
            add_attention=False,
            num_class_embeds=classes + 1,
        )


def scheduler() -> Any:
    """Return the sampler: deterministic DDIM (Song et al. 2021, eta 0) from pure noise, pixels kept in [-1, 1]."""
    from diffusers import DDIMScheduler

    made: Any = DDIMScheduler
    return made(
        num_train_timesteps=TIMES,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=True,
    )


def fit(images: torch.Tensor, classes: torch.Tensor, count: int, recipe: Recipe, seed: int) -> Fitted:
    """Train a network on images (items, channels, height, width) float32 in [-1, 1], folded, of `count` classes.

    Everything drawn comes from `seed`, on the CPU whatever the device of the images; on one CPU thread the result is
    the same bits. Classes are drawn in proportion to the square root of their size, so that rare ones are learned too.
    """
    import torch

    chance = torch.Generator().manual_seed(seed)
    kept, held = _divided(classes.cpu(), recipe.held_back, chance)
    size = (int(images.shape[-2]), int(images.shape[-1]))
    network = network_for(size, int(images.shape[1]), count, recipe, seed).to(images.device)
    average = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
    look = _look(images[held.to(images.device)], classes[held.to(images.device)], seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=1e-4)
    losses: list[tuple[int, float]] = []
    best, best_at, state = math.inf, 0, average.state_dict()
    for step, (noised, times, own, wanted) in enumerate(_batches(images, classes, kept, recipe, chance, count), 1):
        for group in optimizer.param_groups:
            group["lr"] = _rate(step, recipe)
        loss = (network(noised, times, class_labels=own).sample - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        _follow(average, network, min(recipe.decay, step / (step + 10)))
        if step % recipe.every == 0 or step == recipe.iterations:
            losses.append((step, _error(average, look, recipe.batch)))
            if losses[-1][1] < best:
                best, best_at, state = losses[-1][1], step, copy.deepcopy(average.state_dict())
            elif sum(at > best_at for at, _ in losses) >= recipe.patience:
                break
    average.load_state_dict(state)
    return Fitted(average, losses[-1][0], best_at, tuple(losses), len(held))


# --- data ------------------------------------------------------------------------------------------


def _divided(classes: torch.Tensor, share: float, chance: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the items to train on and a share, at least one, to hold back; no class loses its last to train on."""
    import torch

    left = torch.bincount(classes).tolist()
    wanted = max(1, round(share * len(classes)))
    held: list[int] = []
    for at in torch.randperm(len(classes), generator=chance).tolist():
        own = int(classes[at])
        if len(held) < wanted and left[own] > 1:
            left[own] -= 1
            held.append(at)
    kept = sorted(set(range(len(classes))) - set(held))
    return torch.tensor(kept), torch.tensor(sorted(held))


def _batches(
    images: torch.Tensor,
    classes: torch.Tensor,
    kept: torch.Tensor,
    recipe: Recipe,
    chance: torch.Generator,
    hidden: int,
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Yield noised images, their times, their classes (or `hidden`) and what is to be predicted."""
    import torch

    codes = classes.cpu()[kept]
    weights = torch.bincount(codes).float().rsqrt()[codes]
    for _ in range(recipe.iterations):
        drawn = torch.multinomial(weights, recipe.batch, replacement=True, generator=chance)
        times = torch.empty(recipe.batch, dtype=torch.long).random_(0, TIMES, generator=chance)
        forget = torch.empty(recipe.batch).uniform_(generator=chance) < recipe.hidden
        own = torch.where(forget, hidden, codes[drawn]).to(images.device)
        real = images[kept[drawn].to(images.device)]
        noise = torch.empty(real.shape).normal_(generator=chance).to(images.device)
        times = times.to(images.device)
        yield *_noised(real, noise, times), own, _velocity(real, noise, times)


def _noised(real: torch.Tensor, noise: torch.Tensor, times: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    signal, rest = _levels(times)
    return signal * real + rest * noise, times


def _velocity(real: torch.Tensor, noise: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    signal, rest = _levels(times)
    return signal * noise - rest * real


def _levels(times: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the shares of image and noise at some times, each (items, 1, 1, 1)."""
    left = _signal()[times.cpu()].to(times.device).view(-1, 1, 1, 1)
    return left.sqrt(), (1 - left).sqrt()


@cache
def _signal() -> torch.Tensor:
    """Return the share of the image's power that is left at each time (TIMES,)."""
    left: torch.Tensor = scheduler().alphas_cumprod
    return left


def _look(images: torch.Tensor, classes: torch.Tensor, seed: int) -> _Look:
    """Return every image at evenly spread times, about `_EVALUATED` in all, under noise of its own."""
    import torch

    chance = torch.Generator().manual_seed(seed)
    count = max(_EVALUATED, len(images))
    at = (torch.arange(count) % len(images)).to(images.device)
    times = (torch.randperm(count, generator=chance) * TIMES // count).to(images.device)
    real = images[at]
    noise = torch.empty(real.shape).normal_(generator=chance).to(images.device)
    return _Look(_noised(real, noise, times)[0], times, classes[at], _velocity(real, noise, times))


# --- steps -----------------------------------------------------------------------------------------


def _rate(step: int, recipe: Recipe) -> float:
    fall = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / recipe.iterations))
    return recipe.rate * fall * min(1.0, step / _WARM_UP)


def _follow(average: Any, network: Any, decay: float) -> None:
    import torch

    with torch.no_grad():
        for old, new in zip(average.parameters(), network.parameters(), strict=True):
            old.lerp_(new, 1 - decay)


def _error(average: Any, look: _Look, batch: int) -> float:
    """Return the mean squared error over everything looked at."""
    import torch

    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(look.times), batch):
            part = slice(start, start + batch)
            told = average(look.noised[part], look.times[part], class_labels=look.classes[part]).sample
            total += float((told - look.wanted[part]).square().mean(dim=(1, 2, 3)).double().sum())
    return round(total / len(look.times), 6)
