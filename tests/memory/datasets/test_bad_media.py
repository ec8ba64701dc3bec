"""Bad images, sounds and folders, one kind a row; the outcomes are those of `test_bad_input`."""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from PIL import Image


def encoded(mode: str, form: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (6, 4)).save(file, format=form, **options)
    return file.getvalue()


def sound(samples: Any = None, form: str = "WAV", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    heard = np.sin(np.arange(4000) / 5) / 2 if samples is None else samples
    soundfile.write(file, heard, 8000, format=form, subtype=subtype)
    return file.getvalue()


def noisy(form: str = "JPEG") -> bytes:
    file = io.BytesIO()
    pixels = np.random.Generator(np.random.PCG64(3)).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(pixels).save(file, format=form)
    return file.getvalue()


def bomb() -> bytes:
    """Declare 100,000 x 100,000 pixels in a hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def hour() -> bytes:
    """Declare 4,000 s of silence at 8 kHz, in FLAC of a few bytes a frame."""
    return sound(np.zeros(8000 * 4000, np.int16), "FLAC")


def channels(count: int) -> bytes:
    content = bytearray(sound())
    struct.pack_into("<H", content, 22, count)
    struct.pack_into("<H", content, 32, count * 2 & 0xFFFF)
    return bytes(content)


PNG, WAV = encoded("RGB"), sound()


def images(name: str = "", content: bytes = b"", **more: bytes) -> Any:
    """Return a maker of two class folders with one good image each, and more files."""

    def make(folder: Path) -> Any:
        for path, data in {"a/1.png": PNG, "b/2.png": encoded("L"), name: content, **more}.items():
            if path:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(data)

    return make


def sounds(content: bytes, name: str = "b/3.wav") -> Any:
    def make(folder: Path) -> Any:
        for path, data in {"a/1.wav": WAV, "b/2.wav": WAV, name: content}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)

    return make


def metadata(rows: str, *, link: tuple[str, str] | None = None) -> Any:
    """Return a maker of two images and a metadata file; `{folder}` in it is the folder's path."""

    def make(folder: Path) -> Any:
        images()(folder)
        (folder.parent / "secret.png").write_bytes(PNG)
        if link:
            (folder / link[0]).symlink_to(link[1])
        text = f"file_name,label\na/1.png,x\nb/2.png,y\n{rows}".replace("{folder}", str(folder))
        (folder / "metadata.csv").write_text(text)

    return make


def manifest(path: str, **more: Any) -> Any:
    def make(folder: Path) -> Any:
        (folder / "1.wav").write_bytes(WAV)
        (folder / "2.wav").write_bytes(WAV)
        rows = [
            {"audio_filepath": "1.wav", "duration": 0.5, "command": "go"},
            {"audio_filepath": path.replace("{folder}", str(folder)), "duration": 0.5, "command": "stop", **more},
        ]
        (folder / "train.json").write_text("\n".join(map(json.dumps, rows)))
        return folder / "train.json"

    return make


def linked(name: str, target: str) -> Any:
    def make(folder: Path) -> Any:
        images()(folder)
        (folder.parent / "secret").mkdir()
        (folder.parent / "secret/3.png").write_bytes(PNG)
        (folder / name).symlink_to(target)

    return make


def pipe(folder: Path) -> Any:
    images()(folder)
    os.mkfifo(folder / "b/3.png")


def two_splits(folder: Path) -> Any:
    images()(folder)
    (folder / "train.csv").write_text("image,label\na/1.png,x\n")
    (folder / "test.csv").write_text("image,label\nb/2.png,x\na/1.png,x\n")


def embedded(*items: bytes | None) -> Any:
    def make(folder: Path) -> Any:
        column = [{"bytes": item, "path": None} for item in (PNG, *items)]
        kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
        table = pa.table({"image": pa.array(column, kind), "label": ["a"] * len(column)})
        pq.write_table(table, folder / "train.parquet")

    return make


def images_and_sounds(folder: Path) -> Any:
    images()(folder)
    (folder / "both.wav").write_bytes(WAV)


KINDS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    # images that work
    **{
        f"{mode} {form}": (images("b/3.x".replace("x", form.lower()), encoded(mode, form)), ("works", 3, "a", "b"))
        for mode, form in (
            ("1", "PNG"),
            ("P", "PNG"),
            ("LA", "PNG"),
            ("RGBA", "PNG"),
            ("I;16", "PNG"),
            ("CMYK", "JPEG"),
            ("CMYK", "TIFF"),
            ("YCbCr", "JPEG"),
            ("P", "GIF"),
            ("RGBA", "WEBP"),
            ("RGB", "BMP"),
        )
    },
    "animated": (
        images("b/3.gif", encoded("RGB", "GIF", save_all=True, append_images=[Image.new("RGB", (6, 4), "red")])),
        ("works", 3, "a", "b"),
    ),
    "image with a wrong ending": (images("b/3.jpg", PNG), ("works", 3, "a", "b")),
    # images that do not
    "zero-byte image": (images("b/3.png", b""), ("left out", 2, "b/3.png", "empty")),
    "truncated png": (images("b/3.png", noisy("PNG")[:2000]), ("left out", 2, "b/3.png", "decoded")),
    "truncated jpeg": (images("b/3.jpg", noisy()[:900]), ("left out", 2, "b/3.jpg", "truncated")),
    "text named png": (images("b/3.png", b"hello"), ("left out", 2, "b/3.png", "not an image")),
    "postscript named png": (
        images("b/3.png", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
        ("left out", 2, "b/3.png", "not an image"),
    ),
    "decompression bomb": (images("b/3.png", bomb()), ("left out", 2, "b/3.png", "64,000,000 pixels")),
    "float image": (images("b/3.tif", encoded("F", "TIFF")), ("left out", 2, "b/3.tif", "float")),
    "pipe named png": (pipe, ("left out", 2, "b/3.png", "not a regular file")),
    "embedded image broken": (embedded(b"\x89PNG broken"), ("left out", 1, "train.parquet:2", "not an image")),
    "embedded image missing": (embedded(None), ("left out", 1, "train.parquet:2", "nothing in 'image'")),
    # sounds
    "broken wav header": (sounds(b"RIFF" + b"\xff" * 60), ("left out", 2, "b/3.wav", "header")),
    "wav cut short": (sounds(WAV[:3000]), ("left out", 2, "b/3.wav", "cut short")),
    "wav without samples": (sounds(sound(np.zeros(0))), ("left out", 2, "b/3.wav", "no sound")),
    "zero-byte wav": (sounds(b""), ("left out", 2, "b/3.wav", "empty")),
    "NaN in a float wav": (sounds(sound(np.array([0.1, np.nan]), subtype="FLOAT")), ("left out", 2, "b/3.wav", "NaN")),
    "absurd channel count": (sounds(channels(60_000)), ("left out", 2, "b/3.wav", "")),
    "many channels": (sounds(sound(np.zeros((50, 40)))), ("left out", 2, "b/3.wav", "40 channels")),
    "longer than an hour": (sounds(hour(), "b/3.flac"), ("left out", 2, "b/3.flac", "4,000 s")),
    "flac cut short": (sounds(sound(form="FLAC")[:2000], "b/3.flac"), ("left out", 2, "b/3.flac", "")),
    "mp3 named wav": (sounds(sound(form="MP3")), ("works", 3, "a", "b")),
    "ogg": (sounds(sound(form="OGG"), "b/3.ogg"), ("works", 3, "a", "b")),
    "text named wav": (sounds(b"hello, this is not sound at all"), ("left out", 2, "b/3.wav", "decoded")),
    # metadata
    "metadata names a missing file": (metadata("c/3.png,x\n"), ("left out", 2, "metadata.csv:4", "missing")),
    "metadata names a file twice": (
        metadata("a/1.png,y\n"),
        ("left out", 2, "metadata.csv:4", "metadata.csv:2 already"),
    ),
    "metadata without a label": (metadata("c/3.png,\n"), ("left out", 2, "metadata.csv:4", "no label")),
    "path that steps up": (metadata("../secret.png,x\n"), ("refused", "metadata.csv:4", "'..'")),
    "path that steps up inside": (metadata("a/../../secret.png,x\n"), ("refused", "metadata.csv:4", "'..'")),
    "absolute path outside": (metadata("/etc/hostname,x\n"), ("refused", "metadata.csv:4", "/etc/hostname", "outside")),
    "absolute path inside": (
        metadata("{folder}/c/3.png,x\n"),
        ("left out", 2, "metadata.csv:4", "'c/3.png' is missing"),
    ),
    "path through a link": (
        metadata("out/secret.png,x\n", link=("out", "..")),
        ("refused", "out", "link"),
    ),
    "path with a NUL": (metadata("a\0b.png,x\n"), ("left out", 2, "metadata.csv:4", "NUL")),
    "path of 5,000 letters": (metadata("x" * 5000 + ",x\n"), ("left out", 2, "metadata.csv:4", "cannot be read")),
    "metadata names a folder": (metadata("a,x\n"), ("left out", 2, "metadata.csv:4", "not a regular file")),
    # folders
    "link to a file outside": (linked("b/3.png", "../../secret/3.png"), ("refused", "b/3.png", "link")),
    "link to a folder outside": (linked("c", "../secret"), ("refused", "c", "link")),
    "link to a folder inside": (linked("c", "a"), ("left out", 2, "c", "not followed")),
    "link to itself": (linked("b/3.png", "3.png"), ("left out", 2, "b/3.png", "cannot be read")),
    "link to nothing": (linked("b/3.png", "gone.png"), ("left out", 2, "b/3.png", "missing")),
    "link to the folder above": (linked("b/again", "../b"), ("left out", 2, "b/again", "not followed")),
    "image beside the class folders": (images("3.png", PNG), ("left out", 2, "3.png", "no label")),
    "images and sounds": (images_and_sounds, ("refused", "2 images and 1 audio files", "dataset.modality")),
    "a file in two splits": (two_splits, ("refused", "'a/1.png'", "test.csv:3", "train.csv:2")),
    "class folder with markup": (images("<b>&amp;/3.png", PNG), ("works", 3, "a", "b", "<b>&amp;")),
    "class folder with a line break": (images("x\ny/3.png", PNG), ("works", 3, "a", "b", "x\ny")),
    # manifests
    "manifest with a missing sound": (manifest("3.wav"), ("left out", 1, "train.json:2", "'3.wav' is missing")),
    "manifest with an absolute path inside": (manifest("{folder}/2.wav"), ("works", 2, "go", "stop")),
    "manifest with an absolute path outside": (manifest("/etc/2.wav"), ("refused", "train.json:2", "outside")),
    "manifest with a part of a file": (manifest("2.wav", offset=0.2), ("left out", 1, "train.json:2", "offset")),
}


@pytest.mark.parametrize(("make", "outcome"), KINDS.values(), ids=list(KINDS))
def test_bad_media(make, outcome, meets):
    meets(make, outcome)


def test_files_that_metadata_does_not_name_are_reported(tmp_path, open_at):
    (tmp_path / "set").mkdir()
    metadata("")(tmp_path / "set")
    (tmp_path / "set/a/9.png").write_bytes(PNG)
    found = open_at(tmp_path / "set")
    assert [(one.where, one.why) for one in found.skipped] == [("a/9.png", "is not named in the metadata file")]
