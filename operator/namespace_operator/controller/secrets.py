"""What the controller needs of Kubernetes Secrets. ``kube`` implements it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from namespace_operator.domain.endpoints import Endpoint, SecretKey


class SecretUnavailable(Exception):
    """A Secret, or a key in it, is not there or may not be read. The message names it and holds nothing of it."""


class Secrets(Protocol):
    """The Secrets that connections name, as the watch last showed them."""

    async def value(self, key: SecretKey) -> SecretStr:
        """The value. Raises ``SecretUnavailable``."""


class NoSecrets:
    """There are none."""

    async def value(self, key: SecretKey) -> SecretStr:
        """Raises ``SecretUnavailable``."""
        raise SecretUnavailable(f"{key} cannot be read here")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a connection to a Qdrant server is made with: an API key and the certificates (PEM) of an authority."""

    api_key: SecretStr | None = None
    ca: SecretStr | None = None


async def credentials_for(endpoint: Endpoint, secrets: Secrets) -> Credentials:
    """The credentials that an endpoint names. Raises ``SecretUnavailable``."""
    return Credentials(
        api_key=await secrets.value(endpoint.api_key) if endpoint.api_key else None,
        ca=await secrets.value(endpoint.ca) if endpoint.ca else None,
    )
