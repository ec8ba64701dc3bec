from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from memory.errors import ModelError, SpentError
from memory.exchanges import Exchanges, Message, Reply, Request
from memory.job import Price
from tools.models import tokens
from tools.models.asker import REPAIRS, Asker, json_of
from tools.models.endpoint import Endpoint
from tools.models.purse import Budget


class Label(BaseModel):
    model_config = ConfigDict(extra="forbid")

    label: str
    sure: bool = False


SAID = (Message(role="user", content="Which label?"),)


class Script:
    """Answers with what it was given, in order; the last one again."""

    name, to, remote = "script", "nowhere", False

    def __init__(self, *answers: Any) -> None:
        self.answers, self.seen = list(answers), list[Request]()

    def complete(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        self.seen.append(request)
        answer = self.answers[min(len(self.seen), len(self.answers)) - 1]
        if isinstance(answer, BaseException):
            raise answer
        reply = answer if isinstance(answer, Reply) else Reply(text=answer, tokens_in=10, tokens_out=5)
        if on_text is not None:
            on_text(reply.text)
        return reply

    def complete_all(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        out: list[Reply | ModelError] = []
        for request in requests:
            try:
                out.append(self.complete(request))
            except ModelError as problem:
                out.append(problem)
        return out


def asker(folder: Path, *answers: Any, **more: Any) -> tuple[Asker, Script]:
    folder.mkdir(exist_ok=True)
    script = Script(*answers)
    return Asker(Exchanges(folder), script, **more), script


def plain(text: str, seed: int = 0) -> Request:
    return Request(model="script", messages=(Message(role="user", content=text),), seed=seed, max_tokens=20)


def test_a_record_comes_back_and_the_exchange_is_kept(tmp_path: Path):
    here, script = asker(tmp_path, '{"label": "refund"}')
    got = here.ask("label", SAID, Label)
    assert got.value == Label(label="refund")
    assert script.seen[0].reply_schema == Label.model_json_schema()
    assert script.seen[0].model == "script", "the source's name where none is given"
    (one,) = Exchanges(tmp_path)
    assert (one.key, one.purpose, one.to, one.tokens) == (got.exchanges[0], "label", "nowhere", 15)


@pytest.mark.parametrize(
    "text",
    [
        'Sure!\n```json\n{"label": "a"}\n```\nDone.',
        'x {"label": "a"} y',
        '{"label":\n"a"}',
        '{"label": "a", "sure": false}',
    ],
)
def test_json_is_found_in_what_surrounds_it(tmp_path: Path, text: str):
    assert asker(tmp_path, text)[0].ask("label", SAID, Label).value == Label(label="a")


def test_no_text_breaks_the_search_for_json():
    for text in ("", "{", "}{", "[" * 5_000 + "{" * 5_000 + "}" * 5_000, "no json"):
        assert isinstance(json_of(text), str)


def test_an_unusable_answer_goes_back_with_the_reasons(tmp_path: Path):
    here, script = asker(tmp_path, '{"label": 5, "more": 1}', '{"label": "no"}', '{"label": "yes"}')
    got = here.ask("label", SAID, Label, check=lambda one: [] if one.label == "yes" else [f"{one.label} is no label."])
    assert got.value.label == "yes"
    assert len(got.repaired) == 2
    assert any("label:" in why for why in got.repaired[0])
    assert any("more:" in why for why in got.repaired[0])
    assert got.repaired[1] == ("no is no label.",)
    last = script.seen[2].messages
    assert [one.role for one in last] == ["user", "assistant", "user"]
    assert last[1].content == '{"label": "no"}'
    assert "no is no label." in last[2].content
    assert "JSON Schema" not in last[2].content


def test_a_model_that_was_not_shown_the_schema_is_shown_it(tmp_path: Path):
    here, script = asker(tmp_path, "The label is refund.", '{"label": "refund"}')
    assert here.ask("label", SAID, Label).value.label == "refund"
    assert '"title":"Label"' in script.seen[1].messages[-1].content


@pytest.mark.parametrize(
    "answer", ["no", '{"lab', Reply(text='{"label": "a', finish="length"), Reply(text="", finish="refused")]
)
def test_what_stays_unusable_is_an_error_with_the_reasons(tmp_path: Path, answer: Any):
    here, script = asker(tmp_path, answer)
    with pytest.raises(ModelError, match=r"label.*3 tries") as caught:
        here.ask("label", SAID, Label)
    assert len(script.seen) == REPAIRS + 1
    assert caught.value.problems
    assert len(here.exchanges) == REPAIRS + 1


def test_no_answer_at_all_is_not_repaired_but_kept(tmp_path: Path):
    here, script = asker(tmp_path, ModelError("the line is dead"))
    with pytest.raises(ModelError, match="dead"):
        here.ask("label", SAID, Label)
    assert len(script.seen) == 1
    (one,) = Exchanges(tmp_path)
    assert (one.reply, one.problem) == (None, "the line is dead")


def test_what_was_answered_is_not_asked_again_and_a_failure_is(tmp_path: Path):
    here, script = asker(tmp_path, ModelError("busy"), "Hello.")
    with pytest.raises(ModelError):
        here.write("greet", SAID)
    assert here.write("greet", SAID) == here.write("greet", SAID) == "Hello."
    resumed, silent = asker(tmp_path, AssertionError("asked"))
    shown: list[str] = []
    assert resumed.write("greet", SAID, on_text=shown.append) == "Hello."
    assert shown == ["Hello."]
    assert (len(script.seen), len(silent.seen)) == (2, 0)


# --- limits -----------------------------------------------------------------------------------------------


def test_what_the_budget_does_not_cover_is_not_sent(tmp_path: Path):
    need = tokens.asked(Request(model="script", messages=SAID)) + 50
    here, script = asker(tmp_path, "Hello.", budget=Budget(tokens=need - 1))
    with pytest.raises(SpentError, match=r"limits\.tokens"):
        here.write("greet", SAID, max_tokens=50)
    assert (script.seen, len(here.exchanges)) == ([], 0)
    here.purse.budget = Budget(tokens=need)
    assert here.write("greet", SAID, max_tokens=50) == "Hello."
    with pytest.raises(SpentError):
        here.write("greet", (*SAID, *SAID), max_tokens=50)


def test_money_is_kept_to_by_the_price(tmp_path: Path):
    here, script = asker(tmp_path, "Hello.", budget=Budget(money_usd=0.05))
    here.purse.price = price = Price(asked=100.0, answered=1000.0)
    with pytest.raises(SpentError, match=r"limits\.money_usd"):
        here.write("greet", SAID, max_tokens=50)
    assert script.seen == []
    here.write("greet", SAID, max_tokens=40)
    assert here.exchanges.money_usd == price.of(10, 5) == 0.006
    assert Exchanges(tmp_path).money_usd == 0.006


def test_what_was_spent_before_a_kill_counts_after_it(tmp_path: Path):
    asker(tmp_path, Reply(text="Hello.", tokens_in=900, tokens_out=90))[0].write("greet", SAID)
    here, script = asker(tmp_path, "Hello.", budget=Budget(tokens=1_000))
    with pytest.raises(SpentError, match="10 are left"):
        here.write("other", (Message(role="user", content="Other"),), max_tokens=50)
    assert script.seen == []


def test_questions_in_flight_are_counted(tmp_path: Path):
    gate, out = threading.Event(), list[Any]()
    here, script = asker(tmp_path, "Hello.", budget=Budget(tokens=150))

    def slow(request: Request, on_text: Any = None) -> Reply:
        gate.wait(5)
        return Script.complete(script, request, on_text)

    script.complete = slow  # type: ignore[method-assign]

    def ask() -> None:
        out.append(here.write("greet", SAID, max_tokens=100))

    thread = threading.Thread(target=ask)
    thread.start()
    while here.purse.aside.tokens == 0:
        pass
    with pytest.raises(SpentError):
        here.write("other", (Message(role="user", content="Other"),), max_tokens=100)
    gate.set()
    thread.join()
    assert out == ["Hello."]
    assert here.purse.aside.tokens == 0


def test_what_was_set_aside_comes_back_after_any_error(tmp_path: Path):
    here, _ = asker(tmp_path, KeyboardInterrupt(), budget=Budget(tokens=10_000))
    with pytest.raises(KeyboardInterrupt):
        here.write("greet", SAID)
    with pytest.raises(KeyboardInterrupt):
        here.write_all("many", [plain("a"), plain("b")])
    assert here.purse.aside.tokens == 0


# --- many ---------------------------------------------------------------------------------------------------


def test_many_keep_their_order_and_what_failed(tmp_path: Path):
    here, script = asker(tmp_path, "one", ModelError("bad luck"), "three")
    got = here.write_all("many", [plain("a"), plain("b"), plain("c"), plain("a")])
    assert [one.text if isinstance(one, Reply) else str(one) for one in got] == ["one", "bad luck", "three", "one"]
    assert len(script.seen) == 3, "the same request is asked once"
    again = here.write_all("many", [plain("c"), plain("b")])
    assert [one.text for one in again if isinstance(one, Reply)] == ["three", "three"]
    assert len(script.seen) == 4
    assert here.write_all("many", []) == []


def test_of_many_only_those_within_the_budget_are_sent(tmp_path: Path):
    each = tokens.asked(plain("a")) + 20
    here, script = asker(tmp_path, "x", budget=Budget(tokens=2 * each))
    got = here.write_all("many", [plain(name) for name in "abcd"])
    assert [type(one) for one in got] == [Reply, Reply, SpentError, SpentError]
    assert len(script.seen) == 2


def test_a_kill_costs_no_more_than_one_group(tmp_path: Path):
    here, script = asker(tmp_path, "x")
    script.answers = ["x"] * 64 + [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        here.write_all("many", [plain(str(at)) for at in range(100)])
    assert len(Exchanges(tmp_path)) == 64


# --- replay -------------------------------------------------------------------------------------------------


def test_a_replay_needs_no_source_and_gives_the_same(tmp_path: Path):
    first, _ = asker(tmp_path / "run", "no json", '{"label": "refund"}', "Hello.", "many")
    asked = first.ask("label", SAID, Label)
    said = first.write("greet", SAID)
    many = first.write_all("many", [plain("a"), plain("b")])
    (tmp_path / "replay").mkdir()
    replay = Asker(Exchanges(tmp_path / "replay"), None, Exchanges(tmp_path / "run"), model="script")
    assert replay.ask("label", SAID, Label) == asked
    assert replay.write("greet", SAID) == said
    assert replay.write_all("many", [plain("a"), plain("b")]) == many
    assert all(one.replayed for one in replay.exchanges)
    assert replay.exchanges.tokens == first.exchanges.tokens
    with pytest.raises(ModelError, match="left what was recorded"):
        replay.write("other", (*SAID, *SAID))
    (lost,) = replay.write_all("many", [plain("never asked")])
    assert isinstance(lost, ModelError)


# --- over a socket ------------------------------------------------------------------------------------------


def test_the_drill_over_a_socket_ends_in_records_or_errors(model_server, tmp_path: Path):
    answers = [("status", 429, {"Retry-After": "1"}), ("garbage",), "no json", {"label": 5}, Label(label="refund")]
    server, slept = model_server(answers), list[float]()
    here = Asker(Exchanges(tmp_path), Endpoint("m", server.url, "k-secret-k", timeout_s=5, sleep=slept.append))
    assert here.ask("label", SAID, Label).value == Label(label="refund")
    assert len(server.bodies) == 5
    assert slept[0] == 1.0
    assert len(slept) == 2
    kept = (tmp_path / "exchanges.jsonl").read_text()
    assert "k-secret-k" not in kept
    assert len(kept.splitlines()) == 3


def test_threads_share_an_asker(model_server, tmp_path: Path):
    server = model_server(lambda body: {"label": body["messages"][0]["content"]})
    here, out = Asker(Exchanges(tmp_path), Endpoint("m", server.url, None, timeout_s=5)), dict[int, list[str]]()

    def ask(name: int) -> None:
        said = [(Message(role="user", content=f"{name}-{at}"),) for at in range(8)]
        out[name] = [here.ask("label", one, Label).value.label for one in said]

    threads = [threading.Thread(target=ask, args=(name,)) for name in (1, 2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert out == {name: [f"{name}-{at}" for at in range(8)] for name in (1, 2)}
    assert len(Exchanges(tmp_path)) == 16
    assert here.purse.aside.tokens == 0
