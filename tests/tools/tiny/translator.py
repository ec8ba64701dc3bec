"""Two Marian models with random weights, over single letters; the end of a sentence is likeliest at its 14th token."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from pathlib import Path

import torch

from tools.engines.translator import Pair, Translator

SENTENCES = ["where is my parcel and who can help me", "the quick brown fox jumps over the lazy dog", "zwölf grüße?"]


def save(folder: Path, seed: int) -> Path:
    """Write a checkpoint as the hub has it: config, safetensors, two SentencePiece models, a vocabulary."""
    import sentencepiece
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "corpus.txt").write_text("\n".join(SENTENCES * 20), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "corpus.txt"),
        model_prefix=str(folder / "source"),
        vocab_size=60,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "source.model").rename(folder / "source.spm")
    shutil.copy(folder / "source.spm", folder / "target.spm")
    model = sentencepiece.SentencePieceProcessor(str(folder / "source.spm"))
    pieces = [model.id_to_piece(at) for at in range(3, model.get_piece_size())]
    vocabulary = {token: at for at, token in enumerate(["</s>", "<unk>", *pieces, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    files = [str(folder / name) for name in ("source.spm", "target.spm", "vocab.json")]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
        MarianTokenizer(*files, source_lang="en", target_lang="de", model_max_length=512).save_pretrained(folder)
    size = len(vocabulary)
    config = MarianConfig(
        vocab_size=size,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=600,
        pad_token_id=size - 1,
        eos_token_id=0,
        forced_eos_token_id=None,
        decoder_start_token_id=size - 1,
        init_std=0.1,
    )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        made = MarianMTModel(config)
        places = made.model.decoder.embed_positions.weight
        made.model.shared.weight[0] = places[14] - places[:8].mean(0)
    made.save_pretrained(folder)
    return folder


def build() -> Translator:
    """Return a translator through German."""
    folder = Path(tempfile.mkdtemp(prefix="tiny-translator-"))
    return Translator({"de": Pair(save(folder / "there", 1), save(folder / "back", 2))}, "tiny")
