"""Embeddings over HTTP, from a server on this machine: batches, order, tokens, failures."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import numpy as np
import pytest

from memory.errors import UsageError
from tools.embed.endpoint import EndpointEncoder


class Handler(BaseHTTPRequestHandler):
    """Answers with one vector a text: its length, and the number of its vowels; out of order, as a server may."""

    asked: ClassVar[list[dict[str, Any]]] = []
    short = False
    status = 200

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append({"path": self.path, "key": self.headers["Authorization"], **body})
        rows = [
            {
                "object": "embedding",
                "index": at,
                "embedding": [float(len(text)), float(sum(text.count(v) for v in "aeiou"))],
            }
            for at, text in enumerate(body["input"])
        ][::-1]
        answer = {"object": "list", "model": body["model"], "data": rows[1:] if self.short else rows}
        answer["usage"] = {"prompt_tokens": 3 * len(rows), "total_tokens": 3 * len(rows)}
        content = json.dumps(answer if self.status == 200 else {"error": {"message": "no such model"}}).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[tuple[str, type[Handler]]]:
    handler = type("Fresh", (Handler,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as here:
        threading.Thread(target=here.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{here.server_address[1]}/v1", handler
        here.shutdown()


def test_texts_become_unit_vectors_in_their_order(server):
    url, handler = server
    encoder = EndpointEncoder("small", url, "secret")
    texts = ["a", "bcd", "eee", *["x" * size for size in range(1, 200)]]
    done: list[int] = []
    vectors = encoder.encode(texts, done.append)
    assert vectors.shape == (202, 2)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-6)
    assert vectors[2] == pytest.approx([2**-0.5, 2**-0.5], abs=1e-6)
    assert done == [128, 202]
    assert encoder.tokens == 3 * 202
    assert {one["path"] for one in handler.asked} == {"/v1/embeddings"}
    assert handler.asked[0]["key"] == "Bearer secret"


def test_an_answer_with_too_few_vectors_is_refused(server):
    url, handler = server
    handler.short = True
    with pytest.raises(UsageError, match="1 vectors for 2 texts"):
        EndpointEncoder("small", url, "k").encode(["a", "b"])


def test_a_refusal_names_the_endpoint_and_never_the_key(server):
    url, handler = server
    handler.status = 404
    with pytest.raises(UsageError, match="no such model") as caught:
        EndpointEncoder("small", url, "secret").encode(["a"])
    assert url in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_endpoint_and_a_model_have_a_digest_of_their_own():
    digests = {EndpointEncoder(model, url, "k").digest for model in "ab" for url in ("http://x", "http://y")}
    assert len(digests) == 4
