"""Drift that is looked for in all namespaces of a server together, on the real stack."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from qdrant_client import QdrantClient

from devstack import stores
from tests.integration.clusters import Clusters
from tests.integration.support import Object, Organization, Platform, eventually
from tests.integration.usual import RESYNC_SECONDS

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
LANG = {"fieldName": "lang", "type": "keyword"}
SHARED = {"qdrantCollection": "sweep-shared", "sharing": True}
ALONE, TOGETHER = 9, 3
SWEEPS = 3

TELEMETRY = "GET /telemetry"
ONE = "GET /collections/{collection_name}"


def qdrant_requests(server: stores.Qdrant) -> Counter[str]:
    """Everybody's requests to this server so far, this one not included."""
    assert server.api_key is not None
    answer = httpx.get(f"{server.url}/telemetry", headers={"api-key": server.api_key}, timeout=30)
    responses = answer.json()["result"]["requests"]["rest"]["responses"]
    return Counter({route: sum(one["count"] for one in by.values()) for route, by in responses.items()})


@pytest.fixture(scope="module")
def server(clusters: Clusters) -> stores.Qdrant:
    """A server that holds nothing else."""
    server = clusters.platform.stack.add_qdrant("sweep")
    assert server.api_key is not None
    clusters.write_key("sweep", server.api_key)
    clusters.create("sweep", server)
    clusters.reason("sweep", "Ready")
    return server


@pytest.fixture(scope="module")
def qdrant(server: stores.Qdrant) -> Iterator[QdrantClient]:
    """A client for that server."""
    client = QdrantClient(url=server.url, api_key=server.api_key, check_compatibility=False)
    yield client
    client.close()


@pytest.fixture(scope="module")
def shops(platform: Platform, server: stores.Qdrant) -> Iterator[Organization]:
    """Namespaces with a collection each and some that share one, all settled and compared together."""
    organization = platform.create_organization("sweep")
    live: dict[str, Any] = {"clusterId": "iclstr_sweep", "deletionPolicy": "Delete", "featureExtractors": [TEXT]}
    names = [*(f"alone-{number}" for number in range(ALONE)), *(f"member-{number}" for number in range(TOGETHER))]
    for name in names:
        chosen = SHARED if name.startswith("member") else None
        organization.create(name, **live, payloadIndexes=[LANG], infrastructure=chosen)
    for name in names:
        organization.ready(name)
    time.sleep(2.5 * RESYNC_SECONDS)
    yield organization
    organization.abandon()


def state(platform: Platform, qdrant: QdrantClient, organization: Organization) -> dict[str, object]:
    """What changes with every write: versions of objects, revisions of documents, all that Qdrant tells."""
    objects = {obj["metadata"]["name"]: obj["metadata"]["resourceVersion"] for obj in organization.list()}
    of_both = {"$or": [{"owner.organization": organization.name}, {"organization": organization.name}]}
    documents: dict[str, Object] = {raw["_id"]: raw for raw in platform.database["namespaces"].find(of_both)}
    names = {obj["status"]["collection"] for obj in organization.list()}
    collections = {name: qdrant.get_collection(name) for name in names}
    assert (len(objects), len(documents), len(collections)) == (ALONE + TOGETHER, ALONE + TOGETHER + 1, ALONE + 1)
    return {**objects, **documents, **collections}


def test_a_sweep_writes_where_nothing_drifted_or_reads_one_by_one(
    platform: Platform, server: stores.Qdrant, qdrant: QdrantClient, shops: Organization
) -> None:
    before = state(platform, qdrant, shops)
    asked, requests = len(platform.operator_requests()), qdrant_requests(server)
    time.sleep(SWEEPS * RESYNC_SECONDS)
    requests = qdrant_requests(server) - requests
    about = [entry for entry in platform.operator_requests()[asked:] if entry["verb"] not in ("get", "list", "watch")]
    assert [entry for entry in about if entry.get("objectRef", {}).get("namespace") == shops.name] == []
    assert state(platform, qdrant, shops) == before
    assert not [route for route in requests if route.startswith(("PUT", "PATCH", "DELETE"))], requests
    # One is this test's own.
    assert SWEEPS - 1 <= requests[TELEMETRY] - 1 <= SWEEPS + 2
    assert requests[ONE] < SWEEPS * ALONE / 2, "markers of servers, and little else"


def test_what_is_changed_by_hand_is_overlooked_among_many(
    platform: Platform, qdrant: QdrantClient, shops: Organization
) -> None:
    alone, member = (shops.get(name)["status"]["collection"] for name in ("alone-4", "member-1"))
    qdrant.delete_payload_index(alone, "lang", wait=True)
    qdrant.delete_payload_index(member, "lang", wait=True)
    platform.database["namespaces"].update_one(
        {"_id": shops.get("alone-5")["status"]["namespaceId"]}, {"$set": {"description": "by hand"}}
    )

    def is_back() -> bool:
        return all("lang" in qdrant.get_collection(name).payload_schema for name in (alone, member))

    eventually(is_back, "the indexes")
    eventually(lambda: shops.document("alone-5")["description"] is None, "our field")
    qdrant.delete_collection(alone)
    shops.reason("alone-4", "CollectionLost")
