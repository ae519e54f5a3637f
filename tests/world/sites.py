"""The Qdrant servers of a world: where they are, and what a connection to one leads to."""

from __future__ import annotations

from collections.abc import Callable

from namespace_operator.controller.fleet import Fleet
from namespace_operator.controller.secrets import NoSecrets
from namespace_operator.domain.endpoints import Endpoint
from namespace_operator.domain.observed import Place, ServerIdentity
from namespace_operator.domain.placement import DEFAULT, Landscape, Site
from namespace_operator.domain.profiles import builtin_tiers
from namespace_operator.stores.protocols import MetadataStore, VectorStore

ALL_TIERS = builtin_tiers()

OPERATOR = Site(Endpoint(name=DEFAULT, url="http://qdrant:6333"), ALL_TIERS)
"""The operator's own server."""

ALONE = Landscape(OPERATOR)
"""A company with one server."""


def answering(recorded: str | None, found: str | None) -> Place:
    """The operator's own connection, with which server is meant and which one answers."""
    return Place(OPERATOR, ServerIdentity(recorded, found))


def cluster(cluster_id: str, **settings: object) -> Site:
    """An InfrastructureCluster's server, at an address of the same name."""
    return Site(Endpoint(name=cluster_id, url=f"http://{cluster_id}:6333"), ALL_TIERS, **settings)  # type: ignore[arg-type]


async def _nobody_else() -> None:
    """No other cluster has the instance id."""


def fleet(instance_id: str, metadata: MetadataStore, vectors: VectorStore, seconds: Callable[[], float]) -> Fleet:
    """The connections of an operator that has one server."""
    return Fleet(
        instance_id=instance_id,
        metadata=metadata,
        secrets=NoSecrets(),
        landscape=lambda: ALONE,
        connect=lambda *_: vectors,
        new_server_id=lambda: "server-1",
        monotonic=seconds,
        claim=_nobody_else,
        wake=lambda _: None,
    )
