"""A diffusion model trained on the data at hand: what it learns, from which rows, and that nothing else matters."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from memory.datasets.dataset import open_dataset
from memory.errors import UsageError
from memory.job import Policy, Source
from tools.coverage.coverage import survey
from tools.engines import class_diffusion, denoiser
from tools.engines.class_diffusion import TOGETHER, ClassDiffusion, build, learn, why_missing, why_of_no_use
from tools.engines.denoiser import Recipe
from tools.engines.engine import Place

RECIPE = Recipe(widths=(8, 16), iterations=6, every=3, batch=8)


def pictures(items: int = 24, height: int = 8, width: int = 8, channels: int = 1) -> tuple[list[np.ndarray], list[str]]:
    """Return images that are bright below, labelled `low`, and bright above, labelled `high`."""
    rng = np.random.default_rng(5)
    slope = np.linspace(-80, 80, height)[:, None, None]
    labels = [("low", "high")[at % 2] for at in range(items)]
    made = [
        128 + (slope if label == "low" else -slope) + rng.normal(0, 12, (height, width, channels)) for label in labels
    ]
    return [np.clip(one, 0, 255).astype(np.uint8) for one in made], labels


@pytest.fixture(scope="module")
def engine() -> ClassDiffusion:
    return learn(*pictures(), seed=1, recipe=RECIPE)


def samples(engine: ClassDiffusion, count: int, shape: tuple[int, int, int] = (1, 8, 8)) -> list[Any]:
    labels = [("low", "high")[at % 2] for at in range(count)]
    return engine.make(labels, list(range(count)), [0.5 * (at % 4) for at in range(count)], shape)


# --- what is learned -------------------------------------------------------------------------------


def test_samples_show_their_class():
    trained = learn(*pictures(40), seed=1, recipe=replace(RECIPE, iterations=120, every=60, batch=16))
    made = trained.make(["low", "high"] * 16, list(range(32)), [1.0] * 32, (1, 8, 8))
    lower = [float(one[:, 4:].float().mean() - one[:, :4].float().mean()) for one in made]
    shown = [difference > 0 for difference in lower]
    assert sum(one == (at % 2 == 0) for at, one in enumerate(shown)) >= 28
    assert len({one.numpy().tobytes() for one in made}) == 32


def test_training_lowers_the_loss_on_what_was_held_back(engine):
    longer = learn(*pictures(), seed=1, recipe=replace(RECIPE, iterations=60, every=20))
    losses = [loss for _, loss in longer.facts["losses"]]
    assert losses[-1] < 0.8 * losses[0]
    assert longer.facts["iterations"] == 60
    assert longer.facts["held_back"] == 2
    assert longer.facts["rows"] == {"high": 12, "low": 12}


def test_the_same_rows_and_seed_give_the_same_engine_and_leave_the_global_generator(engine):
    state = torch.get_rng_state()
    again = learn(*pictures(), seed=1, recipe=RECIPE)
    assert torch.equal(state, torch.get_rng_state())
    assert again.digest == engine.digest
    assert again.facts == engine.facts
    assert all(torch.equal(one, other) for one, other in zip(samples(again, 6), samples(engine, 6), strict=True))


@pytest.mark.parametrize("what", ["seed", "recipe", "images", "labels"])
def test_the_digest_names_all_that_a_result_depends_on(what, engine):
    images, labels = pictures()
    how: dict[str, Any] = {"images": images, "labels": labels, "seed": 1, "recipe": RECIPE}
    changed = {
        "seed": 2,
        "recipe": replace(RECIPE, rate=1e-3),
        "images": [255 - images[0], *images[1:]],
        "labels": [labels[1], *labels[1:]],
    }
    other = learn(**how | {what: changed[what]})
    assert other.digest != engine.digest
    assert not torch.equal(samples(other, 1)[0], samples(engine, 1)[0])


# --- when training ends ----------------------------------------------------------------------------


def fitted_with(losses: list[float], monkeypatch: pytest.MonkeyPatch) -> tuple[denoiser.Fitted, list[Any]]:
    states: list[Any] = []

    def scripted(average: Any, *_: Any) -> float:
        states.append({name: value.clone() for name, value in average.state_dict().items()})
        return losses[len(states) - 1]

    monkeypatch.setattr(denoiser, "_error", scripted)
    images = torch.zeros((8, 1, 4, 4))
    recipe = Recipe(widths=(8, 16), iterations=20, every=2, batch=2, patience=2)
    return denoiser.fit(images, torch.arange(8) % 2, 2, recipe, 1), states


def test_training_ends_when_nothing_improves_and_keeps_the_best(monkeypatch):
    fitted, states = fitted_with([5.0, 3.0, 4.0, 3.5, 1.0], monkeypatch)
    assert (fitted.iterations, fitted.best_at) == (8, 4)
    assert fitted.losses == ((2, 5.0), (4, 3.0), (6, 4.0), (8, 3.5))
    kept = fitted.network.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in states[1].items())
    assert not all(torch.equal(kept[name], value) for name, value in states[3].items())


def test_training_ends_at_the_last_step_while_it_improves(monkeypatch):
    fitted, _ = fitted_with([10.0 - at for at in range(10)], monkeypatch)
    assert (fitted.iterations, fitted.best_at, len(fitted.losses)) == (20, 20, 10)


@given(st.lists(st.integers(0, 4), min_size=3, max_size=60), st.integers(0, 99))
def test_no_class_loses_its_last_image_to_the_held_back(classes, seed):
    kept, held = denoiser._divided(torch.tensor(classes), 0.1, torch.Generator().manual_seed(seed))
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(len(classes)))
    assert {classes[at] for at in kept.tolist()} == set(classes)
    spare = len(classes) - len(set(classes))
    assert len(held) == min(spare, max(1, round(0.1 * len(classes))))


# --- company and shapes ----------------------------------------------------------------------------


def test_neighbours_places_and_the_size_of_a_call_change_no_byte(engine):
    assert engine.facts["together"] == TOGETHER
    count = TOGETHER + 2
    labels = [("low", "high", "nobody")[at % 3] for at in range(count)]
    guidance = [0.4 * (at % 5) for at in range(count)]
    together = engine.make(labels, list(range(count)), guidance, (1, 8, 8))
    order = np.random.default_rng(1).permutation(count).tolist()
    shuffled = engine.make([labels[at] for at in order], order, [guidance[at] for at in order], (1, 8, 8))
    for place, at in enumerate(order):
        if labels[at] == "nobody":
            assert together[at] is shuffled[place] is None
        else:
            assert torch.equal(together[at], shuffled[place])
    for at in (0, 7, count - 2):
        assert torch.equal(engine.make([labels[at]], [at], [guidance[at]], (1, 8, 8))[0], together[at])


def test_several_threads_may_draw_at_once(engine):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda count: samples(engine, count), [3, 5, 4, 2]))
    wanted = samples(engine, 5)
    for made in found:
        assert all(torch.equal(one, other) for one, other in zip(made, wanted, strict=False))


def test_samples_are_drawn_one_by_one_where_company_changes_roundings(engine, monkeypatch):
    forward = engine.network.forward

    def by_place(sample: Any, *args: Any, **how: Any) -> Any:
        told = forward(sample, *args, **how)
        told.sample += 1e-6 * torch.arange(len(sample)).view(-1, 1, 1, 1)
        return told

    monkeypatch.setattr(engine.network, "forward", by_place)
    fitted = denoiser.Fitted(engine.network, 6, 6, (), 2)
    wary = ClassDiffusion(fitted, engine.classes, engine.size, {})
    assert wary.facts["together"] == 1
    monkeypatch.undo()
    for one, other in zip(samples(wary, 3), samples(engine, 3), strict=True):
        assert int((one.int() - other.int()).abs().max()) <= 1


def test_guidance_and_seed_decide(engine):
    plain, strong, other = engine.make(["low"] * 3, [1, 1, 2], [0.0, 3.0, 0.0], (1, 8, 8))
    assert not torch.equal(plain, strong)
    assert not torch.equal(plain, other)


@given(st.sampled_from([1, 3]), st.sampled_from([1, 3]), st.integers(1, 70), st.integers(1, 70))
def test_a_sample_is_brought_to_the_shape_that_is_asked_for(drawn, channels, height, width):
    shape = (channels, height, width)
    picture = torch.linspace(-1, 1, drawn * 64).view(drawn, 8, 8)
    made = class_diffusion._shaped(picture, shape)
    assert made is not None
    assert (made.dtype, made.shape) == (torch.uint8, shape)
    assert class_diffusion._shaped(torch.full_like(picture, torch.nan), shape) is None


def test_what_is_larger_than_anything_learned_from_is_not_made(engine):
    assert samples(engine, 2, (1, 65, 65)) == [None, None]
    assert samples(engine, 1, (3, 64, 65))[0].shape == (3, 64, 65)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 32), st.integers(1, 32), st.sampled_from([1, 3]))
def test_folding_loses_nothing(height, width, channels):
    values = np.random.default_rng(1).integers(0, 256, (2, channels, height, width), dtype=np.uint8)
    folded = class_diffusion._folded(torch.from_numpy(values), RECIPE)
    assert max(folded.shape[-2:]) <= denoiser.FOLDED
    assert all(side % 2 == 0 for side in folded.shape[-2:])
    back = torch.nn.functional.pixel_shuffle(folded, denoiser.fold_of((height, width)))[:, :, :height, :width]
    assert torch.equal(((back + 1) * 127.5).round().to(torch.uint8), torch.from_numpy(values))


@pytest.mark.parametrize(
    ("shapes", "worked_at"),
    [
        ([(7, 5)] * 4, (7, 5)),
        ([(28, 28)] * 4, (28, 28)),
        ([(64, 48)] * 4, (32, 24)),
        ([(8, 8), (10, 8), (60, 8)], (10, 8)),
    ],
)
def test_pictures_are_worked_at_their_usual_size_or_smaller(shapes, worked_at):
    assert class_diffusion._canvas([np.zeros((*shape, 1), np.uint8) for shape in shapes]) == worked_at


def test_odd_and_mixed_sizes_and_channels_are_learned_from():
    images, labels = pictures(18, 17, 19, channels=3)
    grey, more = pictures(6, 40, 30)
    mixed = learn([*images, *grey], [*labels, *more], seed=1, recipe=replace(RECIPE, iterations=2, every=1))
    assert mixed.facts["picture"] == [3, 17, 19]
    assert mixed.network.config.in_channels == 12
    assert tuple(mixed.network.config.sample_size) == (10, 10)
    assert all(one.shape == (3, 17, 19) for one in samples(mixed, 2, (3, 17, 19)))


# --- the rows that are learned from ----------------------------------------------------------------


@pytest.fixture
def place_of(tmp_path: Path) -> Callable[..., Place]:
    def make(sizes: dict[str, dict[str, list[int]]]) -> Place:
        """Write noise images: split -> label -> sides; a side of 0 copies the image before."""
        rng, pixels = np.random.default_rng(3), np.zeros((8, 8), np.uint8)
        for split, labels in sizes.items():
            for label, sides in labels.items():
                folder = tmp_path / "data" / split / label
                folder.mkdir(parents=True)
                for at, side in enumerate(sides):
                    pixels = rng.integers(0, 256, (side, side), dtype=np.uint8) if side else pixels
                    Image.fromarray(pixels).save(folder / f"{at:03d}.png")
        dataset = open_dataset(Source(path=str(tmp_path / "data"), modality="image"), tmp_path, 0)
        return Place(Policy(), dataset, survey(dataset), "cpu", 7)

    return make


def test_only_small_training_rows_that_repeat_no_other_are_learned_from(place_of, monkeypatch):
    place = place_of(
        {"train": {"a": [8] * 12 + [0] * 3 + [80] * 2, "b": [9] * 10}, "test": {"a": [8] * 5, "b": [8] * 5}}
    )
    told: dict[str, Any] = {}
    monkeypatch.setattr(class_diffusion, "learn", lambda images, labels, seed, device: told.update(locals()))
    build(place)
    assert told["labels"] == ["a"] * 12 + ["b"] * 10
    assert [image.shape for image in told["images"]] == [(8, 8, 1)] * 12 + [(9, 9, 1)] * 10
    assert told["device"] == "cpu"


def test_build_trains_on_the_rows_of_the_place(place_of, monkeypatch):
    place = place_of({"train": {"a": [8] * 11, "b": [8] * 11}, "test": {"a": [8]}})
    monkeypatch.setattr(class_diffusion, "Recipe", lambda: RECIPE)
    first = build(place)
    assert first.classes == ("a", "b")
    assert build(place).digest == first.digest
    assert build(replace(place, seed=8)).digest != first.digest


@pytest.mark.parametrize(
    ("train", "why"),
    [
        ({"a": [8] * 10, "b": [8] * 9}, "only 19 labelled training images"),
        ({"a": [80] * 12, "b": [80] * 12}, "only 0 labelled training images .* at most 64 px"),
        ({"a": [8] * 24}, "one class"),
    ],
)
def test_data_that_teach_nothing_are_refused_with_the_reason(place_of, train, why):
    place = place_of({"train": train, "test": {"a": [8]}})
    assert why_of_no_use(place) is not None
    with pytest.raises(UsageError, match=why):
        build(place)


def test_what_is_missing_is_said_with_its_command(monkeypatch):
    assert why_missing(Policy()) is None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "pip install 'augplan[pictures]'" in str(why_missing(Policy()))
