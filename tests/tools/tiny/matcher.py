"""A CLIP or SigLIP model with small random weights."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

SIGNS = [chr(at) for at in range(33, 127)]
WORDS = ["<|startoftext|>", "<|endoftext|>", *SIGNS, *(f"{sign}</w>" for sign in SIGNS)]


def save(folder: Path, model_type: str = "clip") -> Path:
    """Write a model in `folder`."""
    import transformers

    name = {"clip": "CLIP", "siglip": "Siglip"}[model_type]
    both = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**both, "vocab_size": len(WORDS), "max_position_embeddings": 64}
    if model_type == "clip":
        text |= {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "projection_dim": 16}
    vision = {**both, "image_size": 16, "patch_size": 8}
    more = {"projection_dim": 16} if model_type == "clip" else {}
    config = getattr(transformers, f"{name}Config")(text_config=text, vision_config=vision, **more)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(8)
        model = getattr(transformers, f"{name}Model")(config)
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3)
        model.logit_scale.fill_(2.0)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    words: Any = {word: at for at, word in enumerate(WORDS)}
    transformers.CLIPTokenizer(vocab=words, merges=[], model_max_length=64).save_pretrained(folder)
    making: Any = getattr(transformers, f"{name}ImageProcessor")
    sizes = {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}} if model_type == "clip" else {}
    making(**(sizes or {"size": {"height": 16, "width": 16}})).save_pretrained(folder)
    return folder


class Pictures:
    """Twelve pictures of two classes, and one of a class without a name."""

    def __init__(self) -> None:
        rng = np.random.default_rng(4)
        self.items = [rng.integers(0, 256, (20, 24, 3)).astype(np.uint8) for _ in range(13)]
        self.labels = [*["cat", "dog"] * 6, "__"]

    def column(self, name: str) -> list[Any]:
        return self.labels if name == "label" else [str(at) for at in range(13)]

    def payloads(self, rows: Any) -> list[Any]:
        return [self.items[row] for row in rows]


def place(policy: Any) -> Any:
    """Return what a matcher is made from."""
    return SimpleNamespace(
        policy=policy, dataset=Pictures(), coverage=SimpleNamespace(train=np.arange(13)), device="cpu", seed=3
    )


def build(policy: Any = None) -> Any:
    """Return the engine."""
    from memory.job import Policy
    from tools.engines import matcher

    with tempfile.TemporaryDirectory() as folder:
        return matcher.build(place(policy or Policy(match_model=str(save(Path(folder) / "clip")))))
