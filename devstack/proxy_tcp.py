"""A proxy before any server that counts, holds, delays, cuts or truncates what a chosen client sends or gets.

It passes bytes on as they are, and only looks at where one request ends and the next begins. It may stand in a TLS
connection with the server's own certificate, if it has the key.
"""

import asyncio
import contextlib
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from devstack.proxy_wire import Message, Splitter

_HOST = "127.0.0.1"
_START_SECONDS = 10.0
_CHUNK = 65_536


@dataclass(frozen=True)
class Seen:
    """A request that came in: when (`time.monotonic`), and from which process (0: not known)."""

    at: float
    pid: int
    message: Message


@dataclass(frozen=True)
class Hold:
    """The request goes on only after `release`, even if its sender has gone."""


@dataclass(frozen=True)
class Delay:
    """The request goes on after so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Cut:
    """The connection ends; the server gets the request before that, or does not."""

    arrives: bool = False


@dataclass(frozen=True)
class Truncate:
    """The sender gets so many bytes of the answer, then the connection ends."""

    size: int


Fate = Hold | Delay | Cut | Truncate
Predicate = Callable[[Seen], bool]


@dataclass
class Held:
    """A request that is held, and the answer it got after its release."""

    seen: Seen
    release: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    answer: bytes = b""


@dataclass
class _Rule:
    predicate: Predicate
    fate: Fate
    times: int


@dataclass
class _Connection:
    """What its two directions tell each other."""

    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    held: Held | None = None
    left: int | None = None
    """How many bytes of the answer still go to the client; None: all."""

    def close(self) -> None:
        for writer in self.writers:
            writer.close()


class TcpProxy:
    """Stands before `host` and `port`; `splitter` makes one for each connection.

    With `tls`, a file with the server's certificate and one with its key, both sides speak TLS. To find out which
    process sends takes a look at all of them for each connection, which `tells_senders` spares.
    """

    def __init__(
        self,
        host: str,
        port: int,
        splitter: Callable[[], Splitter],
        is_answer: Callable[[bytes], bool] = lambda _answer: True,
        tls: tuple[Path, Path] | None = None,
        *,
        tells_senders: bool = True,
    ) -> None:
        self._server = host, port
        self._splitter = splitter
        self._is_answer = is_answer
        self._tls = tls
        self._tells_senders = tells_senders
        self._rules: list[_Rule] = []
        self._seen: list[Seen] = []
        self._held: list[Held] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._end: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise TimeoutError("the proxy did not start")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._end is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def treat(self, predicate: Predicate, fate: Fate, times: int = 1) -> None:
        """Let the next requests for which this is true have this fate; the first rule that fits counts."""
        self._rules.append(_Rule(predicate, fate, times))

    def forget_rules(self) -> None:
        """Let everything pass again. What is held stays held."""
        self._rules = []

    @property
    def seen(self) -> list[Seen]:
        """Every request so far."""
        return list(self._seen)

    @property
    def held(self) -> list[Held]:
        """The requests that are held."""
        return list(self._held)

    def release(self) -> list[Held]:
        """Let every held request go on, and wait for the server's answers."""
        return asyncio.run_coroutine_threadsafe(self._release(), self._loop).result()

    async def _release(self) -> list[Held]:
        held, self._held = self._held, []
        for one in held:
            one.release.set()
            await one.answered.wait()
        return held

    def _run(self) -> None:
        # Ends with every task of the loop.
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        listening = None
        if self._tls is not None:
            listening = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            listening.load_cert_chain(*map(str, self._tls))
        server = await asyncio.start_server(self._accept, _HOST, 0, ssl=listening)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._pass_on(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pid = owner_of(writer.get_extra_info("peername")[1]) if self._tells_senders else 0
        tls = ssl.create_default_context(cafile=str(self._tls[0])) if self._tls is not None else None
        server_reader, server_writer = await asyncio.open_connection(*self._server, ssl=tls)
        connection = _Connection((writer, server_writer))
        back = asyncio.create_task(self._answers(server_reader, connection))
        try:
            await self._requests(reader, connection, pid)
        finally:
            connection.close()
            back.cancel()

    async def _requests(self, reader: asyncio.StreamReader, connection: _Connection, pid: int) -> None:
        splitter, (_, server) = self._splitter(), connection.writers
        while data := await reader.read(_CHUNK):
            for message in splitter.feed(data):
                seen = Seen(time.monotonic(), pid, message)
                self._seen.append(seen)
                if not await self._treated(seen, connection):
                    return
                server.write(message.data)
                await server.drain()
                if connection.held is not None:
                    await connection.held.answered.wait()

    async def _treated(self, seen: Seen, connection: _Connection) -> bool:
        """Do to a request what a rule says; False if it goes no further."""
        match self._fate(seen):
            case Hold():
                connection.held = held = Held(seen)
                self._held.append(held)
                await held.release.wait()
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case Cut(arrives):
                if arrives:
                    connection.writers[1].write(seen.message.data)
                    await connection.writers[1].drain()
                return False
            case Truncate(size):
                connection.left = size
        return True

    def _fate(self, seen: Seen) -> Fate | None:
        for rule in self._rules:
            if rule.times > 0 and rule.predicate(seen):
                rule.times -= 1
                return rule.fate
        return None

    async def _answers(self, reader: asyncio.StreamReader, connection: _Connection) -> None:
        client, _ = connection.writers
        while data := await reader.read(_CHUNK):
            held = connection.held
            if held is not None and held.release.is_set():
                held.answer += data
                if self._is_answer(held.answer):
                    connection.held = None
                    held.answered.set()
            if connection.left is not None:
                data, connection.left = data[: connection.left], connection.left - len(data)
            # That the client has gone does not keep the server's answer from being seen.
            with contextlib.suppress(OSError):
                client.write(data)
                await client.drain()
            if connection.left is not None and connection.left <= 0:
                break
        connection.close()


def owner_of(port: int) -> int:
    """The process whose end of a TCP connection on this machine has this port; 0 if none is found."""
    inode = _inode(port)
    if inode is None:
        return 0
    wanted = f"socket:[{inode}]"
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                if str(descriptor.readlink()) == wanted:
                    return int(process.name)
    return 0


def _inode(port: int) -> str | None:
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            columns = line.split()
            if int(columns[1].rpartition(":")[2], 16) == port and columns[9] != "0":
                return columns[9]
    return None
