"""Rows of columnar files, a batch at a time: Parquet, Arrow, and datasets of the hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory.datasets.paths import inside, regular
from memory.datasets.readers import Row, unique_columns
from memory.errors import UsageError
from memory.records import Modality

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 256
# Rows held at once; with embedded media a row may have megabytes.


@dataclass(frozen=True)
class Features:
    """What a schema says beyond column names."""

    columns: tuple[str, ...] = ()
    class_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """ClassLabel column -> names in order of their numbers."""
    media: dict[str, Modality] = field(default_factory=dict)
    """Column of embedded media -> modality; where only bytes are known, guessed from the first row."""
    opaque: tuple[str, ...] = ()
    """Columns of embedded media whose kind is not stated."""


@contextmanager
def _explained(name: str, what: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as problem:
        reason = " ".join(str(problem).split())[:200]
        raise UsageError(f"is not a whole {what} file ({reason}).", where=name) from problem


def features_of(schema: pa.Schema, where: str) -> Features:
    """Read column names, class names and media columns off a schema; raise UsageError for a name that stands twice."""
    import pyarrow as pa

    unique_columns(list(schema.names), where)
    stated = _stated(schema)
    names = {name: tuple(map(str, one["names"])) for name, one in stated.items() if one.get("_type") == "ClassLabel"}
    kinds: dict[Any, Modality] = {"Image": "image", "Audio": "speech"}
    media = {name: kinds[one["_type"]] for name, one in stated.items() if one.get("_type") in kinds}
    embedded = [one.name for one in schema if _holds_bytes(one.type, pa)]
    return Features(tuple(schema.names), names, media, tuple(name for name in embedded if name not in media))


def _stated(schema: pa.Schema) -> dict[str, dict[str, Any]]:
    try:
        info = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = info["info"]["features"]
        return {str(name): one for name, one in features.items() if isinstance(one, dict)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _holds_bytes(kind: pa.DataType, pa: Any) -> bool:
    binary = (pa.binary(), pa.large_binary())
    if pa.types.is_struct(kind):
        return any(child.name == "bytes" and child.type in binary for child in kind)
    return kind in binary


def parquet_features(file: Path, name: str) -> Features:
    """Return the features of a Parquet file; raise UsageError when it is none."""
    import pyarrow.parquet as pq

    regular(file, name)
    with _explained(name, "Parquet"), pq.ParquetFile(file) as opened:
        return features_of(opened.schema_arrow, name)


def read_parquet(file: Path, name: str) -> Iterator[tuple[int, Row]]:
    """Yield (row, values) of a Parquet file, counting from 1; raise UsageError where it ends early."""
    import pyarrow.parquet as pq

    regular(file, name)
    with _explained(name, "Parquet"), pq.ParquetFile(file) as opened:
        yield from _numbered(opened.iter_batches(batch_size=_ROWS))


def arrow_features(file: Path, name: str) -> Features:
    """Return the features of an Arrow file or stream; raise UsageError when it is neither."""
    with _arrow(file, name) as batches:
        return features_of(batches.schema, name)


def read_arrow(file: Path, name: str) -> Iterator[tuple[int, Row]]:
    """Yield (row, values) of an Arrow file or stream, counting from 1; raise UsageError where it ends early."""
    with _arrow(file, name) as batches:
        yield from _numbered(_sliced(batches))


@contextmanager
def _arrow(file: Path, name: str) -> Iterator[Any]:
    import pyarrow as pa

    regular(file, name)
    with _explained(name, "Arrow"), pa.memory_map(str(file)) as mapped:
        head = mapped.read(6)
        mapped.seek(0)
        yield _FileBatches(pa.ipc.open_file(mapped)) if head == b"ARROW1" else pa.ipc.open_stream(mapped)


class _FileBatches:
    """The batches of an Arrow file, in the form that a stream gives them."""

    def __init__(self, opened: Any) -> None:
        self.schema = opened.schema
        self._opened = opened

    def __iter__(self) -> Iterator[Any]:
        return (self._opened.get_batch(at) for at in range(self._opened.num_record_batches))


def _sliced(batches: Any) -> Iterator[Any]:
    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS):
            yield batch.slice(start, _ROWS)


def _numbered(batches: Any) -> Iterator[tuple[int, Row]]:
    number = 0
    for batch in batches:
        # Offsets in a damaged file may point beyond its end; reading them unchecked ends the process.
        batch.validate(full=True)
        for row in batch.to_pylist():
            number += 1
            yield number, row


def saved_files(folder: Path, root: Path) -> list[Path]:
    """Return the Arrow files of one `save_to_disk` folder, in order.

    Raises UsageError when its `state.json` cannot be read, or names a file that is missing or outside.
    """
    name = (folder / "state.json").relative_to(root).as_posix()
    regular(folder / "state.json", name)
    try:
        listed = [str(one["filename"]) for one in json.loads((folder / "state.json").read_bytes())["_data_files"]]
    except (ValueError, KeyError, TypeError) as problem:
        raise UsageError("does not list the files of a dataset saved by `datasets`.", where=name) from problem
    under = folder.relative_to(root).as_posix()
    files = [root / inside(root, under, one, name) for one in listed]
    for file in files:
        if not file.exists():
            raise UsageError(f"names {file.name!r}, which is missing; save the dataset again.", where=name)
    return files


def load_from_hub(name: str) -> dict[str, Any]:
    """Return split -> `datasets.Dataset` of a hub id; raise UsageError when it cannot be had."""
    from huggingface_hub import HfApi, constants

    offline = constants.HF_HUB_OFFLINE
    try:
        if not offline:
            # `load_dataset` tries a silent network again for half a minute; one question tells.
            HfApi().dataset_info(name, timeout=10)
        import datasets

        found = datasets.load_dataset(name)
    except Exception as problem:  # the client raises whatever its HTTP library does
        reason = " ".join(str(problem).split())[:200]
        if offline:
            said = "no hub dataset of that name was downloaded before. Set policy.remote to allow in a job to fetch it"
        else:
            said = (
                f"the hub gave no dataset of that name ({type(problem).__name__}: {reason}). Check spelling and network"
            )
        advice = f"There is no file or folder {name!r}, and {said}; or give the path of a file or folder."
        raise UsageError(advice, where="dataset.path") from problem
    return dict(found) if isinstance(found, dict) else {"train": found}


def hub_features(split: Any, name: str) -> Features:
    """Return the features of one split of a hub dataset."""
    return features_of(split.features.arrow_schema, name)


def read_hub(split: Any) -> Iterator[tuple[int, Row]]:
    """Yield (row, values) of one split of a hub dataset, undecoded."""
    yield from _numbered(split.with_format("arrow").iter(batch_size=_ROWS))
