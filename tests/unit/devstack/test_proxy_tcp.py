"""The proxy before a server: what it counts, and everything it can do to a request or an answer."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from devstack.proxy_tcp import Cut, Delay, Hold, Seen, TcpProxy, Truncate
from devstack.proxy_wire import Http, status


@dataclass
class Arrivals:
    """A server that remembers what arrived, and its address."""

    port: int = 0
    requests: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Arrivals]:
    """A server that answers every PUT with 201 and a hundred bytes."""
    arrivals = Arrivals()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            arrivals.requests.append(self.path)
            arrivals.bodies.append(body)
            self.send_response(201)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"x" * 100)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        arrivals.port = serving.server_address[1]
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield arrivals
        serving.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: Arrivals) -> Iterator[TcpProxy]:
    """A proxy before it."""
    with TcpProxy("127.0.0.1", server.port, Http) as proxy:
        yield proxy


def put(proxy: TcpProxy, path: str, timeout: float = 5.0) -> bytes:
    """What is answered to a PUT; raises what the connection raises."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=timeout)
    try:
        connection.request("PUT", path, body=b'{"a": 1}')
        answer = connection.getresponse()
        assert answer.status == 201
        return answer.read()
    finally:
        connection.close()


def test_every_request_is_counted_with_its_sender(proxy: TcpProxy, server: Arrivals) -> None:
    began = time.monotonic()
    assert put(proxy, "/a?b=c") == b"x" * 100
    put(proxy, "/d")
    first, second = proxy.seen
    assert (first.message.label, first.message.content) == ("PUT /a?b=c", {"a": 1})
    assert second.message.label == "PUT /d"
    assert first.pid == os.getpid()
    assert began <= first.at <= second.at <= time.monotonic()
    assert server.requests == ["/a?b=c", "/d"]
    assert server.bodies == [b'{"a": 1}', b'{"a": 1}']


def test_a_held_request_arrives_after_its_sender_has_gone(proxy: TcpProxy, server: Arrivals) -> None:
    proxy.treat(lambda seen: seen.message.label == "PUT /held", Hold())
    with pytest.raises(TimeoutError):
        put(proxy, "/held", timeout=0.3)
    put(proxy, "/other")
    assert server.requests == ["/other"], "others overtake it"
    (held,) = proxy.held
    assert held.seen.message.label == "PUT /held"
    (released,) = proxy.release()
    assert status(released.answer) == 201
    assert server.requests == ["/other", "/held"]
    assert proxy.held == []


def test_a_held_request_is_answered_where_its_sender_still_waits(proxy: TcpProxy) -> None:
    proxy.treat(lambda _: True, Hold())
    answers: list[bytes] = []
    sender = threading.Thread(target=lambda: answers.append(put(proxy, "/held")))
    sender.start()
    while not proxy.held:
        time.sleep(0.01)
    proxy.release()
    sender.join()
    assert answers == [b"x" * 100]


def test_a_rule_holds_as_often_as_it_says(proxy: TcpProxy, server: Arrivals) -> None:
    proxy.treat(lambda _: True, Cut(), times=2)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            put(proxy, "/cut")
    put(proxy, "/through")
    assert server.requests == ["/through"]
    proxy.treat(lambda _: True, Cut(), times=1000)
    proxy.forget_rules()
    put(proxy, "/through")


@pytest.mark.parametrize("arrives", [False, True])
def test_a_connection_is_cut(proxy: TcpProxy, server: Arrivals, arrives: bool) -> None:
    proxy.treat(lambda _: True, Cut(arrives))
    with pytest.raises(ConnectionError):
        put(proxy, "/cut")
    time.sleep(0.2)
    assert server.requests == (["/cut"] if arrives else [])


def test_a_request_is_delayed(proxy: TcpProxy) -> None:
    proxy.treat(lambda _: True, Delay(0.5))
    began = time.monotonic()
    put(proxy, "/late")
    assert time.monotonic() - began >= 0.5
    assert put(proxy, "/at-once")


def test_an_answer_is_truncated(proxy: TcpProxy, server: Arrivals) -> None:
    proxy.treat(lambda _: True, Truncate(150))
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        put(proxy, "/a")
    assert server.requests == ["/a"]
    assert put(proxy, "/b") == b"x" * 100


def test_a_request_in_pieces_is_one(proxy: TcpProxy, server: Arrivals) -> None:
    whole = b'PUT /pieces HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n{"a": 1}'
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as connection:
        for piece in (whole[:10], whole[10:55], whole[55:], whole):
            connection.sendall(piece)
            time.sleep(0.05)
        assert connection.recv(1000).startswith(b"HTTP/1.1 201")
    labels = [seen.message.label for seen in proxy.seen]
    assert labels == ["PUT /pieces", "PUT /pieces"]
    assert server.bodies[0] == b'{"a": 1}'


def test_the_rule_sees_who_sends(proxy: TcpProxy, server: Arrivals) -> None:
    def by_another(seen: Seen) -> bool:
        return seen.pid != os.getpid()

    proxy.treat(by_another, Cut(), times=100)
    put(proxy, "/mine")
    assert server.requests == ["/mine"]
