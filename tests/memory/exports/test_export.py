"""Texts leave as they came, made rows stand beside them marked, and `datasets` opens the folder."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memory.datasets.dataset import Dataset, open_dataset
from memory.datasets.made import Candidate, Judged
from memory.errors import RecordError, UsageError
from memory.exports.export import Exported, export, kind_of
from memory.job import Columns, Source, Splits

Pair = tuple[Candidate, Judged]
Open = Callable[..., Dataset]
NASTY = ['a "quoted", text', "two\nlines", "two\r\nlines", "a lone\rreturn", " padded ", "tab\there", "NA", "é\u2028😀"]
PROVENANCE = ["synthetic", "sample_id", "parents", "tool", "step", "soft_label", "duplicate_of"]


def made(sample: str, text: str | None, label: str | None = "yes", **more: Any) -> Pair:
    facts: dict[str, Any] = {
        "id": sample,
        "step": "s1",
        "position": 0,
        "attempt": 0,
        "parents": ("p1",),
        "cell": {},
        "label": label,
        "group": None,
        "attributes": {},
        "calls": ({"tool": "text.a"}, {"tool": "text.b"}),
        "seed": 1,
        "text": text,
    }
    return Candidate(**(facts | more)), Judged(id=sample, accepted=True, verdicts=(), attributes={})


def write_csv(file: Path, rows: Iterable[Iterable[Any]], delimiter: str = ",") -> None:
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened, delimiter=delimiter).writerows(rows)


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def save(dataset: Dataset, pairs: Iterable[Pair], to: Path, kind: str = "same", **more: Any) -> Exported:
    return export(dataset, pairs, to, kind, "# A card\n", more.get("duplicate_of", {}))


def recount(split: Any, label: str = "label") -> dict[str, int]:
    """Count rows by label that repeat no other row, from what `datasets` gives and nothing else."""
    return dict(Counter(str(row[label]) for row in split if not row["duplicate_of"]))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    write_csv(
        folder / "train.csv", [["text", "label", "note"], *([one, "yes", "7"] for one in NASTY), ["x y", "no", ""]]
    )
    write_csv(folder / "test.csv", [["text", "label", "note"], ["a test\nrow", "no", "8"]])
    return folder


def test_csv_comes_back_row_by_row_with_made_rows_last(source: Path, opened: Open, load: Any, tmp_path: Path) -> None:
    new = 'new, "text"\r\nof two lines'
    done = save(opened(source), [made("m1", new, soft_label={"yes": 0.75, "no": 0.25})], tmp_path / "out")
    found = load(done.path)
    train = found["train"]
    assert train.column_names == ["text", "label", "note", *PROVENANCE]
    assert train["text"][:] == [*NASTY, "x y", new]
    assert train["label"][:] == ["yes"] * 8 + ["no", "yes"]
    assert train["note"][:] == [7] * 8 + [None, None]
    assert train["synthetic"][:] == [False] * 9 + [True]
    assert train[9]["sample_id"] == "m1"
    assert json.loads(train[9]["parents"]) == ["p1"]
    assert (train[9]["tool"], train[9]["step"]) == ("text.a+text.b", "s1")
    assert json.loads(train[9]["soft_label"]) == {"yes": 0.75, "no": 0.25}
    assert json.loads(train[0]["parents"]) == []
    assert found["test"][0]["text"] == "a test\nrow"
    assert found["test"][0]["synthetic"] is None
    assert (done.rows, done.synthetic) == ({"train": 10, "test": 1}, 1)


def test_evaluation_files_leave_byte_for_byte(source: Path, opened: Open, tmp_path: Path) -> None:
    strange = b'label,note,text\r\n"no",,"spaced  "\r\nno,8,last row without an end'
    (source / "test.csv").write_bytes(strange)
    done = save(opened(source), [], tmp_path / "out")
    assert (done.path / "test.csv").read_bytes() == strange


def test_original_columns_of_real_rows_keep_their_exact_text(source: Path, opened: Open, tmp_path: Path) -> None:
    write_csv(source / "train.csv", [["text", "label", "note"], ["a", "yes", "007"], ["b", "no", "1.50"]])
    done = save(opened(source), [made("m1", "c")], tmp_path / "out")
    with (done.path / "train.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["note"] for row in rows] == ["007", "1.50", ""]


def test_an_independent_count_of_rows_that_repeat_nothing(
    source: Path, opened: Open, load: Any, tmp_path: Path
) -> None:
    dataset = opened(source)
    done = save(dataset, [made("m1", "c"), made("m2", "d", "no")], tmp_path / "out", duplicate_of={2: 0, 5: 2})
    train = load(done.path)["train"]
    assert recount(train) == {"yes": 8 - 2 + 1, "no": 2}
    ids = dataset.column("id")
    assert [train[2]["duplicate_of"], train[5]["duplicate_of"]] == [ids[0], ids[2]]


@pytest.mark.parametrize("ending", ["tsv", "jsonl", "parquet"])
def test_other_text_formats_come_back_row_by_row(ending: str, opened: Open, load: Any, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    columns = {"text": NASTY, "label": ["yes"] * 8, "size": list(range(8))}
    write_rows(folder / f"train.{ending}", columns)
    write_rows(folder / f"test.{ending}", {"text": ["t"], "label": ["no"], "size": [9]})
    done = save(opened(folder), [made("m1", "new\n\ttext")], tmp_path / "out")
    found = load(done.path)
    assert found["train"].column_names == ["text", "label", "size", *PROVENANCE]
    assert found["train"]["text"][:] == [*NASTY, "new\n\ttext"]
    assert found["train"]["size"][:] == [*range(8), None]
    assert found["train"]["synthetic"][:] == [False] * 8 + [True]
    assert {name: found["test"][0][name] for name in ("text", "label", "size", "sample_id")} == {
        "text": "t", "label": "no", "size": 9, "sample_id": None,
    }  # fmt: skip
    assert sha256(done.path / f"test.{ending}") == sha256(folder / f"test.{ending}")


def write_rows(file: Path, columns: dict[str, list[Any]]) -> None:
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if file.suffix == ".tsv":
        write_csv(file, [list(columns), *(row.values() for row in rows)], "\t")
    elif file.suffix == ".jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table(columns), file)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_change_of_format_keeps_every_row(kind: str, source: Path, opened: Open, load: Any, tmp_path: Path) -> None:
    found = load(save(opened(source), [made("m1", "new")], tmp_path / "out", kind).path)
    assert found["train"]["text"][:] == [*NASTY, "x y", "new"]
    assert found["train"]["note"][:] == [7] * 8 + [None, None]
    assert found["test"]["text"][:] == ["a test\nrow"]


def test_a_split_column_in_one_file_gives_one_file_a_split(opened: Open, load: Any, tmp_path: Path) -> None:
    file = tmp_path / "all.csv"
    rows = [["a b", "yes", "Train"], ["c d", "no", "Test"], ["e f", "no", "Train"]]
    write_csv(file, [["text", "label", "split"], *rows])
    found = load(save(opened(file), [made("m1", "new")], tmp_path / "out").path)
    assert [(row["text"], row["split"]) for row in found["train"]] == [
        ("a b", "Train"),
        ("e f", "Train"),
        ("new", "Train"),
    ]
    assert [(row["text"], row["label"], row["split"]) for row in found["test"]] == [("c d", "no", "Test")]


def test_rows_cut_from_training_go_to_their_own_file(opened: Open, load: Any, tmp_path: Path) -> None:
    file = tmp_path / "reviews.csv"
    write_csv(file, [["text", "label"], *([f"text {number}", "yes" if number % 2 else "no"] for number in range(20))])
    dataset = opened(file, splits=Splits(test=0.2))
    found = load(save(dataset, [made("m1", "new")], tmp_path / "out").path)
    texts = dataset.column("payload")
    assert found["test"]["text"][:] == [texts[row] for row in dataset.rows("test")]
    assert found["train"]["text"][:] == [*(texts[row] for row in dataset.rows("train")), "new"]


def test_a_saved_dataset_becomes_parquet_with_its_class_names(opened: Open, load: Any, tmp_path: Path) -> None:
    from datasets import ClassLabel, DatasetDict, Features, Value
    from datasets import Dataset as Saved

    kinds = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"]), "tags": [Value("string")]})
    train = Saved.from_dict({"text": ["a b", "c d"], "label": [1, 0], "tags": [["x"], []]}, features=kinds)
    DatasetDict({"train": train, "test": train.select([1])}).save_to_disk(tmp_path / "saved")
    found = load(save(opened(tmp_path / "saved"), [made("m1", "new", "yes")], tmp_path / "out").path)
    assert found["train"].features["label"].names == ["no", "yes"]
    assert found["train"]["label"][:] == [1, 0, 1]
    assert found["train"]["tags"][:] == [["x"], [], None]
    assert found["test"]["label"][:] == [0]


def test_whole_numbers_as_labels_stay_whole_numbers(opened: Open, load: Any, tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text('{"text": "a b", "label": 3, "good": true}\n{"text": "c d", "label": 12, "good": false}\n')
    dataset = opened(file, columns=Columns(attributes=("good",)))
    found = load(save(dataset, [made("m1", "new", "12", attributes={"good": "true"})], tmp_path / "out").path)
    assert found["train"]["label"][:] == [3, 12, 12]
    assert found["train"]["good"][:] == [True, False, True]


def test_made_rows_fill_group_and_attributes_and_nothing_else(opened: Open, load: Any, tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    write_csv(file, [["id", "text", "label", "speaker", "city", "note"], ["q1", "a b", "yes", "anna", "Rome", "n"]])
    dataset = opened(file, columns=Columns(attributes=("city",)))
    pair = made("m1", "new", group="anna", attributes={"city": "Rome", "length": "short"})
    row = load(save(dataset, [pair], tmp_path / "out").path)["train"][1]
    assert [row[name] for name in ("id", "text", "label", "speaker", "city", "note")] == [
        "m1", "new", "yes", "anna", "Rome", None,
    ]  # fmt: skip


def test_columns_that_have_our_names_move_ours_aside(opened: Open, load: Any, tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    write_csv(file, [["text", "label", "tool"], ["a b", "yes", "hammer"]])
    done = save(opened(file), [made("m1", "new")], tmp_path / "out")
    train = load(done.path)["train"]
    assert train.column_names == ["text", "label", "tool", *(f"augplan_{name}" for name in PROVENANCE)]
    assert train["tool"][:] == ["hammer", None]
    assert train["augplan_tool"][1] == "text.a+text.b"
    assert done.provenance["duplicate_of"] == "augplan_duplicate_of"


def test_an_export_can_be_read_and_exported_again(source: Path, opened: Open, load: Any, tmp_path: Path) -> None:
    first = save(opened(source), [made("m1", "new")], tmp_path / "first")
    again = open_dataset(Source(path=str(first.path)), tmp_path / "second-workspace", 0)
    second = save(again, [made("m2", "newer")], tmp_path / "second")
    train = load(second.path)["train"]
    assert train["synthetic"][-2:] == [True, None]
    assert train["augplan_synthetic"][-2:] == [False, True]
    assert sha256(second.path / "test.csv") == sha256(source / "test.csv")


def test_the_first_rows_say_nothing_of_later_types(opened: Open, load: Any, tmp_path: Path) -> None:
    # Readers look at the first 10,000 rows of a CSV file, which are all real: no tool, no soft label.
    file = tmp_path / "train.csv"
    write_csv(file, [["text", "label", "note"], *([f"text {number}", "yes", ""] for number in range(10_001))])
    pair = made("m1", "new", soft_label={"yes": 1.0})
    train = load(save(opened(file), [pair], tmp_path / "out").path)["train"]
    assert (train[10_001]["tool"], train[10_001]["soft_label"]) == ("text.a+text.b", '{"yes":1.0}')


def test_utf16_evaluation_rows_are_written_anew_so_that_all_files_read_alike(
    source: Path, opened: Open, load: Any, tmp_path: Path
) -> None:
    (source / "test.csv").write_text("text,label,note\ntest é,no,1\n", encoding="utf-16")
    assert load(save(opened(source), [], tmp_path / "out").path)["test"]["text"][:] == ["test é"]


def test_a_column_without_a_name_is_read_back(opened: Open, load: Any, tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    write_csv(file, [["", "text", "label"], ["0", "a b", "yes"]])
    train = load(save(opened(file), [made("m1", "new")], tmp_path / "out").path)["train"]
    assert train["text"][:] == ["a b", "new"]


def test_values_of_no_common_type_become_json_text_in_parquet(opened: Open, load: Any, tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text('{"text": "a b", "label": "yes", "odd": {}}\n{"text": "c d", "label": "no", "odd": [1, "x"]}\n')
    train = load(save(opened(file), [made("m1", "new")], tmp_path / "out", "parquet").path)["train"]
    assert train["odd"][:] == ["{}", '[1, "x"]', None]


def test_samples_are_taken_once_and_one_at_a_time(source: Path, opened: Open, tmp_path: Path) -> None:
    taken = 0

    def stream() -> Iterator[Pair]:
        nonlocal taken
        for number in range(50):
            taken += 1
            yield made(f"m{number}", f"text {number}")

    pairs = stream()
    assert save(opened(source), pairs, tmp_path / "out").synthetic == 50
    assert taken == 50
    assert next(pairs, None) is None


def test_the_same_rows_make_the_same_files(source: Path, opened: Open, tmp_path: Path) -> None:
    dataset = opened(source)
    one, two = (save(dataset, [made("m1", "new")], tmp_path / name, "parquet") for name in ("one", "two"))
    assert one.files == two.files
    assert [sha256(one.path / name) for name in one.files] == [sha256(two.path / name) for name in two.files]


def test_a_target_that_exists_is_refused_before_any_sample_is_taken(source: Path, opened: Open, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    pairs = iter([made("m1", "new")])
    with pytest.raises(UsageError, match=r"export\.path: .*out' exists"):
        save(opened(source), pairs, tmp_path / "out")
    assert next(pairs)[0].id == "m1"


@pytest.mark.parametrize("kind", ["imagefolder", "audiofolder", "xlsx"])
def test_a_format_that_cannot_hold_text_is_refused(kind: str, source: Path, opened: Open, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"text cannot be exported as '{kind}'"):
        save(opened(source), [], tmp_path / "out", kind)
    assert not (tmp_path / "out.partial").exists()


def test_a_failure_in_the_middle_leaves_nothing(source: Path, opened: Open, tmp_path: Path) -> None:
    def broken() -> Iterator[Pair]:
        yield made("m1", "new")
        raise KeyboardInterrupt

    before = sorted(tmp_path.rglob("*"))
    dataset = opened(source)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(KeyboardInterrupt):
        save(dataset, broken(), tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == before


def test_what_a_killed_export_left_is_replaced(source: Path, opened: Open, tmp_path: Path) -> None:
    left = tmp_path / "out.partial"
    left.mkdir()
    (left / ".augplan-partial").touch()
    (left / "half.csv").touch()
    done = save(opened(source), [], tmp_path / "out")
    assert done.files == ("README.md", "croissant.json", "test.csv", "train.csv")
    assert not left.exists()


def test_a_folder_of_somebody_else_is_not_removed(source: Path, opened: Open, tmp_path: Path) -> None:
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "thesis.tex").touch()
    with pytest.raises(UsageError, match="in the way"):
        save(opened(source), [], tmp_path / "out")
    assert (tmp_path / "out.partial" / "thesis.tex").exists()


def test_a_place_that_cannot_be_written_is_named(source: Path, opened: Open, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"export\.path: .*file"):
        save(opened(source), [], tmp_path / "file" / "out")


@pytest.mark.parametrize(("text", "kind"), [("nul \0", "csv"), ("half \ud83d", "jsonl"), ("half \ud83d", "parquet")])
def test_text_that_a_format_cannot_hold_is_refused(
    text: str, kind: str, source: Path, opened: Open, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="export row"):
        save(opened(source), [made("m1", text)], tmp_path / "out", kind)
    assert not (tmp_path / "out").exists()


def test_an_accepted_sample_without_text_is_an_error(source: Path, opened: Open, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="m1: This accepted sample has no text"):
        save(opened(source), [made("m1", None)], tmp_path / "out")


def test_the_readme_holds_the_card_and_the_licence_of_the_source(source: Path, opened: Open, tmp_path: Path) -> None:
    import yaml

    (source / "README.md").write_text("---\nlicense: cc0-1.0\n---\n# Source\n")
    done = save(opened(source), [], tmp_path / "out")
    head, _, body = (done.path / "README.md").read_text().removeprefix("---\n").partition("---\n")
    stated = yaml.safe_load(head)
    assert stated["license"] == "cc0-1.0"
    assert [one["split"] for one in stated["configs"][0]["data_files"]] == ["train", "test"]
    assert body.strip() == "# A card"


@pytest.mark.parametrize("head", ["license: [a, b]", "license: 'two words'", "license: {", "- 1"])
def test_a_licence_that_is_no_plain_word_is_left_out(head: str, source: Path, opened: Open, tmp_path: Path) -> None:
    (source / "README.md").write_text(f"---\n{head}\n---\n# Source\n")
    assert "license" not in (save(opened(source), [], tmp_path / "out").path / "README.md").read_text()


def test_croissant_lists_every_data_file_with_its_hash_and_every_column(
    source: Path, opened: Open, tmp_path: Path
) -> None:
    done = save(opened(source), [made("m1", "new")], tmp_path / "out")
    stated = json.loads((done.path / "croissant.json").read_text())
    assert {one["contentUrl"]: one["sha256"] for one in stated["distribution"]} == {
        name: sha256(done.path / name) for name in ("train.csv", "test.csv")
    }
    train, test = stated["recordSet"]
    assert [one["source"]["extract"]["column"] for one in train["field"]] == ["text", "label", "note", *PROVENANCE]
    assert [one["source"]["extract"]["column"] for one in test["field"]] == ["text", "label", "note"]
    assert stated["conformsTo"] == "http://mlcommons.org/croissant/1.0"


def test_the_same_format_follows_from_the_source(source: Path, opened: Open) -> None:
    dataset = opened(source)
    assert kind_of(dataset, "same") == "csv"
    assert kind_of(dataset, "parquet") == "parquet"
