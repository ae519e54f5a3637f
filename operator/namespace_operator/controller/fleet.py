"""The Qdrant servers the operator talks to, each by the name of its connection."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from namespace_operator.controller.late_counts import LateVectorCounts
from namespace_operator.controller.overview import FEWEST, Overview
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
    late: LateVectorCounts
    rollout: Rollout
    slow: Shared[Mapping[str, frozenset[str]]]
    """Fields of slow requests by collection, as the server tells of itself."""
    overview: Overview | None = None
    """None for a server that a Namespace brought: few live there."""
    turns: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """One at a time makes something in a shared collection, by its name."""

    async def identity(self) -> ServerIdentity:
        """Which server is meant and which one answers. Raises ``BackendError``."""
        return await self.check.identity()


@dataclass(slots=True)
class Fleet:
    """Connections by name, made when they are asked for and made anew when address or credentials change.

    ``connect`` opens one, ``landscape`` tells what servers there are; ``claim`` and ``new_server_id`` as in
    ``ServerCheck``; ``wake`` puts a key into the queue. ``overview_age`` and ``overview_from`` are ``max_age`` and
    ``fewest`` of each ``Overview``, ``late_interval`` is for how many seconds a count of the points with a vector is
    believed.
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
    overview_age: float = 5.0
    overview_from: int = FEWEST
    late_interval: float = 240.0
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
        late = LateVectorCounts(vectors, partitions, self.monotonic, self.late_interval)
        rollout = Rollout(self.monotonic, self.wake)
        slow = Shared(vectors.slow_fields, self.monotonic, _SLOW_SECONDS, vectors.waiting)
        overview = self._overview(endpoint, vectors)
        made = Server(endpoint, credentials, vectors, check, strays, partitions, late, rollout, slow, overview)
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
        """The namespace wants no collection rebuilt any more and is settled no more, on no server."""
        for server in self.connected():
            server.rollout.leave(key)
        self.settle(key, None)

    def settle(self, key: Key, connection: str | None) -> Overview | None:
        """The namespace is settled on the server of this name and on no other; the result is that one's overview."""
        for server in self.connected():
            if server.overview is not None and server.endpoint.name != connection:
                server.overview.leave(key)
        here = self._servers.get(connection) if connection is not None else None
        if here is None or here.overview is None:
            return None
        here.overview.join(key)
        return here.overview

    def home(self, key: Key) -> Server | None:
        """The server that a namespace is settled on, if it has an overview."""
        return next((s for s in self.connected() if s.overview is not None and key in s.overview), None)

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

    def _overview(self, endpoint: Endpoint, vectors: VectorStore) -> Overview | None:
        if is_own(endpoint.name):
            return None
        connection = None if endpoint.name == DEFAULT else endpoint.name
        age, fewest = self.overview_age, self.overview_from
        return Overview(self.instance_id, connection, self.metadata, vectors, self.monotonic, age, fewest)

    async def _scope(self, site: Site, identity: ServerIdentity) -> str:
        """What sets claims on this server apart from those on the operator's own, which came first and have none."""
        if site.name == DEFAULT or identity.recorded is None:
            return ""
        (home,) = await self._home.get()
        return "" if home is not None and home.server_id == identity.recorded else identity.recorded

    async def _read_home(self) -> tuple[ServerRecord | None]:
        return (await self.metadata.server(f"{self.instance_id}/{DEFAULT}"),)
