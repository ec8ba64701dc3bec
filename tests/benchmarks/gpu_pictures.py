"""Speed of image-to-image on a GPU: images a second of the engine against the naive loop over the same pipeline.

    python tests/benchmarks/gpu_pictures.py [--items 32] [--size 512] [--steps 20] [--rounds 5] [--compile]

Stable Diffusion 1.5 at full size with random weights (speed does not depend on what they are). The naive loop is what
a user writes first: the pipeline as it loads, in float32, one image a call. The engine is handed all items; it runs in
bfloat16 where the hardware has it, `--together` a call. Both start from the same images and prompts, run 0.6 of the
steps, and take turns; figures are medians. Reported are images a second, the share of time that the GPU was busy (by
nvidia-smi, up to ten times a second) and the largest memory that PyTorch held, both models being loaded all the while.
Without a GPU it says so and measures nothing.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import torch

from tools.engines.orders import Order
from tools.engines.pictures import Parts, Pictures, Usual
from tools.engines.ways import WAYS

STRENGTH = 0.6


def pipeline(size: int) -> Any:
    """Build the pipeline of Stable Diffusion 1.5 with random weights, in float32 on the CPU."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionImg2ImgPipeline, UNet2DConditionModel
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    signs = sorted(ByteLevel.alphabet())
    words = signs + [f"{sign}</w>" for sign in signs] + ["<|startoftext|>", "<|endoftext|>"]
    text = CLIPTextConfig(
        vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12
    )
    return StableDiffusionImg2ImgPipeline(
        vae=AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            latent_channels=4,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            sample_size=size,
        ),
        text_encoder=CLIPTextModel(text),
        tokenizer=CLIPTokenizer(vocab={word: at for at, word in enumerate(words)}, merges=[], model_max_length=77),
        unet=UNet2DConditionModel(sample_size=size // 8, cross_attention_dim=768, attention_head_dim=8),
        scheduler=DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, clip_sample=False
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def orders(items: int, size: int) -> list[Order]:
    """Return as many images to vary, of noise."""
    noise = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (items, 3, size, size), dtype=torch.uint8, generator=noise)
    return [Order("a photo of a bird", at, (size, size), image, strength=STRENGTH) for at, image in enumerate(images)]


def naive(pipe: Any, asked: list[Order], steps: int) -> None:
    """Vary image by image, as the pipeline's own documentation does."""
    for one in asked:
        assert one.image is not None
        pipe(
            prompt=one.prompt,
            image=one.image[None].float().cuda() / 255,
            strength=STRENGTH,
            num_inference_steps=steps,
            generator=torch.Generator().manual_seed(one.seed),
            output_type="np",
        )


class Busy(threading.Thread):
    """Asks ten times a second how busy the GPU is."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.shares: list[float] = []
        self.over = threading.Event()

    def run(self) -> None:
        """Ask until it is over."""
        command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0"]
        while not self.over.wait(0.1):
            try:
                said = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout
                self.shares.append(float(said.strip()))
            except (OSError, ValueError, subprocess.SubprocessError):
                return


def measured(run: Callable[[], object]) -> tuple[float, float | None, float]:
    """Return seconds, the mean busy share in percent (None where it cannot be asked) and the peak memory in GiB."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    busy = Busy()
    busy.start()
    began = time.perf_counter()
    run()
    torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    busy.over.set()
    busy.join()
    return seconds, statistics.fmean(busy.shares) if busy.shares else None, torch.cuda.max_memory_allocated() / 2**30


def runs(asked: argparse.Namespace) -> tuple[dict[str, Callable[[], object]], dict[str, int]]:
    """Build both ways; return what each runs and how many images that are."""
    todo = orders(asked.items, asked.size)
    few = todo[: min(asked.naive_items, asked.items)]
    plain = pipeline(asked.size).to("cuda")
    plain.set_progress_bar_config(disable=True)
    precision = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    fast = pipeline(asked.size).to("cuda", precision)
    fast.set_progress_bar_config(disable=True)
    if asked.compile:
        fast.unet.compile()
    engine = Pictures(
        fast,
        "vary",
        WAYS["vary"]["StableDiffusionPipeline"],
        Usual(asked.steps, 7.5, asked.size),
        "random",
        parts=Parts(fast, "random"),
        together=asked.together,
    )
    ways = {"naive loop": lambda: naive(plain, few, asked.steps), "engine": lambda: engine.make(todo)}
    return ways, {"naive loop": len(few), "engine": len(todo)}


def compare(asked: argparse.Namespace) -> None:
    """Run both ways in turns and print what they reach."""
    ways, counts = runs(asked)
    for run in ways.values():
        run()  # warm up
    found: dict[str, list[tuple[float, float | None, float]]] = {name: [] for name in ways}
    for turn in range(asked.rounds):
        for name in list(ways)[:: 1 if turn % 2 else -1]:
            found[name].append(measured(ways[name]))
    speed = {name: counts[name] / statistics.median(one[0] for one in rows) for name, rows in found.items()}
    for name, rows in found.items():
        shares = [one[1] for one in rows if one[1] is not None]
        busy = f"{statistics.median(shares):5.1f} %" if shares else "unknown"
        print(f"{name:12} {speed[name]:8.2f} images/s   GPU busy {busy}   peak {max(one[2] for one in rows):6.2f} GiB")
    print(f"ratio        {speed['engine'] / speed['naive loop']:8.2f}")


def main() -> None:
    """Compare on the GPU of this machine, or say that there is none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=32)
    parser.add_argument("--naive-items", type=int, default=8, help="images that the naive loop makes a round")
    parser.add_argument("--size", type=int, default=512, help="side in pixels, a multiple of 64")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--together", type=int, default=16, help="images of one call of the engine")
    parser.add_argument("--compile", action="store_true", help="compile the denoiser of the engine")
    asked = parser.parse_args()
    if not torch.cuda.is_available():
        print("There is no GPU here: nothing was measured.")
        return
    about = torch.cuda.get_device_properties(0)
    print(f"torch {torch.__version__}, {about.name}, {about.total_memory / 2**30:.0f} GiB; {asked}")
    compare(asked)


if __name__ == "__main__":
    main()
