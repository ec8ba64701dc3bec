"""The hardware present."""

from __future__ import annotations

from typing import Any


def device() -> str:
    """Return where tensors go: `cuda` where PyTorch sees a GPU, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def describe() -> dict[str, Any]:
    """Return what an auditor asks of a machine: device, its name and memory, versions of PyTorch."""
    import torch

    facts: dict[str, Any] = {"device": device(), "torch": torch.__version__, "torch_threads": torch.get_num_threads()}
    if torch.cuda.is_available():
        about = torch.cuda.get_device_properties(0)
        facts |= {"gpu": about.name, "gpu_memory_gib": round(about.total_memory / 2**30, 1)}
    return facts


def one_thread_each() -> None:
    """Give PyTorch one thread a worker: on shared cores more threads are slower (a worker waits for its slowest)."""
    import torch

    torch.set_num_threads(1)
