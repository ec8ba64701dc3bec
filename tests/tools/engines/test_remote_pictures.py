"""Pictures over HTTP, from a server on this machine: what is sent, what comes back, what goes wrong."""

from __future__ import annotations

import base64
import email
import importlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from memory.datasets.media import decode, encode_image
from memory.errors import SpentError, ToolError
from memory.exchanges import Exchanges
from memory.job import Policy, Price
from tools.engines import remote_pictures
from tools.engines.orders import Order
from tools.engines.remote_pictures import RemotePictures
from tools.models.hearing import Hearing
from tools.models.purse import Budget, Purse


class Handler(BaseHTTPRequestHandler):
    """Answers with a picture whose red is the first number of the prompt."""

    asked: ClassVar[list[dict[str, Any]]]
    refuses: ClassVar[dict[str, int]] = {}
    body: ClassVar[bytes | None] = None
    drips_s = 0.0

    def do_POST(self) -> None:
        fields = self._fields(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append({"path": self.path, "key": self.headers["Authorization"], **fields})
        prompt = str(fields["prompt"])
        status = next((status for words, status in self.refuses.items() if words in prompt), 200)
        if status != 200:
            return self._send(status, json.dumps({"error": {"message": "no"}}).encode())
        pixels = np.zeros((64, 64, 3), np.uint8)
        pixels[:, :, 0] = int("".join(filter(str.isdigit, prompt)) or 0)
        shown = base64.b64encode(encode_image(pixels)).decode()
        return self._send(200, self.body or json.dumps({"created": 1, "data": [{"b64_json": shown}]}).encode())

    def _fields(self, body: bytes) -> dict[str, Any]:
        kind = self.headers["Content-Type"]
        if kind == "application/json":
            return dict(json.loads(body))
        parts = email.message_from_bytes(f"Content-Type: {kind}\n\n".encode() + body).get_payload()
        return {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
            if part.get_filename()
            else part.get_payload()
            for part in parts
        }

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            for start in range(0, len(content), 512) if self.drips_s else (0,):
                self.wfile.write(content[start : start + 512] if self.drips_s else content)
                self.wfile.flush()
                time.sleep(self.drips_s)
        except ConnectionError:
            return

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[tuple[str, type[Handler]]]:
    handler = type("Fresh", (Handler,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as here:
        here.daemon_threads = True
        threading.Thread(target=here.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{here.server_address[1]}/v1", handler
        here.shutdown()


def engine(server: tuple[str, Any], work: Any, model: str = "painter", **more: Any) -> RemotePictures:
    return RemotePictures(model, work, server[0], "secret", **{"retries": 0} | more)


def test_pictures_from_words_come_back_in_order_and_shape(server):
    made = engine(server, "imagine").make([Order(f"red {at}", 1, (20, 30)) for at in range(12)] + [None])
    assert [tuple(one.shape) for one in made[:-1]] == [(3, 20, 30)] * 12
    assert [int(one[0, 0, 0]) for one in made[:-1]] == list(range(12))
    assert made[-1] is None
    first = server[1].asked[0]
    assert first["path"] == "/v1/images/generations"
    assert first["key"] == "Bearer secret"
    assert (first["model"], first["n"], first["size"], first["response_format"]) == (
        "painter",
        1,
        "1024x1024",
        "b64_json",
    )


def test_an_edit_sends_the_picture_and_what_may_be_painted_is_transparent(server):
    image = torch.zeros((1, 8, 8), dtype=torch.uint8)
    image[:, :, 4:] = 200
    mask = torch.zeros((8, 8))
    mask[:4] = 1
    made = engine(server, "fill").make([Order("red 7", 1, (8, 8), image, mask)])
    assert int(made[0][0, 0, 0]) == 7
    sent = server[1].asked[0]
    assert sent["path"] == "/v1/images/edits"
    picture = np.asarray(decode("image", sent["image"], "sent"))
    assert picture.shape == (1024, 1024, 3)
    assert (picture[512, 10, 0], picture[512, 1000, 0]) == (0, 200)
    import io

    from PIL import Image

    alpha = np.asarray(Image.open(io.BytesIO(sent["mask"])))[:, :, 3]
    assert (alpha[10, 512], alpha[1000, 512]) == (0, 255)


def test_a_model_that_gives_base64_alone_is_not_told_so(server):
    engine(server, "imagine", "gpt-image-2.5").make([Order("red 1", 1, (8, 8))])
    assert "response_format" not in server[1].asked[0]


def test_a_request_that_is_refused_costs_its_own_item_alone(server):
    server[1].refuses = {"bad": 400}
    made = engine(server, "imagine").make([Order("red 1", 1, (8, 8)), Order("bad 2", 1, (8, 8))])
    assert [one is None for one in made] == [False, True]
    alone = engine(server, "imagine")
    assert alone.make([Order("bad 2", 1, (8, 8))]) == [None]
    assert alone.make([Order("red 3", 1, (8, 8))])[0] is not None


def test_an_endpoint_that_answers_nobody_is_not_asked_again(server):
    server[1].refuses = {"red": 401}
    asking = engine(server, "imagine")
    for _ in range(2):
        with pytest.raises(ToolError, match="answered 401"):
            asking.make([Order("red 1", 1, (8, 8)), Order("red 2", 1, (8, 8))])
    assert len(server[1].asked) == 2


def test_an_answer_is_bounded_in_bytes_and_time(server, monkeypatch):
    monkeypatch.setattr(remote_pictures, "MOST_BYTES", 100)
    assert engine(server, "imagine").make([Order("red 1", 1, (8, 8))]) == [None]
    monkeypatch.undo()
    server[1].body, server[1].drips_s = b"x" * 60_000, 0.02
    began = time.monotonic()
    assert engine(server, "imagine", deadline_s=0.2).make([Order("red 1", 1, (8, 8))]) == [None]
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [{"url": "http://127.0.0.1:1/x.png"}]}',
        b'{"data": []}',
        b"no json",
        b'{"data": [{"b64_json": "AAAA"}]}',
    ],
)
def test_what_is_no_picture_is_refused_and_no_address_is_followed(server, body):
    server[1].body = body
    assert engine(server, "imagine").make([Order("red 1", 1, (8, 8))]) == [None]
    assert len(server[1].asked) == 1


def test_nobody_there_is_a_fact_for_the_plan():
    asking = RemotePictures("painter", "imagine", "http://127.0.0.1:9/v1", "secret", retries=0)
    with pytest.raises(ToolError, match="gave no answer: APIConnectionError"):
        asking.make([Order("red 1", 1, (8, 8))])


def test_the_key_is_in_no_digest_and_no_name():
    one, other = (RemotePictures("painter", "imagine", "http://h/v1", key) for key in ("secret", "another"))
    assert one.digest == other.digest
    assert one.digest != RemotePictures("other", "imagine", "http://h/v1", "secret").digest
    assert "secret" not in repr(one)


# --- what is paid -----------------------------------------------------------------------------------------


def paying(server: Any, folder: Any, money_usd: float | None, recorded: Exchanges | None = None) -> RemotePictures:
    """Return what asks a server of tests/servers/endpoint.py for pictures of one cent each."""
    exchanges = Exchanges(folder)
    purse = Purse(exchanges, Budget(money_usd=money_usd), Price(picture=0.01))
    hearing = Hearing(exchanges, recorded, purse)
    return RemotePictures("painter", "imagine", server.url, "secret", retries=0, hearing=hearing)


def orders(*seeds: int) -> list[Order | None]:
    return [Order(f"a picture {seed}", seed, (8, 8)) for seed in seeds]


def test_exactly_as_many_are_asked_for_as_the_money_covers(model_server, tmp_path):
    server = model_server()
    asking = paying(server, tmp_path, 0.05)
    with pytest.raises(SpentError, match=r"A picture costs up to 0\.01 dollars, and 0 are left in limits\.money_usd"):
        asking.make(orders(*range(24)))
    assert len(server.requests) == 5
    kept = Exchanges(tmp_path)
    assert [one.money_usd for one in kept] == [0.01] * 5
    assert kept.money_usd == 0.05
    drawn = sorted(one.request.seed for one in kept)
    resumed = paying(server, tmp_path, 0.05)
    assert all(one is not None for one in resumed.make([*orders(*drawn), None])[:-1]), "what is on record is heard"
    with pytest.raises(SpentError):
        resumed.make(orders(24))
    assert len(server.requests) == 5


def test_several_batches_in_flight_share_the_money(model_server, tmp_path):
    server = model_server(lambda _body: time.sleep(0.01))
    asking = paying(server, tmp_path, 0.05)
    spent: list[Exception] = []

    def batch(first: int) -> None:
        try:
            asking.make(orders(*range(first, first + 8)))
        except SpentError as problem:
            spent.append(problem)

    threads = [threading.Thread(target=batch, args=(8 * at,)) for at in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (len(server.requests), len(spent)) == (5, 3)
    assert Exchanges(tmp_path).money_usd == 0.05


def test_a_failed_answer_costs_nothing_and_another_is_asked_for_it(model_server, tmp_path):
    bad = ("status", 400)
    server = model_server(lambda body: bad if int(str(body["prompt"]).split()[-1]) < 4 else None)
    with pytest.raises(SpentError):
        paying(server, tmp_path, 0.05).make(orders(*range(12)))
    kept = list(Exchanges(tmp_path))
    assert [one.money_usd for one in kept if one.reply is not None] == [0.01] * 5
    assert {one.money_usd for one in kept if one.reply is None} <= {0.0}
    assert len(server.requests) == len(kept)
    assert paying(server, tmp_path, 0.06).make(orders(1)) == [None]
    assert Exchanges(tmp_path).money_usd == 0.05


def test_a_replay_pays_nothing_and_what_it_lacks_breaks_nothing(model_server, tmp_path):
    server = model_server()
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    paying(server, old, 0.05).make(orders(1, 2))
    asked = len(server.requests)
    again = paying(server, new, 0.05, Exchanges(old))
    assert again.make(orders(7)) == [None], "never asked, and there is money left"
    assert all(one is not None for one in again.make(orders(1, 2)))
    assert len(server.requests) == asked
    assert all(one.replayed for one in Exchanges(new))


def test_the_engines_that_an_endpoint_stands_behind_are_those_of_its_works():
    for engine in remote_pictures.ENGINES:
        assert (
            importlib.import_module(f"tools.engines.{engine}")
            .why_missing(Policy(image_model="openai:painter", remote="deny"))
            .startswith("openai:painter sends pictures away")
        )
