"""Marian models with random weights: there and back, drawn and best, and that neighbours change nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from memory.errors import UsageError
from memory.job import Policy
from tools.engines.translator import Marian, Pair, Translator, Trip, build, why_missing

TEXTS = [
    "where is my parcel",
    "who can help me with the dog",
    "the quick brown fox jumps over the lazy dog and it is my fox and not the dog of who helps",
    *(f"help me over the {one}" for one in ("dog", "fox", "parcel", "lazy fox", "brown dog", "quick one")),
]
DRAWS = [(seed, 0.8) for seed in range(len(TEXTS))]


@pytest.fixture(scope="module")
def tiny(tiny_module) -> Any:
    return tiny_module("translator")


@pytest.fixture(scope="module")
def translator(tiny: Any) -> Translator:
    return tiny.build()


@pytest.fixture(scope="module")
def there(translator: Translator) -> Marian:
    return translator._pairs["de"].there


def test_each_text_gets_a_translation_of_its_own(there):
    made = there.translate(TEXTS, DRAWS)
    assert all(made)
    assert len(set(made)) == len(TEXTS)


def test_neighbours_change_nothing(there):
    together = there.translate(TEXTS, DRAWS)
    assert together == [there.translate([text], [how])[0] for text, how in zip(TEXTS, DRAWS, strict=True)]
    assert together == there.translate(TEXTS[::-1], DRAWS[::-1])[::-1]
    best = there.translate(TEXTS)
    assert best == [there.translate([text])[0] for text in TEXTS]


def test_the_seed_and_the_temperature_decide(there):
    one, again, other = (there.translate(TEXTS[:1], [(seed, 0.8)]) for seed in (3, 3, 4))
    assert one == again != other
    cold = there.translate(TEXTS[:3], [(seed, 0.001) for seed in range(3)])
    assert cold == there.translate(TEXTS[:3], [(seed + 9, 0.001) for seed in range(3)]), "cold draws are the likeliest"


def test_tokens_are_drawn_by_their_probability(there):
    """Ten thousand draws of the first token against the softmax of the model's own scores."""
    from tools.engines.translator import _drawing

    scores = torch.tensor([[2.0, 1.0, 0.0, -1.0]])
    drawing = _drawing([(5, 1.0)], 1)
    drawn = torch.tensor([int(drawing(None, scores).argmax()) for _ in range(4000)])
    shares = drawn.bincount(minlength=4) / 4000
    assert torch.allclose(shares, scores[0].softmax(-1), atol=0.03)


def test_no_global_generator_is_used(there):
    before = torch.get_rng_state()
    there.translate(TEXTS[:2], DRAWS[:2])
    assert torch.equal(before, torch.get_rng_state())


def test_long_texts_and_translations_without_an_end_are_refused(there, monkeypatch):
    assert there.translate(["dog " * 300])[0] is None
    monkeypatch.setattr(there, "end", -5)
    assert there._read([there.pad, 4, 5, 6]) is None


def test_the_way_back_starts_from_what_came_out_of_the_way_there(translator, there):
    made = translator.there_and_back([Trip(text, "de", *how) for text, how in zip(TEXTS[:3], DRAWS, strict=False)])
    back = translator._pairs["de"].back
    assert made == back.translate(there.translate(TEXTS[:3], DRAWS[:3]))
    with pytest.raises(KeyError):
        translator.there_and_back([Trip("dog", "xx", 1, 1.0)])


def test_a_text_that_is_lost_on_the_way_there_does_not_go_back(translator):
    made = translator.there_and_back([Trip("dog " * 300, "de", 1, 0.8), Trip("where is my dog", "de", 1, 0.8)])
    assert made[0] is None
    assert made[1]


def test_a_pair_is_found_in_the_cache_whatever_its_revision(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    place: Any = SimpleNamespace(policy=Policy(), device="cpu")
    with pytest.raises(UsageError, match=r"Helsinki-NLP/opus-mt-en-de is not in .*run: augplan fetch opus-mt-en-de"):
        build(place)
    tiny.save(tmp_path / "models--Helsinki-NLP--opus-mt-en-fr" / "snapshots" / "0a", 1)
    assert "opus-mt-en-de" in str(why_missing(Policy())), "one way is no pair"
    tiny.save(tmp_path / "models--Helsinki-NLP--opus-mt-fr-en" / "snapshots" / "0b", 2)
    assert why_missing(Policy()) is None
    made = build(place)
    assert made.pivots == ("fr",)
    assert made.digest.startswith("opus-mt@fr:")
    assert made.there_and_back([Trip("where is my dog", "fr", 1, 0.8)])[0]


def test_pairs_may_be_given_as_folders(tiny, tmp_path):
    pair = Pair(tiny.save(tmp_path / "there", 1), tiny.save(tmp_path / "back", 2))
    assert pair.there is pair.there
    assert pair.back.translate(["where is my dog"])[0]
