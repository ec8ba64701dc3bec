"""Pipelines of the true classes with small random weights, written to a folder as `save_pretrained` does."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch

from tools.engines.pictures import Pictures, Usual
from tools.engines.pipelines import open_pictures
from tools.engines.ways import Work

SEED = 3
USUAL = Usual(steps=2, guidance=1.5, side=64)


USUALLY: dict[Work, str] = {
    "edit": "pix2pix",
    "fill": "inpainting",
    "guide": "controlled",
    "imagine": "stable",
    "vary": "stable",
}
"""The pipeline that does each work where none is said."""


def build(work: Work, kind: str = "") -> Pictures:
    """Return an engine on the tiny pipeline `kind`, read from its folder as any other."""
    return open_pictures(folder(kind or USUALLY[work]), work, "cpu", usual=USUAL)


@cache
def folder(kind: str) -> Path:
    """Return the folder of a tiny pipeline, written once a process."""
    place = _root() / kind
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(SEED)
        KINDS[kind]().save_pretrained(place)
    return place


@cache
def _root() -> Path:
    place = tempfile.mkdtemp(prefix="augplan-tiny-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return Path(place)


def _clip(projected: bool = False) -> tuple[Any, Any]:
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    signs = sorted(ByteLevel.alphabet())
    words = signs + [f"{sign}</w>" for sign in signs] + ["<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={word: at for at, word in enumerate(words)}, merges=[], model_max_length=77)
    config = CLIPTextConfig(
        vocab_size=514,
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
        projection_dim=32,
    )
    return tokenizer, (CLIPTextModelWithProjection if projected else CLIPTextModel)(config).eval()


def _vae() -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(32, 64),
        latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )


def _unet(channels: int = 4, **more: Any) -> Any:
    from diffusers import UNet2DConditionModel

    usual = {"cross_attention_dim": 32} | more
    return UNet2DConditionModel(
        block_out_channels=(32, 64),
        layers_per_block=1,
        sample_size=32,
        in_channels=channels,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        **usual,
    )


def _scheduler() -> Any:
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, clip_sample=False
    )


def _stable(name: str, channels: int = 4, **more: Any) -> Any:
    import diffusers

    diffusers.utils.logging.set_verbosity_error()
    tokenizer, encoder = _clip()
    return getattr(diffusers, name)(
        vae=_vae(),
        text_encoder=encoder,
        tokenizer=tokenizer,
        unet=_unet(channels),
        scheduler=_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        **more,
    )


def _controlled() -> Any:
    from diffusers import ControlNetModel

    net = ControlNetModel(
        block_out_channels=(32, 64),
        layers_per_block=1,
        in_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        cross_attention_dim=32,
        conditioning_embedding_out_channels=(16, 32),
    )
    for parameter in net.parameters():  # a fresh net adds nothing: its last layers are zeros
        if not bool(parameter.any()):
            parameter.data.normal_(0, 0.1, generator=torch.Generator().manual_seed(SEED))
    return _stable("StableDiffusionControlNetPipeline", controlnet=net)


def _large() -> Any:
    from diffusers import StableDiffusionXLPipeline

    tokenizer, encoder = _clip()
    other_tokenizer, other = _clip(projected=True)
    return StableDiffusionXLPipeline(
        vae=_vae(),
        text_encoder=encoder,
        text_encoder_2=other,
        tokenizer=tokenizer,
        tokenizer_2=other_tokenizer,
        unet=_unet(
            cross_attention_dim=64,
            attention_head_dim=(2, 4),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            transformer_layers_per_block=(1, 2),
            projection_class_embeddings_input_dim=80,
        ),
        scheduler=_scheduler(),
        add_watermarker=False,
    )


def _klein() -> Any:
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import Qwen2TokenizerFast, Qwen3Config, Qwen3ForCausalLM

    words = [*sorted(ByteLevel.alphabet()), "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Qwen2TokenizerFast(vocab={word: at for at, word in enumerate(words)}, merges=[])
    tokenizer.chat_template = "{% for one in messages %}<|im_start|>{{ one['content'] }}<|im_end|>{% endfor %}"
    encoder = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=28,  # states of layers 9, 18 and 27 are read
            num_attention_heads=2,
            num_key_value_heads=2,
            head_dim=8,
            max_position_embeddings=512,
        )
    ).eval()
    denoiser = Flux2Transformer2DModel(
        in_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=48,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    )
    vae = AutoencoderKLFlux2(
        down_block_types=("DownEncoderBlock2D",),
        up_block_types=("UpDecoderBlock2D",),
        block_out_channels=(4,),
        layers_per_block=1,
        latent_channels=1,
        norm_num_groups=1,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
    return Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae,
        text_encoder=encoder,
        tokenizer=tokenizer,
        transformer=denoiser,
        is_distilled=True,
    )


KINDS: dict[str, Callable[[], Any]] = {
    "stable": lambda: _stable("StableDiffusionPipeline"),
    "inpainting": lambda: _stable("StableDiffusionInpaintPipeline", 9),
    "pix2pix": lambda: _stable("StableDiffusionInstructPix2PixPipeline", 8),
    "controlled": _controlled,
    "large": _large,
    "klein": _klein,
}
