"""The trace holds what was sealed, and shows every other change by its line."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory import atomic
from memory.digests import canonical, digest
from memory.errors import RecordError
from memory.trace import Trace, verify

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
BODIES = st.lists(
    st.dictionaries(st.text(max_size=5), PLAIN, max_size=3),
    min_size=1,
    max_size=6,
)
examples = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def written(folder: Path, bodies: list[dict[str, Any]]) -> Trace:
    trace = Trace.open_for_writing(folder)
    trace.append(bodies)
    return trace


def sealed(folder: Path) -> bytes:
    return (folder / "trace.jsonl").read_bytes()


def first_bad_after(folder: Path, content: bytes) -> int | None:
    (folder / "trace.jsonl").write_bytes(content)
    check = verify(folder)
    assert not check.ok
    assert check.problem
    return check.first_bad


def test_records_come_back_in_order_with_number_and_time(tmp_path: Path):
    trace = written(tmp_path, [{"node": "plan"}])
    trace.append([{"node": "apply", "made": 3}, {"node": "judge"}])
    read = list(trace.read())
    assert [one["seq"] for one in read] == [1, 2, 3]
    assert [one["body"] for one in read] == [{"node": "plan"}, {"node": "apply", "made": 3}, {"node": "judge"}]
    assert all(one["at"].endswith("+00:00") for one in read)
    assert len(trace) == 3
    assert verify(tmp_path).ok


def test_a_line_is_canonical_json_and_its_seal_can_be_computed_by_hand(tmp_path: Path):
    written(tmp_path, [{"b": 1, "a": "ä"}, {"c": 2}])
    first, second = [json.loads(line) for line in sealed(tmp_path).splitlines()]
    assert first["prev"] == "0" * 64
    assert second["prev"] == first["seal"]
    assert first.pop("seal") == digest(first)
    head = json.loads((tmp_path / "head").read_text())
    assert head == {"records": 2, "bytes": len(sealed(tmp_path)), "seal": second["seal"]}


def test_an_empty_trace_is_in_order(tmp_path: Path):
    trace = Trace.open_for_writing(tmp_path)
    assert (len(trace), list(trace.read())) == (0, [])
    assert verify(tmp_path).ok


def test_nothing_is_written_when_one_body_is_not_plain_json(tmp_path: Path):
    trace = written(tmp_path, [{"kept": True}])
    before = sealed(tmp_path)
    for bad in ({"x": float("nan")}, {"x": object()}, {"x": "\ud800"}):
        with pytest.raises(RecordError, match="record 3"):
            trace.append([{"fine": 1}, bad])
    assert sealed(tmp_path) == before
    assert verify(tmp_path).ok


@examples
@given(BODIES, BODIES)
def test_whatever_was_written_is_read_and_verifies(first: list[dict[str, Any]], second: list[dict[str, Any]]):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        written(folder, first)
        trace = Trace.open_for_writing(folder)
        trace.append(second)
        bodies = [one["body"] for one in trace.read()]
        assert bodies == first + second
        check = verify(folder)
        assert (check.ok, check.records, check.first_bad, check.problem) == (True, len(bodies), None, None)


@examples
@given(BODIES, st.data())
def test_a_changed_byte_is_named_by_its_line(bodies: list[dict[str, Any]], data: st.DataObject):
    with tempfile.TemporaryDirectory() as place:
        written(Path(place), bodies)
        content = sealed(Path(place))
        at = data.draw(st.integers(0, len(content) - 1), label="position")
        new = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[at]), label="byte")
        line = content[:at].count(b"\n") + 1
        assert first_bad_after(Path(place), content[:at] + bytes([new]) + content[at + 1 :]) == line
        assert first_bad_after(Path(place), content[:at] + bytes([new]) + content[at:]) == line
        assert first_bad_after(Path(place), content[:at] + content[at + 1 :]) == line
        assert first_bad_after(Path(place), content[:at]) == line


@examples
@given(BODIES, st.data())
def test_removed_moved_and_repeated_lines_are_named(bodies: list[dict[str, Any]], data: st.DataObject):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        written(folder, [{"first": True}, *bodies])
        lines = sealed(folder).splitlines(keepends=True)
        at = data.draw(st.integers(0, len(lines) - 1), label="line")
        later = data.draw(st.integers(0, len(lines) - 1).filter(lambda other: other != at), label="other line")
        assert first_bad_after(folder, b"".join(lines[:at] + lines[at + 1 :])) == at + 1
        assert first_bad_after(folder, b"".join(lines[: at + 1] + lines[at:])) == at + 2
        shortened = b"".join(lines[: len(lines) - 1 - at])
        assert first_bad_after(folder, shortened) == len(lines) - at
        low, high = sorted((at, later))
        lines[low], lines[high] = lines[high], lines[low]
        assert first_bad_after(folder, b"".join(lines)) == low + 1


@examples
@given(BODIES, st.data())
def test_any_changed_byte_of_the_head_shows(bodies: list[dict[str, Any]], data: st.DataObject):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        written(folder, bodies)
        head = (folder / "head").read_bytes()
        at = data.draw(st.integers(0, len(head) - 1), label="position")
        new = data.draw(st.integers(0, 255).filter(lambda byte: byte != head[at]), label="byte")
        (folder / "head").write_bytes(head[:at] + bytes([new]) + head[at + 1 :])
        check = verify(folder)
        assert not check.ok
        assert "head" in str(check.problem) or check.first_bad is not None


def test_a_line_in_another_json_form_is_refused_though_it_says_the_same(tmp_path: Path):
    written(tmp_path, [{"a": 1}, {"b": "ä"}])
    lines = sealed(tmp_path).splitlines(keepends=True)
    spaced = json.dumps(json.loads(lines[1]), sort_keys=True, ensure_ascii=False).encode() + b"\n"
    assert first_bad_after(tmp_path, lines[0] + spaced) == 2
    escaped = json.dumps(json.loads(lines[1]), sort_keys=True, separators=(",", ":")).encode() + b"\n"
    assert first_bad_after(tmp_path, lines[0] + escaped) == 2


def test_a_chain_sealed_anew_does_not_match_the_head(tmp_path: Path):
    written(tmp_path, [{"a": 1}, {"b": 2}])
    lines, seal = [], "0" * 64
    for line in sealed(tmp_path).splitlines():
        record = {**json.loads(line), "body": {"a": 9}, "prev": seal}
        record.pop("seal")
        seal = digest(record)
        lines.append(canonical({**record, "seal": seal}))
    assert first_bad_after(tmp_path, "".join(f"{line}\n" for line in lines).encode()) == 2


def test_a_missing_head_or_file_is_said(tmp_path: Path):
    trace = written(tmp_path, [{"a": 1}])
    head = (tmp_path / "head").read_bytes()
    (tmp_path / "head").unlink()
    assert "head is missing" in str(verify(tmp_path).problem)
    with pytest.raises(RecordError, match="head is missing"):
        len(trace)
    with pytest.raises(RecordError, match="head is missing"):
        Trace.open_for_writing(tmp_path)
    (tmp_path / "head").write_bytes(head)
    (tmp_path / "trace.jsonl").unlink()
    check = verify(tmp_path)
    assert (check.ok, check.first_bad, check.problem) == (False, 1, "trace.jsonl is missing.")


def test_a_changed_trace_is_not_continued(tmp_path: Path):
    written(tmp_path, [{"a": 1}, {"b": 2}])
    changed = sealed(tmp_path).replace(b'{"b":2}', b'{"b":3}')
    (tmp_path / "trace.jsonl").write_bytes(changed)
    with pytest.raises(RecordError, match="Line 2: the record does not match its seal"):
        Trace.open_for_writing(tmp_path)
    assert sealed(tmp_path) == changed


def test_lines_that_somebody_else_added_stop_an_append(tmp_path: Path):
    trace = written(tmp_path, [{"a": 1}])
    with (tmp_path / "trace.jsonl").open("ab") as file:
        file.write(b"x")
    with pytest.raises(RecordError, match="more or less"):
        trace.append([{"b": 2}])


def test_a_kill_at_any_byte_of_a_write_is_repaired_on_reopening(tmp_path: Path):
    trace = written(tmp_path, [{"kept": 1}])
    before, head = sealed(tmp_path), (tmp_path / "head").read_bytes()
    trace.append([{"lost": "ä"}, {"lost": 2}])
    after = sealed(tmp_path)
    for size in range(len(before), len(after) + 1):
        (tmp_path / "trace.jsonl").write_bytes(after[:size])
        (tmp_path / "head").write_bytes(head)
        extra = size - len(before)
        check = verify(tmp_path)
        assert check.ok == (extra == 0)
        if extra:
            said = f"{extra} bytes after the last sealed record: the run was interrupted; resume it."
            assert (check.problem, check.first_bad, check.records) == (said, 2, 1)
        assert [one["body"] for one in Trace(tmp_path).read()] == [{"kept": 1}]
        Trace.open_for_writing(tmp_path)
        assert sealed(tmp_path) == before
        assert verify(tmp_path).ok


def test_a_kill_before_the_new_head_takes_its_place_loses_only_that_write(tmp_path: Path, monkeypatch):
    trace = written(tmp_path, [{"kept": 1}])

    def killed(path: Path, content: bytes) -> None:
        path.with_name(f".{path.name}.partial").write_bytes(content[:9])
        raise KeyboardInterrupt

    monkeypatch.setattr(atomic, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        trace.append([{"lost": 1}])
    monkeypatch.undo()
    again = Trace.open_for_writing(tmp_path)
    again.append([{"kept": 2}])
    assert [one["body"] for one in again.read()] == [{"kept": 1}, {"kept": 2}]
    assert verify(tmp_path).ok
