"""Bad tables, one kind a row: refused with file and row named, or left out and reported, or read all the same.

Any other exception, and any other outcome, fails the test.
"""

from __future__ import annotations

import gzip
import json
import os
import pickle  # noqa: TID251 - written here to show that it is never read
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

GOOD = b"text,label\nhello there,a\ngood bye,b\n"


def csv(content: bytes, name: str = "train.csv", **fields: Any) -> Callable[[Path], Any]:
    """Return a maker of one file."""

    def make(folder: Path) -> Any:
        (folder / name).write_bytes(content)
        return {"path": folder / name, **fields}

    return make


def lines(*rows: Any, name: str = "train.jsonl", **fields: Any) -> Callable[[Path], Any]:
    return csv("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode(), name, **fields)


def files(**contents: bytes) -> Callable[[Path], Any]:
    """Return a maker of several files; `__` in a name stands for the dot."""

    def make(folder: Path) -> Any:
        for name, content in contents.items():
            (folder / name.replace("__", ".")).write_bytes(content)

    return make


def parquet(cut: int | None = None, **columns: list[Any]) -> Callable[[Path], Any]:
    def make(folder: Path) -> Any:
        pq.write_table(pa.table(columns), folder / "train.parquet")
        content = (folder / "train.parquet").read_bytes()
        (folder / "train.parquet").write_bytes(content[:cut])
        return folder / "train.parquet"

    return make


def pipe(folder: Path) -> Any:
    os.mkfifo(folder / "train.csv")
    return folder / "train.csv"


def pipe_in_folder(folder: Path) -> Any:
    (folder / "test.csv").write_bytes(GOOD)
    os.mkfifo(folder / "train.jsonl")


def saved(drop: str = "", names: str = "") -> Callable[[Path], Any]:
    def make(folder: Path) -> Any:
        import datasets

        split = datasets.Dataset.from_dict({"text": ["one two", "three"], "label": [0, 1]})
        datasets.DatasetDict({"train": split}).save_to_disk(str(folder / "saved"))
        state = folder / "saved/train/state.json"
        if drop:
            (folder / "saved/train" / drop).unlink()
        if names:
            state.write_text(json.dumps({"_data_files": [{"filename": names}]}))
        return folder / "saved"

    return make


def saved_broken_state(folder: Path) -> Any:
    path = saved()(folder)
    (path / "train/state.json").write_text("{}")
    return path


def arrow_beyond_its_end(folder: Path) -> Any:
    batch = pa.record_batch({"text": ["fourteen signs"], "label": ["a"]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    content = sink.getvalue().to_pybytes()
    at = content.rindex(np.array([0, 14], np.int32).tobytes())
    beyond = np.array([0, 1 << 30], np.int32).tobytes()
    (folder / "train.arrow").write_bytes(content[:at] + beyond + content[at + 8 :])


def linked_table(folder: Path) -> Any:
    (folder.parent / "secret.csv").write_bytes(GOOD)
    (folder / "train.csv").symlink_to(folder.parent / "secret.csv")


ROW = {"text": "hello there", "label": "a"}
HALF = '{"text": "half \\ud83d", "label": "a"}'
KINDS: dict[str, tuple[Callable[[Path], Any], tuple[Any, ...]]] = {
    # files that are not what they seem
    "empty file": (csv(b""), ("refused", "train.csv", "empty")),
    "header only": (csv(b"text,label\n"), ("refused", "train.csv", "no rows")),
    "blank header": (csv(b"\n\n"), ("refused", "train.csv:1", "header")),
    "missing file": (lambda folder: folder / "nothing.csv", ("refused", "nothing.csv", "no file or folder")),
    "missing folder and no hub": (lambda _: "owner/no-such-set", ("refused", "owner/no-such-set", "network")),
    "path with a NUL": (lambda _: "a\0b.csv", ("refused", "no file or folder")),
    "path too long": (lambda _: "x" * 5000, ("refused", "cannot be read")),
    "folder without data": (lambda folder: None, ("refused", "holds no data", "set")),
    "unknown ending": (csv(GOOD, "train.xlsx"), ("refused", "train.xlsx", "not read")),
    "pickle named csv": (csv(pickle.dumps([1, 2])), ("refused", "train.csv", "pickle")),
    "pickle by name": (csv(pickle.dumps([1, 2]), "train.pkl"), ("refused", "train.pkl", "not read")),
    "gzip named csv": (csv(gzip.compress(GOOD)), ("refused", "train.csv", "gzip")),
    "zip named csv": (csv(b"PK\x03\x04rest"), ("refused", "train.csv", "zip")),
    "numpy named jsonl": (csv(b"\x93NUMPY\x01\0", "train.jsonl"), ("refused", "train.jsonl", "NumPy")),
    "pipe": (pipe, ("refused", "train.csv", "not a regular file")),
    "pipe in a folder": (pipe_in_folder, ("refused", "train.jsonl", "not a regular file")),
    "device": (lambda _: "/dev/zero", ("refused", "zero", "not a regular file")),
    "table linked from outside": (linked_table, ("refused", "train.csv", "link")),
    # CSV
    "one class": (csv(b"text,label\nhello there,a\n"), ("works", 1, "a")),
    "byte order mark": (csv(b"\xef\xbb\xbf" + GOOD), ("works", 2, "a", "b")),
    "utf-16 with mark": (csv(GOOD.decode().encode("utf-16")), ("works", 2, "a", "b")),
    "utf-16 without mark": (csv(GOOD.decode().encode("utf-16-le")), ("refused", "train.csv:1", "UTF-8")),
    "latin-1": (csv(GOOD + b"caf\xe9,a\n"), ("refused", "train.csv", "line 4", "0xe9", "byte 39", "UTF-8")),
    "cut in a character": (csv(GOOD + "é".encode()[:1]), ("refused", "train.csv", "cut short")),
    "NUL in a text": (csv(GOOD + b"he\0llo,a\n"), ("left out", 2, "train.csv:4", "NUL")),
    "too many fields": (csv(GOOD + b"a,b,c\n"), ("left out", 2, "train.csv:4", "3 fields, the header has 2")),
    "too few fields": (csv(GOOD + b"alone\n"), ("left out", 2, "train.csv:4", "1 fields")),
    "broken quotes": (csv(GOOD + b'"a"b,c\n'), ("left out", 2, "train.csv:4", "quotes")),
    "quote never closed": (csv(GOOD + b'"open,a\nmore,b\n'), ("refused", "train.csv:4", "never closed")),
    "blank lines": (csv(GOOD + b"\n\n"), ("works", 2, "a", "b")),
    "column twice": (csv(b"text,label,text\na b,c,d\n"), ("refused", "train.csv:1", "'text'", "twice")),
    "wrong delimiter": (csv(b"text;label\na b;c\n"), ("refused", "train.csv", "text;label")),
    "unknown label column": (
        csv(GOOD, columns={"label": "intent"}),
        ("refused", "train.csv", "'intent'", "columns.label", "'text', 'label'"),
    ),
    "unknown attribute": (csv(GOOD, columns={"attributes": ("age",)}), ("refused", "'age'", "columns.attributes")),
    "no label column": (csv(b"text,score\na b,1\n"), ("refused", "train.csv", "label", "'score'")),
    "no payload column": (csv(b"n,label\n1,a\n"), ("refused", "train.csv", "columns.payload")),
    "empty label": (csv(GOOD + b"no label,\n"), ("left out", 2, "train.csv:4", "no label in 'label'")),
    "NaN label": (csv(GOOD + b"no label,NaN\n"), ("left out", 2, "train.csv:4", "no label")),
    "empty text": (csv(GOOD + b",a\n"), ("left out", 2, "train.csv:4", "nothing in 'text'")),
    "blank text": (csv(GOOD + b"   ,a\n"), ("left out", 2, "train.csv:4", "nothing in 'text'")),
    "text of 10 MB": (csv(GOOD + b"x" * 10_000_000 + b",a\n"), ("works", 3, "a", "b")),
    "line break in a text": (csv(GOOD + b'"two\nlines",a\nshort\n'), ("left out", 3, "train.csv:6", "1 fields")),
    "labels as numbers": (csv(b"text,label\na b,1.0\nc d,2\n"), ("works", 2, "1.0", "2")),
    "script in a label": (csv(b"text,label\na b,<script>x</script>\n"), ("works", 1, "<script>x</script>")),
    "slashes in a label": (csv(b"text,label\na b,../../etc\n"), ("works", 1, "../../etc")),
    "line break in a label": (csv(b'text,label\na b,"x\ny"\n'), ("works", 1, "x\ny")),
    "very long label": (csv(b"text,label\na b," + b"x" * 9000 + b"\n"), ("works", 1, "x" * 9000)),
    "10,000 classes": (
        csv(b"text,label\n" + b"".join(b"a b,c%d\n" % n for n in range(10_000))),
        ("works", 10_000, *(f"c{n}" for n in range(10_000))),
    ),
    "no training rows": (files(test__csv=GOOD), ("refused", "no training rows", "test")),
    "columns differ by file": (
        files(train__csv=GOOD, test__csv=b"sentence,intent\na b,c\n"),
        ("refused", "test.csv", "no column 'text'", "'sentence'"),
    ),
    "id twice, id named": (
        csv(b"id,text,label\n1,a b,x\n1,c d,x\n", columns={"id": "id"}),
        ("refused", "train.csv:3", "'1'", "train.csv:2"),
    ),
    "id missing, id named": (
        csv(b"id,text,label\n,a b,x\n", columns={"id": "id"}),
        ("refused", "train.csv:2", "no id"),
    ),
    "id in two splits, id named": (
        lambda folder: {
            "path": (
                files(train__csv=b"id,text,label\n1,a b,x\n", test__csv=b"id,text,label\n1,c d,x\n")(folder),
                folder,
            )[1],
            "columns": {"id": "id"},
        },
        ("refused", "test.csv:2", "train.csv:2"),
    ),
    # JSON lines
    "broken JSON in line 17": (lines(*[ROW] * 16, '{"text": ', *[ROW] * 3), ("left out", 19, "train.jsonl:17", "JSON")),
    "JSON array": (csv(json.dumps([ROW, ROW]).encode(), "train.json"), ("refused", "train.json:1", "array")),
    "JSON number in a line": (lines(ROW, "5"), ("left out", 1, "train.jsonl:2", "not an object")),
    "JSON too deep": (lines(ROW, "[" * 100_000), ("left out", 1, "train.jsonl:2", "not JSON")),
    "nested text": (lines(ROW, {"text": {"a": 1}, "label": "a"}), ("left out", 1, "train.jsonl:2", "holds a dict")),
    "label list": (lines(ROW, {"text": "x", "label": ["a"]}), ("left out", 1, "train.jsonl:2", "holds a list")),
    "label null": (lines(ROW, {"text": "x", "label": None}), ("left out", 1, "train.jsonl:2", "no label")),
    "label is JSON NaN": (
        lines(ROW, {"text": "x", "label": float("nan")}),
        ("left out", 1, "train.jsonl:2", "no label"),
    ),
    "mixed types": (
        lines(ROW, {"text": "x", "label": 1}, {"text": 5, "label": True}, {"text": "y", "label": 1.0}),
        ("works", 4, "a", "1", "true"),
    ),
    "half a surrogate pair": (lines(ROW, HALF), ("left out", 1, "train.jsonl:2", "surrogate")),
    "text missing in a row": (lines(ROW, {"label": "a"}), ("left out", 1, "train.jsonl:2", "nothing in 'text'")),
    "nothing usable": (lines("x", "y"), ("refused", "train.jsonl", "no rows", "2 left out", "train.jsonl:1")),
    # Parquet and saved folders
    "truncated parquet": (parquet(text=["a"] * 99, label=["b"] * 99, cut=300), ("refused", "train.parquet", "whole")),
    "arrow that points beyond its end": (arrow_beyond_its_end, ("refused", "train.arrow", "whole Arrow")),
    "not a parquet": (csv(GOOD, "train.parquet"), ("refused", "train.parquet", "whole Parquet")),
    "parquet named csv": (csv(b"PAR1xxxx"), ("refused", "train.csv", "Parquet")),
    "NaN label in parquet": (
        parquet(text=["a", "b"], label=[1.0, None]),
        ("left out", 1, "train.parquet:2", "no label"),
    ),
    "saved without its arrow file": (
        saved(drop="data-00000-of-00001.arrow"),
        ("refused", "train/state.json", "data-00000-of-00001.arrow", "missing"),
    ),
    "saved state that leads out": (saved(names="../../../x.arrow"), ("refused", "train/state.json", "'..'")),
    "saved state without files": (saved_broken_state, ("refused", "train/state.json", "does not list")),
}


@pytest.mark.parametrize(("make", "outcome"), KINDS.values(), ids=list(KINDS))
def test_bad_table(make, outcome, meets):
    meets(make, outcome)


def test_an_unreadable_file_is_refused(tmp_path, open_at):
    (tmp_path / "train.csv").write_bytes(GOOD)
    (tmp_path / "train.csv").chmod(0)
    root = os.geteuid() == 0
    if root:  # root may read everything, so someone else asks
        os.seteuid(65534)
    try:
        with pytest.raises(Exception, match=r"train\.csv.*Permission denied") as problem:
            open_at(tmp_path / "train.csv")
    finally:
        if root:
            os.seteuid(0)
    assert type(problem.value).__name__ == "UsageError"


def test_a_guessed_id_column_with_repeats_is_not_used(tmp_path, open_at):
    (tmp_path / "train.csv").write_bytes(b"id,text,label\n1,a b,x\n1,c d,x\n")
    found = open_at(tmp_path / "train.csv")
    assert found.column("id") == ["train-2", "train-3"]
    assert "train.csv:3" in found.notes[0]


def test_labels_that_look_alike_are_two_classes_and_noted(tmp_path, open_at):
    (tmp_path / "train.csv").write_bytes("text,label\na b,caf\u00e9\nc d,cafe\u0301\n".encode())
    found = open_at(tmp_path / "train.csv")
    assert len(set(found.column("label"))) == 2
    assert "look alike" in found.notes[0]


def test_a_thousand_reports_are_kept_and_all_are_counted(tmp_path, open_at):
    (tmp_path / "train.csv").write_bytes(GOOD + b"alone\n" * 1500)
    found = open_at(tmp_path / "train.csv")
    assert (len(found.skipped), found.skipped_count) == (1000, 1500)
