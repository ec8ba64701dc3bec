"""Which encoder a name means, and whether it may run: a pinned one, another one by folder or hub id, or an endpoint."""

from __future__ import annotations

from pathlib import Path

from memory.errors import UsageError
from memory.exchanges import without_secrets
from memory.literature.store import Encoder
from tools.embed.endpoint import EndpointEncoder
from tools.embed.transformer import TransformerEncoder, digest_of, from_folder
from tools.models.choose import ENDPOINT
from tools.weights import hub, pinned
from tools.weights.table import ENCODER, entry_of, serving

LEXICAL = "lexical"


def choose(name: str, *, remote: bool, base_url: str, api_key: str | None) -> Encoder | None:
    """Return the encoder that `name` means; None for `lexical`, which needs none.

    Raises UsageError when its weights or key are missing, or when it would send or fetch and `remote` is not allowed.
    """
    if name == LEXICAL:
        return None
    if name.startswith(ENDPOINT):
        return _endpoint(name.removeprefix(ENDPOINT), remote, base_url, api_key)
    entry = entry_of(name)
    if entry not in serving("search"):
        return from_folder(name, _places(name, remote))
    missing = pinned.why_missing(entry)
    if missing and not remote:
        raise UsageError(missing)
    return TransformerEncoder(entry.name, digest_of(pinned.hashes_of(entry)), lambda: pinned.read(entry, remote))


def _endpoint(model: str, remote: bool, base_url: str, api_key: str | None) -> EndpointEncoder:
    if not remote:
        raise UsageError(
            f"{ENDPOINT}{model} sends the notes and the question to {without_secrets(base_url)}; say `remote: allow`, "
            "or take another encoder.",
            where="policy.encoder",
        )
    if not api_key:
        raise UsageError(f"{without_secrets(base_url)} wants a key; set OPENAI_API_KEY.", where="policy.encoder")
    return EndpointEncoder(model, base_url, api_key)


def _places(name: str, remote: bool) -> dict[str, Path]:
    """Return file -> place of an encoder that is a folder here, or in the Hugging Face cache, or on the hub."""
    folder = Path(name)
    if folder.is_dir():
        return {file: folder / file for file in ENCODER if (folder / file).is_file()}
    found = hub.on_hub(name, ENCODER, None, remote)
    if not found:
        there = ", ".join([*(one.name for one in serving("search")), LEXICAL])
        fetched = "on the hub" if remote else "in the Hugging Face cache (to fetch it, say `remote: allow`)"
        raise UsageError(
            f"There is no encoder {name!r} here nor {fetched}; there are: {there}.", where="policy.encoder"
        )
    return found
