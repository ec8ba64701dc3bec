"""A voice behind an endpoint: what is asked, what is given up, and what is believed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from memory.datasets.media import Wave, encode_wave
from memory.errors import ModelError, SpentError
from memory.exchanges import Exchanges
from memory.job import Policy, Price
from tools.engines import speech_endpoint
from tools.engines.speech_endpoint import SpeechEndpoint
from tools.engines.voice import Line, build
from tools.models.hearing import Hearing
from tools.models.purse import Budget, Purse


def lines_of(*texts: str, voice: str = "", rate: float = 1.0) -> list[Line]:
    return [Line(text, voice, rate, 100 + at) for at, text in enumerate(texts)]


class Handler(BaseHTTPRequestHandler):
    """Says as many tenths of a second as a text has letters; `busy` texts fail, `long` ones never end."""

    asked: ClassVar[list[dict[str, Any]]] = []
    status: ClassVar[int] = 200

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append({"path": self.path, "key": self.headers["Authorization"], **body})
        status = 400 if body["input"] == "busy" else self.status
        sound = np.full((1, 800 * len(body["input"])), 0.25, np.float32)
        content = encode_wave(Wave(sound, 8000)) if status == 200 else b'{"error": {"message": "no"}}'
        content = b"no sound" if body["input"] == "broken" else content + bytes(200_000 * (body["input"] == "long"))
        self.send_response(status)
        self.send_header("Content-Type", "audio/wav" if status == 200 else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def address(monkeypatch) -> Iterator[str]:
    monkeypatch.setattr(Handler, "asked", [])
    monkeypatch.setattr(Handler, "status", 200)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def endpoint(address: str) -> Iterator[SpeechEndpoint]:
    import openai

    with openai.OpenAI(base_url=address, api_key="secret", max_retries=0, timeout=10) as client:
        yield SpeechEndpoint("talker", address, "secret", client)


def test_every_line_is_asked_in_a_voice_of_its_seed(endpoint):
    made = endpoint.speak([*lines_of("one", "three", "eleven", rate=9.0), *lines_of("ten", voice="bella")])
    assert [round(wave.seconds, 3) for wave in made] == [0.3, 0.5, 0.6, 0.3]
    assert {one["path"] for one in Handler.asked} == {"/v1/audio/speech"}
    assert {one["key"] for one in Handler.asked} == {"Bearer secret"}
    assert {one["response_format"] for one in Handler.asked} == {"wav"}
    told = {one["input"]: (one["model"], one["voice"], one["speed"]) for one in Handler.asked}
    assert told["ten"] == ("talker", "bella", 1.0)
    assert told["one"][1] in speech_endpoint.VOICES
    assert told["one"][2] == 4.0, "held within what the interface takes"
    Handler.asked.clear()
    endpoint.speak(lines_of("one", "three", "eleven"))
    assert all(told[one["input"]][1] == one["voice"] for one in Handler.asked)


def test_a_line_that_fails_costs_no_other(endpoint, monkeypatch):
    monkeypatch.setattr(speech_endpoint, "MOST_BYTES", 100_000)
    made = endpoint.speak(lines_of("one", "busy", "broken", "long"))
    assert made[0] is not None
    assert made[1:] == [None, None, None]


def test_a_line_that_takes_too_long_is_given_up(endpoint, monkeypatch):
    monkeypatch.setattr(speech_endpoint, "DEADLINE_S", -1.0)
    with pytest.raises(ModelError, match="took more than"):
        endpoint.speak(lines_of("one"))


def test_where_every_line_fails_the_reason_is_told_and_asked_again(endpoint):
    for _ in range(2):
        with pytest.raises(ModelError, match="gave no sound"):
            endpoint.speak(lines_of("busy", "busy"))
    assert len(Handler.asked) == 4


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_of_everything_is_believed(endpoint, monkeypatch, status):
    monkeypatch.setattr(Handler, "status", status)
    with pytest.raises(ModelError, match="refuses to speak"):
        endpoint.speak(lines_of("one"))
    with pytest.raises(ModelError, match="refuses to speak"):
        endpoint.speak(lines_of("two", "three"))
    assert len(Handler.asked) == 1


def test_the_endpoint_is_built_where_the_policy_allows_it(address):
    policy = Policy(speech_model="openai:talker", remote="allow")
    place = SimpleNamespace(policy=policy, endpoint=(address, "key"), hearing=None)
    engine = build(place)  # type: ignore[arg-type]
    (made,) = engine.speak(lines_of("one"))
    assert made is not None
    assert engine.digest != SpeechEndpoint("other", address, "key").digest
    engine._client.close()  # type: ignore[attr-defined]


def test_no_key_stands_in_a_digest_or_repr(address):
    engine = SpeechEndpoint("talker", address, "very-secret")
    assert "very-secret" not in repr(engine) + engine.digest


def test_lines_are_paid_for_by_their_characters(model_server, tmp_path):
    import openai

    server = model_server(lambda body: ("status", 400) if body["input"] == "busy" else None)
    exchanges = Exchanges(tmp_path)
    purse = Purse(exchanges, Budget(money_usd=0.01), Price(speech=1000.0))  # a tenth of a cent a character
    with openai.OpenAI(base_url=server.url, api_key="secret", max_retries=0) as client:
        endpoint = SpeechEndpoint("talker", server.url, "secret", client, Hearing(exchanges, purse=purse))
        assert [one is None for one in endpoint.speak(lines_of("one", "busy", "two"))] == [False, True, False]
        assert sorted(one.money_usd for one in exchanges) == [0.0, 0.003, 0.003]
        with pytest.raises(SpentError, match=r"line of speech costs up to 0\.005 dollars, and 0\.004 are left"):
            endpoint.speak(lines_of("seven"))
        with pytest.raises(SpentError, match="0 are left"):
            endpoint.speak(lines_of("nine", "eight"))
        asked = len(server.requests)
        assert all(one is not None for one in endpoint.speak(lines_of("nine"))), "it is on record"
    assert (asked, len(server.requests)) == (4, 4)
    assert Exchanges(tmp_path).money_usd == 0.01
