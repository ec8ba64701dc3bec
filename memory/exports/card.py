"""What an export says of itself: the front matter of its README, and Croissant metadata."""

from __future__ import annotations

import glob
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory.exports.types import dtype_of

if TYPE_CHECKING:
    import pyarrow as pa

    from memory.datasets.dataset import Dataset

_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".jsonl": "application/jsonlines",
    ".parquet": "application/x-parquet",
}
_TERMS = (
    "citeAs column equivalentProperty extract field fileProperty fileObject fileSet format includes isLiveDataset "
    "jsonPath key md5 parentField path recordSet references regex repeated replace samplingRate separator source "
    "subField transform"
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}
"""The context of Croissant 1.0, whole, as readers compare it."""
_MEANING = {
    "synthetic": "True for a made sample, false for one of the source.",
    "sample_id": "Name of the sample; parents and duplicate_of use it.",
    "parents": "JSON list of the samples it was made from; empty for a sample of the source.",
    "tool": "Tools that made it, joined by +; empty for a sample of the source.",
    "step": "Step of the plan that made it; empty for a sample of the source.",
    "soft_label": "JSON object label -> share for a sample mixed from two labels, else empty.",
    "duplicate_of": "Earlier sample of the source that this one nearly repeats, else empty.",
}


@dataclass(frozen=True)
class Part:
    """The files of one split that `datasets` reads, and their columns."""

    split: str
    files: tuple[str, ...]
    """Relative to the export."""
    types: Mapping[str, pa.DataType]
    special: Mapping[str, Any]
    """Columns that are more than their type: Image, Audio, ClassLabel."""
    beside: tuple[str, ...] = ()
    """Patterns of media files that belong to it."""
    stated: bool = False
    """True when the files do not say the types themselves, so that the README has to."""


def split_name(split: str) -> str:
    """Return a split's name as `datasets` allows it: letters, digits, underscores."""
    return re.sub(r"\W", "_", split) or "_"


def front_matter(dataset: Dataset, parts: Sequence[Part], content: str) -> str:
    """Return the YAML head of the README: files of every split, training first, so that its columns count for all.

    `content` is a hexadecimal digest of what the export holds. `datasets` keeps what it loaded under the folder's name
    and this head, whatever the files hold by then, so the head has to differ where the content does.
    """
    import yaml

    config: dict[str, Any] = {"config_name": "default", "default": True, "version": f"0.0.{int(content[:8], 16)}"}
    ending = Path(parts[0].files[0]).suffix
    if ending in {".csv", ".tsv"}:
        # Only an empty field is a missing value; `NA` and `None` are words.
        config |= {"sep": "," if ending == ".csv" else "\t", "keep_default_na": False, "na_values": [""]}
    config["data_files"] = [
        {"split": split_name(part.split), "path": [*map(glob.escape, part.files), *part.beside]} for part in parts
    ]
    head: dict[str, Any] = {"configs": [config]}
    if parts[0].stated:
        head["dataset_info"] = {"config_name": "default", "features": _features(parts[0])}
    head["tags"] = ["augplan", "data-augmentation", {"text": "text", "image": "image"}.get(dataset.modality, "audio")]
    licence = source_licence(dataset)
    if licence:
        head["license"] = licence
    text = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{text}---\n\n"


def _features(part: Part) -> list[dict[str, Any]]:
    """Return every column with its type."""
    found = []
    for at, (name, kind) in enumerate(part.types.items()):
        names = part.special.get(name, {}).get("names")
        labels = {"class_label": {"names": {str(place): one for place, one in enumerate(names or ())}}}
        # pandas, which reads CSV for `datasets`, names a column without a name by its place.
        found.append({"name": name or f"Unnamed: {at}", "dtype": labels if names else dtype_of(kind)})
    return found


def source_licence(dataset: Dataset) -> str | None:
    """Return the licence that the source's own README states, when it is one plain word."""
    import yaml

    file = dataset.root / "README.md"
    if dataset.layout == "hub" or not file.is_file():
        return None
    with file.open(encoding="utf-8", errors="replace") as opened:
        found = re.match(r"---\n(.*?)\n---", opened.read(1 << 16), re.DOTALL)
    try:
        head = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError:
        return None
    word = head.get("license") if isinstance(head, dict) else None
    return word if isinstance(word, str) and re.fullmatch(r"[\w.+-]{1,60}", word) else None


def croissant(
    dataset: Dataset, root: Path, parts: Sequence[Part], kept: Sequence[str], provenance: Mapping[str, str]
) -> str:
    """Return Croissant 1.0 metadata (JSON-LD): every data file with its SHA-256, one record set a split.

    `kept` are files that were copied as they are and that no split reads.
    """
    data = [name for part in parts for name in part.files]
    files = [_file_object(root, name) for name in dict.fromkeys((*data, *kept))]
    sets = [
        {
            "@type": "cr:FileSet",
            "@id": f"{part.split}-{what}",
            "name": f"{part.split}-{what}",
            "encodingFormat": encoding,
            "includes": list(patterns),
        }
        for part in parts
        for what, encoding, patterns in _file_sets(part)
    ]
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": re.sub(r"[^\w.-]", "_", dataset.name)[:100] or "dataset",
        "description": f"{dataset.name}, augmented by augplan: rows of the source and made rows, marked as such.",
    }
    licence = source_licence(dataset)
    if licence:
        document["license"] = licence
    document |= {
        "distribution": [*files, *sets],
        "recordSet": [_record_set(part, provenance) for part in parts],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _file_sets(part: Part) -> list[tuple[str, str, tuple[str, ...]]]:
    found = [("media", "image/*", part.beside)] if part.beside else []
    if len(part.files) > 1:
        found.append(("shards", _MEDIA_TYPES[Path(part.files[0]).suffix], part.files))
    return found


def _file_object(root: Path, name: str) -> dict[str, Any]:
    file = root / name
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{file.stat().st_size} B",
        "encodingFormat": _MEDIA_TYPES.get(file.suffix.lower(), "application/octet-stream"),
        "sha256": sha256,
    }


def _record_set(part: Part, provenance: Mapping[str, str]) -> dict[str, Any]:
    at = {"fileSet": {"@id": f"{part.split}-shards"}} if len(part.files) > 1 else {"fileObject": {"@id": part.files[0]}}
    plain = {name: word for word, name in provenance.items()}
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{part.split}/{name}",
            "name": f"{part.split}/{name}",
            "description": _MEANING[plain[name]] if name in plain else f"Column {name!r} of the source.",
            "dataType": _data_type(kind, part.special.get(name)),
            "source": {**at, "extract": {"column": name}},
        }
        for name, kind in part.types.items()
    ]
    return {"@type": "cr:RecordSet", "@id": part.split, "name": part.split, "field": fields}


def _data_type(kind: pa.DataType, special: Any) -> str:
    media = {"Image": "sc:ImageObject", "Audio": "sc:AudioObject"}.get((special or {}).get("_type", ""))
    names = {"bool": "sc:Boolean", "double": "sc:Float", "float": "sc:Float"}
    return media or names.get(str(kind)) or ("sc:Integer" if str(kind).startswith(("int", "uint")) else "sc:Text")
