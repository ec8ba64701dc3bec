"""Images and sounds leave as they came, made ones beside them, and `datasets` opens the folder without torchcodec."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memory.datasets.dataset import Dataset
from memory.datasets.made import Candidate, Judged
from memory.datasets.media import Wave, encode_image, encode_wave
from memory.errors import RecordError, UsageError
from memory.exports.export import Exported, export
from memory.job import Columns, Splits

Pair = tuple[Candidate, Judged]
Open = Callable[..., Dataset]
PROVENANCE = ["synthetic", "sample_id", "parents", "tool", "step", "soft_label", "duplicate_of"]


def made(sample: str, blob: bytes | None, label: str | None = "cat") -> Pair:
    candidate = Candidate(
        id=sample,
        step="s1",
        position=0,
        attempt=0,
        parents=("p1",),
        cell={},
        label=label,
        group=None,
        attributes={},
        calls=({"tool": "image.a"},),
        seed=1,
        blob=blob,
    )
    return candidate, Judged(id=sample, accepted=True, verdicts=(), attributes={})


def png(value: int) -> bytes:
    return encode_image(np.full((4, 5, 3), value, np.uint8))


def sound(value: float) -> bytes:
    return encode_wave(Wave(np.full((1, 400), value, np.float32), 8000))


def put(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def put_csv(file: Path, *rows: str) -> None:
    put(file, "".join(f"{row}\n" for row in rows).encode())


def hashes(folder: Path, under: str = "") -> dict[str, str]:
    files = sorted(file for file in (folder / under).rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def save(dataset: Dataset, pairs: Iterable[Pair], to: Path, kind: str = "same", **more: Any) -> Exported:
    return export(dataset, pairs, to, kind, "# A card\n", more.get("duplicate_of", {}))


def values(split: Any, column: str = "image") -> list[int]:
    """Decode every image of one colour to that colour."""
    return [int(np.asarray(one).max()) for one in split[column]]


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for split, numbers in (("train", (1, 2, 3)), ("test", (8, 9))):
        for number in numbers:
            put(folder / split / ("cat" if number % 2 else "dog") / f"{number}.png", png(number))
    return folder


@pytest.fixture
def listed(classes: Path) -> Path:
    put_csv(classes / "train/metadata.csv", "file_name,label,breed,weight", *(f"{name},n" for name in TRAIN))
    put_csv(classes / "test/metadata.csv", "file_name,label,breed,weight", "dog/8.png,dog,x,7", "cat/9.png,cat,,8")
    return classes


TRAIN = ("cat/1.png,cat,7", "dog/2.png,dog,8", "cat/3.png,cat,9")


def test_class_folders_keep_their_labels_in_every_split(classes: Path, opened: Open, load: Any, tmp_path: Path) -> None:
    done = save(opened(classes), [made("m1", png(40), "dog")], tmp_path / "out", duplicate_of={1: 0})
    found = load(done.path)
    rows = list(zip(values(found["train"]), found["train"]["label"], found["train"]["synthetic"], strict=True))
    assert rows == [(1, "cat", False), (3, "cat", False), (2, "dog", False), (40, "dog", True)]
    assert list(zip(values(found["test"]), found["test"]["label"], strict=True)) == [(9, "cat"), (8, "dog")]
    assert found["test"]["sample_id"][:] == [None, None]
    counted = Counter(row["label"] for row in found["train"] if not row["duplicate_of"])
    assert counted == {"cat": 1, "dog": 2}
    assert (done.path / "train/dog/m1.png").read_bytes() == png(40)


def test_metadata_comes_back_with_null_provenance_in_test(
    listed: Path, opened: Open, load: Any, tmp_path: Path
) -> None:
    done = save(opened(listed), [made("m1", png(40))], tmp_path / "out")
    found = load(done.path)
    assert found["train"].column_names == ["image", "label", "breed", "weight", *PROVENANCE]
    assert found["train"]["breed"][:] == ["7", "8", "9", None]
    assert found["test"]["weight"][:] == ["7", "8"]
    assert values(found["train"]) == [1, 2, 3, 40]
    assert [row["synthetic"] for row in found["test"]] == [None, None]
    with (done.path / "train/metadata.csv").open(newline="") as file:
        assert [row["file_name"] for row in csv.DictReader(file)] == [
            "cat/1.png",
            "dog/2.png",
            "cat/3.png",
            "cat/m1.png",
        ]


@pytest.mark.parametrize("case", ["classes", "listed"])
def test_evaluation_files_leave_byte_for_byte(
    case: str, request: pytest.FixtureRequest, opened: Open, tmp_path: Path
) -> None:
    folder = request.getfixturevalue(case)
    done = save(opened(folder), [made("m1", png(40))], tmp_path / "out")
    before, after = hashes(folder, "test"), hashes(done.path, "test")
    assert {name: after[name] for name in before} == before
    assert {name.rpartition("/")[2] for name in set(after) - set(before)} <= {"metadata.csv", "metadata.parquet"}


def test_training_files_stay_in_their_place_too(listed: Path, opened: Open, tmp_path: Path) -> None:
    done = save(opened(listed), [], tmp_path / "out")
    before, after = hashes(listed, "train"), hashes(done.path, "train")
    assert {name for name in before if before[name] != after[name]} == {"train/metadata.csv"}


def test_a_test_split_with_a_metadata_parquet_keeps_it(listed: Path, opened: Open, load: Any, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (listed / "test/metadata.csv").unlink()
    table = pa.table({"file_name": ["dog/8.png", "cat/9.png"], "label": ["dog", "cat"]})
    pq.write_table(table, listed / "test/metadata.parquet")
    done = save(opened(listed), [made("m1", png(40))], tmp_path / "out")
    assert hashes(done.path, "test") == hashes(listed, "test")
    found = load(done.path)
    assert values(found["train"]) == [1, 2, 3, 40]
    assert (values(found["test"]), found["test"]["label"][:]) == ([8, 9], ["dog", "cat"])


def test_splits_told_by_a_column_of_one_file_get_folders(opened: Open, load: Any, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    for number in range(4):
        put(folder / f"images/{number}.png", png(number + 1))
    rows = ("images/0.png,cat,train", "images/1.png,dog,test", "images/2.png,dog,train", "images/3.png,cat,test")
    put_csv(folder / "metadata.csv", "file_name,label,split", *rows)
    done = save(opened(folder), [made("m1", png(40))], tmp_path / "out")
    found = load(done.path)
    assert (values(found["train"]), found["train"]["label"][:]) == ([1, 3, 40], ["cat", "dog", "cat"])
    assert (values(found["test"]), found["test"]["label"][:]) == ([2, 4], ["dog", "cat"])
    assert found["train"]["split"][:] == ["train"] * 3
    assert {name.split("/")[0] for name in done.files if name.endswith(".png")} == {"train", "test"}


def test_rows_cut_from_training_leave_its_folder(opened: Open, load: Any, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    for number in range(10):
        put(folder / "train" / ("cat" if number % 2 else "dog") / f"{number}.png", png(number + 1))
        put(folder / "validation" / ("cat" if number % 2 else "dog") / f"{number}.png", png(number + 101))
    dataset = opened(folder, splits=Splits(test=0.2))
    done = save(dataset, [made("m1", png(40))], tmp_path / "out")
    found = load(done.path)
    kept = hashes(done.path)
    assert {name: kept[name] for name in hashes(folder, "validation")} == hashes(folder, "validation")
    assert sorted([*values(found["train"]), *values(found["test"])]) == [*range(1, 11), 40]
    assert len(found["test"]) == 2
    assert len([name for name in done.files if name.startswith("train/") and name.endswith(".png")]) == 9


def test_split_folders_below_a_shared_folder_stay(opened: Open, load: Any, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    for split, number in (("train", 1), ("train", 2), ("test", 3), ("test", 4)):
        put(folder / "data" / split / ("cat" if number % 2 else "dog") / f"{number}.png", png(number))
    done = save(opened(folder), [made("m1", png(40))], tmp_path / "out")
    assert "data/train/cat/m1.png" in done.files
    assert "data/test/dog/4.png" in done.files
    assert values(load(done.path)["test"]) == [3, 4]


HOSTILE = (
    *(
        "../../up",
        "/etc/passwd",
        "a\nb\r",
        "nul",
        "CON.txt",
        "..",
        ".hidden",
        "x" * 300,
        "tab\there",
        "-rf",
        "a:b*?[c]",
    ),
    *("metadata.csv", "é😀", "cat ", "a\u202eb", 'say "hi", you', "NA"),
)


def test_class_names_of_a_stranger_stay_labels_and_make_safe_folders(opened: Open, load: Any, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    put(folder / "train/1.png", png(1))
    rows = [json.dumps({"file_name": "1.png", "label": "plain"})]
    for number, label in enumerate(HOSTILE):
        put(folder / f"train/h{number}.png", png(2))
        rows.append(json.dumps({"file_name": f"h{number}.png", "label": label}))
    put_csv(folder / "train/metadata.jsonl", *rows)
    done = save(opened(folder), [made(f"m{at}", png(at), label) for at, label in enumerate(HOSTILE)], tmp_path / "out")
    train = load(done.path)["train"]
    assert train["label"][:] == ["plain", *HOSTILE, *HOSTILE]
    assert values(train)[1 + len(HOSTILE) :] == list(range(len(HOSTILE)))
    files = [name for name in done.files if name.endswith(".png") and "/m" in name]
    parts = [part for name in files for part in name.split("/")]
    assert len({name.split("/")[1] for name in files}) == len(HOSTILE)
    assert all(len(name.split("/")) == 3 for name in files)
    assert all(part.isprintable() and len(part.encode()) < 250 and part.strip(" .-") == part for part in parts)
    assert not {part.split(".")[0].lower() for part in parts} & {"", "con", "nul", "metadata"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "out", "source", "workspace"]


def test_a_made_file_never_replaces_a_real_one(opened: Open, load: Any, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    put(folder / "train/cat/m1.png", png(1))
    put(folder / "train/dog/2.png", png(2))
    done = save(opened(folder), [made("m1", png(40)), made("m1", png(50))], tmp_path / "out")
    assert sorted(values(load(done.path)["train"])) == [1, 2, 40, 50]
    assert (done.path / "train/cat/m1.png").read_bytes() == png(1)


def test_files_of_one_name_that_move_together_stay_apart(opened: Open, load: Any, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    rows = []
    for number, name in enumerate(("train/a.png", "test/a.png", "x/a.png")):
        put(folder / name, png(number + 1))
        rows.append(f"{name},cat,train")
    put_csv(folder / "metadata.csv", "file_name,label,split", *rows)
    assert sorted(values(load(save(opened(folder), [], tmp_path / "out").path)["train"])) == [1, 2, 3]


def test_a_column_named_image_is_not_the_picture(opened: Open, load: Any, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    put(folder / "train/1.png", png(1))
    put_csv(folder / "train/metadata.csv", "file_name,label,image,mask_file_name", "1.png,cat,nice,none.png")
    dataset = opened(folder, columns=Columns(payload="file_name"))
    train = load(save(dataset, [made("m1", png(40))], tmp_path / "out").path)["train"]
    assert train["image"][:] == ["nice", None]
    assert train["mask_file_name"][:] == ["none.png", None]
    assert values(train, "augplan_image") == [1, 40]


def test_images_go_into_parquet(listed: Path, opened: Open, load: Any, tmp_path: Path) -> None:
    done = save(opened(listed), [made("m1", png(40))], tmp_path / "out", "parquet")
    assert done.files == ("README.md", "croissant.json", "data/test-00000.parquet", "data/train-00000.parquet")
    found = load(done.path)
    assert values(found["train"]) == [1, 2, 3, 40]
    assert (values(found["test"]), found["test"]["label"][:]) == ([8, 9], ["dog", "cat"])
    assert found["test"].data.column("image").to_pylist()[0]["bytes"] == (listed / "test/dog/8.png").read_bytes()


@pytest.fixture
def embedded(tmp_path: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path / "source"
    folder.mkdir()
    kind = {"img": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    head = {"huggingface": json.dumps({"info": {"features": kind}})}
    schema = pa.schema([("img", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())])
    for split, numbers in (("train", (1, 2)), ("test", (8, 9))):
        rows = [{"img": {"bytes": png(one), "path": None}, "label": one % 2} for one in numbers]
        table = pa.Table.from_pylist(rows, schema=schema.with_metadata(head))
        pq.write_table(table, folder / f"{split}-00000-of-00001.parquet")
    return folder


def test_embedded_images_stay_embedded(embedded: Path, opened: Open, load: Any, tmp_path: Path) -> None:
    done = save(opened(embedded), [made("m1", png(40), "dog")], tmp_path / "out")
    found = load(done.path)
    assert (values(found["train"], "img"), found["train"]["label"][:]) == ([1, 2, 40], [1, 0, 1])
    assert found["train"].features["label"].names == ["cat", "dog"]
    assert (values(found["test"], "img"), found["test"]["sample_id"][:]) == ([8, 9], [None, None])
    name = "test-00000-of-00001.parquet"
    assert (done.path / name).read_bytes() == (embedded / name).read_bytes()


def test_embedded_images_become_files(embedded: Path, opened: Open, load: Any, tmp_path: Path) -> None:
    done = save(opened(embedded), [made("m1", png(40), "dog")], tmp_path / "out", "imagefolder")
    found = load(done.path)
    assert values(found["train"]) == [1, 2, 40]
    assert values(found["test"]) == [8, 9]
    assert found["test"].features["label"].names == ["cat", "dog"]
    assert (done.path / "train/dog/m1.png").exists()


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for split, count in (("train", 3), ("test", 2)):
        for number in range(count):
            put(folder / split / f"anna/{number}.flac", sound((number + 1) / 8))
        rows = (f"anna/{number}.flac,cat,anna" for number in range(count))
        put_csv(folder / split / "metadata.csv", "file_name,label,speaker", *rows)
    return folder


def heard(split: Any) -> list[float]:
    import soundfile

    return [float(soundfile.read(io.BytesIO(row["audio"]["bytes"]))[0].max()) for row in split]


def test_sounds_load_without_torchcodec_and_lie_in_folders(
    sounds: Path, opened: Open, load: Any, tmp_path: Path
) -> None:
    done = save(opened(sounds), [made("m1", sound(0.75))], tmp_path / "out")
    found = load(done.path)
    assert heard(found["train"]) == [0.125, 0.25, 0.375, 0.75]
    assert heard(found["test"]) == [0.125, 0.25]
    assert found["train"]["speaker"][:] == ["anna"] * 3 + [None]
    assert [row["audio"]["path"] for row in found["train"]] == ["0.flac", "1.flac", "2.flac", "m1.flac"]
    assert hashes(done.path, "test") == hashes(sounds, "test")
    assert (done.path / "train/cat/m1.flac").read_bytes() == sound(0.75)
    with (done.path / "train/metadata.csv").open(newline="") as file:
        assert [row["file_name"] for row in csv.DictReader(file)][2:] == ["anna/2.flac", "cat/m1.flac"]


def test_made_clips_have_transcripts_where_the_data_has_them(
    sounds: Path, opened: Open, load: Any, tmp_path: Path
) -> None:
    rows = (f"anna/{number}.flac,cat,say {number}" for number in range(3))
    put_csv(sounds / "train" / "metadata.csv", "file_name,label,Transcript", *rows)
    data = opened(sounds)
    assert data.columns.transcript == "Transcript"
    assert [data.transcript(row) for row in data.rows("train")] == ["say 0", "say 1", "say 2"]
    assert "Transcript" not in data.columns.attributes
    spoken, silent = made("m1", sound(0.75)), made("m2", sound(0.5))
    done = save(data, [(replace(spoken[0], said="where is it"), spoken[1]), silent], tmp_path / "out")
    assert load(done.path)["train"]["Transcript"][:] == ["say 0", "say 1", "say 2", "where is it", None]


def test_sounds_go_into_parquet_alone(sounds: Path, opened: Open, load: Any, tmp_path: Path) -> None:
    done = save(opened(sounds), [made("m1", sound(0.75))], tmp_path / "out", "parquet")
    assert [name for name in done.files if not name.startswith("data/")] == ["README.md", "croissant.json"]
    assert heard(load(done.path)["train"]) == [0.125, 0.25, 0.375, 0.75]


def test_a_manifest_of_test_clips_stays_valid_beside_its_clips(opened: Open, load: Any, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    for number in range(4):
        put(folder / f"wavs/{number}.flac", sound((number + 1) / 8))
    for split, numbers in (("train", (0, 1)), ("test", (2, 3))):
        lines = (json.dumps({"audio_filepath": f"wavs/{one}.flac", "label": "cat"}) for one in numbers)
        put_csv(folder / f"{split}.json", *lines)
    done = save(opened(folder), [made("m1", sound(0.75))], tmp_path / "out")
    found = load(done.path)
    assert heard(found["train"]) == [0.125, 0.25, 0.75]
    assert heard(found["test"]) == [0.375, 0.5]
    after = hashes(done.path)
    kept = ("test.json", "wavs/2.flac", "wavs/3.flac")
    assert {name: after[name] for name in kept} == {name: hashes(folder)[name] for name in kept}


def test_parquet_is_cut_into_shards(
    sounds: Path, opened: Open, load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memory.exports.writers._SHARD_BYTES", 1)
    monkeypatch.setattr("memory.exports.writers._GROUP_ROWS", 1)
    pairs = [made(f"m{number}", sound(0.75)) for number in range(3)]
    done = save(opened(sounds), pairs, tmp_path / "out", "parquet")
    assert len([name for name in done.files if name.startswith("data/train-")]) == 6
    assert heard(load(done.path)["train"]) == [0.125, 0.25, 0.375, 0.75, 0.75, 0.75]


@pytest.mark.parametrize(("kind", "case"), [("csv", "classes"), ("audiofolder", "classes"), ("imagefolder", "sounds")])
def test_a_format_that_cannot_hold_media_is_refused(
    kind: str, case: str, request: pytest.FixtureRequest, opened: Open, tmp_path: Path
) -> None:
    dataset = opened(request.getfixturevalue(case))
    with pytest.raises(UsageError, match=f"cannot be exported as '{kind}'"):
        save(dataset, [], tmp_path / "out", kind)
    assert not (tmp_path / "out.partial").exists()


@pytest.mark.parametrize("kind", ["same", "parquet"])
def test_an_accepted_sample_without_media_leaves_nothing(
    kind: str, classes: Path, opened: Open, tmp_path: Path
) -> None:
    with pytest.raises(RecordError, match="m1: This accepted sample has no media"):
        save(opened(classes), [made("m1", None)], tmp_path / "out", kind)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "workspace"]


def test_a_media_file_that_vanished_is_named(classes: Path, opened: Open, tmp_path: Path) -> None:
    dataset = opened(classes)
    (classes / "train/cat/1.png").unlink()
    with pytest.raises(UsageError, match=r"train/cat/1\.png"):
        save(dataset, [], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_croissant_says_which_column_is_the_picture(embedded: Path, opened: Open, tmp_path: Path) -> None:
    done = save(opened(embedded), [], tmp_path / "out")
    train = json.loads((done.path / "croissant.json").read_text())["recordSet"][0]
    kinds = {one["source"]["extract"]["column"]: one["dataType"] for one in train["field"]}
    assert {name: kinds[name] for name in ("img", "label", "synthetic", "sample_id")} == {
        "img": "sc:ImageObject", "label": "sc:Integer", "synthetic": "sc:Boolean", "sample_id": "sc:Text",
    }  # fmt: skip
