"""The API server away for a while, and etcd put back to what it was: no data is lost by what Kubernetes forgot."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from qdrant_client import models

from devstack.process import ChildProcess
from devstack.release import await_admission
from devstack.stack import Stack
from tests.integration.support import Organization, Platform, eventually

TEXT = {"featureExtractorName": "text_extractor", "version": "v1"}
TEXT_VECTOR = "text_extractor_v1_embedding"
LANG = {"fieldName": "lang", "type": "keyword"}
RETURN_SECONDS = 120
"""The operator, the controllers and the kubelet's stand-in come back from an outage with back-off."""


@pytest.fixture(scope="module")
def fragile() -> Iterator[Platform]:
    """A stack of its own: what happens to this control plane must not happen to the one of the other tests."""
    with Stack() as stack, Platform(stack) as platform:
        platform.install()
        yield platform


@pytest.fixture
def organization(fragile: Platform, request: pytest.FixtureRequest) -> Organization:
    """A Kubernetes namespace named for the test."""
    return fragile.create_organization(f"org-{abs(hash(request.node.name)) % 100_000}")


def fill(platform: Platform, collection: str) -> None:
    """Three points."""
    points = [models.PointStruct(id=n, vector={TEXT_VECTOR: [0.5] * 1024}, payload={}) for n in range(3)]
    platform.qdrant.upsert(collection, points, wait=True)


def test_an_api_server_that_was_away_is_followed_again(fragile: Platform, organization: Organization) -> None:
    organization.create("kept", featureExtractors=[TEXT], payloadIndexes=[LANG])
    kept = organization.ready("kept")["collection"]
    fill(fragile, kept)
    fragile.stack.apiserver.stop()
    fragile.qdrant.delete_payload_index(kept, "lang", wait=True)
    _start(fragile.stack, fragile.stack.apiserver)

    organization.create("new", featureExtractors=[TEXT])
    organization.ready("new", RETURN_SECONDS)
    eventually(lambda: "lang" in fragile.qdrant.get_collection(kept).payload_schema, "the repair", RETURN_SECONDS)
    assert organization.ready("kept", RETURN_SECONDS)["collection"] == kept
    assert fragile.qdrant.count(kept, exact=True).count == 3


def test_an_etcd_from_before_costs_no_data(fragile: Platform, organization: Organization) -> None:
    organization.create("old", featureExtractors=[TEXT], payloadIndexes=[LANG])
    old = organization.ready("old")
    organization.create("gone", featureExtractors=[TEXT], deletionPolicy="Delete")
    gone = organization.ready("gone")
    fill(fragile, old["collection"])
    backup = fragile.stack.run_dir / "etcd-before"
    _replace_etcd(fragile, lambda data: shutil.copytree(data, backup))

    organization.create("late", featureExtractors=[TEXT], deletionPolicy="Delete")
    late = organization.ready("late", RETURN_SECONDS)
    fill(fragile, late["collection"])
    organization.edit("old", payloadIndexes=[LANG, {"fieldName": "year", "type": "integer"}])
    organization.ready("old", RETURN_SECONDS)
    organization.remove("gone", RETURN_SECONDS)
    assert not fragile.qdrant.collection_exists(gone["collection"])
    _replace_etcd(fragile, lambda data: _restore(backup, data))

    # What Kubernetes has forgotten is kept, whatever policy it had; what it has again starts from what there is.
    eventually(lambda: organization.document("late")["state"] == "retained", "state retained", RETURN_SECONDS)
    assert fragile.qdrant.count(late["collection"], exact=True).count == 3
    assert organization.ready("old", RETURN_SECONDS)["collection"] == old["collection"]
    eventually(
        lambda: "year" not in fragile.qdrant.get_collection(old["collection"]).payload_schema,
        "the older spec",
        RETURN_SECONDS,
    )
    assert fragile.qdrant.count(old["collection"], exact=True).count == 3
    organization.reason("gone", "CollectionLost", RETURN_SECONDS)


def _restore(backup: Path, data: Path) -> None:
    shutil.rmtree(data)
    shutil.copytree(backup, data)


def _replace_etcd(platform: Platform, change: Callable[[Path], object]) -> None:
    """Change etcd's data while nothing of the control plane runs, as a restore from a backup does."""
    stack = platform.stack
    (argument,) = (argument for argument in stack.etcd.argv if argument.startswith("--data-dir="))
    stack.apiserver.stop()
    stack.etcd.stop()
    change(Path(argument.partition("=")[2]))
    _start(stack, stack.etcd, stack.apiserver)


def _start(stack: Stack, *servers: ChildProcess) -> None:
    for server in servers:
        server.start()
        server.wait_ready()
    # For some seconds the policies of an API server that has just started do not know our kinds.
    await_admission(stack)
