"""Where weights are: the local Hugging Face cache, and, where a person or a job asks for it, the hub.

Only safetensors count as weights: nothing that is pickled is fetched or read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from memory.errors import UsageError
from tools.weights.table import Weights, entry_of, with_beside

PARTS = (
    *("model_index.json", "config.json", "diffusion_pytorch_model.safetensors"),
    *("*/*.json", "*/*.txt", "*/*.model", "*/*.jinja", "*/*.safetensors"),
)
"""What is fetched of a repository of diffusers: no single-file copies of the same weights."""
WHOLE = ("*.json", "*.txt", "*.model", "*.spm", "*.jinja", "*.safetensors")
"""What is fetched of one of transformers."""
_TWICE = ("*.fp16.safetensors", "*.fp32*.safetensors", "*non_ema*", "*.fp16.json", "onnx/*", "openvino/*", "original/*")


def on_hub(repository: str, files: Iterable[str], revision: str | None, remote: bool) -> dict[str, Path]:
    """Return file -> place of those that the Hugging Face cache has, or, where `remote`, the hub gives."""
    from huggingface_hub import hf_hub_download

    found = {}
    for file in files:
        try:
            place = hf_hub_download(repository, file, revision=revision, local_files_only=not remote)
        except (OSError, ValueError):  # not there, out of reach, or no hub id
            continue
        found[file] = Path(place)
    return found


def folder_of(repository: str, files: Sequence[str]) -> Path | None:
    """Return the folder of the Hugging Face cache that holds every file, of the main branch if it can be, or None.

    Any revision serves, as some repositories keep their safetensors in a pull request; the digest of an engine tells
    which files were used.
    """
    return next((one for one in _snapshots(repository) if all((one / file).is_file() for file in files)), None)


def folder_named(name: str, *kinds: Sequence[str]) -> Path | None:
    """Return the folder that a name means: one here, or that of the cache with all files of one of `kinds`, or None.

    In the cache the name is that of an entry or a hub id.
    """
    here = Path(name).expanduser()
    if here.is_dir():
        return here
    entry = entry_of(name)
    repository = name if entry is None else entry.repository
    return next((found for files in kinds if (found := folder_of(repository, files)) is not None), None)


def shards_of(index: Path) -> list[str]:
    """Return the files that an index of weights names, sorted. Raises ValueError for one that cannot be read."""
    try:
        return sorted({str(file) for file in json.loads(index.read_bytes())["weight_map"].values()})
    except (OSError, KeyError, AttributeError, TypeError) as problem:
        raise ValueError("it names no files") from problem


def place_of(entry: Weights) -> Path | None:
    """Return the folder of the Hugging Face cache that holds an entry whole, or None."""
    return next((one for one in _snapshots(entry.repository) if _lost(entry, one) is None), None)


def why_missing(entry: Weights) -> str | None:
    """Return what this machine lacks of an entry and of the one beside it, with the command that brings it, or None."""
    lacking = [one for one in with_beside(entry) if place_of(one) is None]
    return f"{_lacking(lacking[0])}; {how_to_get(entry)}" if lacking else None


def how_to_get(entry: Weights) -> str:
    """Return the command that brings an entry, with what it costs."""
    size = sum(one.gb for one in with_beside(entry))
    memory = "" if entry.drawing is None else f"; {entry.drawing.vram_gb:g} GB of GPU memory, or minutes a picture"
    return f"run: augplan fetch {entry.name} ({entry.licence}, {size:.2g} GB{memory})"


def how_to_get_named(name: str) -> str:
    """Return the command that brings what a name or hub id means."""
    entry = entry_of(name)
    return f"run: hf download {name}" if entry is None else how_to_get(entry)


def fetch(entry: Weights) -> list[Path]:
    """Return the folders of an entry and of the one beside it; what the cache lacks is fetched from the hub.

    Raises UsageError where the hub is out of reach, has no such repository or revision, or lacks a file.
    """
    return [_fetched(one) for one in with_beside(entry)]


def pipeline_folders(entry: Weights, remote: bool) -> tuple[Path, Path | None]:
    """Return the folders of a pipeline and of its control network, or None where it has none.

    They are in the local Hugging Face cache; where `remote`, what is missing is fetched from the hub. Raises UsageError
    saying what is missing and how to get it.
    """
    here = [place_of(one) for one in with_beside(entry)]
    if None in here and not remote:
        raise UsageError(f"{why_missing(entry)}.")
    own, *beside = fetch(entry) if None in here else [one for one in here if one is not None]
    return (beside[0], own) if beside else (own, None)


def lacks(folder: Path, control: bool = False) -> str | None:
    """Return the first file that a folder of a pipeline lacks, or None.

    With `control` the folder holds one model by itself, as control networks do.
    """
    if control:
        return _lacks_part(folder)
    try:
        parts = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
        named = [name for name, of in sorted(parts.items()) if isinstance(of, list) and of[0] is not None]
        for name in (name for name in named if not name.startswith("_")):
            missing = _lacks_part(folder / name)
            if missing is not None:
                return f"{name}/{missing}"
    except (OSError, ValueError, AttributeError, KeyError, IndexError):
        return "a model_index.json that can be read"
    return None


def _lacks_part(part: Path) -> str | None:
    if not part.is_dir() or not any(part.iterdir()):
        return "config.json"
    if not (part / "config.json").is_file():  # tokenizers and schedulers hold no weights
        return None
    shards: list[str] = []
    for index in sorted(part.glob("*.safetensors.index.json")):
        try:
            shards += shards_of(index)
        except ValueError:
            return f"a readable {index.name}"
    if not shards:
        return None if any(part.glob("*.safetensors")) else "*.safetensors"
    return next((shard for shard in sorted(shards) if not (part / shard).is_file()), None)


def _snapshots(repository: str) -> list[Path]:
    """Return the revisions of a repository that the cache has some of, the main branch first."""
    from huggingface_hub import constants

    place = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    main = place / "refs" / "main"
    first = main.read_text().strip() if main.is_file() else ""
    return sorted(place.glob("snapshots/*"), key=lambda folder: (folder.name != first, folder.name))


def _lacking(entry: Weights) -> str:
    here = _snapshots(entry.repository)
    if not here:
        return f"{entry.repository} is not in the Hugging Face cache"
    return f"{entry.repository} is not whole in the Hugging Face cache: {_lost(entry, here[0])} is missing"


def _lost(entry: Weights, folder: Path) -> str | None:
    """Return the first file that a folder lacks to be an entry, or None."""
    if not entry.files:
        return lacks(folder)
    return next((one for one in entry.files if not (folder / one).is_file()), None) or _lacks_part(folder)


def _fetched(entry: Weights) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        snapshot_download(
            entry.repository,
            revision=entry.revision,
            allow_patterns=list(entry.sha256 or (WHOLE if entry.drawing is None else PARTS)),
            ignore_patterns=list(_TWICE),
        )
    except (OSError, ValueError, HfHubHTTPError) as problem:
        first = str(problem).strip().partition("\n")[0]
        said = f"{type(problem).__name__}: {first}"
        raise UsageError(f"{entry.repository} cannot be fetched: {said}", where=entry.name) from problem
    place = place_of(entry)
    if place is None:
        raise UsageError(f"{_lacking(entry)}, and the hub does not have it.", where=entry.name)
    return place
