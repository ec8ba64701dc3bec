"""Shards come back as they were written, and a damaged one is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from memory.datasets.made import Candidate, Judged, Made
from memory.errors import RecordError
from memory.records import Verdict

PLAIN = Candidate(
    id="a1",
    step="s1",
    position=0,
    attempt=2,
    parents=("p1", "p2"),
    cell={"label": "refund", "speaker": "anna"},
    label="refund",
    group=None,
    attributes={},
    calls=(
        {"tool": "text.swap_words", "version": "0a", "params": {"share": 0.1, "seed": 2**62, "words": "zwölf"}},
        {"tool": "text.shorten", "version": "0b", "params": {"keep": 3}},
    ),
    seed=2**63 - 1,
    text='two\r\nlines, "quoted" \u2028 and \U0001f600',
    soft_label={"refund": 0.75, "other": 0.25},
)
REFUSED = Candidate(
    id="a2",
    step="s1",
    position=1,
    attempt=0,
    parents=("p1",),
    cell={},
    label=None,
    group="anna",
    attributes={"language": "en"},
    calls=({"tool": "text.swap_words", "version": "0a", "params": {}},),
    seed=0,
    refused="text.swap_words: a single word",
)
MEDIA = replace(REFUSED, id="a3", blob=b"\x89PNG\x00\r\n", content="c" * 64, refused=None)
PASSED = Judged(
    id="a1",
    accepted=True,
    verdicts=(
        Verdict(gate="near_copy", accepted=True, score=0.25, threshold=0.5),
        Verdict(gate="length", accepted=True),
    ),
    attributes={"length": "short"},
)
FAILED = Judged(
    id="a2", accepted=False, verdicts=(Verdict(gate="refused", accepted=False, why="a single word"),), attributes={}
)


def test_candidates_come_back_as_they_were_written(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.write_candidates("s1", 0, [PLAIN, REFUSED, MEDIA])
    assert made.candidates("s1", 0) == [PLAIN, REFUSED, MEDIA]


def test_judgements_come_back_as_they_were_written(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.write_judged("s1", 7, [PASSED, FAILED])
    assert made.judged("s1", 7) == [PASSED, FAILED]


def test_an_empty_shard_and_one_of_nulls_have_the_same_columns_and_types(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    made = Made(tmp_path)
    made.write_candidates("s1", 0, [])
    made.write_candidates("s1", 1, [REFUSED])
    made.write_candidates("s1", 2, [PLAIN, MEDIA])
    schemas = [pq.read_schema(tmp_path / "s1" / f"0000{shard}.candidates.parquet") for shard in range(3)]
    assert schemas[0] == schemas[1] == schemas[2]
    assert made.candidates("s1", 0) == []


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        made = Made(tmp_path / folder)
        made.write_candidates("s1", 0, [PLAIN, MEDIA])
        made.write_judged("s1", 0, [PASSED, FAILED])
    for name in ("00000.candidates.parquet", "00000.verdicts.parquet"):
        assert (tmp_path / "one" / "s1" / name).read_bytes() == (tmp_path / "two" / "s1" / name).read_bytes()


def test_the_order_in_which_a_dict_was_filled_does_not_change_the_bytes(tmp_path: Path) -> None:
    turned = replace(PLAIN, cell=dict(reversed(PLAIN.cell.items())), soft_label={"other": 0.25, "refund": 0.75})
    Made(tmp_path / "one").write_candidates("s1", 0, [PLAIN])
    Made(tmp_path / "two").write_candidates("s1", 0, [turned])
    one, two = (tmp_path / side / "s1" / "00000.candidates.parquet" for side in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_a_partial_file_is_no_shard(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.write_candidates("s1", 3, [PLAIN])
    (tmp_path / "s1" / "00004.candidates.partial").write_bytes(b"half")
    assert made.shards("s1") == [3]
    assert not made.has_candidates("s1", 4)


def test_writing_leaves_no_partial_file(tmp_path: Path) -> None:
    Made(tmp_path).write_candidates("s1", 0, [PLAIN])
    assert [file.name for file in (tmp_path / "s1").iterdir()] == ["00000.candidates.parquet"]


def test_shards_come_in_order_of_their_numbers(tmp_path: Path) -> None:
    made = Made(tmp_path)
    for shard in (100_000, 2, 99_999):
        made.write_candidates("s1", shard, [])
    assert made.shards("s1") == [2, 99_999, 100_000]
    assert made.shards("never run") == []


def test_accepted_yields_only_what_passed_in_the_order_of_steps_and_shards(tmp_path: Path) -> None:
    made = Made(tmp_path)
    for step, shard in (("s2", 0), ("s1", 1), ("s1", 0)):
        made.write_candidates(step, shard, [replace(PLAIN, id=f"{step}{shard}"), REFUSED])
        made.write_judged(step, shard, [replace(PASSED, id=f"{step}{shard}"), FAILED])
    assert [candidate.id for candidate, _ in made.accepted(["s1", "s2"])] == ["s10", "s11", "s20"]
    assert len(list(made.judged_pairs(["s1", "s2"]))) == 6


def test_a_shard_that_was_not_judged_is_named(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.write_candidates("s1", 0, [PLAIN])
    with pytest.raises(RecordError, match=r"00000\.verdicts\.parquet: This shard is missing"):
        list(made.judged_pairs(["s1"]))


@pytest.mark.parametrize("judged", [[FAILED, PASSED], [PASSED], []])
def test_verdicts_of_other_candidates_are_refused(tmp_path: Path, judged: list[Judged]) -> None:
    made = Made(tmp_path)
    made.write_candidates("s1", 0, [PLAIN, REFUSED])
    made.write_judged("s1", 0, judged)
    with pytest.raises(RecordError, match="not those of the candidates"):
        list(made.judged_pairs(["s1"]))


@pytest.mark.parametrize("keep", [0, 4, 500, -1])
def test_a_shard_cut_short_is_named(tmp_path: Path, keep: int) -> None:
    made = Made(tmp_path)
    made.write_candidates("s1", 0, [PLAIN])
    file = tmp_path / "s1" / "00000.candidates.parquet"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(RecordError, match=r"00000\.candidates\.parquet: This shard cannot be read"):
        made.candidates("s1", 0)


def test_a_shard_of_other_columns_is_named(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.write_judged("s1", 0, [PASSED])
    (tmp_path / "s1" / "00000.verdicts.parquet").rename(tmp_path / "s1" / "00000.candidates.parquet")
    with pytest.raises(RecordError, match="cannot be read"):
        made.candidates("s1", 0)


@pytest.mark.parametrize(("column", "value"), [("verdicts", "[{}]"), ("verdicts", "no json"), ("attributes", "{")])
def test_json_that_was_changed_in_a_shard_is_named(tmp_path: Path, column: str, value: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = Made(tmp_path)
    made.write_judged("s1", 0, [PASSED])
    file = tmp_path / "s1" / "00000.verdicts.parquet"
    table = pq.read_table(file)
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array([value])), file)
    with pytest.raises(RecordError, match=r"00000\.verdicts\.parquet"):
        made.judged("s1", 0)


def test_text_that_is_no_unicode_leaves_no_shard_behind(tmp_path: Path) -> None:
    made = Made(tmp_path)
    with pytest.raises(RecordError, match="no Unicode text"):
        made.write_candidates("s1", 0, [replace(PLAIN, text="half a pair \ud83d")])
    assert made.shards("s1") == []


def test_a_number_that_json_cannot_say_is_refused(tmp_path: Path) -> None:
    bad = replace(PLAIN, calls=({"tool": "t", "params": {"share": float("nan")}},))
    with pytest.raises(ValueError, match="JSON"):
        Made(tmp_path).write_candidates("s1", 0, [bad])


def test_the_tools_of_a_candidate_are_joined_by_a_plus() -> None:
    assert PLAIN.tool == "text.swap_words+text.shorten"


def test_the_first_gate_that_refused_is_named() -> None:
    assert FAILED.rejected_by == "refused"
    assert PASSED.rejected_by is None
