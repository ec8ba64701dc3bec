"""Which column plays which role, and what modality the rows have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from memory.datasets.columnar import Features
from memory.datasets.media import AUDIO_ENDINGS, IMAGE_ENDINGS
from memory.datasets.readers import Row
from memory.datasets.splits import known_split
from memory.errors import UsageError
from memory.job import Columns, Source
from memory.records import Modality

TEXT = "text sentence content utterance question review query message comment tweet document body prompt transcript"
IMAGE = "image img picture photo image_path img_path image_file file_name filename file path filepath file_path"
SPEECH = "audio audio_filepath wav speech sound recording clip audio_path audio_file wav_path"
LABEL = (
    "label labels intent class category target sentiment emotion topic tag y class_name label_name label_text command"
)
ID = "id uid uuid guid idx sample_id item_id example_id utterance_id"
SPLIT = "split partition subset"
GROUP = (
    "group group_id speaker speaker_id author author_id user user_id patient patient_id subject subject_id "
    "client_id writer writer_id"
)
TRANSCRIPT = "transcript transcription text sentence utterance"
_SAID = ("transcript", "transcription")
"""Columns that hold what is said in clips, and are no texts of their own beside them."""
_FILE_NAMES = "file_name filename file path filepath file_path"


@dataclass(frozen=True)
class Roles:
    """The columns of one dataset by role, and what its payload is."""

    modality: Modality
    columns: Columns
    label_names: tuple[str, ...] = ()
    """Names of a ClassLabel label in order of their numbers; else empty."""
    embedded: bool = False
    """True when the payload column holds the media themselves."""
    chosen: bool = False
    """True when a person named the attributes; else they are offered, and kept when they have few values."""
    id_chosen: bool = False
    split_chosen: bool = False


def resolve(source: Source, features: Features, first: Sequence[Row], where: str, folder: bool) -> Roles:
    """Find the column of every role by name, and the modality.

    `first` holds the first rows; `folder` is true for a folder of media, where the class may be the folder's name.
    Raises UsageError for a named column that is not there, and where payload, label or modality cannot be told.
    """
    names = tuple(dict.fromkeys((*features.columns, *(name for row in first for name in row))))
    _all_there(source.columns, names, where)
    modality, payload = _payload(source, features, first, names, where)
    label = source.columns.label or _first(names, LABEL, {payload})
    if label is None and "audio_filepath" in names:
        label = _first(names, "text", {payload})
    if label is None and not folder:
        raise UsageError(f"No column looks like a label. {_ask('label', names)}", where=where)
    taken = {payload, label}
    columns = Columns(
        payload=payload,
        label=label,
        id=source.columns.id or _first(names, ID, taken),
        split=source.columns.split or _split(names, first, taken),
        group=source.columns.group or _first(names, GROUP, taken),
        transcript=_transcript(source, modality, names, taken, where),
    )
    roles = {*taken, columns.id, columns.split, columns.group, columns.transcript, ""}
    offered = tuple(name for name in names if name not in roles and _is_scalar(name, features, first))
    return Roles(
        modality,
        columns.model_copy(update={"attributes": source.columns.attributes or offered}),
        label_names=features.class_names.get(label or "", ()),
        embedded=payload in features.media or payload in features.opaque,
        chosen=bool(source.columns.attributes),
        id_chosen=source.columns.id is not None,
        split_chosen=source.columns.split is not None,
    )


def _all_there(wanted: Columns, names: Sequence[str], where: str) -> None:
    for role in ("payload", "label", "id", "split", "group", "transcript"):
        name = getattr(wanted, role)
        if name is not None and name not in names:
            raise UsageError(
                f"There is no column {name!r} (columns.{role}). Columns are: {_listed(names)}.", where=where
            )
    for name in wanted.attributes:
        if name not in names:
            raise UsageError(
                f"There is no column {name!r} (columns.attributes). Columns are: {_listed(names)}.", where=where
            )


def _transcript(
    source: Source, modality: Modality, names: Sequence[str], taken: set[str | None], where: str
) -> str | None:
    named = source.columns.transcript
    if modality == "speech":
        return named or _first(names, TRANSCRIPT, taken)
    if named is not None:
        raise UsageError(f"{modality} has no transcript; remove columns.transcript.", where=where)
    return None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name[:80]) for name in names[:40]) or "none"


def _ask(role: str, names: Sequence[str]) -> str:
    return f"Name one with columns.{role}. Columns are: {_listed(names)}."


def _first(names: Sequence[str], usual: str, taken: set[str | None]) -> str | None:
    lower = {name.strip().lower(): name for name in reversed(names) if name not in taken}
    return next((lower[word] for word in usual.split() if word in lower), None)


def _payload(
    source: Source, features: Features, first: Sequence[Row], names: Sequence[str], where: str
) -> tuple[Modality, str]:
    """Return modality and payload column."""
    given = source.columns.payload
    kinds = {name: features.media.get(name) or _sniff(name, first) for name in (*features.media, *features.opaque)}
    embedded = {name: kind for name, kind in kinds.items() if name == given or (given is None and kind)}
    if embedded and source.modality != "text":
        return _embedded(embedded, source.modality, where)
    found: dict[Modality, str] = {}
    for modality, usual in (("image", f"{IMAGE}"), ("speech", f"{SPEECH} {_FILE_NAMES}")):
        name = given or _path_column(names, usual, first, modality)
        if name is not None and _ending_share(name, first, modality) > 0.5:
            found[modality] = name  # type: ignore[index]
    text = given or _first(names, TEXT, set()) or _only_text(names, first)
    said = {"audio_filepath", *(name for name in names if name.strip().lower() in _SAID and "speech" in found)}
    if text is not None and text not in found.values() and not said & {text, *found.values()}:
        found["text"] = text
    return _decide(source, found, names, where)


def _decide(source: Source, found: dict[Modality, str], names: Sequence[str], where: str) -> tuple[Modality, str]:
    given, modality = source.columns.payload, source.modality
    if modality is not None:
        name = (
            given
            or found.get(modality)
            or _first(names, {"text": TEXT, "image": IMAGE, "speech": SPEECH}[modality], set())
        )
        if name is None:
            raise UsageError(f"No column looks like the {modality}. {_ask('payload', names)}", where=where)
        return modality, name
    if not found:
        raise UsageError(f"No column looks like text, images or audio. {_ask('payload', names)}", where=where)
    if len(found) > 1:
        what = " and ".join(f"{kind} ({name!r})" for kind, name in found.items())
        raise UsageError(f"The rows hold {what}; say which with dataset.modality.", where=where)
    return next(iter(found.items()))


def _embedded(kinds: dict[str, Modality | None], wanted: Modality | None, where: str) -> tuple[Modality, str]:
    fitting = [name for name, kind in kinds.items() if wanted in {None, kind} or kind is None]
    if not fitting:
        name, kind = next(iter(kinds.items()))
        raise UsageError(f"The column {name!r} holds {kind}, not {wanted}; change dataset.modality.", where=where)
    modality = wanted or kinds[fitting[0]]
    if modality is None:
        raise UsageError(
            f"The column {fitting[0]!r} holds bytes of an unknown kind; set dataset.modality.", where=where
        )
    return modality, fitting[0]


def _sniff(name: str, first: Sequence[Row]) -> Modality | None:
    """Tell images from audio by the first bytes of the first item that has some."""
    for row in first:
        value = row.get(name)
        data = value.get("bytes") if isinstance(value, dict) else value
        if isinstance(data, bytes) and data:
            return _kind_of(data)
    return None


def _kind_of(data: bytes) -> Modality | None:
    if data[8:12] == b"WEBP" or data.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")):
        return "image"
    return "speech" if data.startswith((b"RIFF", b"fLaC", b"OggS", b"FORM", b".snd", b"ID3", b"\xff")) else None


def _path_column(names: Sequence[str], usual: str, first: Sequence[Row], modality: str) -> str | None:
    by_name = _first(names, usual, set())
    if by_name is not None:
        return by_name
    return next((name for name in names if _ending_share(name, first, modality) == 1), None)


def _ending_share(name: str, first: Sequence[Row], modality: str) -> float:
    endings = IMAGE_ENDINGS if modality == "image" else AUDIO_ENDINGS
    values = [value for row in first if isinstance(value := row.get(name), str) and value]
    return sum(PurePosixPath(value).suffix.lower() in endings for value in values) / max(1, len(values))


def _only_text(names: Sequence[str], first: Sequence[Row]) -> str | None:
    """Return the only column of words that no convention knows, or None."""
    taken = {_first(names, usual, set()) for usual in (LABEL, ID, SPLIT, GROUP)}
    wordy = [
        name
        for name in names
        if name not in taken and any(isinstance(row.get(name), str) and " " in row[name].strip() for row in first)
    ]
    return wordy[0] if len(wordy) == 1 else None


def _split(names: Sequence[str], first: Sequence[Row], taken: set[str | None]) -> str | None:
    name = _first(names, SPLIT, taken)
    values = [row.get(name) for row in first] if name else []
    return name if all(isinstance(value, str) and known_split(value) for value in values) else None


def _is_scalar(name: str, features: Features, first: Sequence[Row]) -> bool:
    if name in features.media or name in features.opaque:
        return False
    return not any(isinstance(row.get(name), (dict, list, bytes)) for row in first)


def as_text(value: Any) -> str | None:
    """Return a single value as text, or None when there is none: null, NaN, the empty string.

    Whole floats are written as integers (a column with gaps turns 1 into 1.0), booleans as `true` and `false`.
    Raises TypeError for lists, objects and bytes.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (dict, list, tuple, bytes)):
        raise TypeError(type(value).__name__)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) or None
