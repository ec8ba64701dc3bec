"""The same rows in every form that is read."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from memory.datasets.columnar import features_of
from memory.errors import UsageError

TRAIN = [("hello there", "greet"), ("good bye", "part"), ("so long", "part")]
TEST = [("hi", "greet")]
NAMES = ["greet", "part"]


def as_csv(rows, comma=","):
    return "".join(comma.join(row) + "\n" for row in [("text", "label"), *rows])


def as_lines(rows):
    return "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)


def as_table(rows):
    return pa.table({"text": [row[0] for row in rows], "label": [row[1] for row in rows]})


def write_csv(folder):
    (folder / "train.csv").write_text(as_csv(TRAIN))
    (folder / "test.csv").write_text(as_csv(TEST))


def write_tsv(folder):
    (folder / "my-train.tsv").write_text(as_csv(TRAIN, "\t"))
    (folder / "my-dev.tsv").write_text(as_csv(TEST, "\t"))


def write_lines(folder):
    (folder / "train.jsonl").write_text(as_lines(TRAIN))
    (folder / "eval.jsonl").write_text(as_lines(TEST))


def write_parquet(folder):
    (folder / "data").mkdir()
    (folder / "README.md").write_text("# a card")
    pq.write_table(as_table(TRAIN[:1]), folder / "data/train-00000-of-00002.parquet")
    pq.write_table(as_table(TRAIN[1:]), folder / "data/train-00001-of-00002.parquet")
    pq.write_table(as_table(TEST), folder / "data/test-00000-of-00001.parquet")


def write_split_folders(folder):
    for split, rows in (("train", TRAIN), ("test", TEST)):
        (folder / split).mkdir()
        (folder / split / "rows.csv").write_text(as_csv(rows))


def hub_like():
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=NAMES)})
    return datasets.DatasetDict(
        {
            split: datasets.Dataset.from_dict(
                {"text": [row[0] for row in rows], "label": [NAMES.index(row[1]) for row in rows]}, features=features
            )
            for split, rows in (("train", TRAIN), ("test", TEST))
        }
    )


def write_saved(folder):
    hub_like().save_to_disk(str(folder))


@pytest.mark.parametrize(
    ("write", "layout"),
    [
        (write_csv, "csv"),
        (write_tsv, "tsv"),
        (write_lines, "jsonl"),
        (write_parquet, "parquet"),
        (write_split_folders, "csv"),
        (write_saved, "saved"),
    ],
)
def test_every_form_gives_the_same_rows(write, layout, tmp_path, open_at):
    (tmp_path / "set").mkdir()
    write(tmp_path / "set")
    found = open_at(tmp_path / "set")
    assert found.layout == layout
    assert list(zip(found.column("payload"), found.column("label"), strict=True)) == TRAIN + TEST
    assert list(found.splits().values()) == [3, 1]
    assert len(set(found.column("id"))) == 4
    held_out = next(split for split in found.splits() if split != "train")
    assert found.files[held_out], "the held-out rows have files of their own"
    for name in found.files[held_out]:
        assert (tmp_path / "set" / name).is_file()


def test_a_saved_folder_keeps_names_and_numbers_of_classes(tmp_path, open_at):
    write_saved(tmp_path / "set")
    found = open_at(tmp_path / "set")
    assert found.label_names == ("greet", "part")
    assert found.record(1) == {"text": "good bye", "label": 1}
    assert found.files["test"] == ["test/data-00000-of-00001.arrow", "test/dataset_info.json", "test/state.json"]


def test_one_saved_split_is_training(tmp_path, open_at):
    hub_like()["train"].save_to_disk(str(tmp_path / "set"))
    assert open_at(tmp_path / "set").splits() == {"train": 3}


def test_a_hub_dataset_is_read_without_decoding(tmp_path, open_at, monkeypatch):
    import datasets
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda self, name, timeout: None)
    monkeypatch.setattr(datasets, "load_dataset", lambda name: hub_like())
    found = open_at("owner/name")
    assert (found.name, found.layout, found.label_names) == ("owner/name", "hub", ("greet", "part"))
    assert list(zip(found.column("payload"), found.column("label"), strict=True)) == TRAIN + TEST


def test_offline_a_hub_dataset_that_is_not_here_says_which_policy_would_fetch_it(open_at, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UsageError, match=r"policy\.remote"):
        open_at("nobody/nothing-of-that-name")


def test_an_unlabelled_class_number_is_left_out(tmp_path, open_at):
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=NAMES)})
    rows = datasets.Dataset.from_dict({"text": ["a b", "c d"], "label": [0, -1]}, features=features)
    rows.to_parquet(str(tmp_path / "train.parquet"))
    found = open_at(tmp_path / "train.parquet")
    assert found.column("label") == ["greet"]
    assert found.skipped[0].where == "train.parquet:2"


def test_a_split_column_makes_the_splits(tmp_path, open_at):
    (tmp_path / "all.csv").write_text("text,label,split\na b,x,train\nc d,x,val\ne f,x,TEST\n")
    assert open_at(tmp_path / "all.csv").splits() == {"train": 1, "validation": 1, "test": 1}


def test_a_subset_column_without_splits_is_an_attribute(tmp_path, open_at):
    (tmp_path / "all.csv").write_text("text,label,subset\na b,x,clean\nc d,x,clean\n")
    found = open_at(tmp_path / "all.csv")
    assert (found.splits(), found.columns.attributes) == ({"train": 2}, ("subset",))


def test_a_file_whose_name_says_no_split_is_reported_beside_others_that_do(tmp_path, open_at):
    (tmp_path / "set").mkdir()
    write_csv(tmp_path / "set")
    (tmp_path / "set/labels.csv").write_text("a,b\n1,2\n")
    found = open_at(tmp_path / "set")
    assert [one.where for one in found.skipped] == ["labels.csv"]


def test_embedded_images_are_read_from_parquet_and_saved_folders(tmp_path, open_at, png):
    import datasets

    images = [{"bytes": png(colour=(n, 0, 0)), "path": f"{n}.png"} for n in range(3)]
    rows = datasets.Dataset.from_dict({"image": images, "label": ["a", "b", "a"]}).cast_column(
        "image", datasets.Image()
    )
    rows.to_parquet(str(tmp_path / "train.parquet"))
    rows.save_to_disk(str(tmp_path / "saved"))
    for path in (tmp_path / "train.parquet", tmp_path / "saved"):
        found = open_at(path)
        assert found.modality == "image"
        assert [int(pixels[0, 0, 0]) for pixels in found.payloads([0, 1, 2])] == [0, 1, 2]
        assert found.raw(1) == images[1]["bytes"]
        assert found.record(1) == {"image": {"path": "1.png"}, "label": "b"}
        assert found.column("id")[1] == "train-2"


def test_embedded_sounds_are_read_without_the_decoder_of_datasets(tmp_path, open_at, wav):
    stated = {"info": {"features": {"audio": {"_type": "Audio"}, "label": {"_type": "Value", "dtype": "string"}}}}
    table = pa.table({"audio": [{"bytes": wav(), "path": None}], "label": ["a"]})
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(stated)}), tmp_path / "train.parquet")
    found = open_at(tmp_path / "train.parquet")
    assert found.modality == "speech"
    assert found.payloads([0])[0].samples.shape == (1, 800)


def test_bytes_whose_kind_is_not_stated_are_told_by_their_beginning(tmp_path, open_at, wav):
    pq.write_table(pa.table({"sound": [wav()], "label": ["a"]}), tmp_path / "train.parquet")
    assert open_at(tmp_path / "train.parquet").modality == "speech"


def test_schema_metadata_that_is_nonsense_is_passed_over():
    for metadata in ({"huggingface": "junk"}, {"huggingface": "[]"}, {"huggingface": '{"info": 1}'}, None):
        assert features_of(pa.schema([("a", pa.string())], metadata=metadata), "x").columns == ("a",)


def test_a_manifest_is_read(tmp_path, open_at, wav):
    for name in ("1.wav", "2.wav"):
        (tmp_path / name).write_bytes(wav())
    rows = [{"audio_filepath": f"{n}.wav", "duration": 0.1, "text": "go", "speaker": "anna"} for n in (1, 2)]
    (tmp_path / "manifest.json").write_text("\n".join(map(json.dumps, rows)))
    found = open_at(tmp_path / "manifest.json")
    assert (found.layout, found.modality, found.columns.label, found.columns.group) == (
        "nemo",
        "speech",
        "text",
        "speaker",
    )
    assert [wave.rate_hz for wave in found.payloads([0, 1])] == [8000, 8000]


def test_an_audio_folder_with_metadata_keeps_its_speakers(tmp_path, open_at, wav):
    for split in ("train", "test"):
        (tmp_path / "set" / split / "x").mkdir(parents=True)
        (tmp_path / "set" / split / "x/1.wav").write_bytes(wav())
        (tmp_path / "set" / split / "metadata.csv").write_text("file_name,label,speaker\nx/1.wav,7,anna\n")
    found = open_at(tmp_path / "set")
    assert (found.layout, found.modality, found.splits()) == ("audiofolder", "speech", {"train": 1, "test": 1})
    assert (found.column("label"), found.column("speaker")) == (["7", "7"], ["anna", "anna"])
    assert found.column("payload") == ["train/x/1.wav", "test/x/1.wav"]
    assert found.files["test"] == ["test/metadata.csv", "test/x/1.wav"]


def test_metadata_without_labels_leaves_them_to_the_folders(tmp_path, open_at, png):
    for name in ("cat/1.png", "dog/2.png"):
        (tmp_path / "set" / name).parent.mkdir(parents=True)
        (tmp_path / "set" / name).write_bytes(png())
    (tmp_path / "set/metadata.jsonl").write_text(
        '{"file_name": "cat/1.png", "place": "home"}\n{"file_name": "dog/2.png", "place": "home"}\n'
    )
    found = open_at(tmp_path / "set")
    assert (found.column("label"), found.column("place")) == (["cat", "dog"], ["home", "home"])


def test_a_class_may_be_called_train(tmp_path, open_at, png):
    for name in ("train", "bus", "car"):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / "1.png").write_bytes(png())
    found = open_at(tmp_path / "set")
    assert (sorted(found.column("label")), found.splits()) == (["bus", "car", "train"], {"train": 3})


def test_split_folders_may_lie_one_folder_down(tmp_path, open_at, png):
    for name in ("data/train/a", "data/test/a"):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / "1.png").write_bytes(png())
    assert open_at(tmp_path / "set").splits() == {"train": 1, "test": 1}


def test_a_table_may_name_media_files(tmp_path, open_at, png):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/1.png").write_bytes(png())
    (tmp_path / "train.csv").write_text("photo,class\npictures/1.png,x\n")
    found = open_at(tmp_path / "train.csv")
    assert (found.modality, found.columns.payload, found.columns.label) == ("image", "photo", "class")


def test_a_table_with_media_and_text_asks_which(tmp_path, open_at, wav):
    (tmp_path / "1.wav").write_bytes(wav())
    (tmp_path / "train.csv").write_text("path,sentence,label\n1.wav,hello there,x\n")
    with pytest.raises(UsageError, match=r"speech \('path'\) and text \('sentence'\).*dataset.modality"):
        open_at(tmp_path / "train.csv")
    assert open_at(tmp_path / "train.csv", modality="speech").payloads([0])[0].samples.shape == (1, 800)
    assert open_at(tmp_path / "train.csv", modality="text").payloads([0]) == ["hello there"]


def test_the_only_column_of_words_is_the_text(tmp_path, open_at):
    (tmp_path / "train.csv").write_text("utt,label,n\nhello there,x,1\n")
    assert open_at(tmp_path / "train.csv").columns.payload == "utt"
