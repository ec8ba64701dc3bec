"""A masked language model with random weights: a BERT of two layers over a vocabulary of a few dozen words."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from tools.engines.filler import Filler, from_folder

WORDS = [
    "parcel",
    "house",
    "journey",
    "card",
    "order",
    "money",
    "lunch",
    "fox",
    "dog",
    "train",
    "early",
    "late",
    "sleeps",
    "please",
    "send",
    "back",
    "help",
    "payment",
    "time",
    "never",
    "always",
    "green",
    "seven",
    "eleven",
    "friend",
    "water",
    "paper",
    "window",
]
LETTERS = [*"abcdefghijklmnopqrstuvwxyzüöäß0123456789?!.,:'"]


def save(folder: Path) -> Path:
    """Write a checkpoint as the hub has it: config, safetensors, a fast WordPiece tokenizer."""
    from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [*special, *WORDS, *LETTERS, *(f"##{one}" for one in LETTERS)]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    BertTokenizerFast(vocab={word: at for at, word in enumerate(words)}, model_max_length=128).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=130,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        BertForMaskedLM(config).save_pretrained(folder)
    return folder


def build() -> Filler:
    """Return the filler of a checkpoint in a folder of its own."""
    return from_folder(save(Path(tempfile.mkdtemp(prefix="tiny-filler-"))), "tiny")
