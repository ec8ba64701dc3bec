"""Speed of a voice on a GPU: seconds of sound a second of the engine against the naive loop over the same model.

    python tests/benchmarks/gpu/speech.py [--items 512] [--naive-items 64] [--rounds 5]

A VITS model of the size of facebook/mms-tts-eng with random weights, which are told to take about as many frames a
letter as a trained voice. The naive loop is what the model's own documentation shows: tokenizer, model, one line a
call, in float32. The engine is handed all lines and is in float32 too. Then the tools that clips go through, on what
was said: gain, masks in time, noise and a telephone band with parameters of each clip's own, one clip a call and all in
batches. Contestants take turns; figures are medians. The share of time that the GPU was busy is nvidia-smi's, and the
memory the largest that PyTorch held, both models being loaded all the while. Without a GPU it says so and measures
nothing; `--tiny` runs the same code on a small model anywhere, `--cpu` on the whole one.
"""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from busy import Way, device_for, options, take_turns

from tools.batches import Waves, padded_length
from tools.card import attached
from tools.engines.vits import Vits
from tools.engines.voice import Line
from tools.seeds import draw, generator, seed_for

LETTERS = "_abcdefghijklmnopqrstuvwxyz' "
VOCABULARY = 38
RATE = 0.5
"""Speaking rate: two frames a token, blanks between letters included."""
CHAIN = ("change_gain", "mask_time", "add_noise", "telephone_band")
TOGETHER = 64
"""Clips of one batch, as in a run."""
TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "ffn_dim": 16,
    "flow_size": 16,
    "spectrogram_bins": 9,
    "prior_encoder_num_flows": 2,
    "prior_encoder_num_wavenet_layers": 2,
    "posterior_encoder_num_wavenet_layers": 1,
    "duration_predictor_num_flows": 2,
    "duration_predictor_filter_channels": 16,
    "depth_separable_num_layers": 2,
    "upsample_initial_channel": 16,
    "upsample_rates": [8, 8],
    "upsample_kernel_sizes": [16, 16],
    "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1, 3]],
    "sampling_rate": 8000,
}


def voice(tiny: bool) -> Any:
    """Build a model with random weights, the same every time, in float32 on the CPU."""
    from transformers import VitsConfig, VitsModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = VitsModel(VitsConfig(vocab_size=VOCABULARY, **(TINY if tiny else {}))).eval()
    model.speaking_rate = RATE
    return model


def reader() -> Any:
    """Build the tokenizer: a token a letter, and blanks between."""
    from transformers import VitsTokenizer

    with tempfile.TemporaryDirectory() as place:
        letters = Path(place) / "letters.json"
        letters.write_text(json.dumps({letter: at for at, letter in enumerate(LETTERS)}))
        return VitsTokenizer(str(letters), pad_token="_", unk_token="_", language="eng", phonemize=False)


def lines(items: int) -> list[Line]:
    """Return sentences of 5 to 15 words of letters."""
    rng = generator(5)
    out = []
    for at in range(items):
        lengths = rng.integers(2, 9, int(rng.integers(5, 16)))
        words = ["".join(LETTERS[1 + int(letter)] for letter in rng.integers(0, 26, size)) for size in lengths]
        out.append(Line(" ".join(words), "", 1.0, at))
    return out


def naive(model: Any, tokenizer: Any, said: list[Line]) -> float:
    """Say line by line, as the model's own documentation does; return seconds of sound."""
    samples = 0
    for line in said:
        read = tokenizer(line.text, return_tensors="pt").to(model.device)
        with torch.no_grad():
            samples += model(**read).waveform[0].cpu().numpy().size
    return float(samples / model.config.sampling_rate)


def chain(clips: list[torch.Tensor], rate_hz: int, together: int) -> float:
    """Send clips (time,) through the tools of CHAIN, at most so many at once; return seconds of sound."""
    for batch in batches(clips, rate_hz, together):
        now = batch
        for name in CHAIN:
            tool = attached(getattr(importlib.import_module(f"tools.speech.{name}"), name))
            assert tool is not None
            made = tool.run(now, [draw(tool, {}, seed_for(1, name, str(at))) for at in range(len(now))])
            now = stacked([old if new is None else new for old, new in zip(clips_of(now), made, strict=True)], rate_hz)
    return sum(map(len, clips)) / rate_hz


def batches(clips: list[torch.Tensor], rate_hz: int, together: int) -> Iterator[Waves]:
    """Yield clips that may stand in one tensor, as a run puts them together."""
    alike: dict[int, list[torch.Tensor]] = {}
    for clip in clips:
        alike.setdefault(padded_length(len(clip)), []).append(clip[None])
    for group in alike.values():
        for start in range(0, len(group), together):
            yield stacked(group[start : start + together], rate_hz)


def stacked(clips: list[torch.Tensor], rate_hz: int) -> Waves:
    """Return clips (1, time) as a batch, on the device that they are on."""
    lengths = [int(clip.shape[-1]) for clip in clips]
    samples = torch.zeros((len(clips), 1, padded_length(max(lengths))), device=clips[0].device)
    for row, clip in zip(samples, clips, strict=True):
        row[:, : clip.shape[-1]] = clip
    return Waves(samples, lengths, rate_hz)


def clips_of(batch: Waves) -> list[torch.Tensor]:
    """Return the clips (1, time) of a batch."""
    return [batch.clip(at) for at in range(len(batch))]


def runs(asked: argparse.Namespace, device: str) -> Iterator[tuple[str, dict[str, Way], dict[str, Way]]]:
    """Yield the title of each comparison, the loop and ours."""
    tokenizer = reader()
    plain = voice(asked.tiny).to(device)  # not a copy: weights that are settled in one would be lost to the other
    engine = Vits(voice(asked.tiny), tokenizer, "random", device)
    said = lines(asked.items)
    few = said[: asked.naive_items]

    def ours() -> float:
        return sum(wave.seconds for wave in engine.speak(said) if wave is not None)

    yield "Text to speech", {"naive loop": lambda: naive(plain, tokenizer, few)}, {"engine": ours}

    heard = [wave for wave in engine.speak(said) if wave is not None]
    clips = [torch.from_numpy(wave.samples[0]).to(device) for wave in heard]
    rate = engine.rate_hz
    some = clips[: asked.naive_items]
    yield (
        f"A chain of {len(CHAIN)} speech tools",
        {"one by one": lambda: chain(some, rate, 1)},
        {"in batches": lambda: chain(clips, rate, TOGETHER)},
    )


def main() -> None:
    """Compare on the GPU of this machine, or say that there is none."""
    parser = options(__doc__)
    parser.add_argument("--items", type=int, default=512, help="lines")
    parser.add_argument("--naive-items", type=int, default=64, help="lines that the naive loop says a round")
    asked = parser.parse_args()
    if asked.tiny:
        asked.items, asked.naive_items = 5, 2
    device = device_for(asked)
    if device is None:
        return
    for title, loops, ours in runs(asked, device):
        take_turns(title, "s of sound", loops, ours, asked.rounds)


if __name__ == "__main__":
    main()
