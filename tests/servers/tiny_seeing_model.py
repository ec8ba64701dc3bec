"""Makes real models that see pictures, with small random weights and their processors: a Qwen3-VL and an Idefics3.

The first reads a picture at its own size, the second cuts it into tiles of one size; their processors hand over tensors
of different kinds, and their templates take different conversations.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

KINDS = ("qwen3_vl", "idefics3")
"""The kinds that are made, as their `config.json` names them."""

_QWEN_MARKS = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
_QWEN_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_TILES = [f"<row_{row}_col_{column}>" for row in (1, 2, 3) for column in (1, 2, 3)]
_IDEFICS_MARKS = ["<fake_token_around_image>", "<image>", "<global-img>", *_TILES]
_IDEFICS_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


def make(folder: Path, kind: str = "qwen3_vl", context: int = 8192, seed: int = 0) -> Path:
    """Write a model of `kind` to `folder`, which is made, and return it; the same bytes for the same seed."""
    net, processor = {"qwen3_vl": _qwen3_vl, "idefics3": _idefics3}[kind](context)
    return _writing()["save"](folder, net, processor, seed)


def _writing() -> dict[str, Any]:
    """Return what makes the tiny model that only writes."""
    return runpy.run_path(str(Path(__file__).with_name("tiny_model.py")))


def _tokenizer(marks: list[str], template: str) -> Any:
    tokenizer = _writing()["tokenizer"]()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", *marks]})
    tokenizer.chat_template = template
    return tokenizer


def _eyes() -> dict[str, Any]:
    """Return the part of a configuration that is about pictures and is named alike everywhere."""
    return {"hidden_size": 32, "intermediate_size": 64, "patch_size": 8}


def _qwen3_vl(context: int) -> tuple[Any, Any]:
    import torch
    from transformers import (
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    tokenizer = _tokenizer(_QWEN_MARKS, _QWEN_TEMPLATE)
    start, end, image, video = tokenizer.convert_tokens_to_ids(_QWEN_MARKS)
    turns = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [4, 2, 2], "mrope_interleaved": True}
    config = Qwen3VLConfig(
        text_config=_writing()["settings"](tokenizer, context) | {"rope_parameters": turns},
        vision_config=_eyes()
        | {"depth": 2, "num_heads": 2, "out_hidden_size": 64, "num_position_embeddings": 64}
        | {"deepstack_visual_indexes": [0]},
        image_token_id=image,
        video_token_id=video,
        vision_start_token_id=start,
        vision_end_token_id=end,
    )
    patches = {"patch_size": 8, "temporal_patch_size": 2, "merge_size": 2}
    processor = Qwen3VLProcessor(
        Qwen2VLImageProcessor(size={"shortest_edge": 16 * 16, "longest_edge": 64 * 64}, **patches),
        tokenizer,
        Qwen3VLVideoProcessor(**patches),
        chat_template=_QWEN_TEMPLATE,
    )
    with torch.random.fork_rng(devices=[]):
        return Qwen3VLForConditionalGeneration(config), processor


def _idefics3(context: int) -> tuple[Any, Any]:
    import torch
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessor,
        Idefics3Processor,
    )

    tokenizer = _tokenizer(_IDEFICS_MARKS, _IDEFICS_TEMPLATE)
    images = Idefics3ImageProcessor(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    processor = Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=_IDEFICS_TEMPLATE)
    config = Idefics3Config(
        text_config=_writing()["settings"](tokenizer, context) | {"model_type": "llama"},
        vision_config=_eyes() | {"num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
    )
    with torch.random.fork_rng(devices=[]):
        return Idefics3ForConditionalGeneration(config), processor
