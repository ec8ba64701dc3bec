"""HTTP that ends: a request has so many seconds and its answer so many bytes, however slowly or richly they come.

A timeout of a socket starts anew with every byte, so a server that drips is never late. Here every read, write and
connect gets what is left of the whole.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpcore2
import httpx2

CONNECT_S = 10.0
_KEPT_S = 15.0
_PIECE = 65_536


class TooLargeError(httpx2.ReadError):
    """An answer has more bytes than it may have; what came is thrown away."""


class BoundedTransport(httpx2.BaseTransport):
    """Sends requests; several threads may, each one request at a time. Proxies and redirects are not followed."""

    def __init__(self, timeout_s: float, most_bytes: int, connections: int) -> None:
        """Allow each request `timeout_s` seconds from its start to the last byte of an answer of `most_bytes`."""
        self._timeout_s, self._most_bytes = timeout_s, most_bytes
        self._left = _Left()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=_trusted(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=_KEPT_S,
            network_backend=_Backend(self._left),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return its answer, whose body is read as it is used.

        Raises httpx2.TimeoutException, TooLargeError, or another httpx2.TransportError.
        """
        assert isinstance(request.stream, httpx2.SyncByteStream), "the client is synchronous"
        self._left.start(self._timeout_s, self._most_bytes)
        url = request.url
        place = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        sent = httpcore2.Request(
            request.method,
            place,
            headers=request.headers.raw,
            content=request.stream,
            extensions={"timeout": {"pool": self._timeout_s}},
        )
        with _as_httpx():
            got = self._pool.handle_request(sent)
        answer = httpx2.Response(got.status, headers=got.headers, stream=_Body(got.stream), extensions=got.extensions)
        if answer.headers.get("content-encoding", "identity") != "identity":
            answer.close()
            raise httpx2.DecodingError("The answer is packed, though it was asked for as it is.")
        return answer

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


@cache
def _trusted() -> ssl.SSLContext:
    """Return what this machine trusts; reading it takes longer than many an answer."""
    return ssl.create_default_context()


class _Left(threading.local):
    """What the request of this thread may still take."""

    until, size = 0.0, 0

    def start(self, seconds: float, size: int) -> None:
        self.until, self.size = time.monotonic() + seconds, size

    def seconds(self, most: float | None = None) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpx2.ReadTimeout("The time for the answer is over.")
        return left if most is None else min(left, most)

    def take(self, data: bytes) -> bytes:
        self.size -= len(data)
        if self.size < 0:
            raise TooLargeError("The answer is too large.")
        return data


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, left: _Left) -> None:
        self._stream, self._left = stream, left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._left.take(self._stream.read(max_bytes, self._left.seconds(timeout)))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[start : start + _PIECE], self._left.seconds(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        seconds = self._left.seconds(CONNECT_S if timeout is None else timeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, seconds), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore2.NetworkBackend):
    def __init__(self, left: _Left) -> None:
        self._system, self._left = httpcore2.SyncBackend(), left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        seconds = self._left.seconds(CONNECT_S if timeout is None else timeout)
        return _Stream(self._system.connect_tcp(host, port, seconds, local_address, socket_options), self._left)


class _Body(httpx2.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._stream

    def close(self) -> None:
        self._stream.close()


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Raise what the connection raises as the errors that a client of httpx2 knows."""
    try:
        yield
    except httpcore2.ConnectTimeout as problem:
        raise httpx2.ConnectTimeout(str(problem)) from problem
    except httpcore2.TimeoutException as problem:
        raise httpx2.ReadTimeout(str(problem)) from problem
    except httpcore2.ConnectError as problem:
        raise httpx2.ConnectError(str(problem)) from problem
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol) as problem:
        raise httpx2.RemoteProtocolError(str(problem)) from problem
