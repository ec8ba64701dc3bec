"""The sentence encoder: unit vectors that depend on the text alone, from safetensors alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from memory.errors import UsageError
from tools.embed.choose import choose
from tools.embed.transformer import TransformerEncoder, from_folder
from tools.weights.table import ENCODER


@pytest.fixture(scope="module")
def minilm() -> TransformerEncoder:
    encoder = choose("all-MiniLM-L6-v2", remote=False, base_url="", api_key=None)
    assert isinstance(encoder, TransformerEncoder)
    return encoder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """A folder with a random BERT of two layers, in the form of sentence-transformers."""
    import torch
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("tiny")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghij"]
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(3)
        model = BertModel(config)
    (folder / "config.json").write_text(config.to_json_string(use_diff=False), encoding="utf-8")
    save_file({name: one.contiguous() for name, one in model.state_dict().items()}, folder / "model.safetensors")
    return folder


def places(folder: Path) -> dict[str, Path]:
    return {file: folder / file for file in ENCODER if (folder / file).exists()}


def test_like_texts_are_near_and_unlike_ones_far(minilm):
    vectors = minilm.encode(["background noise in a kitchen", "a loud kitchen", "a bird on a branch"])
    assert vectors.shape == (3, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


def test_vectors_are_those_of_the_upstream_library(minilm):
    """The sentences of the model card; the numbers are from sentence-transformers 6.2 with the same weights."""
    one, other = minilm.encode(["This is an example sentence", "Each sentence is converted"])
    assert one[:4] == pytest.approx([0.06765693, 0.06349598, 0.0487131, 0.07930501], abs=2e-5)
    assert other[:4] == pytest.approx([0.08643857, 0.10276264, 0.00539456, 0.00204442], abs=2e-5)
    assert float(one @ other) == pytest.approx(0.40455943, abs=2e-5)


def test_a_vector_does_not_depend_on_the_texts_beside_it(minilm):
    texts = ["noise", "a much longer text about the noise of a kitchen and a street " * 3, "speed"]
    together = minilm.encode(texts)
    alone = np.concatenate([minilm.encode([text]) for text in texts])
    assert together == pytest.approx(alone, abs=1e-5)


def test_progress_is_told_and_nothing_gives_nothing(minilm):
    done: list[int] = []
    minilm.encode(["a"] * 70, done.append)
    assert done == [64, 70]
    assert len(minilm.encode([])) == 0


def test_no_global_generator_is_touched(tiny):
    import torch

    before = torch.random.get_rng_state()
    from_folder("tiny", places(tiny)).encode(["a b"])
    assert torch.equal(before, torch.random.get_rng_state())


def test_another_encoder_is_a_folder_and_is_named_by_its_files(tiny, tmp_path):
    encoder = choose(str(tiny), remote=False, base_url="", api_key=None)
    assert encoder is not None
    assert encoder.encode(["a b c", "d"]).shape == (2, 16)
    config = json.loads((tiny / "config.json").read_text(encoding="utf-8"))
    for file in places(tiny):
        (tmp_path / file).write_bytes((tiny / file).read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 1e-6}), encoding="utf-8")
    other = choose(str(tmp_path), remote=False, base_url="", api_key=None)
    assert other is not None
    assert other.digest != encoder.digest


def test_pooling_is_as_the_model_was_trained(tiny, tmp_path):
    for file in places(tiny):
        (tmp_path / file).write_bytes((tiny / file).read_bytes())
    (tmp_path / "1_Pooling").mkdir()
    pooling = tmp_path / "1_Pooling" / "config.json"
    pooling.write_text('{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}', encoding="utf-8")
    first = from_folder("first", places(tmp_path)).encode(["a b"])
    mean = from_folder("mean", places(tiny)).encode(["a b"])
    assert np.abs(first - mean).max() > 0.01
    pooling.write_text('{"pooling_mode_max_tokens": true, "pooling_mode_mean_tokens": false}', encoding="utf-8")
    with pytest.raises(UsageError, match="pooled in another way"):
        from_folder("max", places(tmp_path)).encode(["a b"])


def test_weights_that_are_not_safetensors_are_not_read(tiny, tmp_path):
    (tmp_path / "config.json").write_bytes((tiny / "config.json").read_bytes())
    (tmp_path / "tokenizer.json").write_bytes((tiny / "tokenizer.json").read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(UsageError, match=r"no model\.safetensors"):
        choose(str(tmp_path), remote=False, base_url="", api_key=None)


def test_weights_with_a_gap_are_refused(tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    for file in places(tiny):
        (tmp_path / file).write_bytes((tiny / file).read_bytes())
    state = load_file(tiny / "model.safetensors")
    del state["encoder.layer.1.output.dense.weight"]
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(UsageError, match="lack 'encoder"):
        from_folder("gap", places(tmp_path)).encode(["a"])
