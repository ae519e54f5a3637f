"""The server a namespace lives on, or is to: whether it can be had, and what the document says of it."""

from __future__ import annotations

from namespace_operator.api.spec import NamespaceSpec
from namespace_operator.domain.conditions import Finding, Reason
from namespace_operator.domain.desired import Desired
from namespace_operator.domain.document import Binding, NamespaceDocument
from namespace_operator.domain.moving import is_made
from namespace_operator.domain.observed import Observed, Place

_OLDEST_QDRANT = (1, 18)
"""The first version that can add a named vector to a collection."""


def misplacement(spec: NamespaceSpec, observed: Observed) -> Finding | None:
    """Why the server that the spec asks for cannot be had."""
    asked = observed.asked
    if not isinstance(asked, Place):
        return asked
    if spec.effective_tier not in asked.site.tiers:
        message = (
            f"computeTier {spec.effective_tier} is not served by {asked.site.name}, which serves "
            f"{', '.join(sorted(asked.site.tiers))}; choose one of these, or another clusterId"
        )
        return Finding(Reason.TIER_NOT_SERVED, message)
    place = observed.place or asked
    if is_too_old(observed.server_version):
        message = f"Qdrant {observed.server_version} on {place.site.name} is older than 1.18; upgrade the server"
        return Finding(Reason.VERSION_UNSUPPORTED, message)
    return None


def is_too_old(version: str) -> bool:
    """Whether a version of Qdrant cannot hold namespaces."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    return len(numbers) == 2 and numbers < _OLDEST_QDRANT


def crowding(spec: NamespaceSpec, observed: Observed) -> Finding | None:
    """A server that takes no further namespace of the tier, or none at all."""
    asked = observed.asked
    if isinstance(asked, Place) and asked.site.closing:
        message = f"InfrastructureCluster {asked.site.name} is being deleted and takes nobody new; name another one"
        return Finding(Reason.CLUSTER_NOT_FOUND, message)
    if not isinstance(asked, Place) or observed.residents is None:
        return None
    limit = asked.site.tiers[spec.effective_tier].max_namespaces
    if limit is None or observed.residents < limit:
        return None
    message = (
        f"{asked.site.name} has {observed.residents} namespaces, and tier {spec.effective_tier} takes no more than "
        f"{limit}; name another clusterId, delete namespaces, or have maxNamespaces raised"
    )
    return Finding(Reason.CLUSTER_FULL, message)


def home(document: NamespaceDocument, observed: Observed, wanted: Desired) -> tuple[str, Binding | None]:
    """Collection and server. Another choice counts while nothing was made under the former one."""
    asked, place = observed.asked, observed.place
    binding = asked.binding if isinstance(asked, Place) else document.binding
    if not is_made(document, observed):
        return wanted.collection or document.namespace_id, binding
    if isinstance(asked, Place) and place is not None and asked.is_same_server(place):
        return document.collection, binding
    return document.collection, document.binding


def is_same_server(one: Binding | None, other: Binding | None) -> bool:
    """Whether both bind to one server."""
    if one is None or other is None:
        known = one or other
        return known is None or not known.scope
    return one.server_id == other.server_id
