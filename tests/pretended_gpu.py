"""A GPU that is only pretended, to try code where there is none: not how fast it is, but that nothing is left behind.

    with pretended_gpu():
        torch.zeros(2).to("cuda") + torch.zeros(2)      # RuntimeError, as on a true one

Every call of PyTorch is watched. A tensor that goes to `cuda` is marked, and so is what is made of it; they say that
they lie on `cuda:0`, though the work is done on the CPU. Where a marked tensor becomes an array, or meets an unmarked
one in a way that a true GPU refuses, the call is refused as there.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures.thread import _WorkItem
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils.weak import WeakTensorKeyDictionary

GPU = torch.device("cuda", 0)
_THERE: Any = WeakTensorKeyDictionary()
"""Tensors that are pretended to lie there; no attribute of theirs, as libraries copy those."""
_PLAIN = {"__hash__", "is_floating_point", "shape.__get__", "dtype.__get__", "__repr__", "__format__"}
_ARRAYS = {"numpy", "__array__", "data_ptr"}
_MEET = {"copy_", "__setitem__", "set_", "data.__set__", "grad.__set__", "type_as"}
"""Calls in which one side is copied to the other, wherever both are."""


def marked(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is pretended to lie on the GPU."""
    return tensor in _THERE


def _mark(tensor: torch.Tensor, there: bool) -> None:
    if there:
        _THERE[tensor] = True
    else:
        _THERE.pop(tensor, None)


class _Watch(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = _name_of(func)
        here = list(_tensors([args, kwargs]))
        on_gpu = any(map(marked, here))
        if func is torch.device or name in _PLAIN:
            return func(*args, **kwargs)
        if name == "device.__get__":
            return GPU if on_gpu else func(*args, **kwargs)
        if name in {"is_cuda.__get__", "is_cpu.__get__"}:
            return on_gpu == (name == "is_cuda.__get__")
        if name == "_has_compatible_shallow_copy_type":
            return True  # so that the weights of a module keep their objects
        return self._done(func, name, args, kwargs, here)

    def _done(self, func: Any, name: str, args: Any, kwargs: Any, here: list[torch.Tensor]) -> Any:
        said = [_kind(value) for value in (*args, *kwargs.values())]
        like = args[1] if name == "to" and len(args) > 1 and isinstance(args[1], torch.Tensor) else None
        if not any(said) and like is None:
            _refuse_what_a_gpu_refuses(name, args, here)
        out = func(*map(_here, args), **{key: _here(value) for key, value in kwargs.items()})
        if name == "_parse_to":
            return (GPU, *out[1:]) if "cuda" in said else out
        if name == "data.__set__":
            _mark(args[0], marked(args[1]))
            return out
        if any(said):
            there = "cuda" in said
        elif name == "cpu":
            there = False
        elif like is not None or name in {"copy_", "__setitem__"}:
            there = marked(args[0] if like is None else like)
        else:
            there = any(map(marked, here))
        return _put(out, there, here)


def _name_of(func: Any) -> str:
    try:
        name = resolve_name(func)
    except AssertionError:  # of what may not be overridden
        name = None
    name = name or getattr(func, "__name__", "")
    return str(name).removeprefix("torch.").removeprefix("Tensor.")


def _kind(value: Any) -> str:
    """Return `cuda` or `cpu` where a value names a device, else nothing."""
    if isinstance(value, torch.device):
        return str(value.type)
    return value.partition(":")[0] if isinstance(value, str) and value.partition(":")[0] in {"cuda", "cpu"} else ""


def _here(value: Any) -> Any:
    return "cpu" if _kind(value) == "cuda" else value


def _put(out: Any, there: bool, here: list[torch.Tensor]) -> Any:
    """Mark what a call returned; what it was given and only handed back is copied first, as between true devices."""
    if isinstance(out, torch.Tensor) and marked(out) != there and any(out is one for one in here):
        out = out.clone()
    for one in _tensors(out):
        _mark(one, there)
    return out


def _refuse_what_a_gpu_refuses(name: str, args: Any, here: list[torch.Tensor]) -> None:
    if name in _ARRAYS and any(map(marked, here)):
        raise TypeError("can't convert cuda:0 device type tensor to numpy; use Tensor.cpu() first")
    if name in _MEET:
        return
    if name == "__getitem__":  # an index may lie on the CPU
        if not marked(args[0]) and any(marked(one) and one.dim() for one in _tensors(args[1])):
            raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor")
        return
    if len({marked(one) for one in here if one.dim()}) > 1:
        raise RuntimeError(f"Expected all tensors to be on the same device, but {name} found two")


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _tensors(one)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


class _AnyGenerator(type):
    def __instancecheck__(cls, one: Any) -> bool:
        return isinstance(one, _TRUE_GENERATOR)


_TRUE_GENERATOR = torch.Generator


class _Generator(torch.Generator, metaclass=_AnyGenerator):
    """Draws on the CPU, whatever it is asked to be on."""

    def __new__(cls, device: Any = "cpu") -> Any:
        return _TRUE_GENERATOR()


@contextmanager
def pretended_gpu() -> Iterator[None]:
    """Pretend that there is a GPU with bfloat16, for what names `cuda` as its device."""
    make_subclass, fork = torch.Tensor._make_subclass, torch.random.fork_rng
    work = _WorkItem.run

    def parameter(kind: Any, data: torch.Tensor, *more: Any) -> Any:
        made = make_subclass(kind, data, *more)
        _mark(made, marked(data))
        return made

    def watched(item: Any, *more: Any) -> None:
        with _Watch():  # a thread begins with nobody watching
            work(item, *more)

    quiet = SimpleNamespace(manual_seed=lambda _seed: None)
    with ExitStack() as stack:
        for place, instead in (
            ("torch.Tensor._make_subclass", staticmethod(parameter)),
            ("torch.Generator", _Generator),
            ("torch.random.fork_rng", lambda devices=(), **_more: fork(devices=[])),
            ("torch.cuda.default_generators", [quiet]),
            ("torch.cuda.is_bf16_supported", lambda *_: True),
            ("torch.cuda.empty_cache", lambda: None),
            ("concurrent.futures.thread._WorkItem.run", watched),
        ):
            stack.enter_context(patch(place, instead))
        stack.enter_context(_Watch())
        yield
