"""Which source a name means: an endpoint, or a transformers model on this machine."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from memory.errors import UsageError
from tools.models.endpoint import TIMEOUT_S, Endpoint
from tools.models.local import HERE, Local, lacking
from tools.models.source import Source
from tools.weights.hub import fetch, how_to_get_named, on_hub, place_of, shards_of
from tools.weights.table import entry_of

__all__ = ["ENDPOINT", "HERE", "name_of", "source_of", "why_missing"]

ENDPOINT = "openai:"
"""What the name of a model at an endpoint begins with."""
_WHERE = "policy.model"
_INDEX = "model.safetensors.index.json"
_FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
    "model.safetensors",
    _INDEX,
)
"""What a model is made of; those that it has not are not missed here."""


def name_of(model: str) -> str:
    """Return the name of a model as it stands in requests: that at its endpoint, or of its folder, or its hub id."""
    if model.startswith(ENDPOINT):
        return model.removeprefix(ENDPOINT)
    return Path(model).name if Path(model).is_dir() else model


def source_of(
    name: str,
    *,
    remote: bool,
    base_url: str,
    api_key: str | None,
    device: str,
    timeout_s: float = TIMEOUT_S,
) -> Source:
    """Return the source that `name` means: `openai:NAME`, a folder, or a hub id; nothing is loaded or asked yet.

    A hub id is looked for in the Hugging Face cache and, where `remote`, fetched. Raises UsageError where an endpoint
    may not be asked or has no key, and where a model is not here.
    """
    if name.startswith(ENDPOINT):
        _allow(name, remote, base_url, api_key)
        return Endpoint(name_of(name), base_url, api_key, timeout_s=timeout_s)
    folder = _folder(name, remote)
    if folder is None:
        raise UsageError(_not_here(name, remote), where=_WHERE)
    if missing := lacking(folder):
        raise UsageError(missing, where=_WHERE)
    return Local(name_of(name), folder, device)


def why_missing(name: str, remote: bool) -> str | None:
    """Return why a source cannot be had, with what to do about it, or None. Loads, fetches and asks nothing.

    Whether a key is set is not known here, nor, where `remote`, whether the hub has a model.
    """
    if name.startswith(ENDPOINT):
        return None if remote else f"{name} is asked over the network; say `remote: allow`."
    folder = _folder(name, remote=False)
    if folder is not None:
        return lacking(folder)
    return None if remote else _not_here(name, remote)


def _allow(name: str, remote: bool, base_url: str, api_key: str | None) -> None:
    if not name_of(name):
        raise UsageError(f"{name!r} names no model; say {ENDPOINT}NAME.", where=_WHERE)
    if not remote:
        raise UsageError(
            f"{name} sends what it is asked to an endpoint, and what that passes on is not known, wherever it runs; "
            "say `remote: allow`, or take a model on this machine.",
            where=_WHERE,
        )
    if not (api_key or "").strip() and not is_loopback(base_url):
        raise UsageError(f"{urlsplit(base_url).hostname} wants a key; set OPENAI_API_KEY.", where=_WHERE)


def is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _folder(name: str, remote: bool) -> Path | None:
    """Return where the files of a model are: a folder here, or that of the Hugging Face cache, or None."""
    if Path(name).is_dir():
        return Path(name)
    entry = entry_of(name)
    if entry is not None:
        return place_of(entry) or (fetch(entry)[0] if remote else None)
    found = on_hub(name, _FILES, None, remote)
    if _INDEX in found:
        try:
            shards = shards_of(found[_INDEX])
        except ValueError as problem:
            where = str(found[_INDEX])
            raise UsageError("This index of weights cannot be read; fetch the model again.", where=where) from problem
        found |= on_hub(name, shards, None, remote)
    return found["config.json"].parent if "config.json" in found else None


def _not_here(name: str, remote: bool) -> str:
    if remote:
        return f"There is no model {name!r}: no such folder, and the hub gives none by this id."
    return (
        f"There is no model {name!r} on this machine: no such folder, and not in the Hugging Face cache. "
        f"Say `remote: allow`, or {how_to_get_named(name)}."
    )
