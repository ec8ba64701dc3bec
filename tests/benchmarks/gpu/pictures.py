"""Speed of image-to-image on a GPU: images a second of the engine against the naive loop over the same pipeline.

    python tests/benchmarks/gpu/pictures.py [--items 32] [--size 512] [--steps 20] [--rounds 5] [--compile]

Stable Diffusion 1.5 at full size with random weights (speed does not depend on what they are). The naive loop is what
a user writes first: the pipeline as it loads, in float32, one image a call. The engine is handed all items; it runs in
bfloat16 where the hardware has it, `--together` a call. Both start from the same images and prompts, run 0.6 of the
steps, and take turns; figures are medians. Reported are images a second, the share of time that the GPU was busy (by
nvidia-smi, up to ten times a second) and the largest memory that PyTorch held, both models being loaded all the while.
Without a GPU it says so and measures nothing; `--tiny` runs the same code on a small model anywhere, `--cpu` on the
whole one.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from busy import Way, device_for, options, precision, take_turns

from tools.engines.orders import Order
from tools.engines.pictures import Parts, Pictures, Usual
from tools.engines.ways import WAYS

STRENGTH = 0.6
VAE = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2}
UNET = {"cross_attention_dim": 768, "attention_head_dim": 8}
TEXT = {
    "vocab_size": 49408,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
}
TINY_VAE = {"block_out_channels": (32, 64, 64, 64), "layers_per_block": 1}
TINY_UNET = {
    "block_out_channels": (32, 64),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "cross_attention_dim": 32,
}
TINY_TEXT = {
    "vocab_size": 514,
    "hidden_size": 32,
    "intermediate_size": 37,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "bos_token_id": 512,
    "eos_token_id": 513,
    "pad_token_id": 513,
}


def pipeline(size: int, tiny: bool) -> Any:
    """Build the pipeline of Stable Diffusion 1.5 with random weights, in float32 on the CPU."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionImg2ImgPipeline, UNet2DConditionModel
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    signs = sorted(ByteLevel.alphabet())
    words = signs + [f"{sign}</w>" for sign in signs] + ["<|startoftext|>", "<|endoftext|>"]
    pipe = StableDiffusionImg2ImgPipeline(
        vae=AutoencoderKL(
            latent_channels=4,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            sample_size=size,
            **(TINY_VAE if tiny else VAE),
        ),
        text_encoder=CLIPTextModel(CLIPTextConfig(**(TINY_TEXT if tiny else TEXT))).eval(),
        tokenizer=CLIPTokenizer(vocab={word: at for at, word in enumerate(words)}, merges=[], model_max_length=77),
        unet=UNet2DConditionModel(sample_size=size // 8, **(TINY_UNET if tiny else UNET)).eval(),
        scheduler=DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, clip_sample=False
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.vae.eval()
    pipe.set_progress_bar_config(disable=True)
    return pipe


def orders(items: int, size: int) -> list[Order]:
    """Return as many images to vary, of noise."""
    noise = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (items, 3, size, size), dtype=torch.uint8, generator=noise)
    return [Order("a photo of a bird", at, (size, size), image, strength=STRENGTH) for at, image in enumerate(images)]


def naive(pipe: Any, asked: list[Order], steps: int) -> int:
    """Vary image by image, as the pipeline's own documentation does; return how many."""
    for one in asked:
        assert one.image is not None
        pipe(
            prompt=one.prompt,
            image=one.image[None].float().to(pipe.device) / 255,
            strength=STRENGTH,
            num_inference_steps=steps,
            generator=torch.Generator().manual_seed(one.seed),
            output_type="np",
        )
    return len(asked)


def runs(asked: argparse.Namespace, device: str) -> tuple[dict[str, Way], dict[str, Way]]:
    """Build both ways, the loop and ours."""
    todo = orders(asked.items, asked.size)
    few = todo[: min(asked.naive_items, asked.items)]
    plain = pipeline(asked.size, asked.tiny).to(device)
    fast = pipeline(asked.size, asked.tiny).to(device, precision(device))
    if asked.compile:
        fast.unet.compile_repeated_blocks()
    engine = Pictures(
        fast,
        "vary",
        WAYS["vary"]["StableDiffusionPipeline"],
        Usual(asked.steps, 7.5, asked.size),
        "random",
        parts=Parts(fast, "random"),
        together=asked.together,
    )

    def ours() -> int:
        return sum(one is not None for one in engine.make(todo))

    return {"naive loop": lambda: naive(plain, few, asked.steps)}, {"engine": ours}


def main() -> None:
    """Compare on the GPU of this machine, or say that there is none."""
    parser = options(__doc__)
    parser.add_argument("--items", type=int, default=32)
    parser.add_argument("--naive-items", type=int, default=8, help="images that the naive loop makes a round")
    parser.add_argument("--size", type=int, default=512, help="side in pixels, a multiple of 64")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--together", type=int, default=16, help="images of one call of the engine")
    parser.add_argument("--compile", action="store_true", help="compile the denoiser of the engine")
    asked = parser.parse_args()
    if asked.tiny:
        asked.items, asked.naive_items, asked.size, asked.steps, asked.together = 3, 1, 64, 2, 2
    device = device_for(asked)
    if device is not None:
        take_turns("Image to image", "images", *runs(asked, device), asked.rounds)


if __name__ == "__main__":
    main()
