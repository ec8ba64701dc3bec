"""Masked language models of the true classes with random weights: what they give; neighbours change nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from memory.errors import UsageError
from memory.job import Policy
from tools.engines import filler as module
from tools.engines.filler import Filler, build, from_folder, why_missing

TEXTS = ["the [MASK] is late", "please [MASK] my [MASK] back to the house in time, as it is green", "nothing to fill"]


@pytest.fixture(scope="module")
def filler(tiny: Any) -> Filler:
    return tiny.build()


@pytest.fixture(scope="module")
def tiny(tiny_module) -> Any:
    return tiny_module("filler")


def test_every_mask_gets_whole_words_the_likeliest_first(filler, tiny):
    one, two, none = filler.fill(TEXTS, 5)
    assert [len(one), len(two), len(none)] == [1, 2, 0]
    for words in [*one, *two]:
        assert len(words) == 5
        assert {word.text for word in words} <= {*tiny.WORDS, *tiny.LETTERS}
        assert all(word.text.isalpha() for word in words)
        chances = [word.chance for word in words]
        assert chances == sorted(chances, reverse=True)
        assert 0 < sum(chances) <= 1


def test_the_words_are_those_of_the_model_itself(filler):
    """The whole model, without our way around the scores of places that are no masks."""
    encoded = filler.tokenizer(TEXTS[1], return_tensors="pt")
    with torch.inference_mode():
        logits = filler.model(**encoded).logits[0]
    places = (encoded["input_ids"][0] == filler.tokenizer.mask_token_id).nonzero()[:, 0].tolist()
    found = filler.fill([TEXTS[1]], 3)[0]
    assert found is not None
    for place, words in zip(places, found, strict=True):
        chances = logits[place].softmax(-1)
        for word in words:
            at = filler.tokenizer.convert_tokens_to_ids(word.text)
            assert word.chance == pytest.approx(float(chances[at]), abs=1e-6)


def test_neighbours_change_no_bit(filler):
    together = filler.fill(TEXTS, 8)
    assert together == [filler.fill([text], 8)[0] for text in TEXTS]
    assert together == filler.fill(TEXTS[::-1], 8)[::-1]


def test_a_padded_batch_as_on_a_gpu_gives_the_same_but_for_rounding(filler):
    alone = [filler.fill([text], 8)[0] for text in TEXTS[:2]]
    padded = filler._fill([filler.tokenizer(text)["input_ids"] for text in TEXTS[:2]], 8)
    for one, other in zip(alone, padded, strict=True):
        for words, others in zip(one, other, strict=True):
            assert [word.chance for word in words] == pytest.approx([word.chance for word in others], abs=1e-5)


def test_a_text_that_is_too_long_is_left(filler):
    assert filler.fill(["[MASK] " + "late " * 200, TEXTS[0]], 2)[0] is None


@pytest.mark.parametrize("kind", ["DistilBert", "Roberta"])
def test_other_classes_of_models_fill_masks_too(kind, tmp_path):
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["\u0120", "\u0120late", "\u0120green", "\u0120\u00c3\u00bc"]
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *words, *letters]
    plain = Tokenizer(models.BPE({piece: at for at, piece in enumerate(pieces)}, [], unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    plain.decoder = decoders.ByteLevel()
    plain.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    names = ("bos", "pad", "eos", "unk", "mask")
    special = {f"{name}_token": pieces[at] for at, name in enumerate(names)}
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=plain, model_max_length=64, **special)
    size = {"vocab_size": len(pieces), "max_position_embeddings": 66, "pad_token_id": 1}
    small = (
        {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16}
        if kind == "DistilBert"
        else {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = getattr(transformers, f"{kind}ForMaskedLM")(getattr(transformers, f"{kind}Config")(**size, **small))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    made = from_folder(tmp_path, "tiny")
    (words,) = made.fill(["the <mask> parcel"], 9)[0] or []
    assert {word.text for word in words} == {"late", "green"}, "only tokens that begin a word, in letters"
    with torch.inference_mode():
        logits = model.eval()(**made.tokenizer("the <mask> parcel", return_tensors="pt")).logits[0]
    place = made.tokenizer("the <mask> parcel")["input_ids"].index(4)
    assert words[0].chance == pytest.approx(float(logits[place].softmax(-1)[[6, 7]].max()), abs=1e-6)


def test_a_checkpoint_without_some_weights_is_refused(tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tiny.save(tmp_path)
    weights = load_file(folder / "model.safetensors")
    lacking = {name: one for name, one in weights.items() if "layer.1.output" not in name}
    save_file(lacking, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UsageError, match="weights lack"):
        from_folder(folder, "tiny")


def test_loading_leaves_the_global_generator_alone(tiny, tmp_path):
    folder = tiny.save(tmp_path)
    before = torch.get_rng_state()
    first = from_folder(folder, "tiny")
    assert torch.equal(before, torch.get_rng_state())
    assert first.digest == from_folder(folder, "tiny").digest
    assert first.digest.startswith("tiny@")


def test_the_first_model_in_the_cache_is_taken(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    place: Any = SimpleNamespace(policy=Policy(), device="cpu")
    assert "run: augplan fetch xlm-roberta-base" in str(why_missing(Policy()))
    with pytest.raises(UsageError, match="run: augplan fetch xlm-roberta-base"):
        build(place)
    last = module.ENTRIES[-1]
    folder = tmp_path / f"models--{last.repository.replace('/', '--')}" / "snapshots" / "0a"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    assert why_missing(Policy()) is not None, "half a model is none"
    tiny.save(folder)
    assert why_missing(Policy()) is None
    assert build(place).digest.startswith(f"{last.repository}@")
