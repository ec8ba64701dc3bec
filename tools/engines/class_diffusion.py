"""A generator without weights from elsewhere: a diffusion model of the classes, trained on the run's own training rows.

It is for small pictures. Larger ones, of up to `LARGEST` pixels along the shorter side, are averaged down to at most
`SIDE` pixels along the longer one before training, and what is made is enlarged again, so it lacks their fine detail.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from memory.datasets.media import Pixels
from memory.digests import digest
from memory.errors import UsageError
from memory.job import Policy
from tools.engines.canvas import from_canvas, in_channels
from tools.engines.denoiser import FOLDED, TIMES, Fitted, Recipe, fit, fold_of, grain_of, scheduler
from tools.seeds import seed_for
from tools.teacher.confident import draw_rows

if TYPE_CHECKING:
    import torch

    from tools.engines.engine import Place

LARGEST = 64
"""Pixels of the shorter side beyond which a picture is neither learned from nor made."""
SIDE = 32
"""Pixels of the longer side that pictures are worked at, at most."""
LEAST_ROWS = 20
"""Training rows below which nothing but copies would be learned."""
MOST_ROWS = 10_000
"""Training rows that are learned from; of more, an equal number a class is drawn."""
STEPS = 25
"""Denoising steps of a sample."""
GUIDED_BELOW = 800
"""Time from which guidance is given: earlier it only pulls samples together (Kynkäänniemi et al. 2024)."""
TOGETHER = 16
"""Samples that go through the network at once, always so many: what is missing is filled up."""
_NAME = "image.generate_class"


class ClassDiffusion:
    """Draws pictures of the classes that it was trained on. Several threads may draw at once: nothing is changed.

    The noise of a sample comes from its own seed, and every pass has the shape of `TOGETHER` samples. On a CPU a
    convolution of one shape gives an item the same bits at any place and in any company; that is tried out when the
    engine is made, and where it does not hold samples are drawn one by one (`facts["together"]` is 1). On a GPU
    company may change a rounding.
    """

    def __init__(self, fitted: Fitted, classes: Sequence[str], size: tuple[int, int], facts: dict[str, Any]) -> None:
        """Keep a trained network of some classes, and the height and width of its pictures; `facts` make the digest."""
        self.network, self.classes, self.size = fitted.network, tuple(classes), size
        self.digest = f"class-diffusion@{digest(facts)[:16]}"
        self._code = {name: at for at, name in enumerate(self.classes)}
        self._fold = fold_of(size)
        self._scheduler = scheduler()
        self._scheduler.set_timesteps(STEPS)
        self._together = TOGETHER if fitted.network.device.type != "cpu" or self._same_in_company() else 1
        self.facts = facts | {
            "iterations": fitted.iterations,
            "best_at": fitted.best_at,
            "losses": [list(one) for one in fitted.losses],
            "held_back": fitted.held_back,
            "parameters": sum(one.numel() for one in fitted.network.parameters()),
            "together": self._together,
        }
        """How it was trained: rows, sizes, steps, and the loss on held-back rows at every look."""

    def make(
        self, labels: Sequence[str], seeds: Sequence[int], guidance: Sequence[float], shape: tuple[int, int, int]
    ) -> list[torch.Tensor | None]:
        """Return a picture of `shape` (channels, height, width) uint8 for each label, seed and weight of guidance.

        A sample follows the prediction with its class, and the difference to the one without it `guidance` times more
        (Ho & Salimans 2022, equation 6). None for a label that was not learned, for shapes beyond `LARGEST`, and for
        what is not finite.
        """
        out: list[torch.Tensor | None] = [None] * len(labels)
        if not _fits(shape[1:]):
            return out
        known = [at for at, label in enumerate(labels) if label in self._code]
        for start in range(0, len(known), self._together):
            part = known[start : start + self._together]
            codes = [self._code[labels[at]] for at in part]
            drawn = self._draw(codes, [seeds[at] for at in part], [guidance[at] for at in part])
            for at, picture in zip(part, drawn, strict=False):
                out[at] = _shaped(picture, shape)
        return out

    def _draw(self, codes: list[int], seeds: list[int], guidance: list[float]) -> torch.Tensor:
        """Return pictures (together, channels, height, width) of [-1, 1]; those beyond the seeds given are filling."""
        import torch

        device, hidden = self.network.device, len(self.classes)
        empty = self._together - len(codes)
        own = torch.tensor(codes + [hidden] * empty, device=device)
        weight = torch.tensor(guidance + [0.0] * empty, device=device).view(-1, 1, 1, 1)
        picture = torch.stack([self._noise(seed) for seed in seeds + [0] * empty]).to(device)
        with torch.inference_mode():
            for time in self._scheduler.timesteps:
                told = self.network(picture, time, class_labels=own).sample
                if time < GUIDED_BELOW and any(guidance):
                    blind = self.network(picture, time, class_labels=torch.full_like(own, hidden)).sample
                    told = told + weight * (told - blind)
                # The noise is taken anew from the clipped picture: guided samples leave the data's range otherwise.
                picture = self._scheduler.step(told, time, picture, use_clipped_model_output=True).prev_sample
        unfolded = torch.nn.functional.pixel_shuffle(picture, self._fold)
        return unfolded[:, :, : self.size[0], : self.size[1]].clamp(-1, 1).cpu()

    def _noise(self, seed: int) -> torch.Tensor:
        import torch

        of = self.network.config
        return torch.empty((of.in_channels, *of.sample_size)).normal_(generator=torch.Generator().manual_seed(seed))

    def _same_in_company(self) -> bool:
        """Return whether the network gives an item the same bits at every place of a batch and beside others."""
        import torch

        items = torch.stack([self._noise(seed) for seed in range(2 * TOGETHER)])
        codes = torch.arange(2 * TOGETHER) % (len(self.classes) + 1)
        places = torch.arange(TOGETHER)
        with torch.inference_mode():
            for time in self._scheduler.timesteps[::12]:
                whole = self.network(items[places], time, class_labels=codes[places]).sample
                for turn in (1, 7):
                    moved = (places + turn) % TOGETHER
                    other = torch.where(places % 2 == 0, moved, places + TOGETHER)
                    told = self.network(items[other], time, class_labels=codes[other]).sample
                    if not torch.equal(told[::2], whole[moved[::2]]):
                        return False
        return True


def why_missing(policy: Policy) -> str | None:  # noqa: ARG001  every engine is asked in the same way
    """Return the command that brings diffusers where it is missing; else None."""
    if importlib.util.find_spec("diffusers") is None:
        return "diffusers is not installed; run: pip install 'augplan[pictures]'"
    return None


def why_of_no_use(place: Place) -> str | None:
    """Return why nothing useful can be learned from a dataset, or None. Decodes nothing."""
    rows, labels = _small_rows(place), place.dataset.column("label")
    if len(rows) < LEAST_ROWS:
        return (
            f"only {len(rows)} labelled training images that repeat no other are at most {LARGEST} px along their "
            f"shorter side, and {LEAST_ROWS} are needed to train a generator on; take a pretrained one"
        )
    if len({labels[row] for row in rows}) < 2:
        return "the training images have one class, and a generator of classes needs two"
    return None


def build(place: Place) -> ClassDiffusion:
    """Train on the labelled training rows that nearly repeat no other; a minute or more.

    Raises UsageError where diffusers is missing, or where the images are too few, of one class, or too large.
    """
    why = why_missing(place.policy) or why_of_no_use(place)
    if why is not None:
        raise UsageError(f"{why}.", where=_NAME)
    rows, labels, seed = _small_rows(place), place.dataset.column("label"), seed_for(place.seed, "class_diffusion")
    rows = [rows[at] for at in draw_rows([labels[row] for row in rows], MOST_ROWS, LEAST_ROWS, seed).tolist()]
    images = cast("list[Pixels]", place.dataset.payloads(rows))
    return learn(images, [str(labels[row]) for row in rows], seed, place.device)


def learn(
    images: Sequence[Pixels], labels: Sequence[str], seed: int, device: str = "cpu", recipe: Recipe | None = None
) -> ClassDiffusion:
    """Train on images (height, width, 1 or 3) uint8 of any shapes; `recipe` None is the usual one.

    The same images, labels and seed give the same engine, bit for bit on one CPU thread.
    """
    import diffusers
    import torch

    recipe = recipe or Recipe()
    size, channels = _canvas(images), max(image.shape[2] for image in images)
    pixels = torch.stack([_small(image, size, channels) for image in images])
    classes = sorted(set(labels))
    facts = {
        "recipe": asdict(recipe),
        "images": hashlib.sha256(pixels.numpy().tobytes()).hexdigest(),
        "labels": hashlib.sha256("\x1f".join(labels).encode("utf-8", "surrogatepass")).hexdigest(),
        "rows": dict(sorted(Counter(labels).items())),
        "picture": [channels, *size],
        "worked_at": [TIMES, FOLDED, STEPS, GUIDED_BELOW],
        "seed": seed,
        "on": [device, torch.__version__, diffusers.__version__],
    }
    codes = torch.tensor([classes.index(label) for label in labels], device=device)
    fitted = fit(_folded(pixels, recipe).to(device), codes, len(classes), recipe, seed)
    return ClassDiffusion(fitted, classes, size, facts)


# --- sizes -----------------------------------------------------------------------------------------


def _small_rows(place: Place) -> list[int]:
    """Return the labelled, counted training rows whose image is small enough, ascending."""
    cover, labels = place.coverage, place.dataset.column("label")
    shorter = cover.reading.measured["size"]
    return [row for row in cover.train[cover.counted].tolist() if labels[row] is not None and _is_small(shorter[row])]


def _is_small(shorter: float | str | None) -> bool:
    return isinstance(shorter, int | float) and shorter <= LARGEST


def _fits(size: Sequence[int]) -> bool:
    return 0 < min(size) <= LARGEST


def _canvas(images: Sequence[Pixels]) -> tuple[int, int]:
    """Return the height and width that all are worked at: the median ones, scaled down to `SIDE`."""
    tall, wide = np.median([image.shape[:2] for image in images], axis=0).tolist()
    scale = min(1.0, SIDE / max(tall, wide))
    return max(1, round(tall * scale)), max(1, round(wide * scale))


def _small(image: Pixels, size: tuple[int, int], channels: int) -> torch.Tensor:
    """Return an image as (channels, *size) uint8, averaged over areas."""
    import torch

    pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).expand(channels, -1, -1)
    if tuple(pixels.shape[1:]) == size:
        return pixels
    return torch.nn.functional.interpolate(pixels[None].float(), size, mode="area")[0].round().to(torch.uint8)


def _folded(pixels: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    """Return uint8 images as float32 in [-1, 1], their last row and column repeated up to a whole size, folded."""
    from torch.nn.functional import pad, pixel_unshuffle

    size = (int(pixels.shape[-2]), int(pixels.shape[-1]))
    grain = grain_of(size, recipe)
    below, beside = (-length % grain for length in size)
    return pixel_unshuffle(pad(pixels.float() / 127.5 - 1, (0, beside, 0, below), mode="replicate"), fold_of(size))


def _shaped(picture: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor | None:
    """Return a picture (1 or 3, height, width) of [-1, 1] in a wanted shape, uint8; None where it is not finite."""
    if not bool(picture.isfinite().all()):
        return None
    made = from_canvas((picture + 1) / 2, shape[1:])
    if len(made) == 1:
        return made.repeat(shape[0], 1, 1)
    return in_channels(made, shape[0])
