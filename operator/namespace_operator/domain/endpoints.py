"""Addresses: how a Qdrant server is reached, and which of those that tenants write the platform allows.

A URL in a tenant's object makes the operator send a request, with credentials in it, to where the tenant wants. So
none is used unless the platform allows its host and port, and addresses within the operator's own machine and network
stack only where a pattern names them without a wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443, "ray": 10001}
_PATTERN = re.compile(r"^(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9*?][A-Za-z0-9*?.-]*):(?P<port>[0-9]{1,5}|\*)$")


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key of a Kubernetes Secret."""

    namespace: str
    name: str
    key: str

    def __str__(self) -> str:
        return f"key {self.key} of Secret {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How to reach a Qdrant server.

    ``name`` is that of the connection: what is recorded of the server behind it is found by this name again.
    ``timeout_seconds`` None is the operator's. ``anywhere`` False keeps a host name from leading to an address that
    ``is_inner``.
    """

    name: str
    url: str
    api_key: SecretKey | None = None
    ca: SecretKey | None = None
    timeout_seconds: float | None = None
    connections: int = 32
    anywhere: bool = True

    @property
    def secrets(self) -> tuple[SecretKey, ...]:
        """The Secrets' keys that a connection needs."""
        return tuple(key for key in (self.api_key, self.ca) if key is not None)


@dataclass(frozen=True, slots=True)
class EndpointPattern:
    """Hosts and a port that tenants may name: ``*.qdrant.example.com:6333``; port ``*`` stands for all."""

    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> EndpointPattern:
        """Read a pattern. Raises ``ValueError``."""
        found = _PATTERN.match(text)
        if found is None:
            raise ValueError(f"{text!r} is no host:port; * in the host stands for any characters, port * for any port")
        port = None if found["port"] == "*" else int(found["port"])
        if port is not None and not 1 <= port <= 65535:
            raise ValueError(f"{text!r} has no port from 1 to 65535")
        return cls(found["host"].lower().strip("[]"), port)

    @property
    def is_exact(self) -> bool:
        """Whether it names one host."""
        return not set("*?") & set(self.host)

    def matches(self, host: str, port: int) -> bool:
        """Whether this host and port are meant."""
        return self.port in (None, port) and fnmatchcase(host, self.host)


@dataclass(frozen=True, slots=True)
class AllowedEndpoints:
    """What the platform allows; ``inner`` are further hosts that count as the operator's own surroundings."""

    patterns: tuple[EndpointPattern, ...] = ()
    inner: frozenset[str] = frozenset()

    def allows(self, url: str) -> bool:
        """Whether a tenant's URL may be used."""
        return bool(self._matching(url))

    def names_exactly(self, url: str) -> bool:
        """Whether a pattern names the URL's host, so that any address behind it is meant."""
        return any(pattern.is_exact for pattern in self._matching(url))

    def _matching(self, url: str) -> Sequence[EndpointPattern]:
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").lower().rstrip(".")
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            return ()
        found = [pattern for pattern in self.patterns if pattern.matches(host, port)]
        return [pattern for pattern in found if pattern.is_exact] if is_inner(host, self.inner) else found


def is_inner(host: str, also: Collection[str] = ()) -> bool:
    """Whether a host name or address is the machine itself, its link, nothing at all, or among ``also``."""
    if host == "localhost" or host.endswith(".localhost") or host in also:
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if mapped is not None:
        return is_inner(str(mapped), also)
    return address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
