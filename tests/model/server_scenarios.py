"""Lives of namespaces on more than one Qdrant server."""

from __future__ import annotations

from tests.model.key_steps import keyed_server, secret_holds, server_takes_key
from tests.model.scenario import CITY, TEXT, Scenario
from tests.model.steps import Step, apply, delete, further_servers, points


def _shop(cluster_id: str | None, **spec: object) -> Step:
    where = {} if cluster_id is None else {"clusterId": cluster_id}
    return apply("shop", featureExtractors=[TEXT], payloadIndexes=[CITY], **where, **spec)


_TWO = further_servers("east", "west")

_KEYED = (keyed_server("first"), _shop("iclstr_keyed", deletionPolicy="Delete"), points("shop", 3))
_EDITED = _shop("iclstr_keyed", deletionPolicy="Delete", description="edited")

SERVERS = (
    Scenario("create on a cluster", (_TWO, _shop("iclstr_east"))),
    Scenario("move while it is empty", (_shop("iclstr_west"),), (_TWO, _shop("iclstr_east"))),
    Scenario("move to a cluster and back", (_shop("iclstr_west"), _shop(None)), (_TWO, _shop(None))),
    Scenario(
        "delete on a cluster under Delete",
        (delete("shop"),),
        (_TWO, _shop("iclstr_east", deletionPolicy="Delete")),
    ),
    Scenario(
        "rotate the key of a server, the Secret last",
        (server_takes_key("second"), _EDITED, secret_holds("second")),
        _KEYED,
    ),
    Scenario(
        "rotate the key of a server, the Secret first",
        (secret_holds("second"), _EDITED, server_takes_key("second")),
        _KEYED,
    ),
    Scenario(
        "the Secret of a server is gone during a deletion, then back",
        (secret_holds(None), delete("shop"), secret_holds("first")),
        _KEYED,
        lost_points=3,
    ),
)
