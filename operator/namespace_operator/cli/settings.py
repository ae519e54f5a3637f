"""Settings of the operator, from environment variables ``NAMESPACE_OPERATOR_*`` and mounted Secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from namespace_operator.stores.mongodb import OWN

SECRETS_DIR = Path("/etc/namespace-operator/secrets")


class Settings(BaseSettings):
    """One field per setting.

    The two secrets are read from files ``namespace_operator_mongodb_uri`` and ``namespace_operator_qdrant_api_key``
    in the directory of mounted Secrets, or from the environment like the rest. All times are in seconds.
    """

    model_config = SettingsConfigDict(
        env_prefix="NAMESPACE_OPERATOR_",
        secrets_dir=SECRETS_DIR if SECRETS_DIR.is_dir() else None,
        hide_input_in_errors=True,
    )

    qdrant_url: str = Field(pattern=r"^https?://[^@?#]+$")
    qdrant_api_key: SecretStr | None = None
    qdrant_timeout_seconds: float = Field(default=10.0, gt=0)
    mongodb_uri: SecretStr
    mongodb_database: str = "mixpeek"
    mongodb_timeout_seconds: float = Field(default=3.0, gt=0)

    instance_name: str = Field(default="default", min_length=1)
    instance_id: str | None = None
    watch_namespaces: Annotated[tuple[str, ...], NoDecode] = ()
    """A JSON list of Kubernetes namespaces; empty means all."""
    catalog_path: Path | None = None
    guarded: bool = False
    """Whether the API server checks who may write guarded annotations and fields; if not, they are not acted upon."""
    delete_dependents: Annotated[tuple[str, ...], NoDecode] = ()
    """A JSON list of MongoDB collections in which a deletion also deletes what has the namespace's namespace_id."""
    pod_name: str | None = None
    pod_namespace: str | None = None

    workers: int = Field(default=16, ge=1, le=256)
    resync_interval_seconds: float = Field(default=300.0, gt=0)
    sweep_interval_seconds: float = Field(default=300.0, gt=0)

    tombstone_seconds: float | None = Field(default=None, gt=0)
    """How long the name of a deleted collection stays unused; None: six Qdrant timeouts, at least two minutes."""

    health_host: str = "0.0.0.0"  # noqa: S104 - probes come from outside the Pod
    health_port: int = Field(default=8080, ge=1, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"

    @field_validator("delete_dependents")
    @classmethod
    def _not_ours(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(value):
            raise ValueError("a collection has no name")
        if own := sorted(set(value) & set(OWN)):
            raise ValueError(f"{', '.join(own)} is the operator's own collection")
        return value

    @field_validator("watch_namespaces", "delete_dependents", mode="before")
    @classmethod
    def _parsed(cls, value: object) -> object:
        # Parsed here, because what the settings library says of bad JSON does not name the variable.
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError('must be a JSON list of names, such as ["team-a", "team-b"]') from None
