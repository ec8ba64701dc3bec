"""Makes a real chat model with small random weights: a Qwen3 of two layers, and a tokenizer that knows every byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make(folder: Path, context: int = 8192, seed: int = 0) -> Path:
    """Write the model to `folder`, which is made, and return it; the same bytes for the same seed."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    words = tokenizer()
    with torch.random.fork_rng(devices=[]):
        model = Qwen3ForCausalLM(Qwen3Config(**settings(words, context)))
    return save(folder, model, words, seed)


def save(folder: Path, model: Any, reads: Any, seed: int) -> Path:
    """Write to `folder` the model with weights drawn by `seed`, and what reads for it: a tokenizer, a processor."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    draws = torch.Generator()
    draws.manual_seed(seed)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.normal_(0.0, 0.1, generator=draws)
    model.save_pretrained(folder)
    reads.save_pretrained(folder)
    return folder


def settings(tokenizer: Any, context: int) -> dict[str, Any]:
    """Return the part of a configuration that is about words."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": context,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def tokenizer() -> Any:
    """Return a tokenizer that knows every byte and the marks of a chat."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    words = "the order was late and I want my money back please say what the customer asks for"
    core.train_from_iterator([words, words.title()], trainer)
    made = PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
    )
    made.chat_template = TEMPLATE
    return made
