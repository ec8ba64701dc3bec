"""The one loader of transformers models: whole, and from safetensors alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from memory.errors import UsageError

if TYPE_CHECKING:
    import torch

_UNUSED = ("masked_spec_embed",)
"""Weights that reading does without: they stand in for what training hides, and checkpoints often lack them."""
_TELLING = frozenset({".json", ".safetensors", ".model", ".spm", ".txt", ".jinja"})


def load(kind: Any, folder: Path, dtype: torch.dtype | None = None) -> Any:
    """Return a model of class `kind` for reading; draws nothing, and runs no code that came with files.

    In float32, on every device, unless `dtype` says otherwise: most are small, and lower precision would change what a
    gate or a voice says. Raises UsageError where files cannot be read, and where weights lack parts of the model, which
    would be random.
    """
    import torch
    from safetensors import SafetensorError
    from transformers.utils import logging

    cast("Any", logging).disable_progress_bar()
    try:
        with torch.random.fork_rng(devices=[]):
            model, told = kind.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=dtype or torch.float32,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as problem:
        raise UsageError(f"This model cannot be loaded: {problem}", where=str(folder)) from problem
    lacking = sorted(name for name in map(str, told["missing_keys"]) if not name.endswith(_UNUSED))
    lacking += sorted(map(str, told["mismatched_keys"]))
    if lacking:
        raise UsageError(
            f"The weights lack {len(lacking)} parts of the model, such as {lacking[0]}.", where=str(folder)
        )
    return model.eval()


def digest_of(folder: Path, files: Iterable[str] | None = None) -> str:
    """Return 16 hex digits that name the content of some files of a folder, or of every setting and weight in it."""
    whole = hashlib.sha256()
    every = (one.name for one in folder.iterdir() if one.suffix in _TELLING)
    for file in sorted(every if files is None else files):
        with (folder / file).open("rb") as content:
            whole.update(file.encode() + hashlib.file_digest(content, "sha256").digest())
    return whole.hexdigest()[:16]
