"""One purse for all that a run pays for: never overspent, whoever asks, and however many ask at once."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.errors import SpentError
from memory.exchanges import Exchange, Exchanges, Message, Reply, Request, now
from memory.job import Job, Price
from tools.models.asker import Asker
from tools.models.hearing import Hearing, request_of
from tools.models.purse import Budget, Purse, Share, ask_all, purse_of

CENT = Share("A picture", money_usd=0.01)


def paid(money_usd: float, words: str = "a cat") -> Exchange:
    request = Request(model="m", messages=(Message(role="user", content=words),))
    facts = {"purpose": "image.edit", "to": "nowhere", "request": request, "reply": Reply(text="x")}
    return Exchange(key=request.key, at=now(), money_usd=money_usd, **facts)


def test_a_share_is_set_aside_until_it_is_settled_or_given_back(tmp_path: Path):
    purse = Purse(Exchanges(tmp_path), Budget(money_usd=0.02))
    purse.set_aside(CENT)
    purse.set_aside(CENT)
    with pytest.raises(SpentError, match=r"A picture costs up to 0\.01 dollars, and 0 are left in limits\.money_usd"):
        purse.set_aside(CENT)
    purse.give_back(CENT)
    purse.settle(CENT, paid(0.01))
    assert (purse.aside.tokens, purse.aside.money_usd, purse.exchanges.money_usd) == (0, 0.0, 0.01)
    purse.check(CENT)
    assert purse.aside.money_usd == 0.0, "checking sets nothing aside"
    with pytest.raises(SpentError, match=r"0\.02 dollars, and 0\.01 are left"):
        purse.check(Share("A picture", money_usd=0.02))


@given(price=st.integers(1, 400).map(lambda cents: cents / 1000), count=st.integers(1, 40))
def test_a_budget_of_so_many_pays_exactly_so_many(tmp_path_factory, price: float, count: int):
    exchanges = Exchanges(tmp_path_factory.mktemp("purse"))
    purse = Purse(exchanges, Budget(money_usd=round(count * price, 6)))
    for at in range(count):
        purse.set_aside(Share("A picture", money_usd=price))
        if at % 2:
            purse.settle(Share("A picture", money_usd=price), paid(price))
    with pytest.raises(SpentError):
        purse.set_aside(Share("A picture", money_usd=price))


def test_what_earlier_sittings_paid_counts(tmp_path: Path):
    Exchanges(tmp_path).add(paid(0.035))
    job = {"dataset": {"path": "x"}, "limits": {"money_usd": 0.04}, "policy": {"price": {"picture": 0.01}}}
    purse = purse_of(Job.model_validate(job), Exchanges(tmp_path))
    assert purse.price.of_pictures(1) == 0.01
    with pytest.raises(SpentError, match=r"0\.005 are left"):
        purse.set_aside(CENT)


def test_a_model_and_pictures_spend_the_same_money(tmp_path: Path):
    class Says:
        name, to, remote = "says", "nowhere", True

        def complete(self, _request: Request, _on_text: object = None) -> Reply:
            return Reply(text="Hello.", tokens_in=1_000, tokens_out=0)

        def complete_all(self, requests: list[Request]) -> list[Reply]:
            return [self.complete(one) for one in requests]

    purse = Purse(Exchanges(tmp_path), Budget(money_usd=0.03), Price(asked=10.0, picture=0.01))
    asker = Asker(purse.exchanges, Says(), purse=purse)  # type: ignore[arg-type]
    hearing = Hearing(purse.exchanges, purse=purse)
    asker.write("greet", (Message(role="user", content="Hello?"),), max_tokens=10)
    assert purse.exchanges.money_usd == 0.01
    for seed in (1, 2):
        hearing.take("image.edit", "http://h/v1", request_of("p", {}, seed), lambda: b"picture", CENT)
    assert purse.exchanges.money_usd == 0.03
    with pytest.raises(SpentError):
        asker.write("greet", (Message(role="user", content="And now?"),), max_tokens=10)
    with pytest.raises(SpentError):
        hearing.take("image.edit", "http://h/v1", request_of("p", {}, 3), lambda: b"picture", CENT)


def test_threads_never_overspend(tmp_path: Path):
    purse, sent, lock = Purse(Exchanges(tmp_path), Budget(money_usd=0.05)), list[int](), threading.Lock()
    hearing = Hearing(purse.exchanges, purse=purse)

    def picture(seed: int) -> bytes | SpentError:
        def ask() -> bytes:
            with lock:
                sent.append(seed)
            time.sleep(0.002)
            return b"picture"

        try:
            return hearing.take("image.edit", "http://h/v1", request_of("p", {}, seed), ask, CENT)
        except SpentError as problem:
            return problem

    got = ask_all(range(40), picture, 16)
    assert len(sent) == 5
    assert [at for at, one in enumerate(got) if one == b"picture"] == sorted(sent)
    assert (Exchanges(tmp_path).money_usd, purse.aside.money_usd) == (0.05, 0.0)


def test_what_was_too_much_is_asked_again_while_others_are_settled_for_less(tmp_path: Path):
    purse, refused = Purse(Exchanges(tmp_path), Budget(money_usd=0.02)), list[int]()
    hearing = Hearing(purse.exchanges, purse=purse)

    def picture(seed: int) -> bytes | str | SpentError:
        def ask() -> bytes:
            if seed < 6:
                refused.append(seed)
                raise OSError("not this one")
            return b"picture"

        try:
            return hearing.take("image.edit", "http://h/v1", request_of("p", {}, seed), ask, CENT)
        except SpentError as problem:
            return problem
        except OSError:
            return "failed"

    got = ask_all(range(12), picture, 8)
    assert len(refused) == len(set(refused)) == got.count("failed"), "none is asked twice"
    assert got.count(b"picture") == 2, "what a failure gives back is spent"
    assert sum(isinstance(one, SpentError) for one in got) == 10 - len(refused)
    assert ask_all([], picture, 8) == []
