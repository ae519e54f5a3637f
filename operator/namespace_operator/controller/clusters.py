"""What the controller needs of the InfrastructureClusters. ``kube`` implements it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from namespace_operator.api.cluster import InfrastructureClusterStatus
from namespace_operator.domain.endpoints import AllowedEndpoints
from namespace_operator.domain.landscape import ClusterObject, Survey, survey
from namespace_operator.domain.placement import Landscape, Site


class Clusters(Protocol):
    """The InfrastructureClusters as the watch shows them. Writes name uid and version of the object that was read.

    Every request raises ``ClusterError``.
    """

    def all(self) -> tuple[ClusterObject, ...]:
        """All of them; the same tuple as long as nothing changed."""

    def get(self, name: str) -> ClusterObject | None:
        """One by the name of its object."""

    async def refresh(self) -> frozenset[str]:
        """List all, and take over what the watch had told us wrong; the names of these."""

    async def add_finalizer(self, cluster: ClusterObject) -> ClusterObject:
        """Put our finalizer on the object; the result is the object afterwards."""

    async def remove_finalizer(self, cluster: ClusterObject) -> None:
        """Take our finalizer off the object."""

    async def write_status(self, cluster: ClusterObject, status: InfrastructureClusterStatus) -> None:
        """Replace the status."""


@dataclass(slots=True)
class Surveyor:
    """The survey of the servers, made anew when an InfrastructureCluster or the operator's configuration changed.

    ``operator`` is the connection of the configuration, the same object as long as nothing changed; ``allowed`` what
    tenants may name.
    """

    operator: Callable[[], Site]
    allowed: AllowedEndpoints
    clusters: Callable[[], tuple[ClusterObject, ...]]
    _of: tuple[tuple[ClusterObject, ...], Site] | None = None
    _made: Survey | None = None

    def survey(self) -> Survey:
        """What there is now."""
        clusters, operator = self.clusters(), self.operator()
        if self._made is None or self._of is None or self._of[0] is not clusters or self._of[1] is not operator:
            self._of, self._made = (clusters, operator), survey(clusters, operator, self.allowed)
        return self._made

    def landscape(self) -> Landscape:
        """The servers there are now."""
        return self.survey().landscape

    def asks_for_labels(self) -> bool:
        """Whether an InfrastructureCluster is for organizations of some label."""
        return any(site.allowed is not None and site.allowed.labels for site in self.landscape().clusters.values())
