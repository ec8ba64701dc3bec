"""Clips a second of every speech tool beside what a user would pick instead.

    OMP_NUM_THREADS=1 python tests/benchmarks/speech_tools.py --rounds 7

Peers are torchaudio on the whole batch (one set of parameters a batch where its functions take one) and, where they
are installed, audiomentations and torch-audiomentations. Ours have their own
parameters for every clip. Within a
row the contestants take turns every round; medians are compared. Rows that do different work are marked.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torchaudio.functional as audio

from tools.batches import Waves, padded_length
from tools.card import attached
from tools.seeds import draw, seed_for
from tools.speech.add_room import AddRoom, reverberated, room_response

Work = Callable[[], Any]


def clips(rate_hz: int, samples: int, items: int) -> Waves:
    """Return synthetic clips: a voice-like hum under a slow envelope, with a little noise."""
    rng = np.random.default_rng(0)
    at = np.arange(samples) / rate_hz
    made = torch.zeros(items, 1, padded_length(samples))
    for row in made:
        pitch = rng.uniform(90, 250)
        voice = sum(np.sin(2 * np.pi * pitch * part * at) / part for part in range(1, 10))
        clip = 0.1 * voice * np.hanning(samples) + 0.003 * rng.standard_normal(samples)
        row[0, :samples] = torch.from_numpy(clip.astype(np.float32))
    return Waves(made, [samples] * items, rate_hz)


def ours(name: str, batch: Waves, **fixed: Any) -> Work:
    """Return one round of a tool; parameters are drawn before, four sets that take turns."""
    tool = attached(getattr(importlib.import_module(f"tools.speech.{name}"), name))
    assert tool is not None
    count = iter(range(10**9))

    def work() -> Any:
        turn = next(count)
        return tool.run(batch, drawn[turn % len(drawn)])

    drawn = [[draw(tool, fixed, seed_for(turn, name, str(at))) for at in range(len(batch))] for turn in range(4)]
    return work


def bank(rate_hz: int) -> list[torch.Tensor]:
    rng = np.random.default_rng(1)
    return [torch.from_numpy(rng.standard_normal(8 * rate_hz).astype(np.float32) * 0.1) for _ in range(8)]


def torchaudio_work(batch: Waves, noise: list[torch.Tensor], responses: list[Any]) -> dict[str, Work]:
    """Return the work of torchaudio's functions on the whole batch, by operation."""
    rate, samples, items = batch.rate_hz, batch.lengths[0], len(batch)
    plain = batch.samples[:, 0, :samples].contiguous()
    response = torch.from_numpy(responses[0])[None].expand(items, -1)
    ratio = torch.full((items,), 10.0)
    piece = torch.stack([noise[at % len(noise)][:samples] for at in range(items)])
    factors = [0.9 + 0.005 * (at % 41) for at in range(items)]

    def telephone() -> torch.Tensor:
        return audio.highpass_biquad(audio.lowpass_biquad(plain, rate, 3400), rate, 300)

    return {
        "gain": lambda: audio.gain(plain, -3.0),
        "mask": lambda: audio.mask_along_axis_iid(plain[:, None, None], samples // 10, 0.0, 3),
        "white": lambda: audio.add_noise(plain, torch.randn_like(plain), ratio),
        "bank": lambda: audio.add_noise(plain, piece, ratio),
        "reverb": lambda: audio.fftconvolve(plain, response)[:, :samples],
        "band": telephone,
        "coded": lambda: audio.mu_law_decoding(audio.mu_law_encoding(telephone(), 256), 256),
        "stop": lambda: audio.bandreject_biquad(plain, rate, 1000.0, 1.0),
        "speed": lambda: audio.speed(plain, rate, 0.9),
        "speeds": lambda: [audio.speed(row, rate, factor) for row, factor in zip(plain, factors, strict=True)],
    }


def rows_of(batch: Waves) -> Iterator[tuple[str, str, dict[str, Work]]]:
    """Yield (operation, remark, contestants) of each row of the table."""
    noise = bank(batch.rate_hz)
    noisy = Waves(batch.samples, batch.lengths, batch.rate_hz, noise)
    responses = [room_response(AddRoom(rt60_s=0.3, seed=at), batch.rate_hz) for at in range(len(batch))]
    whole, others = torchaudio_work(batch, noise, responses), others_work(batch, responses)

    def row(mine: Work, theirs: str, also: str = "") -> dict[str, Work]:
        found = {"ours": mine} | ({"torchaudio": whole[theirs]} if theirs else {})
        return found | others.get(also or theirs, {})

    yield "gain", "torchaudio: one gain a batch", row(ours("change_gain", batch), "gain")
    yield "time mask", "torchaudio: no fades", row(ours("mask_time", batch, masks=1), "mask")
    yield "time shift", "", row(ours("shift_time", batch), "", "shift")
    pooled = "ours is cut from noise drawn once, the peers' is drawn anew"
    yield "white noise", pooled, row(ours("add_noise", batch, colour="white"), "white")
    yield "noise bank", "torchaudio: noise already cut to length", row(ours("add_noise", noisy), "bank")
    given = row(lambda: reverberated(batch.samples, batch.lengths, responses), "reverb")
    yield "reverberation, response given", "peers: one response a batch", given
    yield "reverberation, room simulated", "peer: response given", row(ours("add_room", batch, rt60_s=0.3), "reverb")
    yield "telephone band", "peers: gentler slopes", row(ours("telephone_band", batch, companding="off"), "band")
    yield "telephone band and mu-law", "others: filter only", row(ours("telephone_band", batch), "coded", "band")
    yield "band stop", "torchaudio: one band a batch", row(ours("mask_frequency", batch), "stop")
    yield "speed", "torchaudio: one factor a batch, shorter filters", row(ours("change_speed", batch), "speed")
    yield "speed, own factor a clip", "", row(ours("change_speed", batch), "speeds", "speed")
    yield "pitch", "", row(ours("shift_pitch", batch), "", "pitch")


def others_work(batch: Waves, responses: list[Any]) -> dict[str, dict[str, Work]]:
    """Return the work of audiomentations and torch-audiomentations by operation; empty where not installed."""
    found: dict[str, dict[str, Work]] = {}
    rate, samples = batch.rate_hz, batch.lengths[0]
    if importlib.util.find_spec("audiomentations"):
        import audiomentations as peer

        arrays = [row[0, :samples].numpy().copy() for row in batch.samples]
        transforms = {
            "gain": peer.Gain(-6.0, 6.0, p=1.0),
            "mask": peer.TimeMask(0.05, 0.15, fade_duration=0.005, p=1.0),
            "shift": peer.Shift(-0.1, 0.1, rollover=False, p=1.0),
            "white": peer.AddGaussianSNR(5.0, 20.0, p=1.0),
            "band": peer.BandPassFilter(1850, 1850, 1.67, 1.67, 24, 24, p=1.0),
            "stop": peer.BandStopFilter(p=1.0),
            "speed": peer.Resample(round(rate * 0.9), round(rate * 1.1), p=1.0),
            "pitch": peer.PitchShift(-2.0, 2.0, p=1.0),
        }
        for name, transform in transforms.items():
            found[name] = {"audiomentations": lambda transform=transform: [transform(array, rate) for array in arrays]}
    if importlib.util.find_spec("torch_audiomentations"):
        import torch_audiomentations as gpu_peer

        heard = batch.samples[..., :samples].contiguous()
        modules = {
            "gain": gpu_peer.Gain(-6.0, 6.0, p=1.0, output_type="tensor"),
            "shift": gpu_peer.Shift(-0.1, 0.1, rollover=False, p=1.0, output_type="tensor"),
            "white": gpu_peer.AddColoredNoise(5.0, 20.0, 0.0, 0.0, p=1.0, output_type="tensor"),
            "band": gpu_peer.BandPassFilter(1840, 1860, 1.66, 1.68, p=1.0, output_type="tensor"),
        }
        # Its file-based reverberation fails beside torchaudio 2.11; this is the convolution inside it.
        convolve = importlib.import_module("torch_audiomentations.utils.convolution").convolve
        response = torch.from_numpy(responses[0])[None, None].expand(len(batch), 1, -1)
        found["reverb"] = {"torch-audiomentations": lambda: convolve(heard, response)[..., :samples]}
        for name, module in modules.items():
            found.setdefault(name, {})["torch-audiomentations"] = lambda module=module: module(heard, sample_rate=rate)
    return found


def seconds(contestants: dict[str, Work], rounds: int) -> dict[str, float]:
    """Return each contestant's median processor seconds; a round of over 20 s is its last."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    slow: set[str] = set()
    for turn in range(rounds + 1):
        for name, work in contestants.items():
            if name in slow:
                continue
            start = time.process_time()
            work()
            spent = time.process_time() - start
            if turn or spent > 20:
                taken[name].append(spent)
            if spent > 20:
                slow.add(name)
    return {name: statistics.median(times) for name, times in taken.items()}


def main() -> None:
    """Print one table a rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="timed rounds a row, after one to warm up")
    parser.add_argument("--items", type=int, default=32, help="clips a batch")
    parser.add_argument("--only", default="", help="part of an operation's name")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    losses = []
    for rate_hz, length in ((16000, 4.0), (8000, 0.5)):
        batch = clips(rate_hz, round(rate_hz * length), asked.items)
        say(f"\n{asked.items} clips of {length} s at {rate_hz} Hz, one thread, clips a second")
        for operation, remark, contestants in rows_of(batch):
            if asked.only not in operation:
                continue
            took = seconds(contestants, asked.rounds)
            peers = [spent for name, spent in took.items() if name != "ours"]
            if not peers:
                say(f"  {operation}: ours {asked.items / took['ours']:,.0f}; no peer is installed")
                continue
            ratio = min(peers) / took["ours"]
            shown = ", ".join(f"{name} {asked.items / spent:,.0f}" for name, spent in took.items())
            say(f"  {operation}: {shown}; {ratio:.2f}x the fastest peer" + (f" ({remark})" if remark else ""))
            if ratio < 1:
                losses.append(f"{operation} at {rate_hz} Hz {ratio:.2f}x")
    say("\nSlower than the fastest peer: " + ("; ".join(losses) or "none"))


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
