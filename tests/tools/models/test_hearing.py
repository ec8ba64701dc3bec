"""Bytes of an endpoint on record: asked for once, heard again, never made up."""

from __future__ import annotations

import pytest

from memory.errors import ModelError, SpentError
from memory.exchanges import Exchanges
from tools.models.hearing import Hearing, request_of
from tools.models.purse import Budget, Purse, Share


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


def test_an_answer_is_paid_for_and_a_failure_is_not(tmp_path):
    purse = Purse(Exchanges(tmp_path), Budget(money_usd=0.01))
    hearing = Hearing(purse.exchanges, purse=purse)
    request, share = request_of("talker", {"input": "one"}, seed=0), Share("A line of speech", money_usd=0.01)

    def broken() -> bytes:
        raise OSError("the line is dead")

    def killed() -> bytes:
        raise KeyboardInterrupt

    for ask, error in ((broken, OSError), (killed, KeyboardInterrupt)):
        with pytest.raises(error):
            hearing.take("speech.speak", "http://h/v1", request, ask, share)
        assert (purse.exchanges.money_usd, purse.aside.money_usd) == (0.0, 0.0)
    hearing.take("speech.speak", "http://h/v1", request, lambda: b"sound", share)
    assert [one.money_usd for one in Exchanges(tmp_path)] == [0.0, 0.0, 0.01]
    assert hearing.take("speech.speak", "http://h/v1", request, broken, share) == b"sound", "what is on record is free"
    with pytest.raises(SpentError, match=r"A line of speech costs up to 0\.01 dollars, and 0 are left"):
        hearing.take("speech.speak", "http://h/v1", request_of("talker", {"input": "two"}, seed=0), broken, share)
    assert len(Exchanges(tmp_path)) == 3, "what is not sent is not on record"


def test_a_replay_needs_no_budget_for_what_is_recorded(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    request, share = request_of("painter", {"prompt": "a cat"}, seed=1), Share("A picture", money_usd=0.01)
    Hearing(Exchanges(old)).take("image.edit", "http://h/v1", request, lambda: b"picture", share)
    heard = Exchanges(new)
    hearing = Hearing(heard, Exchanges(old), Purse(heard, Budget(money_usd=0.0)))
    assert hearing.take("image.edit", "http://h/v1", request, lambda: b"other", share) == b"picture"
    with pytest.raises(SpentError):
        hearing.take("image.edit", "http://h/v1", request_of("painter", {"prompt": "a dog"}, seed=1), bytes, share)
