"""A busy leader that is frozen at any point, and wakes after its term: not a single request begins."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from devstack.proxy_tcp import TcpProxy
from devstack.proxy_wire import Http, MongoDB, is_whole
from devstack.stores import MongoDB as MongoServer
from devstack.stores import Qdrant
from namespace_operator.stores.qdrant import QdrantStore
from tests.contract.stores.sleeper import COLLECTION, LEASE_SECONDS

_TIMES = 6
_HOUSEKEEPING = ("hello", "ismaster", "endSessions", "killCursors")
"""What the driver sends to keep its connections, and to end them."""


@pytest.fixture
async def qdrant(own_qdrant: Qdrant) -> Qdrant:
    """A server with the collection that is written to."""
    store = QdrantStore(own_qdrant.url, own_qdrant.api_key)
    try:
        await store.delete_collection(COLLECTION)
        await store.create_collection(COLLECTION, (), {})
    finally:
        await store.close()
    return own_qdrant


@contextmanager
def sleeper(mongodb: TcpProxy, database: str, qdrant: TcpProxy, key: str | None) -> Iterator[subprocess.Popen[bytes]]:
    """The process, once it is busy with both stores."""
    uri = f"mongodb://127.0.0.1:{mongodb.port}/?directConnection=true"
    arguments = [uri, database, f"http://127.0.0.1:{qdrant.port}", key or ""]
    command = [sys.executable, "-m", "tests.contract.stores.sleeper", *arguments]
    with subprocess.Popen(command) as process:
        try:
            deadline = time.monotonic() + 30
            while min(len(mongodb.seen), len(qdrant.seen)) < 50:
                assert time.monotonic() < deadline, "it does not write"
                time.sleep(0.01)
            yield process
        finally:
            process.kill()


def test_a_request_begins_after_the_term(own_mongodb: MongoServer, qdrant: Qdrant) -> None:
    chance, mongo, url = random.Random(1), urlsplit(own_mongodb.uri), urlsplit(qdrant.url)
    for number in range(_TIMES):
        with (
            TcpProxy("127.0.0.1", mongo.port or 0, MongoDB, is_whole, tells_senders=False) as mongodb,
            TcpProxy("127.0.0.1", url.port or 0, Http, tells_senders=False) as vectors,
            sleeper(mongodb, f"sleeper_{number}", vectors, qdrant.api_key) as process,
        ):
            time.sleep(chance.uniform(0.0, 0.2))
            process.send_signal(signal.SIGSTOP)
            time.sleep(LEASE_SECONDS + 0.3)
            woken = time.monotonic()
            process.send_signal(signal.SIGCONT)
            time.sleep(0.5)
            begun = [seen.message.label for proxy in (mongodb, vectors) for seen in proxy.seen if seen.at >= woken]
            assert [label for label in begun if label.split()[0] not in _HOUSEKEEPING] == [], f"time {number}"
            assert process.poll() is None
