from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.errors import RecordError
from memory.exchanges import FILE, Exchange, Exchanges, Message, Reply, Request, now

ANY_TEXT = st.text(st.characters(codec=None), max_size=30)
"""Lone surrogates too: data hold them."""


def request(text: str = "Hello", seed: int = 0) -> Request:
    return Request(model="m", messages=(Message(role="user", content=text),), seed=seed)


def exchange(of: Request, reply: Reply | None = None, **more: object) -> Exchange:
    reply = Reply(text="Hi", tokens_in=3, tokens_out=2) if reply is None else reply
    return Exchange(key=of.key, at=now(), purpose="test", to="here", request=of, reply=reply, **more)


@settings(max_examples=50, deadline=None)
@given(ANY_TEXT, ANY_TEXT)
def test_what_was_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, said: str, answer: str):
    folder = tmp_path_factory.mktemp("x")
    one = exchange(request(said), Reply(text=answer))
    Exchanges(folder).add(one)
    (again,) = Exchanges(folder)
    assert again == one
    assert again.key == again.request.key


def test_text_that_utf8_cannot_carry_is_made_whole_before_anything_depends_on_it():
    assert Message(role="user", content="a\ud800b").content == "a\ufffdb"
    assert Message(role="user", content="\ud83d\ude00").content == "\U0001f600"
    assert Reply(text="\udc00").text == "\ufffd"


def test_a_key_names_everything_that_an_answer_may_depend_on():
    first = request()
    others = [
        first.model_copy(update=change)
        for change in (
            {"model": "n"},
            {"messages": (Message(role="system", content="Hello"),)},
            {"messages": (Message(role="user", content="Hello", images=("data:,x",)),)},
            {"reply_schema": {"type": "object"}},
            {"max_tokens": 7},
            {"temperature": 0.5},
            {"seed": 1},
        )
    ]
    assert len({one.key for one in [first, *others]}) == 8
    assert request().key == first.key


def test_sums_and_the_first_answer_are_kept(tmp_path: Path):
    kept = Exchanges(tmp_path)
    kept.add(Exchange(key=request().key, at=now(), purpose="p", to="t", request=request(), problem="lost"))
    assert kept.answered(request().key) is None
    kept.add(exchange(request(), money_usd=0.25))
    kept.add(exchange(request(), Reply(text="Another", tokens_out=1)))
    for one in (kept, Exchanges(tmp_path)):
        assert (len(one), one.tokens, one.money_usd) == (3, 6, 0.25)
        assert one.answered(request().key).reply.text == "Hi"


@pytest.mark.parametrize("left", [b"{", b'{"key": "ab', "ü".encode()[:1], b"x" * 100_000])
def test_the_half_line_of_a_killed_writer_is_cut_off(tmp_path: Path, left: bytes):
    Exchanges(tmp_path).add(exchange(request("first")))
    with (tmp_path / FILE).open("ab") as file:
        file.write(left)
    resumed = Exchanges(tmp_path)
    assert len(resumed) == 1
    resumed.add(exchange(request("second")))
    assert [one.request.messages[0].content for one in Exchanges(tmp_path)] == ["first", "second"]


@pytest.mark.parametrize("cut", range(0, 400, 37))
def test_a_writer_may_be_killed_at_any_byte(tmp_path: Path, cut: int):
    Exchanges(tmp_path).add(exchange(request("first")))
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes((whole * 2)[: len(whole) + cut])
    assert len(Exchanges(tmp_path)) == 1 + (cut >= len(whole))


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path):
    kept = Exchanges(tmp_path)
    for text in ("a", "b", "c"):
        kept.add(exchange(request(text)))
    lines = (tmp_path / FILE).read_bytes().splitlines(keepends=True)
    for bad in (b"{}\n", b"\n", b"\xff\n", json.dumps({"key": "k", "more": 1}).encode() + b"\n"):
        (tmp_path / FILE).write_bytes(lines[0] + bad + lines[2])
        with pytest.raises(RecordError, match=rf"{FILE}:2"):
            Exchanges(tmp_path)


def test_threads_write_whole_lines(tmp_path: Path):
    kept = Exchanges(tmp_path)

    def write(name: int) -> None:
        for at in range(25):
            kept.add(exchange(request("x" * 500, seed=name * 100 + at)))

    threads = [threading.Thread(target=write, args=(name,)) for name in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    again = Exchanges(tmp_path)
    assert len(again) == 50
    assert again.tokens == kept.tokens == 250
    assert [one.key for one in again] == [one.key for one in kept]


def test_nothing_is_made_before_something_is_added(tmp_path: Path):
    kept = Exchanges(tmp_path)
    assert (len(kept), kept.tokens, kept.money_usd) == (0, 0, 0.0)
    assert list(tmp_path.iterdir()) == []
