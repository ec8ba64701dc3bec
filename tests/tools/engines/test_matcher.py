"""Models of pictures and words that `policy.match_model` can name: real classes with tiny random weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from memory.errors import UsageError
from memory.job import Policy
from tools.engines import matcher
from tools.engines.orders import caption


@pytest.fixture(scope="module")
def tiny() -> Any:
    spec = importlib.util.spec_from_file_location("tiny_matcher", Path(__file__).parents[1] / "tiny" / "matcher.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=["clip", "siglip"])
def engine(request: pytest.FixtureRequest, tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tiny.save(tmp_path_factory.mktemp("model") / request.param, request.param)
    return matcher.build(tiny.place(Policy(match_model=str(folder))))


def test_a_picture_reads_alike_alone_and_with_others(tiny, engine):
    pictures = tiny.Pictures().items
    state = torch.get_rng_state()
    together = engine.shares(pictures)
    assert torch.equal(state, torch.get_rng_state())
    assert all(np.array_equal(engine.shares([one])[0], row) for one, row in zip(pictures, together, strict=True))
    np.testing.assert_allclose(together.sum(axis=1), 1)
    assert together.shape == (13, 2)


def test_embeddings_are_those_of_the_models_own_forward_pass(tiny, engine):
    prompts, picture = ["a photo of a cat", "a dog"], tiny.Pictures().items[0]
    at_work = engine.model
    read = at_work.tokenizer(prompts, padding="max_length", max_length=64, return_tensors="pt")
    with torch.inference_mode():
        own = at_work.model(
            input_ids=read["input_ids"],
            attention_mask=read["attention_mask"] if at_work.model.config.model_type == "clip" else None,
            pixel_values=at_work._prepared(picture),
        )
        words, seen = at_work.of_words(prompts), at_work.of_pictures([picture])
        torch.testing.assert_close(words, own.text_embeds, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(seen, own.image_embeds, atol=1e-5, rtol=1e-5)
        ours = (seen @ words.T)[0] * at_work.sharpness()
    # SigLIP adds one number to all, which no softmax sees.
    torch.testing.assert_close(ours - ours[0], own.logits_per_image[0] - own.logits_per_image[0, 0], atol=1e-4, rtol=0)


def test_classes_are_the_labels_that_have_a_name(engine):
    assert engine.classes == ("cat", "dog")
    assert caption("a photo", "__") == ""


def test_a_grey_picture_is_read_like_the_same_in_colour(engine):
    grey = np.arange(400, dtype=np.uint8).reshape(20, 20, 1)
    assert np.array_equal(engine.shares([grey]), engine.shares([grey.repeat(3, axis=2)]))


def test_passes_that_are_filled_up_give_the_same_but_for_rounding(tiny, engine, monkeypatch):
    pictures = tiny.Pictures().items
    alone = engine.shares(pictures)
    monkeypatch.setattr(engine.model, "device", "cpu:0")  # what is not plainly `cpu` gets passes of one size
    monkeypatch.setattr(matcher, "_AT_ONCE", 8)
    np.testing.assert_allclose(engine.shares(pictures), alone, atol=1e-5)
    assert np.array_equal(engine.shares(pictures[:3]), engine.shares(pictures)[:3])


def test_no_picture_has_no_shares(engine):
    assert engine.shares([]).shape == (0, 2)


def test_it_shows_itself_on_real_rows(tiny, engine):
    shares = engine.shares(tiny.Pictures().items)
    for at, label in enumerate(("cat", "dog")):
        right = [bool(shares[row].argmax() == at) for row in range(12) if row % 2 == at]
        assert engine.right_on_real(label) == tuple(right)
    with pytest.raises(ValueError, match="not in"):
        engine.right_on_real("__")


def test_of_many_real_rows_some_are_drawn_by_the_seed(tiny):
    rows = tiny.place(Policy())
    few = matcher.RealRows(rows, 4)
    assert len(few.of("cat")) == len(few.any()) == 4
    assert few.of("cat") == matcher.RealRows(rows, 4).of("cat")
    assert set(few.of("cat")) <= {0, 2, 4, 6, 8, 10}
    rows.seed = 4
    assert matcher.RealRows(rows, 4).of("cat") != few.of("cat")
    assert few.of("horse") == []


# --- which ----------------------------------------------------------------------------------------


def test_nothing_is_named_or_an_endpoint():
    assert "policy.match_model names no model" in str(matcher.why_missing(Policy()))
    assert "or siglip-base-patch16-224: run: augplan fetch" in str(matcher.why_missing(Policy()))
    assert "is an endpoint" in str(matcher.why_missing(Policy(match_model="openai:any", remote="allow")))


def test_licences_are_those_of_the_policy():
    named = "facebook/metaclip-b32-400m"
    assert "under CC-BY-NC-4.0" in str(matcher.why_missing(Policy(match_model=named)))
    assert "hf download" in str(matcher.why_missing(Policy(match_model=named, licences="any")))
    assert "augplan fetch" in str(matcher.why_missing(Policy(match_model="google/siglip-base-patch16-224")))


def test_weights_that_lack_a_part_are_refused(tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tiny.save(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(UsageError, match=r"lack 1 parts of the model, such as visual_projection\.weight"):
        matcher.build(tiny.place(Policy(match_model=str(folder))))


def test_only_safetensors_count_as_weights(tiny, tmp_path):
    folder = tiny.save(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "has no model.safetensors on this machine" in str(matcher.why_missing(Policy(match_model=str(folder))))


def test_a_hub_id_is_found_in_the_cache_whatever_its_revision(tiny, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    tiny.save(tmp_path / "models--openai--clip-vit-tiny" / "snapshots" / "abc")
    assert matcher.why_missing(Policy(match_model="openai/clip-vit-tiny")) is None
    assert matcher.build(tiny.place(Policy(match_model="openai/clip-vit-tiny"))).classes == ("cat", "dog")
