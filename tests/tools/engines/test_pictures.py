"""Real pipeline classes with small random weights: one item's picture is its own, whatever stands beside it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memory.errors import ToolError
from tools.engines.orders import Order
from tools.engines.pictures import Parts, Pictures, strength_for
from tools.engines.ways import WAYS

CASES = [
    ("vary", "stable"),
    ("vary", "large"),
    ("vary", "klein"),
    ("edit", "pix2pix"),
    ("edit", "klein"),
    ("fill", "inpainting"),
    ("fill", "large"),
    ("fill", "klein"),
    ("guide", "controlled"),
    ("imagine", "stable"),
    ("imagine", "large"),
    ("imagine", "klein"),
]
every_case = pytest.mark.parametrize(("work", "kind"), CASES)


@pytest.fixture
def tiny(tiny_module) -> Any:
    return tiny_module("pipelines")


def orders(work: str, count: int = 2, **more: Any) -> list[Order | None]:
    images = torch.randint(0, 256, (count, 3, 30, 26), generator=torch.Generator().manual_seed(5), dtype=torch.uint8)
    mask = torch.zeros(30, 26)
    mask[5:20, 5:20] = 1
    return [
        Order(
            f"a photo of {'very ' * at}much",
            7 * at + 1,
            (30, 26),
            None if work == "imagine" else images[at],
            mask if work == "fill" else None,
            **more,
        )
        for at in range(count)
    ]


def batched(engine: Pictures, together: int) -> Pictures:
    return Pictures(
        engine.pipe, engine.work, engine.way, engine.usual, engine.digest, parts=engine.parts, together=together
    )


@every_case
def test_every_pipeline_makes_each_picture_by_itself(tiny, work, kind):
    """Alone an item is the same bytes as in company; in one call with others it differs by rounding alone."""
    engine = tiny.build(work, kind)
    assert type(engine.pipe).__name__ == engine.way.runs
    state = torch.get_rng_state()
    one, none, other = engine.make([orders(work)[0], None, orders(work)[1]])
    assert none is None
    assert [(made.dtype, tuple(made.shape)) for made in (one, other)] == [(torch.uint8, (3, 30, 26))] * 2
    assert not torch.equal(one, other)
    assert one.float().std() > 2
    assert torch.equal(engine.make(orders(work)[1:])[0], other)
    difference = (torch.stack(batched(engine, 2).make(orders(work))).int() - torch.stack([one, other]).int()).abs()
    assert int(difference.max()) <= 1
    assert float((difference > 0).float().mean()) < 0.01
    assert torch.equal(state, torch.get_rng_state()), "the global generator was used"


def test_references_of_one_item_are_never_seen_by_another(tiny):
    """FLUX.2 takes a list of pictures as references for every prompt, so an edit is one item a call."""
    assert not WAYS["edit"]["Flux2KleinPipeline"].together
    engine = batched(tiny.build("edit", "klein"), 2)
    calls: list[int] = []
    engine.pipe = Counting(engine.pipe, calls)
    engine.make(orders("edit"))
    assert calls == [1, 1]


def test_items_of_the_same_steps_go_together_whatever_their_drawn_strength(tiny):
    engine = batched(tiny.build("vary", "stable"), 8)
    calls: list[int] = []
    engine.pipe = Counting(engine.pipe, calls)
    asked = orders("vary", 4, steps=10)
    strengths = (0.31, 0.29, 0.52, 0.3)
    changed = [
        Order(one.prompt, one.seed, one.size, one.image, strength=strength, steps=10)
        for one, strength in zip(asked, strengths, strict=True)
    ]
    engine.make(changed)
    assert sorted(calls) == [1, 3]


def test_the_seed_draws_the_noise_and_nothing_else_does(tiny):
    engine = tiny.build("imagine", "stable")
    same, other = Order("a photo", 4, (32, 32)), Order("a photo", 5, (32, 32))
    first, second, third = engine.make([same, other, same])
    assert torch.equal(first, third)
    assert not torch.equal(first, second)


def test_a_scheduler_that_draws_from_the_global_generator_is_kept_apart(tiny):
    from diffusers import FlowMatchEulerDiscreteScheduler

    engine = tiny.build("imagine", "klein")
    engine.pipe.scheduler = FlowMatchEulerDiscreteScheduler(stochastic_sampling=True)
    state = torch.get_rng_state()
    order = Order("a photo", 4, (32, 32))
    first = engine.make([order])[0]
    torch.rand(3)
    assert torch.equal(engine.make([order])[0], first)
    torch.set_rng_state(state)
    engine.make([order])
    assert torch.equal(state, torch.get_rng_state())


def test_the_strength_says_how_many_steps_are_run(tiny):
    engine = tiny.build("vary", "stable")
    image = torch.full((3, 32, 32), 200, dtype=torch.uint8)
    ran: list[int] = []
    hook = engine.pipe.unet.register_forward_hook(lambda *_: ran.append(1))
    counts = []
    for strength in (0.01, 0.3, 0.31, 1.0):
        ran.clear()
        engine.make([Order("a photo", 4, (32, 32), image, strength=strength, steps=10)])
        counts.append(len(ran))
    hook.remove()
    assert counts == [1, 3, 3, 10]


def test_a_large_picture_is_decoded_in_tiles_and_many_one_by_one(tiny):
    engine = batched(tiny.build("imagine", "stable"), 2)
    engine.make(orders("imagine", 2))
    assert engine.pipe.vae.use_slicing
    assert not engine.pipe.vae.use_tiling
    engine.make(orders("imagine", 1))
    assert not engine.pipe.vae.use_slicing


@given(st.integers(1, 100).flatmap(lambda steps: st.tuples(st.integers(1, steps), st.just(steps))))
def test_a_strength_runs_the_steps_it_stands_for(both):
    run, steps = both
    assert int(steps * strength_for(run, steps)) == run
    assert 0 < strength_for(run, steps) <= 1


# --- what comes out unusable -------------------------------------------------------------------------


class Counting:
    """A pipeline that also notes how many items a call had."""

    def __init__(self, pipe: Any, calls: list[int]) -> None:
        self._pipe, self._calls = pipe, calls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipe, name)

    def __call__(self, **asked: Any) -> Any:
        self._calls.append(len(asked["prompt"]))
        return self._pipe(**asked)


class Answering:
    """Stands where a pipeline does and answers as told."""

    device = torch.device("cpu")
    vae_scale_factor = 8
    vae = SimpleNamespace(
        **{f"{what}_{how}": lambda: None for what in ("enable", "disable") for how in ("slicing", "tiling")}
    )

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __call__(self, **asked: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def standing(answer: Any, together: int = 4) -> Pictures:
    pipe = Answering(answer)
    way = WAYS["imagine"]["StableDiffusionPipeline"]
    usual = SimpleNamespace(steps=2, guidance=1.0, side=64)
    return Pictures(pipe, "imagine", way, usual, "x", parts=Parts(pipe, "x"), together=together)


def test_what_the_safety_checker_blanks_and_what_is_not_finite_is_refused():
    images = torch.full((3, 3, 64, 64), 0.5)
    images[2, 0, 0, 0] = float("nan")
    engine = standing(SimpleNamespace(images=images, nsfw_content_detected=[False, True, False]))
    made = engine.make(orders("imagine", 3))
    assert [one is None for one in made] == [False, True, True]


def test_a_full_memory_is_a_fact_for_whoever_halves_the_batch():
    with pytest.raises(ToolError, match="does not hold 3 pictures of 64 x 64 at once; take a smaller side"):
        standing(torch.OutOfMemoryError("CUDA out of memory")).make(orders("imagine", 3))
