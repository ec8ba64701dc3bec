"""What `policy.speech_model` names: a VITS or MMS model on this machine, or an endpoint that speaks."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from memory.datasets.media import Wave
from memory.errors import UsageError
from memory.job import Policy
from tools.models.choose import ENDPOINT
from tools.weights import TABLE, Weights, on_hub

if TYPE_CHECKING:
    from tools.engines.engine import Place

LICENCES = (("facebook/mms-tts-*", "CC-BY-NC-4.0"), ("kakao-enterprise/vits-*", "MIT"))
"""Hub ids of voices -> the licence on their card."""
FILES = ("config.json", "model.safetensors", "tokenizer_config.json", "vocab.json")


@dataclass(frozen=True)
class Line:
    """Something to say."""

    text: str
    voice: str
    """Name of a voice, or number of a speaker; empty: drawn among all that are known."""
    rate: float
    """Speed, 1 is the voice's own."""
    seed: int
    """Seed of the voice that is drawn and of the noise that a model starts from."""


class Voice(Protocol):
    """Says lines; what it makes of one depends on that line alone."""

    digest: str
    english: bool
    """Whether it reads English letters only, so that digits must be spelled for it."""

    def speak(self, lines: Sequence[Line]) -> list[Wave | None]:
        """Return the sound of each line, one channel; None where a line gave none. Raises where nothing works."""
        ...


def why_missing(policy: Policy) -> str | None:
    """Return what is missing for `policy.speech_model`, or which rule forbids it; None where it can speak."""
    name = policy.speech_model
    if not name:
        return "policy.speech_model names nothing that speaks; say openai:NAME, or the folder or hub id of a VITS model"
    if name.startswith(ENDPOINT):
        if policy.remote == "deny":
            return f"policy.speech_model {name} is an endpoint, to which words are sent, and policy.remote is deny"
        return None if name != ENDPOINT else "policy.speech_model names no model after openai:"
    return _why_not_allowed(name, policy) or _why_not_local(name)


def build(place: Place) -> Voice:
    """Return the voice. Raises UsageError where it is missing, forbidden, or not what its table entry says."""
    policy = place.policy
    missing = why_missing(policy)
    if missing is not None:
        raise UsageError(f"{missing}.", where="policy.speech_model")
    name = str(policy.speech_model)
    if name.startswith(ENDPOINT):
        from tools.engines.speech_endpoint import SpeechEndpoint

        address, key = place.endpoint
        if not address:
            raise UsageError("No address of an endpoint for speech is set.", where="settings")
        return SpeechEndpoint(name.removeprefix(ENDPOINT), address, key or "none", hearing=place.hearing)
    from tools.engines.vits import load

    return load(files_of(name), place.device, entry_of(name))


def entry_of(name: str) -> Weights | None:
    """Return the entry of the weights table that a name or hub id means, or None."""
    return TABLE.get(name) or next((one for one in TABLE.values() if one.repository == name), None)


def files_of(name: str) -> Mapping[str, Path]:
    """Return file -> place for a folder, or for what the Hugging Face cache has of a table entry or hub id."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return {file: folder / file for file in FILES if (folder / file).is_file()}
    entry = entry_of(name)
    if entry is not None:
        return on_hub(entry.repository, FILES, entry.revision, remote=False)
    return on_hub(name, FILES, None, remote=False)


def _why_not_allowed(name: str, policy: Policy) -> str | None:
    """Return why a licence that is known forbids a model; one that a person keeps in a folder is theirs to judge."""
    from tools.catalogue import PERMISSIVE

    entry = entry_of(name)
    known = (licence for pattern, licence in LICENCES if fnmatchcase(name, pattern))
    licence = next(known, None) if entry is None else entry.licence
    if licence is None or policy.licences == "any" or licence in PERMISSIVE:
        return None
    return f"{name} is under {licence} and policy.licences is permissive"


def _why_not_local(name: str) -> str | None:
    found = files_of(name)
    lacking = [file for file in FILES if file not in found]
    if lacking:
        how = "" if Path(name).expanduser().is_dir() else f"; run: hf download {name}"
        return f"{name} has no {', '.join(lacking)} on this machine{how}"
    try:
        config, words = (
            json.loads(found[file].read_text("utf-8")) for file in ("config.json", "tokenizer_config.json")
        )
        kind, phonemes, roman = config.get("model_type"), words.get("phonemize", True), words.get("is_uroman", False)
    except (OSError, ValueError, AttributeError) as problem:
        return f"the configuration of {name} cannot be read: {problem}"
    if kind != "vits":
        return f"{name} is a model of type {kind!r}; one of type 'vits' (VITS, MMS) speaks here"
    for wanted, package in ((phonemes, "phonemizer"), (roman, "uroman")):
        if wanted and importlib.util.find_spec(package) is None:
            return f"the tokenizer of {name} needs {package}; run: pip install {package}"
    return None
