"""The hardware present."""

from __future__ import annotations

import os
import platform
from typing import Any, Literal

from memory.errors import UsageError
from memory.records import Modality


def choose(wanted: Literal["auto", "cpu", "cuda"], modality: Modality, *, models: bool = False) -> str:
    """Return where the tensors of a run go, `cpu` or `cuda`, and give PyTorch one thread a worker.

    On shared cores more threads are slower: a parallel region waits for its slowest. Text tools use no tensors but
    where `models` run on this machine, so PyTorch is not even loaded for them otherwise. Raises UsageError when a GPU
    is asked for and there is none.
    """
    if modality == "text" and not models:
        return "cpu"
    import torch

    torch.set_num_threads(1)
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UsageError("PyTorch sees no GPU here; run without AUGPLAN_DEVICE=cuda.", where="settings")
    return "cpu" if wanted == "cpu" or not torch.cuda.is_available() else "cuda"


def describe(device: str) -> dict[str, Any]:
    """Return what an auditor asks of the machine that a run is on: processor, device, GPU and its memory in GiB."""
    facts: dict[str, Any] = {"processor": platform.machine(), "cores": os.cpu_count(), "device": device}
    if device == "cuda":
        import torch

        about = torch.cuda.get_device_properties(0)
        facts |= {"gpu": about.name, "gpu_memory_gib": round(about.total_memory / 2**30, 1)}
    return facts
