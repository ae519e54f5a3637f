"""Settings of the operator, from environment variables ``NAMESPACE_OPERATOR_*`` and mounted Secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from namespace_operator.domain.endpoints import EndpointPattern, SecretKey
from namespace_operator.stores.mongodb import OWN

SecretName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]{1,253}/[A-Za-z0-9._-]{1,253}$")]
"""Name and key of a Secret, with a slash between them."""

SECRETS_DIR = Path("/etc/namespace-operator/secrets")


class Settings(BaseSettings):
    """One field per setting.

    The two secrets are read from files ``namespace_operator_mongodb_uri`` and ``namespace_operator_qdrant_api_key``
    in the directory of mounted Secrets, or from the environment like the rest; or they are watched in Secrets of the
    Pod's Kubernetes namespace, which ``…_secret`` name as ``name/key`` and which come first. All times are in seconds.
    """

    model_config = SettingsConfigDict(
        env_prefix="NAMESPACE_OPERATOR_",
        secrets_dir=SECRETS_DIR if SECRETS_DIR.is_dir() else None,
        hide_input_in_errors=True,
    )

    qdrant_url: str = Field(pattern=r"^https?://[^@?#]+$")
    qdrant_api_key: SecretStr | None = None
    qdrant_api_key_secret: SecretName | None = None
    qdrant_timeout_seconds: float = Field(default=10.0, gt=0)
    mongodb_uri: SecretStr | None = None
    mongodb_uri_secret: SecretName | None = None
    mongodb_database: str = "mixpeek"
    mongodb_timeout_seconds: float = Field(default=3.0, gt=0)

    instance_name: str = Field(default="default", min_length=1)
    instance_id: str | None = None
    watch_namespaces: Annotated[tuple[str, ...], NoDecode] = ()
    """A JSON list of Kubernetes namespaces; empty means all."""
    catalog_path: Path | None = None
    tiers_path: Path | None = None
    """Profiles of the tiers; None: the packaged ones."""
    ray_path: Path | None = None
    """Template of RayClusters and kinds of GPU; None: no RayCluster is made unless a cluster has a template."""
    allowed_endpoints: Annotated[tuple[str, ...], NoDecode] = ()
    """A JSON list of host:port patterns that URLs in a Namespace may lead to; empty means none."""
    guarded: bool = False
    """Whether the API server checks who may write guarded annotations and fields; if not, they are not acted upon."""
    delete_dependents: Annotated[tuple[str, ...], NoDecode] = ()
    """A JSON list of MongoDB collections in which a deletion also deletes what has the namespace's namespace_id."""
    pod_name: str | None = None
    pod_namespace: str | None = None

    lease_name: str = Field(default="namespace-operator", pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")
    """The Lease by which replicas agree on who leads, in the Pod's Kubernetes namespace."""
    lease_duration_seconds: int = Field(default=8, ge=2)
    """How long after a leader fell silent another may take over."""
    lease_renew_deadline_seconds: float = Field(default=5.0, gt=0)
    """After how long without a renewal a leader stands by."""
    lease_retry_seconds: float = Field(default=1.0, gt=0)
    """How often a leader renews the Lease, and a stand-by looks at it."""

    workers: int = Field(default=16, ge=1, le=256)
    resync_interval_seconds: float = Field(default=300.0, gt=0)
    sweep_interval_seconds: float = Field(default=300.0, gt=0)

    auto_index_interval_seconds: float = Field(default=21600.0, gt=0)
    """How often autoCreateIndexes looks at how queries filter a namespace."""
    auto_index_unused_seconds: float = Field(default=1209600.0, ge=0)
    """After how long without use an index that it made is dropped; 0: never."""

    tombstone_seconds: float | None = Field(default=None, gt=0)
    """How long the name of a deleted collection stays unused; None: six Qdrant timeouts, at least two minutes."""
    expiry_memory_seconds: float = Field(default=2_592_000.0, gt=0)
    """How long it is remembered that a namespace expired, so that one of its name is not made again by mistake."""

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

    @field_validator("allowed_endpoints")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            EndpointPattern.parse(pattern)
        return value

    @model_validator(mode="after")
    def _can_connect(self) -> Self:
        if self.mongodb_uri is None and self.mongodb_uri_secret is None:
            raise ValueError("NAMESPACE_OPERATOR_MONGODB_URI or NAMESPACE_OPERATOR_MONGODB_URI_SECRET is needed")
        if self.pod_namespace is None and (self.mongodb_uri_secret or self.qdrant_api_key_secret):
            raise ValueError("NAMESPACE_OPERATOR_POD_NAMESPACE is needed to find the Secrets")
        return self

    @model_validator(mode="after")
    def _can_lead(self) -> Self:
        if not self.lease_retry_seconds < self.lease_renew_deadline_seconds < self.lease_duration_seconds:
            raise ValueError(
                "NAMESPACE_OPERATOR_LEASE_RETRY_SECONDS must be less than"
                " NAMESPACE_OPERATOR_LEASE_RENEW_DEADLINE_SECONDS, and that less than"
                " NAMESPACE_OPERATOR_LEASE_DURATION_SECONDS"
            )
        return self

    @property
    def qdrant_api_key_ref(self) -> SecretKey | None:
        """The watched key of the operator's own Qdrant connection."""
        return self._ref(self.qdrant_api_key_secret)

    @property
    def mongodb_uri_ref(self) -> SecretKey | None:
        """The watched connection string of MongoDB."""
        return self._ref(self.mongodb_uri_secret)

    def _ref(self, text: str | None) -> SecretKey | None:
        if text is None or self.pod_namespace is None:
            return None
        name, _, key = text.partition("/")
        return SecretKey(self.pod_namespace, name, key)

    @field_validator("watch_namespaces", "delete_dependents", "allowed_endpoints", mode="before")
    @classmethod
    def _parsed(cls, value: object) -> object:
        # Parsed here, because what the settings library says of bad JSON does not name the variable.
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError('must be a JSON list of texts, such as ["team-a", "team-b"]') from None
