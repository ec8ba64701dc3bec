"""Reads a transformers model from its folder: its weights, its tokenizer and, where it sees pictures, its processor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory.errors import UsageError
from tools.models import seeing
from tools.models.decoding import Loaded, settings_of
from tools.weights.loading import load as load_whole

if TYPE_CHECKING:
    import torch


def load(folder: Path, device: str) -> Loaded:
    """Return the model in a folder, in bfloat16 on a GPU that has it. Runs no code that came with it.

    Raises UsageError naming what is wrong: unreadable files, missing weights, no chat template.
    """
    tokenizer, eyes = _readers(folder)
    net = _net(folder, device, sees=eyes is not None)
    if not tokenizer.chat_template:
        raise UsageError("It has no chat template; take a model that is made to be talked to.", where=str(folder))
    said = net.generation_config.eos_token_id
    ends = [tokenizer.eos_token_id, *(said if isinstance(said, list) else [said])]
    net.generation_config = settings_of()  # ways of choosing that came with the model would change ours
    text = net.config.get_text_config()
    marks = {one for one in tokenizer.get_added_vocab() if len(one) > 1} | (eyes.marks if eyes is not None else set())
    net = net.to(device).eval().requires_grad_(False)
    return Loaded(
        net,
        tokenizer,
        [int(one) for one in dict.fromkeys(ends) if one is not None],
        int(getattr(text, "max_position_embeddings", 2048)),
        int(text.vocab_size),
        sorted(marks, key=lambda one: (-len(one), one)),
        eyes,
    )


def _readers(folder: Path) -> tuple[Any, seeing.Eyes | None]:
    """Return what turns words into tokens and, where the model sees pictures, what shows it pictures."""
    from transformers import AutoTokenizer

    if seeing.why_blind(folder) is None:
        eyes = seeing.open_eyes(folder)
        return eyes.processor.tokenizer, eyes
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False), None
    except (OSError, ValueError, KeyError, RuntimeError) as problem:
        raise UsageError(f"This model cannot be loaded: {problem}", where=str(folder)) from problem


def _net(folder: Path, device: str, sees: bool) -> Any:
    """Return the weights in a folder as a model on the CPU."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    net = load_whole(AutoModelForImageTextToText if sees else AutoModelForCausalLM, folder, _dtype(device))
    if net.config.is_encoder_decoder:
        raise UsageError(
            "It writes from an encoder, and only models that go on with a prompt are run.", where=str(folder)
        )
    return net


def _dtype(device: str) -> torch.dtype:
    import torch

    if device != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
