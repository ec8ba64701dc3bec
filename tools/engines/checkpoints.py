"""Checkpoints of transformers on this machine: which are here, and loading one whole, from safetensors alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memory.errors import UsageError


@dataclass(frozen=True)
class Entry:
    """A checkpoint that an engine can run on."""

    repository: str
    """Hub id."""
    licence: str
    files: tuple[str, ...]
    """Files that it needs; only safetensors are read."""


def folder_of(entry: Entry) -> Path | None:
    """Return the folder of the Hugging Face cache that holds every file of an entry, of its main branch if it can be.

    Any revision serves, as some repositories keep their safetensors in a pull request; the digest of an engine tells
    which files were used.
    """
    from huggingface_hub import constants

    place = Path(constants.HF_HUB_CACHE) / f"models--{entry.repository.replace('/', '--')}"
    main = place / "refs" / "main"
    first = main.read_text().strip() if main.is_file() else ""
    folders = sorted(place.glob("snapshots/*"), key=lambda folder: (folder.name != first, folder.name))
    return next((one for one in folders if all((one / file).is_file() for file in entry.files)), None)


def how_to_get(entry: Entry) -> str:
    """Return the sentence that says what is missing and which command brings it."""
    return (
        f"{entry.repository} ({entry.licence}) is not in the Hugging Face cache with {', '.join(entry.files)}; "
        f"run: hf download {entry.repository} (where its safetensors are in a pull request, with "
        "--revision refs/pr/NUMBER)"
    )


def digest_of(folder: Path, files: Sequence[str]) -> str:
    """Return 16 hex digits that name the content of some files of a folder."""
    whole = hashlib.sha256()
    for file in files:
        with (folder / file).open("rb") as content:
            whole.update(hashlib.file_digest(content, "sha256").digest())
    return whole.hexdigest()[:16]


def load(kind: Any, folder: Path) -> Any:
    """Return a model of class `kind` in float32 for reading; draws nothing, and runs no code that came with files.

    Raises UsageError when the checkpoint lacks weights of the class: they would be random.
    """
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call, unused-ignore]
    with torch.random.fork_rng(devices=[]):
        model, info = kind.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, dtype=torch.float32, output_loading_info=True
        )
    if info["missing_keys"]:
        raise UsageError(f"Its weights lack {sorted(info['missing_keys'])[0]!r} and more.", where=str(folder))
    return model.eval()
