"""Opening once, opening again, and what a dataset answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from memory.datasets.dataset import reopen
from memory.datasets.media import BrokenItemError
from memory.errors import RecordError, UsageError

ROWS = "text,label,author,channel,n\n" + "".join(
    f"text number {n},{'ab'[n % 2]},author{n // 10},{'web' if n % 3 else 'mail'},{n}\n" for n in range(100)
)


@pytest.fixture
def table(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "train.csv").write_text(ROWS)
    return folder


@pytest.fixture
def pictures(tmp_path, png):
    for split, count in (("train", 3), ("test", 2)):
        for label in "ab":
            folder = tmp_path / "set" / split / label
            folder.mkdir(parents=True)
            for n in range(count):
                (folder / f"{n}.png").write_bytes(png(colour=(n, 0, 0)))
    return tmp_path / "set"


def test_columns_find_their_roles(table, open_at):
    found = open_at(table)
    assert (found.modality, found.layout, found.name) == ("text", "csv", "set")
    assert found.columns.model_dump() == {
        "payload": "text", "label": "label", "id": None, "split": None, "group": "author", "transcript": None,
        "attributes": ("channel",),
    }  # fmt: skip
    assert found.axes() == ("label", "group", "author", "channel")


def test_a_row_answers_in_every_way(table, open_at):
    found = open_at(table)
    assert found.payloads([2, 0]) == ["text number 2", "text number 0"]
    assert found.record(2) == {
        "text": "text number 2", "label": "a", "author": "author0", "channel": "web", "n": "2",
    }  # fmt: skip
    assert found.raw(2) == b"text number 2"
    assert found.column("id")[2] == "train-4"
    assert found.column("author")[2] == found.column("group")[2] == "author0"
    assert found.column("channel")[2] == "web"
    assert found.table.column("where")[2].as_py() == "train.csv:4"
    assert found.table.column("content")[0].as_py() != found.table.column("content")[1].as_py()


def test_an_unknown_axis_is_refused_with_those_there_are(table, open_at):
    with pytest.raises(UsageError, match=r"'colour'.*label, group, author, channel"):
        open_at(table).column("colour")


def test_a_row_that_is_not_there_is_an_index_error(table, open_at):
    with pytest.raises(IndexError):
        open_at(table).payloads([100])


def test_named_attributes_are_kept_whatever_their_number(table, open_at):
    found = open_at(table, columns={"attributes": ("n",)})
    assert found.columns.attributes == ("n",)
    assert found.column("n")[:2] == ["0", "1"]


def test_evaluation_rows_are_cut_by_group(table, open_at):
    found = open_at(table, splits={"validation": 0.2, "test": 0.1})
    assert found.splits() == {"train": 70, "validation": 20, "test": 10}
    groups = Counter(zip(found.column("group"), found.column("split"), strict=True))
    assert set(groups.values()) == {10}
    assert [int(row) for row in found.rows("test")] == [r for r, s in enumerate(found.column("split")) if s == "test"]
    assert found.files == {}, "one file holds rows of three splits"


def test_a_cut_depends_on_the_seed_alone(table, open_at):
    shares = {"validation": 0.2, "test": 0.1}
    one, again = (open_at(table, seed=1, splits=shares).digest for _ in range(2))
    assert one == again != open_at(table, seed=2, splits=shares).digest


def test_splits_that_the_data_brings_are_left_alone(table, open_at):
    (table / "test.csv").write_text("text,label\nheld out,a\n")
    found = open_at(table, splits={"validation": 0.2, "test": 0.5})
    assert found.splits() == {"train": 80, "validation": 20, "test": 1}
    assert found.files == {"test": ["test.csv"]}
    assert "brings a test split" in found.notes[0]


def test_a_relative_path_is_relative_to_the_base(table, tmp_path):
    from memory.datasets.dataset import open_dataset
    from memory.job import Source

    assert len(open_dataset(Source(path="set/train.csv"), tmp_path / "w", 0, base=tmp_path)) == 100


def test_reopening_gives_the_same_dataset(table, tmp_path, open_at):
    first = open_at(table, splits={"test": 0.2})
    again = reopen(tmp_path / "workspace")
    assert again.table.equals(first.table)
    assert (again.digest, again.splits(), again.columns) == (first.digest, first.splits(), first.columns)


def test_a_touched_file_is_the_same_file(table, tmp_path, open_at):
    open_at(table)
    os.utime(table / "train.csv", (1, 1))
    assert len(reopen(tmp_path / "workspace")) == 100


@pytest.mark.parametrize(
    "change", [lambda text: text.replace("number 5,", "number 6,"), lambda text: text + "x,a,b,c,1\n"]
)
def test_a_changed_source_is_refused(table, tmp_path, open_at, change):
    open_at(table)
    (table / "train.csv").write_text(change(ROWS))
    os.utime(table / "train.csv", (1, 1))
    with pytest.raises(RecordError, match=r"train\.csv: was changed"):
        reopen(tmp_path / "workspace")


@pytest.mark.parametrize("name", ["table.arrow", "cut.npy"])
def test_a_changed_workspace_is_refused(table, tmp_path, open_at, name):
    open_at(table, splits={"test": 0.2})
    file = tmp_path / "workspace" / name
    content = bytearray(file.read_bytes())
    content[-20] ^= 1
    file.write_bytes(content)
    os.utime(file, (1, 1))
    with pytest.raises(RecordError, match=name):
        reopen(tmp_path / "workspace")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"version": 99}', "not json"])
def test_a_workspace_without_facts_is_refused(tmp_path, content):
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(RecordError, match=r"dataset\.json"):
        reopen(tmp_path)


def test_a_failed_reading_leaves_no_dataset(table, tmp_path, open_at):
    open_at(table)
    (table / "train.csv").write_bytes(b"text,label\ncaf\xe9,a\n")
    with pytest.raises(UsageError):
        open_at(table)
    assert sorted(file.name for file in (tmp_path / "workspace").iterdir()) == ["table.arrow"]
    with pytest.raises(RecordError):
        reopen(tmp_path / "workspace")


def test_a_changed_image_is_refused(pictures, tmp_path, open_at, png):
    open_at(pictures)
    os.utime(pictures / "train/a/1.png", (1, 1))
    assert len(reopen(tmp_path / "workspace")) == 10
    (pictures / "train/a/1.png").write_bytes(png(colour=(99, 99, 99)))
    with pytest.raises(RecordError, match=r"train/a/1\.png"):
        reopen(tmp_path / "workspace")


def test_an_image_removed_later_is_named(pictures, open_at):
    found = open_at(pictures)
    (pictures / "train/a/0.png").unlink()
    with pytest.raises(BrokenItemError, match=r"train/a/0\.png.*missing"):
        found.payloads([0])


def test_an_image_folder_answers_with_pixels_and_files(pictures, open_at):
    found = open_at(pictures)
    assert (found.layout, found.splits()) == ("imagefolder", {"train": 6, "test": 4})
    assert found.column("id")[1] == "train/a/1.png"
    assert found.payloads([1])[0].tolist() == [[[1, 0, 0]] * 6] * 4
    assert found.raw(1) == (pictures / "train/a/1.png").read_bytes()
    assert found.record(1) == {"file_name": "train/a/1.png", "label": "a"}
    assert found.files["test"] == ["test/a/0.png", "test/a/1.png", "test/b/0.png", "test/b/1.png"]


def test_files_of_a_split_keep_an_image_that_was_left_out(pictures, open_at):
    (pictures / "test/a/1.png").write_bytes(b"broken")
    found = open_at(pictures)
    assert len(found.rows("test")) == 3
    assert "test/a/1.png" in found.files["test"]


def test_what_is_kept_comes_back_for_the_same_data_only(table, open_at):
    found = open_at(table)
    assert found.kept("near") is None
    found.keep("near", {"file": np.arange(3), "of": np.array(["x"])}, {"threshold": 0.7})
    arrays, facts = found.kept("near")
    assert (arrays["file"].tolist(), arrays["of"].tolist(), facts) == ([0, 1, 2], ["x"], {"threshold": 0.7})
    (table / "train.csv").write_text(ROWS + "more,a,b,c,1\n")
    assert open_at(table).kept("near") is None


def test_objects_and_odd_names_are_not_kept(table, open_at):
    found = open_at(table)
    with pytest.raises(ValueError, match="pickled"):
        found.keep("x", {"a": np.array([object()])}, {})
    for name in ("", "../x", ".x", "a/b"):
        with pytest.raises(ValueError, match="file name"):
            found.keep(name, {}, {})


def test_a_damaged_kept_file_is_named(table, tmp_path, open_at):
    found = open_at(table)
    (tmp_path / "workspace/near.npz").write_bytes(b"junk")
    with pytest.raises(RecordError, match=r"near\.npz"):
        found.kept("near")


@pytest.mark.slow
def test_a_million_rows_fit_in_two_gibibytes(tmp_path):
    file = tmp_path / "train.csv"
    with file.open("w") as out:
        out.write("text,label\n")
        for n in range(1_000_000):
            out.write(
                f"{'the same eighty characters or so in every row and without a sign that splits it'} {n},c{n % 9}\n"
            )
    code = (
        "import json, resource, sys; from pathlib import Path; from memory.datasets.dataset import open_dataset;"
        "from memory.records import Source;"
        "found = open_dataset(Source(path=sys.argv[1], splits={'test': 0.1}), Path(sys.argv[2]), 0);"
        "print(json.dumps([len(found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))"
    )
    done = subprocess.run([sys.executable, "-c", code, file, tmp_path / "w"], check=True, capture_output=True)
    rows, kilobytes = json.loads(done.stdout)
    assert rows == 1_000_000
    assert kilobytes < 2 << 20
