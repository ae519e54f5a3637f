"""Secrets in memory, and a connection that was made with the key that one of them held."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from namespace_operator.controller.secrets import SecretUnavailable
from namespace_operator.domain.endpoints import SecretKey
from namespace_operator.stores.errors import Backend, Unauthorized
from tests.world.vectors import ModelVectorStore


@dataclass(slots=True)
class ModelSecrets:
    """The keys of Secrets, with what each holds."""

    values: dict[SecretKey, str] = field(default_factory=dict)

    async def value(self, key: SecretKey) -> SecretStr:
        """The value."""
        if key not in self.values:
            raise SecretUnavailable(f"{key} is not there")
        return SecretStr(self.values[key])


class Keyed:
    """A server that answers only while the key of the connection is the one it takes."""

    def __init__(self, server: ModelVectorStore, api_key: SecretStr | None) -> None:
        self._server = server
        self._api_key = api_key

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._server, name)
        if not inspect.iscoroutinefunction(attribute) or name == "close":
            return attribute

        async def call(*args: Any, **kwargs: Any) -> Any:
            if self._api_key is None or self._api_key.get_secret_value() != self._server.api_key:
                raise Unauthorized(Backend.QDRANT, "Qdrant refuses the API key", "any")
            return await attribute(*args, **kwargs)

        return call
