"""A Qdrant server for each test module: the stand-in, or the one that QDRANT_URL names."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from devstack.paths import REPOSITORY
from devstack.ports import free_ports

API_KEY = "contract-key"
READ_ONLY_KEY = "contract-read-only-key"
ONE_VECTOR = {"vectors": {"a": {"size": 4, "distance": "Cosine"}}}
KEYS = {"QDRANT__SERVICE__API_KEY": API_KEY, "QDRANT__SERVICE__READ_ONLY_API_KEY": READ_ONLY_KEY}


class StandIn:
    """A process of the stand-in over a data directory, which survives it."""

    def __init__(self, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        self._directory = directory
        self._environment = {**os.environ, **(environment or {})}
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [
            sys.executable,
            "-m",
            "devstack.qdrant",
            "--port",
            str(self.port),
            "--data-dir",
            str(self._directory),
        ]
        self.process = subprocess.Popen(command, cwd=REPOSITORY, env=self._environment)
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/readyz").status_code == 200:
                    return
            assert self.process.poll() is None, "the stand-in ended at its start"
            assert time.monotonic() < deadline, "the stand-in does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        """End it as an administrator would."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(20) == 0

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


Starter = Callable[..., StandIn]


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[Callable[..., StandIn]]:
    """Starts stand-ins, which end with the test."""
    started: list[StandIn] = []

    def start(environment: Mapping[str, str] | None = None) -> StandIn:
        server = StandIn(tmp_path / "data", environment)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()


@pytest.fixture(scope="module")
def fresh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], httpx.Client]]:
    """Gives a client of an empty server at each call: a new stand-in, or the user's own server emptied of our names."""
    started: list[StandIn] = []
    clients: list[httpx.Client] = []

    def connect() -> httpx.Client:
        url = os.environ.get("QDRANT_URL")
        key = os.environ.get("QDRANT_API_KEY", "")
        if not url:
            server = StandIn(tmp_path_factory.mktemp("qdrant"))
            started.append(server)
            server.start()
            url, key = server.url, ""
        client = httpx.Client(base_url=url, headers={"api-key": key} if key else {}, timeout=30)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()
    for server in started:
        server.kill()
