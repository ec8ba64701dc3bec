from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import traceback
import tracemalloc
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from memory.errors import ModelError, UsageError
from memory.exchanges import Message, Reply, Request
from tools.models.endpoint import Endpoint

KEY = "sk-very-secret/1234"
SCHEMA = {
    "title": "Label",
    "type": "object",
    "properties": {"label": {"type": "string", "default": "x"}},
    "additionalProperties": False,
}
OPEN = {"title": "Open", "type": "object", "properties": {"any": {"type": "object", "additionalProperties": True}}}


def asked(text: str = "Say hello.", **more: Any) -> Request:
    return Request(model="m", messages=(Message(role="user", content=text),), **more)


class Clock:
    """Waits without waiting."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def now(self) -> float:
        return 1_800_000_000.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


def source(server: Any, clock: Clock | None = None, key: str | None = KEY, **more: Any) -> Endpoint:
    clock = clock or Clock()
    return Endpoint("m", server.url, key, sleep=clock.sleep, clock=clock.now, **({"timeout_s": 5.0} | more))


def streamed(server: Any, request: Request, **more: Any) -> tuple[Reply, list[str]]:
    pieces: list[str] = []
    return source(server, **more).complete(request, pieces.append), pieces


def test_a_plain_answer_comes_whole_or_in_pieces_and_is_the_same(model_server):
    server = model_server(["Grüße aus Köln: 你好"])
    whole = source(server).complete(asked(temperature=0.5, seed=9, max_tokens=33))
    reply, pieces = streamed(server, asked())
    assert whole.text == reply.text == "".join(pieces) == "Grüße aus Köln: 你好"
    assert len(pieces) > 1
    assert whole.finish == "stop"
    assert whole.tokens_in > 0
    assert whole.tokens_out > 0
    first, second = server.bodies
    assert (first["temperature"], first["seed"], first["max_tokens"]) == (0.5, 9, 33)
    assert "stream" not in first
    assert second["stream_options"] == {"include_usage": True}
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_pictures_go_with_their_text(model_server):
    server = model_server(["A dog."])
    url = "data:image/png;base64,AAAA"
    message = Message(role="user", content="What is it?", images=(url,))
    source(server).complete(Request(model="m", messages=(message,)))
    assert server.bodies[0]["messages"][0]["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": url}},
    ]


@pytest.mark.parametrize("streams", [False, True])
def test_tokens_are_estimated_where_nobody_counts_and_never_nothing(model_server, streams: bool):
    server = model_server(["Hi!!"], usage=False)
    reply = source(server).complete(asked("12345678"), (lambda _: None) if streams else None)
    assert (reply.tokens_in, reply.tokens_out) == (3, 2)


# --- what a server does not know ----------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 422, 501])
def test_structure_falls_through_every_form_and_the_refused_are_remembered(model_server, status: int):
    refuse = ["response_format.json_schema", "tools", "response_format.json_object"]
    server = model_server([{"label": "refund"}], refuse=refuse, refuse_status=status)
    here = source(server)
    assert here.complete(asked(reply_schema=SCHEMA)).text == '{"label": "refund"}'
    kinds = [(body.get("response_format", {}).get("type"), "tools" in body) for body in server.bodies]
    assert kinds == [("json_schema", False), (None, True), ("json_object", False), (None, False)]
    assert '"title":"Label"' in server.bodies[-1]["messages"][-1]["content"]
    here.complete(asked("Again.", reply_schema=SCHEMA))
    assert len(server.bodies) == 5
    assert server.bodies[-1].keys() == server.bodies[-2].keys()


def test_a_schema_goes_in_strict_form_and_an_open_one_as_it_is(model_server):
    server = model_server([{}])
    source(server).complete(asked(reply_schema=SCHEMA))
    source(server).complete(asked(reply_schema=OPEN))
    strict, loose = (body["response_format"]["json_schema"] for body in server.bodies)
    assert strict == {
        "name": "Label",
        "strict": True,
        "schema": {
            "title": "Label",
            "type": "object",
            "properties": {"label": {"type": "string"}},
            "additionalProperties": False,
            "required": ["label"],
        },
    }
    assert loose == {"name": "Open", "strict": False, "schema": OPEN}


def test_a_forced_tool_gives_its_arguments_also_in_pieces(model_server):
    server = model_server([{"label": "a longer label"}], refuse=["response_format"])
    assert source(server).complete(asked(reply_schema=SCHEMA)).text == '{"label": "a longer label"}'
    reply, pieces = streamed(server, asked(reply_schema=SCHEMA))
    assert reply == Reply(text='{"label": "a longer label"}', tokens_in=reply.tokens_in, tokens_out=reply.tokens_out)
    assert "".join(pieces) == reply.text


def test_a_500_that_speaks_of_the_form_is_no_fault_of_the_server(model_server, clock):
    broken = ("status", 500, {}, "Unsupported response_format")
    server = model_server([broken, {"label": "x"}])
    assert source(server, clock).complete(asked(reply_schema=SCHEMA)).text == '{"label": "x"}'
    assert clock.slept == []
    assert "tools" in server.bodies[1]


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_refusal_of_the_person_is_not_one_of_the_form(model_server, status: int):
    server = model_server([("status", status, {}, "response_format tools")])
    with pytest.raises(ModelError):
        source(server, retries=0).complete(asked(reply_schema=SCHEMA))
    assert len(server.bodies) == 1


@pytest.mark.parametrize("name", ["seed", "temperature", "stream_options", "stream"])
def test_a_parameter_that_is_not_known_is_left_out_from_then_on(model_server, name: str):
    server = model_server(["Hello there."], refuse=[name])
    here, pieces = source(server), list[str]()
    for text in ("one", "two"):
        assert here.complete(asked(text), pieces.append).text == "Hello there."
    assert [name in body for body in server.bodies] == [True, False, False]
    assert "".join(pieces) == "Hello there." * 2


def test_a_parameter_is_found_in_a_long_list_of_problems(model_server):
    listed = [{"loc": ["body", "messages", at], "msg": "fine so far"} for at in range(20)]
    listed.append({"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"})
    answer = json.dumps({"detail": listed}).encode()
    server = model_server(
        lambda body: ("raw", answer, "application/json", {}, 422) if "seed" in body else "Hello.",
    )
    assert source(server).complete(asked()).text == "Hello."
    assert [sorted(set(server.bodies[0]) - set(one)) for one in server.bodies] == [[], ["seed"]]


def test_a_500_about_anything_else_is_tried_again_in_the_same_form(model_server, clock):
    server = model_server([("status", 500, {}, "a function of the schema store failed"), {"label": "x"}])
    source(server, clock).complete(asked(reply_schema=SCHEMA))
    assert len(clock.slept) == 1
    assert server.bodies[0] == server.bodies[1]


def test_the_most_tokens_go_by_the_other_name_where_one_is_not_known(model_server):
    server = model_server(["Hello."], refuse=["max_tokens"])
    here = source(server)
    for text in ("one", "two"):
        here.complete(asked(text, max_tokens=7))
    assert [body.get("max_completion_tokens") for body in server.bodies] == [None, 7, 7]


def test_all_refusals_at_once_still_end_in_an_answer(model_server):
    names = ["seed", "temperature", "max_tokens", "stream", "response_format", "tools"]
    server = model_server([{"label": "x"}], refuse=names)
    reply, pieces = streamed(server, asked(reply_schema=SCHEMA))
    assert reply.text == "".join(pieces) == '{"label": "x"}'
    assert set(server.bodies[-1]) == {"model", "messages", "max_completion_tokens"}


def test_a_request_that_is_wrong_whatever_its_form_is_named_and_teaches_nothing(model_server):
    bad = ("status", 404, {}, "The model m does not exist.")
    server = model_server([*[bad] * 4, {"label": "x"}])
    here = source(server)
    with pytest.raises(ModelError, match=r"404: The model m does not exist"):
        here.complete(asked(reply_schema=SCHEMA))
    here.complete(asked("again", reply_schema=SCHEMA))
    assert server.bodies[-1]["response_format"]["type"] == "json_schema"


# --- what a server says instead of an answer ------------------------------------------------------------


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("answer", "finish", "text"),
    [
        (("refusal",), "refused", "I will not do that."),
        (("filtered", "so"), "refused", "so"),
        (("cut", "It is cut o"), "length", "It is cut o"),
    ],
)
def test_refused_and_cut_answers_say_so(model_server, answer, finish: str, text: str, streams: bool):
    reply = source(model_server([answer])).complete(asked(), (lambda _: None) if streams else None)
    assert (reply.finish, reply.text) == (finish, text)


FAULTS = ["no_choices", "no_content", "truncated", "garbage", "reset"]


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_no_whole_answer_is_asked_for_again(model_server, clock, name: str):
    server = model_server([(name,), (name,), "Hello."])
    assert source(server, clock).complete(asked()).text == "Hello."
    assert len(server.bodies) == 3
    assert len(clock.slept) == 2


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("name", FAULTS)
def test_what_stays_unusable_ends_in_an_error_after_so_many_tries(model_server, name: str, streams: bool):
    server = model_server([(name,)])
    with pytest.raises(ModelError, match=r"http://127\.0\.0\.1.*\(3 tries\)"):
        source(server, retries=2).complete(asked(), (lambda _: None) if streams else None)
    assert len(server.bodies) == 3


BODIES = (
    b"",
    b"\xff\xfe\x00",
    b"not json",
    b"[1, 2]",
    b"null",
    b'"text"',
    b"[" * 50_000,
    b'{"choices": 5}',
    b'{"choices": [3]}',
    b'{"choices": [{"message": 4, "finish_reason": "stop"}]}',
    b'{"choices": [{"message": {"content": "half"}}]}',
    b'{"error": {"message": "overloaded"}}',
)
STREAMS = (
    b"",
    b"data: 5\n\n",
    b'data: "x"\n\n',
    b"data: {\n\n",
    b"data: [DONE]\n\n",
    b"data: " + b"[" * 50_000 + b"\n\n",
    b'data: {"choices": [{"delta": {"content": "half"}, "finish_reason": null}]}\n\ndata: [DONE]\n\n',
    b'data: {"error": {"message": "overloaded"}}\n\n',
)


@pytest.mark.parametrize("content", BODIES)
def test_bodies_that_are_no_answer(model_server, content: bytes):
    server = model_server([("raw", content)])
    with pytest.raises(ModelError):
        source(server, retries=1).complete(asked())
    assert len(server.bodies) == 2


@pytest.mark.parametrize("sent", STREAMS)
def test_streams_that_are_no_answer(model_server, sent: bytes):
    server = model_server([("raw", sent, "text/event-stream")])
    with pytest.raises(ModelError):
        streamed(server, asked(), retries=1)
    assert len(server.bodies) == 2


def test_a_broken_piece_of_a_stream_is_not_passed_over(model_server):
    reply, _ = streamed(model_server([("broken_chunk",), "Hello there."]), asked())
    assert reply.text == "Hello there."
    with pytest.raises(ModelError, match="no JSON"):
        streamed(model_server([("broken_chunk",)]), asked(), retries=0)


def test_what_was_shown_of_a_stream_that_broke_is_not_shown_twice(model_server):
    reply, pieces = streamed(model_server([("truncated", "The order is late"), "The order is late, again."]), asked())
    assert "".join(pieces) == reply.text == "The order is late, again."
    reply, pieces = streamed(model_server([("truncated", "One thing and another"), "Something else."]), asked())
    assert "".join(pieces).startswith("One thing")
    assert "".join(pieces).endswith("\nSomething else.")


def test_a_server_that_does_not_stream_is_read_whole(model_server):
    body = b'{"choices": [{"message": {"content": "Whole."}, "finish_reason": "stop"}]}'
    reply, pieces = streamed(model_server([("raw", body)]), asked())
    assert reply.text == "Whole."
    assert pieces == ["Whole."]


def test_an_error_of_who_listens_gets_through(model_server):
    def listen(_text: str) -> None:
        raise ValueError("the screen is gone")

    server = model_server(["Hello."])
    with pytest.raises(ValueError, match="screen"):
        source(server).complete(asked(), listen)
    assert len(server.bodies) == 1


# --- bounds -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("fault", [("hang",), ("drip", 0.03, "body"), ("drip", 0.03, "head")])
def test_neither_silence_nor_a_slow_drip_lasts(model_server, fault, streams: bool):
    server, began = model_server([fault]), time.monotonic()
    with pytest.raises(ModelError, match="in time"):
        source(server, timeout_s=0.3).complete(asked(), (lambda _: None) if streams else None)
    assert time.monotonic() - began < 2.0
    assert len(server.bodies) == 2, "a server that is late is tried once more"


@pytest.mark.parametrize("streams", [False, True])
def test_a_reply_without_end_is_cut_off(model_server, streams: bool):
    server = model_server([("huge",)])
    here = source(server, most_bytes=2**20)
    here._open()  # imports are no part of the answer
    tracemalloc.start()
    with pytest.raises(ModelError, match="larger than"):
        here.complete(asked(), (lambda _: None) if streams else None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(server.bodies) == 1
    assert peak < 8e6


def test_a_packed_answer_is_not_unpacked(model_server):
    bomb = gzip.compress(b" " * 10_000_000)
    server = model_server([("raw", bomb, "application/json", {"Content-Encoding": "gzip"})])
    with pytest.raises(ModelError, match="packed"):
        source(server, retries=0).complete(asked())
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_what_may_pass_is_tried_again_a_bounded_number_of_times(model_server, clock, status: int):
    server = model_server([("status", status, {})])
    with pytest.raises(ModelError, match=rf"answered {status}.*\(4 tries\)"):
        source(server, clock, retries=3).complete(asked())
    assert len(server.bodies) == 4
    assert len(clock.slept) == 3
    assert all(0.5 * 2**at * 0.5 <= wait <= 0.5 * 2**at for at, wait in enumerate(clock.slept))


def test_waits_differ_between_requests_and_not_between_runs(model_server):
    def waits(text: str) -> list[float]:
        clock = Clock()
        with pytest.raises(ModelError):
            source(model_server([("status", 500, {})]), clock, retries=2).complete(asked(text))
        return clock.slept

    assert waits("a") == waits("a")
    assert waits("a") != waits("b")


def test_a_server_that_is_not_there(clock):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ModelError, match="cannot be reached"):
        Endpoint("m", f"http://127.0.0.1:{port}/v1", None, retries=1, sleep=clock.sleep).complete(asked())
    assert len(clock.slept) == 1


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "-3"}, 0.0),
        ({"retry-after-ms": "250", "Retry-After": "9"}, 0.25),
        ({"Retry-After": format_datetime(datetime.fromtimestamp(1_800_000_030, UTC), usegmt=True)}, 30.0),
        ({"Retry-After": format_datetime(datetime.fromtimestamp(1_700_000_000, UTC), usegmt=True)}, 0.0),
    ],
)
def test_the_wait_that_a_server_asks_for_is_kept(model_server, clock, headers, wait: float):
    server = model_server([("status", 429, headers), "Hello."])
    assert source(server, clock).complete(asked()).text == "Hello."
    assert clock.slept == [wait]


@pytest.mark.parametrize("value", ["soon", "nan", "Wed, 99 Foo 2026", ""])
def test_a_wait_that_cannot_be_read_is_ours(model_server, clock, value: str):
    source(model_server([("status", 503, {"Retry-After": value}), "Hello."]), clock).complete(asked())
    assert 0.25 <= clock.slept[0] <= 0.5


@pytest.mark.parametrize(
    ("value", "then"), [("3600", "in 3600 s, at 2027-01-15 09:00 UTC"), ("1e300", "later"), ("inf", "later")]
)
def test_a_long_wait_is_said_and_not_waited(model_server, clock, value: str, then: str):
    server = model_server([("status", 429, {"Retry-After": value})])
    with pytest.raises(ModelError, match=then):
        source(server, clock).complete(asked())
    assert clock.slept == []
    assert len(server.bodies) == 1


# --- what must not get out ------------------------------------------------------------------------------


def test_the_key_is_nowhere_to_be_seen(model_server):
    server = model_server([], key="another")
    here = source(server)
    with pytest.raises(ModelError, match="OPENAI_API_KEY") as caught:
        here.complete(asked())
    assert len(server.bodies) == 1, "a key that is not let in is not tried twice"
    shown = "".join(traceback.format_exception(caught.value)) + repr(here) + repr(vars(caught.value))
    assert KEY not in shown
    assert "***" in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("fault", [("status", 500, {}, f"for {KEY}"), ("status", 400, {}, KEY.replace("/", "%2F"))])
def test_the_key_is_taken_out_of_what_a_server_says(model_server, fault):
    with pytest.raises(ModelError) as caught:
        source(model_server([fault]), retries=0).complete(asked())
    assert "secret" not in str(caught.value)


def test_the_address_is_shown_without_what_is_secret_in_it(model_server):
    server = model_server([("status", 500, {}, "hunter22 and v-secret-9")])
    url = server.url.replace("http://", "http://user:hunter22@") + "/?token=v-secret-9"
    here = Endpoint("m", url, "k", retries=0, timeout_s=5)
    assert here.to == server.url
    assert here.remote
    with pytest.raises(ModelError) as caught:
        here.complete(asked())
    assert "hunter22" not in str(caught.value) + repr(here)
    assert "v-secret-9" not in str(caught.value) + repr(here)
    assert server.requests[0].path == "/v1/chat/completions?token=v-secret-9"


def test_no_redirect_is_followed(model_server):
    other = model_server(["stolen"])
    server = model_server([("redirect", f"{other.url}/chat/completions")])
    with pytest.raises(ModelError, match="points to"):
        source(server).complete(asked())
    assert other.requests == []
    assert len(server.bodies) == 1


def test_nothing_is_taken_from_the_environment(model_server, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-environment")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer from-the-environment")
    server = model_server(["Hello."])
    source(server, key=None).complete(asked())
    assert "of-the-environment" not in str(server.requests)
    assert "from-the-environment" not in str(server.requests)


@pytest.mark.parametrize(("url", "key"), [("nowhere", "k"), ("ftp://x/v1", "k"), ("http://x/v1", "schlüssel-geheim")])
def test_an_address_or_key_that_cannot_be_used_is_a_matter_for_a_person(url: str, key: str):
    with pytest.raises(UsageError, match="OPENAI_") as caught:
        Endpoint("m", url, key)
    assert "geheim" not in str(caught.value)


# --- many at once ---------------------------------------------------------------------------------------


def test_many_are_in_flight_in_order_and_one_that_fails_loses_no_other(model_server):
    lock, now, most = threading.Lock(), [0], [0]

    def answer(body: dict[str, Any]) -> Any:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1
        text = body["messages"][0]["content"]
        return ("status", 400, {}, "bad luck") if text == "5" else f"echo {text}"

    here = source(model_server(answer), in_flight=4)
    got = here.complete_all([asked(str(at)) for at in range(12)])
    assert isinstance(got[5], ModelError)
    assert [one.text for at, one in enumerate(got) if at != 5] == [f"echo {at}" for at in range(12) if at != 5]
    assert 2 <= most[0] <= 4
    assert here.complete_all([]) == []


def test_two_threads_may_ask_one_source(model_server):
    here = source(model_server(lambda body: body["messages"][0]["content"]))
    out: dict[int, list[str]] = {}

    def ask(name: int) -> None:
        out[name] = [here.complete(asked(f"{name}-{at}")).text for at in range(10)]

    threads = [threading.Thread(target=ask, args=(name,)) for name in (1, 2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert out == {name: [f"{name}-{at}" for at in range(10)] for name in (1, 2)}
