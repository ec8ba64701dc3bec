"""Every test runs offline, on one torch thread, with nothing taken from the environment of the machine."""

from __future__ import annotations

import importlib.util
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache as once
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent
SERVERS = HERE / "servers"


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


def server_file(name: str) -> ModuleType:
    """Load a file of tests/servers, which is no package."""
    return _loaded(f"servers_{name}", SERVERS / f"{name}.py")


@once
def _loaded(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pretended_gpu() -> Iterator[None]:
    """Let `cuda` mean a GPU that refuses what a true one refuses; see tests/pretended_gpu.py."""
    with _loaded("pretended_gpu", HERE / "pretended_gpu.py").pretended_gpu():
        yield


@pytest.fixture(scope="session")
def server_module() -> Callable[[str], ModuleType]:
    """Return what loads a file of tests/servers."""
    return server_file


@pytest.fixture
def model_server() -> Iterator[Callable[..., Any]]:
    """Start scripted OpenAI-compatible endpoints: `model_server(answers, **options)`; see tests/servers/endpoint.py."""
    with ExitStack() as running:
        yield lambda *args, **options: running.enter_context(server_file("endpoint").Server(*args, **options))


@pytest.fixture
def tiny_hub() -> Iterator[Callable[..., Any]]:
    """Start hubs of a few repositories: `tiny_hub({"owner/name": {"file": b""}})`; see tests/servers/hub.py."""
    with ExitStack() as running:
        yield lambda repositories: running.enter_context(server_file("hub").Hub(repositories))


@pytest.fixture
def competent() -> Callable[..., Any]:
    """Return the scripted model that plans well; see tests/servers/planner.py."""
    found: Callable[..., Any] = server_file("planner").competent
    return found


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a chat model with small random weights."""
    return Path(server_file("tiny_model").make(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="session")
def tiny_server(tiny_model_folder: Path) -> Iterator[str]:
    """Return the address of a process that serves the tiny model."""
    command = [sys.executable, str(SERVERS / "tiny.py"), "--port", "0", "--folder", str(tiny_model_folder)]
    root = SERVERS.parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], 90)
            address = process.stdout.readline().strip() if ready else ""
            assert address.startswith("http://127.0.0.1:"), f"the tiny server said {address!r}"
            yield address
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Path:
    """Return the folder of golden files."""
    return Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew instead of comparing")
