"""Bad data given to the command line: a clear error that names the place, or skip-and-report; nothing half-written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

GOOD = "text,label\nthe first plain sentence of this set,a\nanother line that says something else,b\n"


def words(place: Path, content: str | bytes, name: str = "train.csv") -> Path:
    file = place / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def pictures(place: Path, metadata: str | None = None, count: int = 4) -> Path:
    rng = np.random.default_rng(1)
    for label in ("a", "b"):
        (place / "pets" / "train" / label).mkdir(parents=True)
        for at in range(count):
            Image.fromarray((rng.random((12, 12, 3)) * 255).astype(np.uint8)).save(
                place / "pets" / "train" / label / f"{at}.png"
            )
    if metadata is not None:
        (place / "pets" / "train" / "metadata.csv").write_text(metadata, encoding="utf-8")
    return place / "pets"


def linked_out(place: Path) -> Path:
    data = pictures(place)
    (place / "secret.png").write_bytes((data / "train" / "a" / "0.png").read_bytes())
    (data / "train" / "a" / "9.png").symlink_to(place / "secret.png")
    return data


def job(place: Path, text: str) -> Path:
    words(place, GOOD)
    return words(place, text, "job.yaml")


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "an empty file": (lambda place: words(place, ""), "train.csv"),
    "a header alone": (lambda place: words(place, "text,label\n"), "train.csv"),
    "no label column": (lambda place: words(place, "a,b\nx y z,1\n"), "train.csv"),
    "broken UTF-8": (lambda place: words(place, b"text,label\nok,a\n\xff\xfe\xfa,b\n"), "train.csv"),
    "a pickle": (lambda place: words(place, b"\x80\x04\x95\x10\x00\x00\x00", "data.pkl"), "data.pkl"),
    "broken Parquet": (lambda place: words(place, b"PAR1 not really PAR1", "train.parquet"), "train.parquet"),
    "an empty folder": (lambda place: place, "no"),
    "a path out of the folder": (
        lambda place: pictures(place, "file_name,label\n../../secret.png,a\n"),
        "metadata.csv:2",
    ),
    "an absolute path": (lambda place: pictures(place, "file_name,label\n/etc/passwd.png,a\n"), "metadata.csv:2"),
    "a link out of the folder": (linked_out, "9.png"),
    "an unknown key": (lambda place: job(place, "dataset: {path: train.csv}\nlimts: {}\n"), "limts"),
    "a target without a number": (
        lambda place: job(place, "dataset: {path: train.csv}\ntargets: [{axes: [label]}]\n"),
        "at_least",
    ),
    "a negative limit": (lambda place: job(place, "dataset: {path: train.csv}\nlimits: {samples: -1}\n"), "samples"),
    "an axis nobody has": (
        lambda place: job(place, "dataset: {path: train.csv}\ntargets: [{axes: [mood], at_least: 3}]\n"),
        "mood",
    ),
    "a column nobody has": (lambda place: job(place, "dataset: {path: train.csv, columns: {label: mood}}\n"), "mood"),
    "a format that cannot hold it": (
        lambda place: job(place, "dataset: {path: train.csv}\nexport: {format: imagefolder}\n"),
        "imagefolder",
    ),
    "a noise folder that is not there": (
        lambda place: job(place, "dataset: {path: train.csv}\nassets: {noise: nowhere}\n"),
        "nowhere",
    ),
    "YAML that is none": (lambda place: job(place, "dataset: [path\n"), "job.yaml"),
    "a job that is a list": (lambda place: job(place, "- a\n"), "job.yaml"),
    "an object tag": (lambda place: job(place, "dataset: !!python/object/apply:os.getcwd []\n"), "job.yaml"),
    "only test rows": (lambda place: words(place, "text,label,split\nx y z,a,test\n", "all.csv"), "train"),
}


@pytest.mark.parametrize("command", ["run", "inspect"])
@pytest.mark.parametrize("kind", REFUSED)
def test_bad_input_is_refused_by_name(kind, command, call, tmp_path):
    make, said = REFUSED[kind]
    (tmp_path / "data").mkdir()
    path = make(tmp_path / "data")
    if command == "inspect" and kind in {"a format that cannot hold it", "a noise folder that is not there"}:
        assert call(command, path)[0] == 0, "looking needs neither"
        return
    code, out, err = call(command, path)
    assert code == 2, err
    assert err.startswith("augplan: ")
    assert said in err
    assert out == ""
    assert not list(Path().glob("runs/*"))


def test_broken_items_are_skipped_and_reported(call, tmp_path):
    (tmp_path / "data").mkdir()
    data = pictures(tmp_path / "data")
    (data / "train" / "a" / "torn.png").write_bytes((data / "train" / "a" / "0.png").read_bytes()[:60])
    (data / "train" / "a" / "empty.png").write_bytes(b"")
    os.mkfifo(data / "train" / "b" / "pipe.png")
    code, out, err = call("run", data, "--json")
    assert code == 0, err
    report = json.loads(out)
    named = {Path(one["where"].split(":")[0]).name for one in report["skipped"]["first"]}
    assert {"torn.png", "empty.png"} <= named
    exported = {file.name for file in Path(report["export"]).rglob("*.png")}
    assert not {"torn.png", "empty.png", "pipe.png"} & exported


def test_one_class_is_no_error_but_a_small_world(call, tmp_path):
    code, out, err = call("run", words(tmp_path, "text,label\nthe only sentence there is today,a\n"), "--json")
    assert code == 0, err
    assert json.loads(out)["stop_reason"] == "targets_met"


def test_a_class_name_that_is_a_script_stays_a_name(call, tmp_path):
    name = "<script>alert(1)</script>"
    rows = "".join(
        f"sentence number {at} about the weather in spring,{label}\n" for at, label in enumerate([name, "b", "b"])
    )
    code, out, err = call("run", words(tmp_path, "text,label\n" + rows), "--json")
    assert code in {0, 5}, err
    page = (Path(json.loads(out)["run"]) / "report.html").read_text(encoding="utf-8")
    assert name not in page
