"""A small convolutional network for pictures and spectrograms, trained in about a second on one core.

All parameters live in one flat tensor, so that an optimiser's step is a handful of operations whatever the layers: at
this size most of the time would otherwise go into calls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

BATCH = 32
_RATE, _WARM_UP, _DECAY = 3e-3, 0.2, 1e-2
_FIRST, _SECOND = 0.9, 0.99
_MOMENTUM = 0.1
_EPSILON = 1e-5
_AT_ONCE = 128


@dataclass(frozen=True)
class Layer:
    """A convolution without bias, batch normalisation (Ioffe & Szegedy 2015) and rectification."""

    out: int
    kernel: int
    stride: int


LAYERS = (Layer(32, 5, 3), Layer(64, 3, 2))
"""Strides come first: nearly all work is in the early layers, and small training sets need no more."""


@dataclass(frozen=True)
class Network:
    """A trained network."""

    over_time: bool
    """Whether the last layer's columns are reduced to their maximum: where in time a sound stands does not matter."""
    shapes: list[tuple[int, ...]]
    flat: torch.Tensor
    """All parameters: of each layer kernels, scales and shifts; of the output weights and shifts."""
    running: list[torch.Tensor]
    """Mean and variance of every layer's channels."""

    def to(self, device: str) -> Network:
        """Return the network on `device`."""
        return replace(self, flat=self.flat.to(device), running=[one.to(device) for one in self.running])

    def log_probabilities(self, items: torch.Tensor) -> torch.Tensor:
        """Return (items, classes) for standardised items (items, channels, rows, columns)."""
        import torch

        # Whole blocks only: the sums of a shorter one may be rounded in another order.
        blank = items.new_zeros((-len(items) % _AT_ONCE, *items.shape[1:]))
        with torch.inference_mode():
            blocks = torch.split(torch.cat([items, blank]), _AT_ONCE)
            said = torch.cat([self.forward(self.flat, block, training=False) for block in blocks])
            return torch.log_softmax(said[: len(items)], dim=1)

    def forward(self, flat: torch.Tensor, items: torch.Tensor, *, training: bool) -> torch.Tensor:
        """Return (items, classes) scores under the parameters `flat`; training updates the running means."""
        import torch
        import torch.nn.functional as nn

        flats = torch.split(flat, _sizes(self.shapes))
        parts = [part.view(shape) for part, shape in zip(flats, self.shapes, strict=True)]
        for at, layer in enumerate(LAYERS):
            kernels, scales, shifts = parts[3 * at : 3 * at + 3]
            mean, variance = self.running[2 * at : 2 * at + 2]
            items = nn.conv2d(items, kernels, stride=layer.stride, padding=layer.kernel // 2)
            items = nn.batch_norm(items, mean, variance, scales, shifts, training, _MOMENTUM, _EPSILON).relu_()
        items = items.amax(dim=3) if self.over_time else items
        return nn.linear(items.flatten(1), parts[-2], parts[-1])


def start(size: tuple[int, int, int], classes: int, random: torch.Generator, *, over_time: bool) -> Network:
    """Return a network for items of (channels, rows, columns), with weights from `random`: He et al. 2015, eq. 10."""
    import torch

    shapes = _shapes(size, classes, over_time)
    parts = []
    for at, shape in enumerate(shapes):
        if len(shape) > 1:
            inputs = math.prod(shape[1:])
            gain = 2.0 if len(shape) == 4 else 1.0
            parts.append(torch.empty(shape).normal_(0.0, math.sqrt(gain / inputs), generator=random))
        else:
            scales = at % 3 == 1 and at < 3 * len(LAYERS)
            parts.append(torch.full(shape, float(scales)))
    flat = torch.cat([part.flatten() for part in parts])
    running = [torch.full((layer.out,), start) for layer in LAYERS for start in (0.0, 1.0)]
    return Network(over_time, shapes, flat, running)


def train(
    network: Network, items: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, order: torch.Tensor
) -> None:
    """Train on the batches `order` (steps, batch), positions of items (items, channels, rows, columns).

    Cross-entropy, each item's times its weight, under AdamW (Loshchilov & Hutter 2019, algorithm 2) with one cycle of
    the learning rate (Smith & Topin 2019), cosines up and down.
    """
    import torch
    import torch.nn.functional as nn

    flat = network.flat.requires_grad_()
    decay = torch.cat([torch.full((math.prod(one),), _DECAY * (len(one) > 1)) for one in network.shapes]).to(
        flat.device
    )
    first, second = torch.zeros_like(flat), torch.zeros_like(flat)
    steps = len(order)
    for step, batch in enumerate(order, 1):
        said = network.forward(flat, items[batch], training=True)
        loss = (nn.cross_entropy(said, labels[batch], reduction="none") * weights[batch]).mean()
        (slope,) = torch.autograd.grad(loss, flat)
        rate = _rate(step, steps)
        with torch.no_grad():
            first.lerp_(slope, 1 - _FIRST)
            second.lerp_(slope.square_(), 1 - _SECOND)
            root = (second / (1 - _SECOND**step)).sqrt_().add_(1e-8)
            flat.addcmul_(flat, decay, value=-rate)
            flat.addcdiv_(first, root, value=-rate / (1 - _FIRST**step))
    flat.requires_grad_(False)


def batches(rows: int, steps: int, random: torch.Generator) -> torch.Tensor:
    """Return (steps, BATCH) positions below `rows`: shuffled epochs, one after the other."""
    import torch

    epochs = -(-steps * BATCH // rows)
    order = torch.cat([torch.randperm(rows, generator=random) for _ in range(epochs)])
    return order[: steps * BATCH].view(steps, BATCH)


def _rate(step: int, steps: int) -> float:
    top = max(1.0, _WARM_UP * steps)
    way = step / top if step <= top else 1 + (step - top) / max(1.0, steps - top)
    return _RATE * (0.5 - 0.5 * math.cos(math.pi * way))


def _shapes(size: tuple[int, int, int], classes: int, over_time: bool) -> list[tuple[int, ...]]:
    channels, rows, columns = size
    found: list[tuple[int, ...]] = []
    for layer in LAYERS:
        found += [(layer.out, channels, layer.kernel, layer.kernel), (layer.out,), (layer.out,)]
        channels, rows, columns = layer.out, -(-rows // layer.stride), -(-columns // layer.stride)
    return [*found, (classes, channels * rows * (1 if over_time else columns)), (classes,)]


def _sizes(shapes: list[tuple[int, ...]]) -> list[int]:
    return [math.prod(shape) for shape in shapes]
