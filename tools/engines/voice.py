"""What `policy.speech_model` names: a VITS or MMS model on this machine, or an endpoint that speaks."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from memory.datasets.media import Wave
from memory.errors import UsageError
from memory.job import Policy
from tools.engines import phonemes as transcriber
from tools.models.choose import ENDPOINT
from tools.weights.hub import folder_named, how_to_get_named, on_hub
from tools.weights.hub import why_missing as why_not_here
from tools.weights.table import VITS, entry_of, serving, why_forbidden

if TYPE_CHECKING:
    from tools.engines.engine import Place


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
    """Whether it reads English alone, and so no other script than Latin."""

    def speak(self, lines: Sequence[Line]) -> list[Wave | None]:
        """Return the sound of each line, one channel; None where a line gave none. Raises where nothing works."""
        ...


def why_missing(policy: Policy) -> str | None:
    """Return what is missing for `policy.speech_model`, or which rule forbids it; None where it can speak.

    Where a job names nothing, the voice that the table of weights has first is looked for, and never fetched.
    """
    name = name_of(policy)
    if not policy.speech_model:
        missing = why_forbidden(name, policy) or _why_not_local(name)
        return f"policy.speech_model names nothing that speaks, and {missing}" if missing else None
    if name.startswith(ENDPOINT):
        if policy.remote == "deny":
            return f"policy.speech_model {name} is an endpoint, to which words are sent, and policy.remote is deny"
        return None if name != ENDPOINT else "policy.speech_model names no model after openai:"
    return why_forbidden(name, policy) or _why_not_local(name)


def build(place: Place) -> Voice:
    """Return the voice. Raises UsageError where it is missing, forbidden, or not what its table entry says."""
    policy = place.policy
    missing = why_missing(policy)
    if missing is not None:
        raise UsageError(f"{missing}.", where="policy.speech_model")
    name = name_of(policy)
    if name.startswith(ENDPOINT):
        from tools.engines.speech_endpoint import SpeechEndpoint

        address, key = place.endpoint
        if not address:
            raise UsageError("No address of an endpoint for speech is set.", where="settings")
        return SpeechEndpoint(name.removeprefix(ENDPOINT), address, key or "none", hearing=place.hearing)
    from tools.engines.vits import load

    return load(files_of(name), place.device)


def name_of(policy: Policy) -> str:
    """Return what speaks: what the job names, else the hub id of the voice that is taken without a name."""
    return policy.speech_model or serving("voice")[0].repository


def files_of(name: str) -> Mapping[str, Path]:
    """Return file -> place for a folder, or for what the Hugging Face cache has of a table entry or hub id."""
    here = folder_named(name, VITS)
    if here is not None:
        return {file: here / file for file in VITS if (here / file).is_file()}
    return on_hub(name, VITS, None, remote=False)  # not whole: which of them are there


def _why_not_local(name: str) -> str | None:
    found = files_of(name)
    lacking = [file for file in VITS if file not in found]
    if lacking:
        entry = entry_of(name)
        if entry is not None:
            return why_not_here(entry)
        how = "" if Path(name).expanduser().is_dir() else f"; {how_to_get_named(name)}"
        return f"{name} has no {', '.join(lacking)} on this machine{how}"
    try:
        config, words = (
            json.loads(found[file].read_text("utf-8")) for file in ("config.json", "tokenizer_config.json")
        )
        kind, reads, roman = config.get("model_type"), words.get("phonemize", True), words.get("is_uroman", False)
    except (OSError, ValueError, AttributeError) as problem:
        return f"the configuration of {name} cannot be read: {problem}"
    if kind != "vits":
        return f"{name} is a model of type {kind!r}; one of type 'vits' (VITS, MMS) speaks here"
    return _why_not_read(name, phonemes=reads, roman=roman)


def _why_not_read(name: str, phonemes: bool, roman: bool) -> str | None:
    """Return what the tokenizer of a model lacks to read a text, or None."""
    lacking = transcriber.why_missing() if phonemes else None
    if lacking is not None:
        return f"{name} reads phonemes, which espeak-ng makes, and {lacking}"
    if roman and importlib.util.find_spec("uroman") is None:
        return f"the tokenizer of {name} needs uroman; run: pip install uroman"
    return None
