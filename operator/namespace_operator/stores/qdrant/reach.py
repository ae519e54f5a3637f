"""How far a connection to Qdrant may lead: which authorities it trusts, and which addresses it may reach."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Collection

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from namespace_operator.domain.endpoints import is_inner


class InnerAddress(Exception):
    """A host is, or leads to, an address that a tenant's URL may not reach."""


def connector(connections: int, ca: str | None, forbidden: Collection[str] | None) -> aiohttp.TCPConnector:
    """At most so many connections, trusting these authorities (PEM) or the system's.

    With ``forbidden`` none leads to one of those addresses, or to one that is inner, whatever a name server says.
    Raises ``ValueError`` if the authorities cannot be read; the text holds nothing of them.
    """
    trust = _trust(ca)
    if forbidden is None:
        return aiohttp.TCPConnector(limit=connections, ssl=trust)
    # Without a cache of its own aiohttp asks the resolver for each connection, and gets the addresses it then uses.
    return aiohttp.TCPConnector(
        limit=connections, ssl=trust, resolver=_Fence(frozenset(forbidden)), use_dns_cache=False
    )


def _trust(ca: str | None) -> ssl.SSLContext | bool:
    if ca is None:
        return True
    try:
        # An empty text would stand for the system's authorities.
        return ssl.create_default_context(cadata=ca or "empty")
    except (ssl.SSLError, ValueError):
        message = "The certificates of the authority are no PEM text of certificates; check the Secret with them"
        raise ValueError(message) from None


class _Fence(AbstractResolver):
    """Finds addresses, and refuses a host as soon as one of them is forbidden."""

    def __init__(self, forbidden: frozenset[str]) -> None:
        self._forbidden = forbidden
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if any(is_inner(result["host"], self._forbidden) for result in found):
            raise InnerAddress("an address within the operator's own surroundings")
        return found

    async def close(self) -> None:
        await self._resolver.close()
