"""What the benchmarks of this folder share: where they run, how contestants take turns, and how busy the GPU was.

It is no benchmark itself; the others import it as their neighbour, which works because they are run as files.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

Way = Callable[[], float]
"""Does one round, and returns how much was made."""
_CPU = "cpu:0"
"""The CPU, under a name by which engines go the way that they have for a GPU."""


@dataclass(frozen=True)
class Round:
    """One round of one contestant."""

    seconds: float
    made: float
    busy: float | None
    """Mean share of the time that the GPU was busy, in percent; None where that was not told."""
    samples: int
    """How often that was asked."""
    peak_gib: float
    """Largest memory that PyTorch held on the GPU."""


class Busy(threading.Thread):
    """Asks up to ten times a second how busy a GPU is."""

    def __init__(self, uuid: str) -> None:
        super().__init__(daemon=True)
        self.uuid = uuid
        """Of the GPU: its number for PyTorch need not be its number for nvidia-smi."""
        self.shares: list[float] = []
        self.over = threading.Event()

    def run(self) -> None:
        """Ask until it is over, or until there is no answer."""
        command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", f"--id={self.uuid}"]
        while not self.over.wait(0.1):
            try:
                said = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout
                self.shares.append(float(said.strip()))
            except (OSError, ValueError, subprocess.SubprocessError):
                return


def options(about: str | None) -> argparse.ArgumentParser:
    """Return a parser of what every benchmark here takes."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds of each contestant, after one to warm up")
    parser.add_argument("--tiny", action="store_true", help="small models and few items, on a CPU too; to try the code")
    parser.add_argument("--cpu", action="store_true", help="full size on a CPU, as on a GPU; ask for little")
    return parser


def device_for(asked: argparse.Namespace) -> str | None:
    """Say what is measured on, and return it; None, and one line, where there is nothing to measure on."""
    there = torch.cuda.is_available() and not asked.cpu
    if not there and not asked.tiny and not asked.cpu:
        print("There is no GPU here: nothing was measured. --tiny tries the code on a CPU, --cpu the full size.")
        return None
    if asked.tiny:
        print("Tiny models and few items: the figures mean nothing.")
    name = f"{_about().name}, {_about().total_memory / 2**30:.0f} GiB" if there else "a CPU"
    day = datetime.datetime.now(datetime.UTC).date()
    print(f"{name}; {day}; torch {torch.__version__}; {asked}", flush=True)
    return "cuda" if there else _CPU


def take_turns(title: str, unit: str, loops: Mapping[str, Way], ours: Mapping[str, Way], rounds: int) -> None:
    """Let contestants take turns, and print what each reaches and each of ours by each of the plain loops."""
    ways = {**loops, **ours}
    for way in ways.values():
        way()  # warm up
    found: dict[str, list[Round]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name in list(ways)[:: 1 if turn % 2 else -1]:
            found[name].append(measured(ways[name]))
    print(f"\n{title}")
    wide = max(map(len, found))
    for name, rows in found.items():
        print(f"  {name:{wide}}  {_told(rows, unit)}")
    for own in ours:
        for loop in loops:
            print(f"  {own} / {loop}: {_rate(found[own]) / _rate(found[loop]):.2f}", flush=True)


def measured(way: Way) -> Round:
    """Run one round. The clock starts when the GPU has done all that was asked of it before, and stops likewise."""
    if not torch.cuda.is_available():
        began = time.perf_counter()
        made = way()
        return Round(time.perf_counter() - began, made, None, 0, 0.0)
    busy = Busy(f"GPU-{_about().uuid}")
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    busy.start()
    began = time.perf_counter()
    made = way()
    torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    busy.over.set()
    busy.join()
    mean = statistics.fmean(busy.shares) if busy.shares else None
    return Round(seconds, made, mean, len(busy.shares), torch.cuda.max_memory_allocated() / 2**30)


def precision(device: str) -> torch.dtype:
    """Return the type that engines compute in where they do not need float32."""
    return torch.bfloat16 if device == "cuda" and torch.cuda.is_bf16_supported() else torch.float32


def _about() -> Any:
    return torch.cuda.get_device_properties(0)


def _rate(rows: list[Round]) -> float:
    return statistics.median(one.made / one.seconds for one in rows)


def _told(rows: list[Round], unit: str) -> str:
    rates = [one.made / one.seconds for one in rows]
    shares = [one.busy for one in rows if one.busy is not None]
    busy = f"{statistics.median(shares):.0f} % ({sum(one.samples for one in rows)} samples)" if shares else "unknown"
    peak = max(one.peak_gib for one in rows)
    span = f"{min(rates):.2f} to {max(rates):.2f}"
    return f"{statistics.median(rates):10.2f} {unit}/s ({span})   GPU busy {busy}   peak {peak:.2f} GiB"
