"""Every test runs offline, on one torch thread, with nothing taken from the environment of the machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection but to this machine."""
    connect = socket.socket.connect

    def only_here(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family != socket.AF_UNIX and host not in {"127.0.0.1", "localhost", "::1"}:
            raise OSError(f"tests have no network; {address!r} was asked for")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", only_here)


@pytest.fixture(autouse=True, scope="session")
def cache(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the index of the literature between tests and sessions; its name is a digest, so it is never out of date."""
    place = request.config.cache.mkdir("augplan")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUGPLAN_CACHE", str(place))
        patch.setenv("AUGPLAN_MEMORY", str(tmp_path_factory.mktemp("memory")))
        yield place


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Two torch threads on two busy cores are slower than one."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Path:
    """Return the folder of golden files."""
    return Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew instead of comparing")
