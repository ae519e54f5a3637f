"""The Qdrant servers the operator talks to, each by the name of its connection."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from namespace_operator.controller.partition_counts import PartitionCounts
from namespace_operator.controller.rollout import Rollout
from namespace_operator.controller.secrets import Credentials, Secrets, credentials_for
from namespace_operator.controller.server import ServerCheck
from namespace_operator.controller.shared import Shared
from namespace_operator.controller.strays import Strays
from namespace_operator.domain.document import Binding
from namespace_operator.domain.endpoints import Endpoint
from namespace_operator.domain.identity import Key
from namespace_operator.domain.observed import Place, ServerIdentity, ServerRecord
from namespace_operator.domain.placement import DEFAULT, Landscape, Organization, Site, is_own
from namespace_operator.stores.protocols import MetadataStore, VectorStore

_RETIRED_SECONDS = 120.0
"""How long an old connection stays open: longer than what was sent over it may take."""

_HOME_SECONDS = 30.0
_SLOW_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Server:
    """One Qdrant server, as long as its address and credentials stay the same."""

    endpoint: Endpoint
    credentials: Credentials
    vectors: VectorStore
    check: ServerCheck
    strays: Strays
    partitions: PartitionCounts
    rollout: Rollout
    slow: Shared[Mapping[str, frozenset[str]]]
    """Fields of slow requests by collection, as the server tells of itself."""
    turns: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """One at a time makes something in a shared collection, by its name."""

    async def identity(self) -> ServerIdentity:
        """Which server is meant and which one answers. Raises ``BackendError``."""
        return await self.check.identity()


@dataclass(slots=True)
class Fleet:
    """Connections by name, made when they are asked for and made anew when address or credentials change.

    ``connect`` opens one, ``landscape`` tells what servers there are; ``claim`` and ``new_server_id`` as in
    ``ServerCheck``; ``wake`` puts a key into the queue.
    """

    instance_id: str
    metadata: MetadataStore
    secrets: Secrets
    landscape: Callable[[], Landscape]
    connect: Callable[[Endpoint, Credentials], VectorStore]
    new_server_id: Callable[[], str]
    monotonic: Callable[[], float]
    claim: Callable[[], Awaitable[None]]
    wake: Callable[[Key], None]
    _servers: dict[str, Server] = field(default_factory=dict)
    _retired: list[tuple[float, Server]] = field(default_factory=list)
    _home: Shared[tuple[ServerRecord | None]] = field(init=False)

    def __post_init__(self) -> None:
        self._home = Shared(self._read_home, self.monotonic, _HOME_SECONDS)

    async def server(self, endpoint: Endpoint) -> Server:
        """The server behind an endpoint. Raises ``SecretUnavailable``."""
        credentials = await credentials_for(endpoint, self.secrets)
        known = self._servers.get(endpoint.name)
        if known is not None and (known.endpoint, known.credentials) == (endpoint, credentials):
            return known
        if known is not None:
            self._retired.append((self.monotonic() + _RETIRED_SECONDS, known))
        vectors = self.connect(endpoint, credentials)
        name = f"{self.instance_id}/{endpoint.name}"
        check = ServerCheck(name, self.metadata, vectors, self.new_server_id, self.monotonic, self.claim)
        strays = Strays(self.instance_id, self.metadata, vectors, self.monotonic)
        partitions = PartitionCounts(vectors, self.monotonic)
        rollout = Rollout(self.monotonic, self.wake)
        slow = Shared(vectors.slow_fields, self.monotonic, _SLOW_SECONDS, vectors.waiting)
        made = Server(endpoint, credentials, vectors, check, strays, partitions, rollout, slow)
        self._servers[endpoint.name] = made
        return made

    async def place(self, site: Site, *, peek: bool = False) -> Place:
        """The site with what is known of its server; with ``peek`` nothing is recorded.

        Raises ``BackendError`` and ``SecretUnavailable``.
        """
        server = await self.server(site.endpoint)
        identity = await (server.check.peek() if peek else server.check.identity())
        return Place(site, identity, await self._scope(site, identity))

    async def server_of(self, binding: Binding | None, organization: str) -> Server | None:
        """The server that a document of an organization is bound to, None while there is no such connection.

        Raises ``SecretUnavailable``.
        """
        site = self.landscape().bound(binding, Organization(organization))
        return await self.server(site.endpoint) if isinstance(site, Site) else None

    def connected(self) -> tuple[Server, ...]:
        """The servers that were asked for so far."""
        return tuple(self._servers.values())

    def leave(self, key: Key) -> None:
        """The namespace wants no collection rebuilt any more, on no server."""
        for server in self.connected():
            server.rollout.leave(key)

    def again_in(self, key: Key) -> float | None:
        """Seconds after which a namespace is to look again for a turn to end; None: it waits for none."""
        turns = (server.rollout.again_in(key) for server in self.connected())
        return min((turn for turn in turns if turn is not None), default=None)

    def everywhere(self) -> tuple[Endpoint, ...]:
        """Every endpoint to sweep: the operator's own, the clusters', and the Namespaces' own that are in use."""
        landscape = self.landscape()
        sites = (landscape.operator, *landscape.clusters.values())
        endpoints = {site.name: site.endpoint for site in sites}
        return tuple((endpoints | {name: s.endpoint for name, s in self._servers.items() if is_own(name)}).values())

    async def tidy(self) -> None:
        """Close the connections that were replaced some time ago."""
        due = [server for until, server in self._retired if until <= self.monotonic()]
        self._retired = [(until, server) for until, server in self._retired if until > self.monotonic()]
        await asyncio.gather(*(server.vectors.close() for server in due))

    async def close(self) -> None:
        """Close all connections."""
        servers = (*self._servers.values(), *(server for _, server in self._retired))
        await asyncio.gather(*(server.vectors.close() for server in servers))

    async def _scope(self, site: Site, identity: ServerIdentity) -> str:
        """What sets claims on this server apart from those on the operator's own, which came first and have none."""
        if site.name == DEFAULT or identity.recorded is None:
            return ""
        (home,) = await self._home.get()
        return "" if home is not None and home.server_id == identity.recorded else identity.recorded

    async def _read_home(self) -> tuple[ServerRecord | None]:
        return (await self.metadata.server(f"{self.instance_id}/{DEFAULT}"),)
