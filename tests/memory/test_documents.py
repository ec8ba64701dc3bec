"""Jobs and plans survive the way through YAML, and what is wrong with one is said with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.documents import dump_yaml, read_job, read_plan
from memory.errors import UsageError
from memory.job import Assets, Export, Job, Limits, Source, Target
from memory.records import Call, Cell, Fill, Plan, Step

PLAN = Plan(
    round=2,
    planner="rules",
    why="two cells are short",
    steps=(
        Step(
            id="s1",
            calls=(Call(tool="text.swap_words", draw={"rate": (0.1, 0.3), "mode": ("near", "far"), "times": 2}),),
            fill=(Fill(cell=Cell(at={"label": "no", "speaker": "007"}), count=40),),
            cites=("wei2019eda",),
        ),
    ),
)
JOB = Job(
    dataset=Source(path="/data/train.csv", modality="text"),
    targets=(Target(axes=("label", "channel"), at_least=5, only={"label": ("yes", "3")}),),
    limits=Limits(samples=None, gpu_seconds=0.0),
    seed=7,
)


def saved(folder: Path, text: str, name: str = "job.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read_job(saved(folder, text))
    assert caught.value.where is not None
    assert caught.value.where.startswith(str(folder / "job.yaml"))
    return str(caught.value)


def test_a_plan_reads_back_equal_and_looks_like_what_a_person_writes(tmp_path: Path):
    text = dump_yaml(PLAN)
    assert read_plan(saved(tmp_path, text)) == PLAN
    assert text.splitlines()[:3] == ["round: 2", "planner: rules", "steps:"]
    assert "cell: {label: 'no', speaker: '007'}" in text
    assert "!!" not in text
    assert "null" not in text


def test_a_job_reads_back_equal_even_where_none_is_not_the_default(tmp_path: Path):
    text = dump_yaml(JOB)
    assert read_job(saved(tmp_path, text)) == JOB
    assert "samples: null" in text
    assert "columns" not in text


@pytest.fixture(scope="module")
def folder_of_all(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("yaml")


WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(WORDS, WORDS, st.floats(allow_nan=False, allow_infinity=False), st.lists(WORDS, min_size=1, max_size=3))
def test_any_word_and_number_survives(folder_of_all: Path, name: str, word: str, number: float, words: list[str]):
    call = Call(tool="t", draw={name: word, "b": number, "c": tuple(words), "d": (0.5, number)})
    step = Step(id="s", calls=(call,), fill=(Fill(cell=Cell(at={name: word}), count=1),), cites=("k",), why=word)
    plan = Plan(round=1, planner="rules", steps=(step,))
    assert read_plan(saved(folder_of_all, dump_yaml(plan))) == plan


def test_relative_paths_start_at_the_job_file(tmp_path: Path):
    text = "dataset: {path: data/train/a.csv}\nassets: {noise: ../noise}\nexport: {path: out}\n"
    job = read_job(saved(tmp_path, text))
    assert job.dataset.path == str(tmp_path / "data" / "train" / "a.csv")
    assert job.assets == Assets(noise=str(tmp_path / ".." / "noise"))
    assert job.export == Export(path=str(tmp_path / "out"))


def test_a_hub_id_stays_unless_such_a_folder_is_there(tmp_path: Path):
    file = saved(tmp_path, "dataset: {path: owner/name}\n")
    assert read_job(file).dataset.path == "owner/name"
    (tmp_path / "owner" / "name").mkdir(parents=True)
    assert read_job(file).dataset.path == str(tmp_path / "owner" / "name")
    assert read_job(saved(tmp_path, "dataset: {path: data/train.csv}\n")).dataset.path == str(
        tmp_path / "data/train.csv"
    )
    assert read_job(saved(tmp_path, "dataset: {path: ./data}\n")).dataset.path == str(tmp_path / "data")
    assert read_job(saved(tmp_path, "dataset: {path: /abs/x}\n")).dataset.path == "/abs/x"
    assert read_job(saved(tmp_path, "dataset: {path: train.csv}\n")).dataset.path == str(tmp_path / "train.csv")


def test_unknown_keys_are_named_with_the_likely_one(tmp_path: Path):
    assert "targets.0.atleast: unknown key; did you mean 'at_least'?" in complaint(
        tmp_path, "dataset: {path: x}\ntargets: [{axes: [label], atleast: 3}]\n"
    )
    assert "limits.zzz: unknown key; known are samples, seconds" in complaint(
        tmp_path, "dataset: {path: x}\nlimits: {zzz: 3}\n"
    )


def test_bad_values_name_their_field(tmp_path: Path):
    assert "seed: input should be greater than or equal to 0" in complaint(tmp_path, "dataset: {path: x}\nseed: -1\n")
    assert "dataset: field required" in complaint(tmp_path, "seed: 1\n")
    assert "dataset.splits: validation and test together" in complaint(
        tmp_path, "dataset: {path: x, splits: {validation: 0.5, test: 0.6}}\n"
    )


def test_a_word_that_yaml_takes_for_something_else_is_explained(tmp_path: Path):
    said = complaint(tmp_path, "dataset: {path: x}\ntargets: [{at_least: 3, only: {label: [no, 7]}}]\n")
    assert "targets.0.only.label.0: YAML reads this as False; put it in quotes" in said
    assert "targets.0.only.label.1: YAML reads this as 7; put it in quotes" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dataset: {path: x}\nseed: 1\nseed: 2\n", "job.yaml:3: This is not YAML that can be read: key 'seed' stands"),
        ("dataset: {path: [\n", "job.yaml:2"),
        ("dataset: &a {path: x}\nexport: *a\n", "aliases are not read"),
        ("dataset: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("- a\n- b\n", "a mapping of keys to values"),
        ("", "a mapping of keys to values"),
        ("seed: 2026-13-45\n", "not YAML that can be read"),
        ("[" * 5000, "not YAML that can be read"),
        ("dataset: {path: x}\n---\nseed: 1\n", "not YAML that can be read"),
        ("? {a: 1}\n: 2\n", "not YAML that can be read"),
    ],
)
def test_what_is_no_job_is_refused_with_its_place(tmp_path: Path, text: str, said: str):
    assert said in complaint(tmp_path, text)


def test_unreadable_and_huge_files_are_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="No such file"):
        read_job(tmp_path / "none.yaml")
    file = tmp_path / "huge.yaml"
    file.write_bytes(b"#" * (64 * 2**20 + 1))
    with pytest.raises(UsageError, match="bytes"):
        read_job(file)
    file.write_bytes(b"a: \xff\n")
    with pytest.raises(UsageError, match="not YAML"):
        read_job(file)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("{measure: accuracy, gain: 0}", "there is no measure 'accuracy'; there are probe_macro_f1 and held_out_cov"),
        ("{measure: probe_macro_f1, gian: 0}", "targets.0.gian: unknown key; did you mean 'gain'?"),
        ("{measure: held_out_coverage}", "targets.0.at_least: field required"),
        ("{axes: [label], atleast: 3}", "targets.0.atleast: unknown key; did you mean 'at_least'?"),
    ],
)
def test_a_target_that_is_none_is_named(tmp_path, target, said):
    file = tmp_path / "job.yaml"
    file.write_text(f"dataset: {{path: x.csv}}\ntargets: [{target}]\n")
    with pytest.raises(UsageError) as raised:
        read_job(file)
    assert said in str(raised.value)
