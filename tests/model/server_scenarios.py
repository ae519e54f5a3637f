"""Lives of namespaces on more than one Qdrant server."""

from __future__ import annotations

from tests.model.scenario import CITY, TEXT, Scenario
from tests.model.steps import Step, apply, delete, further_servers


def _shop(cluster_id: str | None, **spec: object) -> Step:
    where = {} if cluster_id is None else {"clusterId": cluster_id}
    return apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], **where, **spec)


_TWO = further_servers("east", "west")

SERVERS = (
    Scenario("create on a cluster", (_TWO, _shop("iclstr_east"))),
    Scenario("move while it is empty", (_shop("iclstr_west"),), (_TWO, _shop("iclstr_east"))),
    Scenario("move to a cluster and back", (_shop("iclstr_west"), _shop(None)), (_TWO, _shop(None))),
    Scenario(
        "delete on a cluster under Delete",
        (delete("shop"),),
        (_TWO, _shop("iclstr_east", deletionPolicy="Delete")),
    ),
)
