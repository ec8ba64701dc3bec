"""The bundled datasets are what their cards say, open with `datasets`, and have jobs that fit."""

from __future__ import annotations

import csv
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from PIL import Image

from memory import bundled
from memory.bundled import materialise
from memory.datasets.dataset import open_dataset
from memory.documents import read_job
from memory.errors import UsageError

every_name = pytest.mark.parametrize("name", bundled.NAMES)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bundled")
    for name in bundled.NAMES:
        assert materialise(name, folder) == folder / name
    return folder


def table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


def counts_on_card(folder: Path, split: str) -> list[int]:
    """Read the row `| split | 1 | 2 |` of the card."""
    row = re.search(rf"^\| {split} \|(.*)\|$", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert row is not None
    return [int(cell) for cell in row[1].split("|")]


@every_name
def test_the_job_points_to_the_dataset_it_lies_in(place: Path, name: bundled.Name):
    job = read_job(place / name / "job.yaml")
    assert job.dataset.path == str(place / name)
    assert job.targets[0].axes == ("label",)


@every_name
def test_the_card_names_licence_and_splits(place: Path, name: bundled.Name):
    card = (place / name / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(card.split("---")[1])
    assert front["license"] in {"cc0-1.0", "cc-by-4.0"}
    assert [files["split"] for files in front["configs"][0]["data_files"]] == ["train", "test"]
    assert front["size_categories"] == ["n<1K"]


@every_name
def test_a_second_time_finds_the_same_files_and_leaves_them(place: Path, name: bundled.Name):
    before = {file: file.stat().st_mtime_ns for file in (place / name).rglob("*")}
    assert materialise(name, place) == place / name
    assert {file: file.stat().st_mtime_ns for file in (place / name).rglob("*")} == before


@pytest.mark.parametrize("changed", ["train.csv", "more.csv"])
def test_what_a_person_changed_is_never_written_over(tmp_path: Path, changed: str):
    folder = materialise("requests", tmp_path)
    (folder / changed).write_text("mine")
    with pytest.raises(UsageError, match="in the way"):
        materialise("requests", tmp_path)
    assert (folder / changed).read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["requests"]


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path: Path):
    with pytest.raises(UsageError, match="requests, digits, numbers"):
        materialise("letters", tmp_path)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_requests_are_as_many_as_the_card_says(place: Path):
    folder = place / "requests"
    train, test = (Counter(row["intent"] for row in table(folder / f"{split}.csv")) for split in ("train", "test"))
    assert train == {"refund": 56, "delivery": 40, "account": 28, "cancel": 16, "invoice": 12, "complaint": 8}
    assert test == {"refund": 14, "delivery": 10, "account": 7, "cancel": 4, "invoice": 3, "complaint": 2}
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert all(f"| {intent} | {train[intent]} | {test[intent]} |" in card for intent in train)


def test_requests_are_sentences_and_no_two_are_near_duplicates(place: Path):
    rows = table(place / "requests" / "train.csv") + table(place / "requests" / "test.csv")
    texts = [" ".join(row["text"].lower().split()) for row in rows]
    assert {row["channel"] for row in rows} == {"email", "chat", "phone"}
    assert all(4 <= len(text.split()) <= 25 for text in texts)
    grams = [{text[at : at + 5] for at in range(len(text) - 4)} for text in texts]
    assert max(len(one & other) / len(one | other) for one, other in combinations(grams, 2)) < 0.2


def test_digits_are_grey_8x8_images_as_many_as_the_card_says(place: Path):
    folder = place / "digits"
    for split in ("train", "test"):
        found = [len(list((folder / split / str(digit)).glob("*.png"))) for digit in range(10)]
        assert found == counts_on_card(folder, split)
    files = sorted(folder.rglob("*.png"))
    pixels = [np.asarray(Image.open(file)) for file in files]
    assert {(image.shape, str(image.dtype)) for image in pixels} == {((8, 8), "uint8")}
    assert len({image.tobytes() for image in pixels}) == len(files) == 664
    assert len({file.stem for file in files}) == 664


def test_a_digit_is_the_row_of_the_source_that_its_name_says(place: Path):
    from sklearn.datasets import load_digits

    source = load_digits()
    for file in sorted((place / "digits").rglob("*.png"))[::37]:
        row = int(file.stem)
        assert int(file.parent.name) == source.target[row]
        assert np.array_equal(np.asarray(Image.open(file)), np.rint(source.images[row] * 255 / 16))


def test_numbers_are_8_khz_clips_as_many_as_the_card_says(place: Path):
    folder = place / "numbers"
    speakers: dict[str, set[str]] = {}
    for split in ("train", "test"):
        rows = table(folder / split / "metadata.csv")
        found = Counter(row["label"] for row in rows)
        assert [found[word] for word in ("one", "two", "three", "four", "five", "six")] == counts_on_card(folder, split)
        speakers[split] = {row["speaker"] for row in rows}
        assert {row["file_name"] for row in rows} == {file.name for file in (folder / split).glob("*.flac")}
    assert speakers["train"] == {"adam", "bella", "callum", "dora"}
    assert speakers["test"] == {"eli", "fay"}


def test_every_clip_holds_one_loud_enough_word(place: Path):
    clips = sorted((place / "numbers").rglob("*.flac"))
    contents = set()
    for file in clips:
        samples, rate_hz = soundfile.read(file, dtype="int16")
        assert (rate_hz, samples.ndim) == (8000, 1)
        assert 0.2 < len(samples) / rate_hz < 0.9
        assert 0.08 < np.abs(samples.astype(float)).max() / 32768 < 0.99
        contents.add(samples.tobytes())
    assert len(contents) == len(clips) == 160


def test_all_that_is_bundled_stays_small():
    folder = Path(bundled.__file__).parent
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.suffix not in {".py", ".pyc"}) < 1_500_000


def test_requests_and_digits_open_with_datasets(place: Path, tmp_path: Path):
    from datasets import load_dataset

    requests = load_dataset(str(place / "requests"), cache_dir=str(tmp_path))
    assert {split: rows.num_rows for split, rows in requests.items()} == {"train": 160, "test": 40}
    digits = load_dataset(str(place / "digits"), cache_dir=str(tmp_path))
    assert {split: rows.num_rows for split, rows in digits.items()} == {"train": 364, "test": 300}
    assert digits["train"].features["label"].names == [str(digit) for digit in range(10)]


@pytest.mark.parametrize(
    ("name", "splits", "largest"),
    [
        ("requests", {"train": 160, "test": 40}, ("refund", 56)),
        ("digits", {"train": 364, "test": 300}, ("0", 80)),
        ("numbers", {"train": 124, "test": 36}, ("one", 40)),
    ],
)
def test_every_bundled_dataset_opens_as_its_job_says(place, tmp_path, name, splits, largest):
    job = read_job(place / name / "job.yaml")
    dataset = open_dataset(job.dataset, tmp_path, job.seed)
    assert dataset.name == name
    assert dataset.modality == job.dataset.modality
    assert dataset.splits() == splits
    assert (dataset.skipped_count, dataset.notes) == (0, [])
    labels = dataset.column("label")
    assert Counter(labels[row] for row in dataset.rows("train")).most_common(1) == [largest]
    assert job.targets[0].at_least <= largest[1]
