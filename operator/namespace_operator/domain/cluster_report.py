"""The status of an InfrastructureCluster, from what was found of its server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from namespace_operator.api.cluster import InfrastructureClusterStatus
from namespace_operator.api.status import Condition
from namespace_operator.domain.cluster_reasons import (
    CLUSTER_CONDITIONS,
    CLUSTER_PIPELINE,
    ClusterCondition,
    ClusterFinding,
    ClusterReason,
)
from namespace_operator.domain.landscape import ClusterObject
from namespace_operator.domain.moment import Moment
from namespace_operator.domain.observed import Residents
from namespace_operator.domain.residence import is_too_old

_LAST_CHECKED_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a look at a server showed; None is what it did not show."""

    version: str | None = None
    server_id: str | None = None
    collections: int | None = None
    residents: Residents | None = None
    findings: tuple[ClusterFinding, ...] = ()


def version_finding(version: str) -> ClusterFinding | None:
    """That a server is too old for namespaces."""
    if not is_too_old(version):
        return None
    return ClusterFinding(
        ClusterReason.VERSION_UNSUPPORTED,
        f"Qdrant {version} is older than 1.18; upgrade the server",
        (ClusterCondition.AUTHENTICATED,),
    )


def in_use(cluster: ClusterObject, residents: Residents) -> ClusterFinding | None:
    """That an object being deleted has to wait."""
    if not cluster.deleting or not residents.count:
        return None
    shown = ", ".join(residents.some)
    more = ", …" if residents.count > len(residents.some) else ""
    message = (
        f"The object is being deleted, but {residents.count} namespaces live on its server ({shown}{more}); it goes"
        " once they are deleted with their data"
    )
    return ClusterFinding(ClusterReason.IN_USE, message)


def cluster_status(
    cluster: ClusterObject, facts: ServerFacts, now: datetime, *, looked: bool
) -> InfrastructureClusterStatus | None:
    """The status to write, None if nothing changed that is worth it.

    What a look did not show is as it was shown last. ``looked`` says whether the server was asked at all.
    """
    before = cluster.status
    residents = facts.residents
    found = before.model_copy(
        update={
            "observed_generation": cluster.generation,
            "conditions": _conditions(cluster, facts.findings, now),
            "version": facts.version or before.version,
            "server_id": facts.server_id or before.server_id,
            "collections": before.collections if facts.collections is None else facts.collections,
            "namespaces": before.namespaces if residents is None else residents.count,
            "used_by": before.used_by if residents is None else residents.some,
        }
    )
    is_old = looked and (before.last_checked is None or now - before.last_checked >= _LAST_CHECKED_EVERY)
    if found == before and not is_old:
        return None
    return found.model_copy(update={"last_checked": now}) if looked else found


def _conditions(cluster: ClusterObject, findings: Sequence[ClusterFinding], now: datetime) -> tuple[Condition, ...]:
    """Each has the reason of its first finding and the messages of all; ``Ready`` those of all findings."""
    moment = Moment(cluster.status.conditions, cluster.generation, now)
    hidden = {kind: finding for finding in reversed(findings) for kind in finding.unexamined}

    def of(kind: ClusterCondition, mine: Sequence[ClusterFinding]) -> Condition:
        if mine:
            return moment.found(kind, mine)
        if cause := hidden.get(kind):
            return moment.unexamined(kind, cause)
        return moment.true(kind, CLUSTER_CONDITIONS[kind])

    parts = [of(kind, [finding for finding in findings if finding.condition is kind]) for kind in CLUSTER_PIPELINE]
    return (of(ClusterCondition.READY, findings), *parts)
