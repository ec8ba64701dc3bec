"""Rows of text files, one at a time: CSV, TSV, JSON lines."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from memory.datasets.paths import regular
from memory.errors import UsageError

Row = dict[str, Any]
Report = Callable[[str, str], None]
"""Takes (where, why) of a row that is left out."""
MAX_FIELD = 64 << 20
"""Characters in one field or line."""
_STRANGERS = (
    (b"\x1f\x8b", "gzip; unpack it first"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet; unpack it, or save it as CSV"),
    (b"BZh", "bzip2; unpack it first"),
    (b"\xfd7zXZ", "xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "zstd; unpack it first"),
    (b"\x93NUMPY", "a NumPy array; save the rows as CSV, JSON lines or Parquet"),
    (b"\x89HDF", "HDF5; save the rows as CSV, JSON lines or Parquet"),
    (b"PAR1", "Parquet; name it .parquet"),
    (b"ARROW1", "Arrow; name it .arrow"),
    *(
        (b"\x80" + bytes([version]), "a pickle, which is never read; save it in another format")
        for version in range(2, 6)
    ),
)


def refuse_strangers(file: Path, name: str) -> None:
    """Raise UsageError naming `name` unless the file is regular, not empty and not plainly of another format."""
    regular(file, name)
    with file.open("rb") as content:
        head = content.read(8)
    for magic, what in _STRANGERS:
        if head.startswith(magic):
            raise UsageError(f"is {what}.", where=name)


@contextmanager
def _text(file: Path, name: str) -> Iterator[TextIO]:
    refuse_strangers(file, name)
    encoding = _encoding(file)
    try:
        with file.open(encoding=encoding, newline="") as text:
            yield text
    except UnicodeError as problem:
        raise UsageError(_bad_byte(file, encoding), where=name) from problem
    except OSError as problem:
        raise UsageError(f"cannot be read ({problem.strerror}).", where=name) from problem


def _encoding(file: Path) -> str:
    with file.open("rb") as content:
        head = content.read(4)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig"


def _bad_byte(file: Path, encoding: str) -> str:
    """Say where the first byte is that is not text."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, offset = 1, 0
    with file.open("rb") as content:
        for block in content:
            try:
                decoder.decode(block)
            except UnicodeDecodeError as problem:
                byte, place = problem.object[problem.start], offset + problem.start
                return (
                    f"line {line} holds a byte (0x{byte:02x}, near byte {place}) "
                    f"that is not {encoding.removesuffix('-sig').upper()}; save the file as UTF-8."
                )
            line, offset = line + 1, offset + len(block)
    return f"ends in the middle of a character of {encoding.removesuffix('-sig').upper()}; is it cut short?"


def read_delimited(file: Path, name: str, delimiter: str, report: Report) -> Iterator[tuple[int, Row]]:
    """Yield (line, row) of a CSV or TSV file with a header; every value is the exact text.

    A row with too many or too few fields, or broken quotes, is reported and left out.
    Raises UsageError naming file and line where the rest cannot be read.
    """
    csv.field_size_limit(MAX_FIELD)
    with _text(file, name) as text:
        rows = csv.reader(text, delimiter=delimiter, strict=True)
        try:
            header = _header(next(rows), name)
        except (csv.Error, StopIteration) as problem:
            raise UsageError(f"has no header that can be read ({problem}).", where=f"{name}:1") from problem
        while True:
            line = rows.line_num + 1
            try:
                fields = next(rows)
            except StopIteration:
                return
            except csv.Error as problem:
                _explain(problem, f"{name}:{line}", report)
                continue
            if len(fields) == len(header):
                yield line, dict(zip(header, fields, strict=True))
            elif fields:
                report(f"{name}:{line}", f"has {len(fields)} fields, the header has {len(header)}")


def _explain(problem: csv.Error, where: str, report: Report) -> None:
    if "unexpected end" in str(problem) or "field larger" in str(problem):
        raise UsageError("a quote that opens here is never closed; the rest cannot be read.", where=where) from problem
    report(where, f"has broken quotes ({problem})")


def _header(names: list[str], where: str) -> list[str]:
    if not any(names):
        raise UsageError("the header is empty; the first line must name the columns.", where=f"{where}:1")
    if any("\0" in name for name in names):
        raise UsageError("holds NUL characters; is it UTF-16? Save it as UTF-8.", where=f"{where}:1")
    unique_columns(names, f"{where}:1")
    return names


def unique_columns(names: list[str], where: str) -> None:
    """Raise UsageError when a column name stands twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"the column {twice[0]!r} stands twice; give every column its own name.", where=where)


def read_json_lines(file: Path, name: str, report: Report) -> Iterator[tuple[int, Row]]:
    """Yield (line, row) of a file with one JSON object a line; a line that is none is reported and left out."""
    with _text(file, name) as text:
        line = 0
        while content := text.readline(MAX_FIELD):
            line += 1
            if len(content) == MAX_FIELD:
                raise UsageError(f"has more than {MAX_FIELD:,} characters in a line.", where=f"{name}:{line}")
            if not content.strip():
                continue
            if line == 1 and content.lstrip().startswith("["):
                raise UsageError("is one JSON array; write one object a line (JSON lines).", where=f"{name}:1")
            row = _object(content, f"{name}:{line}", report)
            if row is not None:
                yield line, row


def _object(content: str, where: str, report: Report) -> Row | None:
    try:
        row = json.loads(content)
    except (ValueError, RecursionError) as problem:
        report(where, f"is not JSON ({problem})")
        return None
    if not isinstance(row, dict):
        report(where, f"is JSON but not an object ({type(row).__name__})")
        return None
    return row


def is_manifest(file: Path) -> bool:
    """Return whether the first line is an object with `audio_filepath`, as in a NeMo manifest."""
    refuse_strangers(file, file.name)
    try:
        with file.open(encoding=_encoding(file)) as text:
            row = json.loads(text.readline(1 << 16))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(row, dict) and "audio_filepath" in row
