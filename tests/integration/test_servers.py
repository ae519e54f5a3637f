"""Namespaces on three Qdrant servers of different keys: which one, and what becomes of the others when one is down."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from qdrant_client import QdrantClient

from devstack import stores
from tests.integration.clusters import IN_TIME, TEXT, Clusters
from tests.integration.support import Organization, Platform, condition, eventually

GOES: dict[str, Any] = {"featureExtractors": [TEXT], "deletionPolicy": "Delete"}
"""With its data: a cluster stays while anything of it is kept there."""

BELIEVED_SECONDS = 12.0
MANY = 40
SOME = 15


def _collections(server: stores.Qdrant) -> set[str]:
    """The namespaces' collections on a server."""
    client = QdrantClient(url=server.url, api_key=server.read_only_api_key, check_compatibility=False)
    names = {collection.name for collection in client.get_collections().collections}
    client.close()
    return {name for name in names if name.startswith("ns_")}


def _cluster(clusters: Clusters, name: str, **spec: Any) -> stores.Qdrant:
    """A server with its InfrastructureCluster, once it can be used."""
    server = clusters.platform.stack.add_qdrant(name)
    assert server.api_key is not None
    clusters.write_key(name, server.api_key)
    clusters.create(name, server, **spec)
    clusters.reason(name, "Ready")
    return server


@pytest.fixture(scope="module")
def allowing(platform: Platform) -> Iterator[None]:
    """The platform allows tenants to name servers on this machine, and reads their Secrets."""
    platform.install({"allowedEndpoints": ["127.0.0.1:*"], "secretAccess": {"clusterWide": True}})
    yield
    with platform.narrowing():
        platform.install()


def _own(server: stores.Qdrant, secret: str) -> dict[str, Any]:
    return {"qdrantUrl": server.url, "qdrantApiKeySecretRef": {"name": secret, "key": "api-key"}}


def _write_key(clusters: Clusters, organization: Organization, name: str, value: str | None) -> None:
    metadata = {"name": name, "namespace": organization.name}
    clusters.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"api-key": value}})


def test_an_address_that_nobody_allowed_gets_no_request(clusters: Clusters, organization: Organization) -> None:
    server = clusters.platform.stack.add_qdrant("unallowed")
    _write_key(clusters, organization, "mine", server.api_key)
    organization.create("films", featureExtractors=[TEXT], infrastructure=_own(server, "mine"))
    status = organization.reason("films", "EndpointNotAllowed")
    assert server.url in condition(status, "InfrastructureReady")["message"]
    log = (clusters.platform.stack.logs / "qdrant-unallowed.log").read_text()
    assert "collections" not in log
    assert _collections(server) == set()


@pytest.mark.usefixtures("allowing")
def test_each_namespace_lives_where_the_first_that_says_so_wants_it(
    clusters: Clusters, organization: Organization
) -> None:
    named = _cluster(clusters, "named")
    default = _cluster(clusters, "default", default=True, allowedOrganizations={"names": [organization.name]})
    own = clusters.platform.stack.add_qdrant("own")
    _write_key(clusters, organization, "mine", own.api_key)
    before = clusters.platform.marked_collections(organization.name)
    organization.create("first", clusterId="iclstr_named", infrastructure=_own(own, "mine"), **GOES)
    organization.create("second", clusterId="iclstr_named", **GOES)
    organization.create("third", **GOES)
    found = {name: organization.ready(name) for name in ("first", "second", "third")}
    assert _collections(own) == {found["first"]["collection"]}
    assert _collections(named) == {found["second"]["collection"]}
    assert _collections(default) == {found["third"]["collection"]}
    assert clusters.platform.marked_collections(organization.name) == before
    connections = [found[name]["infrastructure"]["connection"] for name in ("first", "second", "third")]
    assert connections == ["own", "iclstr_named", "iclstr_default"]

    rotated = stores.rotate(own)
    organization.edit("first", payloadIndexes=[{"fieldName": "city", "type": "keyword"}])
    organization.reason("first", "QdrantUnauthorized", IN_TIME)
    _write_key(clusters, organization, "mine", rotated.api_key)
    organization.ready("first", IN_TIME)
    told = "".join(log.read_text(errors="replace") for log in (clusters.platform.stack.logs / "pods").rglob("*.log"))
    told += json.dumps(organization.list()) + clusters.platform.metrics()
    for key in (own.api_key, rotated.api_key):
        assert key is not None
        assert key not in told
    organization.remove("first")
    assert _collections(rotated) == set()


def test_a_server_that_hangs_holds_nobody_else_up(clusters: Clusters, organization: Organization) -> None:
    server = _cluster(clusters, "hanging")
    assert server.process is not None
    for number in range(MANY):
        organization.create(f"there-{number}", clusterId="iclstr_hanging", deletionPolicy="Delete")
    for number in range(MANY):
        organization.ready(f"there-{number}")
    calm = _seconds_until_ready(organization, "calm")
    server.process.freeze()
    try:
        eventually(lambda: organization.reason("there-0", "QdrantUnavailable"), "the outage is noticed", IN_TIME)
        meanwhile = _seconds_until_ready(organization, "meanwhile")
        # By then nothing that was known of the server is believed any more, and everybody asks which one it is.
        time.sleep(BELIEVED_SECONDS)
        later = _seconds_until_ready(organization, "later")
    finally:
        server.process.resume()
    waiting = f"while {MANY} wait for a server that hangs: {meanwhile:.2f} s, then {later:.2f} s"
    print(f"{SOME} Namespaces elsewhere: {calm:.2f} s, {waiting}")
    assert max(meanwhile, later) < 3 * calm + 2.0
    for number in range(MANY):
        organization.ready(f"there-{number}", IN_TIME)


def _seconds_until_ready(organization: Organization, name: str) -> float:
    began = time.monotonic()
    for number in range(SOME):
        organization.create(f"{name}-{number}", featureExtractors=[TEXT])
    for number in range(SOME):
        organization.ready(f"{name}-{number}")
    return time.monotonic() - began
