"""Where a namespace lives: which Qdrant server, which tier with which parameters, which Ray.

The first that the spec or the platform names: ``infrastructure.qdrantUrl``, ``clusterId``, the organization's default,
the operator's. Where it has been bound is another question, which the document answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from namespace_operator.api.infrastructure import NOTHING_CHOSEN
from namespace_operator.api.profile import ComputeTier, TierProfile
from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.document import DEFAULT_CONNECTION, Binding
from namespace_operator.domain.endpoints import AllowedEndpoints, Endpoint, SecretKey

DEFAULT = DEFAULT_CONNECTION
"""The operator's own connection, which its configuration names."""

OWN = "own"
"""A connection of a Namespace's own, by ``infrastructure.qdrantUrl``."""


def is_own(connection: str) -> bool:
    """Whether a connection is one that a Namespace brought."""
    return connection.startswith(f"{OWN}/")


@dataclass(frozen=True, slots=True)
class Organization:
    """A Kubernetes namespace, with its labels."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Who may live on a cluster: organizations by name, or by all of some labels."""

    names: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)

    def includes(self, organization: Organization) -> bool:
        """Whether the organization is among them."""
        if organization.name in self.names:
            return True
        return bool(self.labels) and self.labels.items() <= organization.labels.items()


@dataclass(frozen=True, slots=True)
class Ray:
    """Ray compute: addresses of one that is there, or a template of a RayCluster for each namespace."""

    head_node_url: str | None = None
    dashboard_url: str | None = None
    template: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A Qdrant server that namespaces can live on.

    ``tiers`` are the tiers it serves with their profiles; ``allowed`` None: everybody. ``is_default`` as the
    InfrastructureCluster says it; one that is ``closing`` is being deleted, and takes nobody new.
    """

    endpoint: Endpoint
    tiers: Mapping[ComputeTier, TierProfile]
    ray: Ray = field(default_factory=Ray)
    allowed: Allowed | None = None
    is_default: bool = False
    closing: bool = False

    @property
    def name(self) -> str:
        """The name of the connection."""
        return self.endpoint.name

    @property
    def is_own(self) -> bool:
        """Whether a Namespace brought it."""
        return is_own(self.name)

    def admits(self, organization: Organization) -> bool:
        """Whether the organization may live here."""
        return self.allowed is None or self.allowed.includes(organization)


@dataclass(frozen=True, slots=True)
class Landscape:
    """All servers at one moment: ``operator`` is the connection of the configuration.

    ``clusters`` are the InfrastructureClusters by ``clusterId``, the oldest first.
    """

    operator: Site
    clusters: Mapping[str, Site] = field(default_factory=dict)
    allowed_endpoints: AllowedEndpoints = field(default_factory=AllowedEndpoints)

    def default_for(self, organization: Organization) -> Site:
        """Where a Namespace lives that names no server."""
        defaults = [site for site in self.clusters.values() if site.is_default]
        own = (site for site in defaults if site.allowed is not None and site.allowed.includes(organization))
        everybody = (site for site in defaults if site.allowed is None)
        return next(own, None) or next(everybody, None) or self.operator

    def bound(self, binding: Binding | None, organization: Organization) -> Site | Finding:
        """The server that a namespace is bound to; without a binding it is the operator's own."""
        if binding is None:
            return self.operator
        if binding.url is not None:
            return self._own(binding.url, binding.secret_name or "", binding.secret_key or "", organization)
        known = self.clusters.get(binding.connection)
        return known or _not_found(binding.connection, "the namespace is bound to it")

    def resolve(self, spec: NamespaceSpec, organization: Organization) -> Site | Finding:
        """The server that the spec asks for, whether or not the tier is served there."""
        infrastructure = spec.infrastructure or NOTHING_CHOSEN
        ref = infrastructure.qdrant_api_key_secret_ref
        if infrastructure.qdrant_url is not None and ref is not None:
            return self._own(infrastructure.qdrant_url, ref.name, ref.key, organization)
        if spec.cluster_id is None:
            return self.default_for(organization)
        site = self.clusters.get(spec.cluster_id)
        if site is None:
            return _not_found(spec.cluster_id, "no InfrastructureCluster has this clusterId")
        if not site.admits(organization):
            message = f"clusterId {spec.cluster_id} is not for organization {organization.name}"
            return Finding(Reason.CLUSTER_NOT_ALLOWED, f"{message}; name another one, or have it allowed", halts=True)
        return site

    def _own(self, url: str, secret: str, key: str, organization: Organization) -> Site | Finding:
        refused = self.refused_endpoint("qdrantUrl", url)
        if refused is not None:
            return refused
        endpoint = Endpoint(
            name=f"{OWN}/{organization.name}/{url.rstrip('/')}",
            url=url,
            api_key=SecretKey(organization.name, secret, key),
            anywhere=self.allowed_endpoints.names_exactly(url),
        )
        # The tenant's own server is limited by nobody but the tier's profile.
        return Site(endpoint, self.operator.tiers, ray=self.operator.ray)

    def refused_endpoint(self, field_name: str, url: str | None) -> Finding | None:
        """Why a tenant's URL is not used."""
        if url is None or self.allowed_endpoints.allows(url):
            return None
        message = (
            f"infrastructure.{field_name} {url} is not among the endpoints the platform allows; use a clusterId, or "
            "have its host and port added to allowedEndpoints"
        )
        return Finding(Reason.ENDPOINT_NOT_ALLOWED, message, halts=field_name == "qdrantUrl")


def _not_found(cluster_id: str, why: str) -> Finding:
    message = f"InfrastructureCluster {cluster_id} is not there ({why}); correct clusterId, or have it created"
    return Finding(Reason.CLUSTER_NOT_FOUND, message, halts=True)
