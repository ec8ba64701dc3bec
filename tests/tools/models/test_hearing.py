"""Bytes of an endpoint on record: asked for once, heard again, never made up."""

from __future__ import annotations

import pytest

from memory.errors import ModelError
from memory.exchanges import Exchanges
from tools.models.hearing import Hearing, request_of


def test_what_was_answered_is_not_asked_for_again(tmp_path):
    asked: list[int] = []

    def ask() -> bytes:
        asked.append(1)
        return b"\x00\xffsound"

    request = request_of("talker", {"input": "one", "voice": "alloy"}, seed=3)
    for _ in range(2):
        assert Hearing(Exchanges(tmp_path)).take("speech.speak", "http://h/v1", request, ask) == b"\x00\xffsound"
    assert asked == [1]
    [one] = Exchanges(tmp_path)
    assert (one.purpose, one.to, one.problem, one.replayed) == ("speech.speak", "http://h/v1", None, False)
    other = request_of("talker", {"input": "one", "voice": "alloy"}, seed=4)
    Hearing(Exchanges(tmp_path)).take("speech.speak", "http://h/v1", other, ask)
    assert asked == [1, 1]


def test_a_replay_hears_the_record_alone(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    request = request_of("painter", {"prompt": "a cat"}, seed=1, pictures=[b"png"])
    Hearing(Exchanges(old)).take("image.edit", "http://h/v1", request, lambda: b"picture")

    def never() -> bytes:
        raise AssertionError("a replay sends nothing")

    hearing = Hearing(Exchanges(new), Exchanges(old))
    assert hearing.take("image.edit", "http://h/v1", request, never) == b"picture"
    assert [one.replayed for one in Exchanges(new)] == [True]
    with pytest.raises(ModelError, match="left what was recorded"):
        hearing.take("image.edit", "http://h/v1", request_of("painter", {"prompt": "a dog"}, seed=1), never)


def test_what_fails_is_on_record_and_may_be_asked_again(tmp_path):
    request = request_of("talker", {"input": "one"}, seed=0)

    def broken() -> bytes:
        raise OSError("the line is dead")

    with pytest.raises(OSError, match="dead"):
        Hearing(Exchanges(tmp_path)).take("speech.speak", "http://h/v1", request, broken)
    [one] = Exchanges(tmp_path)
    assert one.reply is None
    assert one.problem == "OSError: the line is dead"
    new = tmp_path / "new"
    new.mkdir()
    with pytest.raises(ModelError, match="the line is dead"):
        Hearing(Exchanges(new), Exchanges(tmp_path)).take("speech.speak", "http://h/v1", request, broken)
    assert Hearing(Exchanges(tmp_path)).take("speech.speak", "http://h/v1", request, lambda: b"yes") == b"yes"
