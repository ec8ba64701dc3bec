"""Which model makes pictures, whether it may and can, and how it is read: the one loader of diffusers pipelines.

`policy.image_model` names `openai:NAME`, an entry of the weights table or a folder that `save_pretrained` wrote; None
is the first entry that serves a work. What licence a folder is under is the matter of whoever names it. Weights are
read once a process and shared by every work that runs on them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakValueDictionary

from memory.errors import UsageError
from memory.job import Policy
from prompts.render import render
from tools.engines import remote_pictures
from tools.engines.engine import Engine, Place
from tools.engines.pictures import Parts, Pictures, Usual
from tools.engines.ways import Way, Work, able, way_of
from tools.weights import hub
from tools.weights.table import TABLE, Weights, entry_of, serving, why_forbidden

if TYPE_CHECKING:
    import torch

_FIELD = "policy.image_model"


def why_missing(policy: Policy, work: Work) -> str | None:
    """Return what is missing before a work can be done, with the command that brings it; None when it can be.

    Weights that a job names are fetched where it says `remote: allow`; a default is never fetched unasked.
    """
    named = policy.image_model or _own(work).name
    if remote_pictures.is_endpoint(named):
        return remote_pictures.why_missing(policy, work)
    if importlib.util.find_spec("diffusers") is None:
        return "diffusers is not installed; run: pip install diffusers"
    entry = _drawing(named)
    if entry is None:
        return _why_no_folder(Path(named), work)
    forbidden = why_forbidden(entry.name, policy)
    if forbidden is not None:
        return forbidden
    if policy.remote == "allow" and policy.image_model is not None:
        return None
    return hub.why_missing(entry) or _why_unable(entry, work)


def build(place: Place, work: Work) -> Engine:
    """Return what does a work. Raises UsageError where it is missing, not allowed, or a model for another work."""
    missing = why_missing(place.policy, work)
    if missing is not None:
        raise UsageError(missing, where=_FIELD)
    named = place.policy.image_model or _own(work).name
    if remote_pictures.is_endpoint(named):
        return remote_pictures.build(place, work)
    entry = _drawing(named)
    if entry is None or entry.drawing is None:
        return open_pictures(Path(named), work, place.device, compiled=place.compiled)
    made_for = entry.drawing
    folder, control = hub.pipeline_folders(entry, remote=place.policy.remote == "allow")
    usual = Usual(made_for.steps, made_for.guidance, made_for.side)
    return open_pictures(folder, work, place.device, control=control, usual=usual, compiled=place.compiled)


def open_pictures(
    folder: Path,
    work: Work,
    device: str,
    *,
    control: Path | None = None,
    usual: Usual | None = None,
    compiled: bool = False,
) -> Pictures:
    """Read a pipeline from a folder and set it to a work; `control` is the folder of a control network.

    `usual` None takes the usual steps and guidance of its class and the side that it was trained at. `compiled` has
    the blocks that the denoiser repeats compiled, once a process and again for every size of picture. Raises UsageError
    naming the file that is missing, or the classes that can do the work.
    """
    way = _way(folder, work, control is not None)
    for place, alone in ((folder, False), (control, True)):
        if place is not None and (missing := hub.lacks(place, control=alone)) is not None:
            raise UsageError(f"{missing} is missing; only pipelines in safetensors are read.", where=str(place))
    parts = _parts(folder, control, device, compiled)
    pipe = _become(parts, way)
    own = usual or Usual(way.steps, way.guidance, _trained_at(pipe))
    digest = _digest_of(parts.digest, way, own, device)
    return Pictures(pipe, work, way, own, digest, parts=parts)


# --- what can be done with a folder ----------------------------------------------------------------


def _own(work: Work) -> Weights:
    """Return the entry that does a work where a policy names no model."""
    return serving(f"{work}_pictures")[0]


def _drawing(name: str) -> Weights | None:
    """Return the pipeline of the weights table that a name or hub id means, or None."""
    entry = entry_of(name)
    return entry if entry is not None and entry.drawing is not None else None


def _why_no_folder(folder: Path, work: Work) -> str | None:
    if not folder.is_dir():
        known = ", ".join([*(one.name for one in TABLE.values() if one.drawing), "a folder", "openai:NAME"])
        return f"There is no image model {str(folder)!r}; there are: {known}."
    missing = hub.lacks(folder)
    if missing is not None:
        return f"{folder} is no whole pipeline in safetensors: {missing} is missing."
    try:
        _way(folder, work, control=False)
    except UsageError as problem:
        return str(problem)
    return None


def _why_unable(entry: Weights, work: Work) -> str | None:
    folder, control = hub.pipeline_folders(entry, remote=False)
    try:
        _way(folder, work, control is not None)
    except UsageError as problem:
        return str(problem)
    return None


def _way(folder: Path, work: Work, control: bool) -> Way:
    try:
        named = str(json.loads((folder / "model_index.json").read_text(encoding="utf-8"))["_class_name"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise UsageError("It has no model_index.json that can be read.", where=str(folder)) from problem
    way = way_of(work, named, control)
    if way is None:
        raise UsageError(f"A {named} cannot {work} pictures; these can: {able(work)}.", where=str(folder))
    return way


# --- reading ---------------------------------------------------------------------------------------


_READ: WeakValueDictionary[tuple[str, str, str, bool], Parts] = WeakValueDictionary()
_READING = Lock()


def _parts(folder: Path, control: Path | None, device: str, compiled: bool) -> Parts:
    key = (str(folder.resolve()), str(control and control.resolve()), device, compiled)
    with _READING:
        found = _READ.get(key)
        if found is None:
            found = _READ[key] = _read(folder, control, device, compiled)
        return found


def _read(folder: Path, control: Path | None, device: str, compiled: bool) -> Parts:
    import diffusers
    from diffusers.utils import logging
    from transformers.utils import logging as logging_of_encoders

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    cast("Any", logging_of_encoders).disable_progress_bar()
    how: dict[str, Any] = {"dtype": _dtype(device), "use_safetensors": True, "local_files_only": True}
    net = None if control is None else cast("Any", diffusers.ControlNetModel).from_pretrained(control, **how).to(device)
    named = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))["_class_name"]
    pipe = getattr(diffusers, named).from_pretrained(folder, **how).to(device)
    content = _content([folder] if control is None else [folder, control])
    if compiled:
        denoiser = pipe.transformer if hasattr(pipe, "transformer") else pipe.unet
        denoiser.compile_repeated_blocks()
        content = f"{content} compiled"  # it rounds in another order
    return Parts(pipe, content, net)


def _become(parts: Parts, way: Way) -> Any:
    """Return the pipeline of class `way.runs` around the same parts."""
    import diffusers

    more = {} if parts.control is None else {"controlnet": parts.control}
    pipe = getattr(diffusers, way.runs).from_pipe(parts.pipe, dtype=parts.pipe.dtype, **more)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _dtype(device: str) -> torch.dtype:
    import torch

    return torch.bfloat16 if device == "cuda" and torch.cuda.is_bf16_supported() else torch.float32


def _trained_at(pipe: Any) -> int:
    """Return the side in pixels that a pipeline was trained at, from its configuration."""
    latents = getattr(pipe, "default_sample_size", None) or pipe.unet.config.sample_size
    return int(latents) * int(pipe.vae_scale_factor)


def _content(folders: list[Path]) -> str:
    """Return the SHA-256 of every file of some folders, with its name."""
    total = hashlib.sha256()
    for folder in folders:
        for file in sorted(one for one in folder.rglob("*") if one.is_file()):
            with file.open("rb") as data:
                total.update(f"{file.relative_to(folder)} {hashlib.file_digest(data, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def _digest_of(content: str, way: Way, usual: Usual, device: str) -> str:
    """Name all that can change a picture beside its order: weights, class, version, precision, wording."""
    import diffusers

    said = [render("picture", medium="", name="", details=""), render("picture_change", change="", name="")]
    facts = [content, repr(way), repr(usual), diffusers.__version__, str(_dtype(device)), *(one.digest for one in said)]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()
