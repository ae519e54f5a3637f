"""A leader that sleeps beyond its Lease and wakes, with a proxy before every server.

What it sent before may still arrive, so three of its writes are held on their way. What it would send after must not
even begin.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from qdrant_client import models

from devstack.proxy_tcp import Hold, Seen, TcpProxy
from devstack.proxy_wire import Http, MongoDB, command, is_whole, status
from devstack.release import RELEASE_NAMESPACE
from devstack.replicas import Replica, Replicas
from namespace_operator.api.resource import PLURAL
from tests.integration.support import Organization, Platform, eventually

_HOUSEKEEPING = ("hello", "ismaster", "endSessions", "killCursors")
"""What the driver sends to keep its connections, and to end them."""

_UNFENCED = ("/leases", "/secrets", f"/{PLURAL}?", "/infrastructureclusters?")
"""What a stand-by may ask the API server for: the Lease, its Secrets, lists and watches of our kinds."""


_BUSY = 20
TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}


@dataclass
class Proxies:
    """One before each server."""

    qdrant: TcpProxy
    mongodb: TcpProxy
    kubernetes: TcpProxy


@pytest.fixture(scope="module")
def proxies(platform: Platform) -> Iterator[Proxies]:
    """Proxies through which two replicas reach everything while these tests run."""
    stack = platform.stack
    qdrant, mongodb = urlsplit(stack.qdrant_url), urlsplit(stack.mongodb_uri)
    kubeconfig = yaml.safe_load(stack.kubeconfig.read_text())
    cluster = kubeconfig["clusters"][0]["cluster"]
    kubernetes, certificate = urlsplit(cluster["server"]), Path(cluster["certificate-authority"])
    with ExitStack() as stacked:
        found = Proxies(
            stacked.enter_context(TcpProxy("127.0.0.1", qdrant.port or 0, Http)),
            stacked.enter_context(TcpProxy("127.0.0.1", mongodb.port or 0, MongoDB, is_whole)),
            stacked.enter_context(
                TcpProxy("127.0.0.1", kubernetes.port or 0, Http, tls=(certificate, certificate.with_suffix(".key")))
            ),
        )
        # Otherwise the driver would ask the replica set for its address, and go there.
        uri = f"mongodb://127.0.0.1:{found.mongodb.port}/?directConnection=true"
        secret = ("create", "secret", "generic", "proxied", f"--from-literal=uri={uri}", "-n", RELEASE_NAMESPACE)
        stack.kubectl(*secret)
        extra = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(found.kubernetes.port)}
        values = {
            "operator": {
                "replicas": 2,
                "extraEnv": [{"name": name, "value": value} for name, value in extra.items()],
            },
            "qdrant": {"url": f"http://127.0.0.1:{found.qdrant.port}"},
            "mongodb": {"uriSecretRef": {"name": "proxied", "key": "uri"}},
        }
        with platform.narrowing():
            platform.install(values)
        yield found
        with platform.narrowing():
            platform.install()
        stack.kubectl("delete", "secret", "proxied", "-n", RELEASE_NAMESPACE)


def index(kind: str) -> list[dict[str, str]]:
    """The indexes of a spec."""
    return [{"fieldName": "lang", "type": kind}]


def hold_one_write_each(proxies: Proxies, leader: Replica, organization: Organization) -> str:
    """Hold the first write of a document, of an index and of a status, each of another Namespace.

    The result is the collection whose index is held.
    """
    for name in ("document", "index", "status"):
        organization.create(name, payloadIndexes=index("keyword"))
    for name in ("document", "index", "status"):
        organization.ready(name)
    document_id = organization.document("document")["_id"]
    collection: str = organization.document("index")["collection"]

    def writes_document(seen: Seen) -> bool:
        updates = seen.message.content.get("updates", ()) if seen.message.label == "update namespaces" else ()
        return seen.pid == leader.pid and any(each["q"].get("_id") == document_id for each in updates)

    proxies.mongodb.treat(writes_document, Hold())
    put = f"PUT /collections/{collection}/index"
    proxies.qdrant.treat(lambda seen: seen.pid == leader.pid and seen.message.label.startswith(put), Hold())
    path = f"/{organization.name}/{PLURAL}/status/status"
    proxies.kubernetes.treat(lambda seen: seen.pid == leader.pid and seen.message.label.endswith(path), Hold())
    for name in ("document", "index", "status"):
        organization.edit(name, payloadIndexes=index("text"))
    for proxy in (proxies.mongodb, proxies.qdrant, proxies.kubernetes):
        eventually(lambda proxy=proxy: proxy.held or None, "a held write")  # type: ignore[misc]
    return collection


def test_a_leader_that_wakes_after_its_lease_changes_nothing(
    proxies: Proxies, platform: Platform, organization: Organization
) -> None:
    replicas = Replicas(platform.stack)
    replicas.settled()
    leader = replicas.leader()
    collection = hold_one_write_each(proxies, leader, organization)
    former_epoch = organization.document("index")["epoch"]
    # So that it falls asleep in the middle of much work, each part of which would go on when it wakes.
    busy = [f"busy-{number}" for number in range(_BUSY)]
    for name in busy:
        organization.create(name, featureExtractors=[TEXT], payloadIndexes=index("keyword"))
    os.kill(leader.pid, signal.SIGSTOP)
    try:
        heir = replicas.next_leader(leader)
        organization.edit("index", payloadIndexes=index("integer"))
        for name in ("document", "index", "status", *busy):
            organization.ready(name)
        for name in ("document", "index"):
            assert organization.document(name)["epoch"] > former_epoch

        (document,) = proxies.mongodb.release()
        assert command(document.answer)["n"] == 0, "the document has gone on"
        (late_status,) = proxies.kubernetes.release()
        assert status(late_status.answer) == 409
        (late_index,) = proxies.qdrant.release()
        assert status(late_index.answer) == 200, "Qdrant knows of no leaders"
        eventually(lambda: lang_of(platform, collection) is models.PayloadSchemaType.INTEGER, "the index of the spec")
    finally:
        woken = time.monotonic()
        os.kill(leader.pid, signal.SIGCONT)

    for name in ("document", "index", "status"):
        organization.annotate(name, reconcile_requested_at="now")
    time.sleep(5)
    assert leader.pid in [each.pid for each in replicas.all()], "it stands by, and does not end"
    assert replicas.leader().identity == heir.identity
    assert begun(proxies.qdrant, leader, woken) == []
    in_mongodb = begun(proxies.mongodb, leader, woken)
    assert [each for each in in_mongodb if each.split()[0] not in _HOUSEKEEPING] == []
    at_the_api_server = begun(proxies.kubernetes, leader, woken)
    assert [each for each in at_the_api_server if not any(part in each for part in _UNFENCED)] == []
    assert any("/leases/" in each for each in at_the_api_server), "it has woken"
    assert begun(proxies.qdrant, heir, woken), "the proxies see what is sent"
    assert lang_of(platform, collection) is models.PayloadSchemaType.INTEGER


def begun(proxy: TcpProxy, replica: Replica, since: float) -> list[str]:
    """What a replica sent through a proxy since then."""
    return [seen.message.label for seen in proxy.seen if seen.pid == replica.pid and seen.at >= since]


def lang_of(platform: Platform, collection: str) -> models.PayloadSchemaType:
    """The type of the index as Qdrant has it."""
    return platform.qdrant.get_collection(collection).payload_schema["lang"].data_type
