"""The sweep: what no event told of."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from namespace_operator.controller.cluster import ClusterUnavailable
from namespace_operator.domain.document import NamespaceDocument, State
from namespace_operator.domain.identity import Key
from namespace_operator.stores.errors import Backend, Unavailable
from tests.unit.controller.bench import Bench
from tests.unit.controller.fixed import FixedCluster, metadata_store, stored
from tests.unit.domain.builders import (
    INSTANCE,
    KEY,
    NOW,
    another_document,
    collection,
    document,
    owner,
    shared_collection,
)
from tests.world.virtual_time import run

OTHER = Key("rivals", "films")


def sweeping(*documents: NamespaceDocument, cluster: FixedCluster | None = None, **options: Any) -> Bench:
    """A sweep over these documents; without any, over the one of ``KEY``."""
    return Bench(metadata_store(*(documents or (document(),))), cluster=cluster or FixedCluster(), options=options)


async def swept(bench: Bench, times: int = 2) -> list[Key]:
    """The keys that so many sweeps hand on."""
    for _ in range(times):
        await bench.sweep.sweep()
    return bench.woken


async def test_what_the_watch_missed_is_handed_on_at_once() -> None:
    cluster = FixedCluster(listed=frozenset({KEY, OTHER}), missed=frozenset({OTHER}))
    assert await swept(sweeping(cluster=cluster), times=1) == [OTHER]


async def test_all_that_is_listed_is_made_sure_of() -> None:
    bench, sure = sweeping(cluster=FixedCluster(listed=frozenset({KEY, OTHER}))), list[Key]()
    bench.sweep.ensure = sure.append
    assert await swept(bench, times=1) == []
    assert sorted(sure) == sorted([KEY, OTHER])


async def test_a_missing_resource_is_handed_on_in_the_second_list() -> None:
    bench = sweeping()
    assert await swept(bench, times=1) == []
    assert await swept(bench, times=1) == [KEY]


async def test_a_resource_that_is_back_in_the_second_list_is_not() -> None:
    bench = sweeping()
    for listed in (set(), {KEY}, set()):
        bench.cluster.listed = frozenset(listed)
        await bench.sweep.sweep()
    assert bench.woken == []


@pytest.mark.parametrize(
    ("state", "handed_on"),
    [
        (State.PROVISIONING, [KEY]),
        (State.READY, [KEY]),
        (State.DELETING, [KEY]),
        (State.RETAINED, []),
        (State.DELETED, []),
    ],
)
async def test_only_a_retained_or_deleted_document_needs_no_resource(state: State, handed_on: list[Key]) -> None:
    assert await swept(sweeping(document(state=state))) == handed_on


@pytest.mark.parametrize(
    ("watched", "handed_on"), [((), [KEY]), (("acme",), [KEY]), (("rivals", "acme"), [KEY]), (("rivals",), [])]
)
async def test_only_watched_namespaces_are_swept(watched: tuple[str, ...], handed_on: list[Key]) -> None:
    assert await swept(sweeping(watched=watched)) == handed_on


async def test_in_a_namespace_that_was_not_listed_nothing_is_missing() -> None:
    bench = sweeping(cluster=FixedCluster(unlisted=frozenset({KEY.organization})))
    assert await swept(bench, times=3) == []
    bench.cluster.unlisted = frozenset({OTHER.organization})
    assert await swept(bench) == [KEY], "missing in two lists that were made"


async def test_documents_of_another_instance_are_not_ours_to_miss() -> None:
    assert await swept(sweeping(document(owner=owner(instance_id="other-cluster:default")))) == []


async def test_a_document_of_no_known_shape_does_not_hide_the_others() -> None:
    bench = sweeping()
    bench.metadata.put_raw({"_id": "ns_odd", "owner": {"instance_id": INSTANCE, "cr_name": 1}})
    assert await swept(bench) == [KEY]


@pytest.mark.parametrize(
    ("part", "failure"),
    [
        ("cluster", ClusterUnavailable("GET: 503")),
        ("mongodb", Unavailable(Backend.MONGODB, "MongoDB cannot be reached", "listing")),
        ("mongodb", TypeError("a document that nobody foresaw")),
    ],
)
def test_a_failed_sweep_is_logged_and_counts_for_nothing(part: str, failure: Exception) -> None:
    bench = sweeping(sweep_interval=60.0)

    async def main() -> None:
        task = asyncio.create_task(bench.sweep.run())
        await asyncio.sleep(90)
        getattr(bench, part).fails = failure
        await asyncio.sleep(60)
        getattr(bench, part).fails = None
        assert bench.woken == []
        await asyncio.sleep(60)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with capture_logs() as logs:
        run(main())
    assert {entry["event"] for entry in logs} == {"sweep failed"}
    assert bench.woken == [KEY], "missing in two lists, whatever failed in between"


async def test_while_qdrant_fails_resources_and_documents_are_swept_all_the_same() -> None:
    bench = sweeping(another_document(state=State.DELETED), document())
    bench.qdrant.fails = Unavailable(Backend.QDRANT, "Qdrant cannot be reached", "GET")
    with capture_logs() as logs:
        assert await swept(bench) == [KEY]
    assert {entry["event"] for entry in logs} == {"cannot settle a deletion", "sweep failed"}
    assert bench.orphans == []


async def test_a_shared_collection_whose_points_cannot_be_counted_hides_no_orphans_in_another() -> None:
    bench = sweeping()
    for name in ("books", "films"):
        of = document(collection=name)
        shared = shared_collection(of, updated_at=NOW)
        bench.metadata.put_raw({"_id": shared.document_id, **shared.model_dump(mode="python")})
        bench.vectors.collections[name] = stored(collection(of))
        bench.vectors.collections[name].points = {1: {"namespace_id": "ns_nobody"}}
    del bench.vectors.collections["books"].indexes["namespace_id"]
    with capture_logs() as logs:
        await swept(bench)
    assert bench.orphan_partitions == 1
    assert [said for said in bench.announced if "partitions" in said.lower()] == [
        "OrphanPartitions: Shared collections have points of namespaces that are no members of theirs: "
        "ns_nobody in default/films (1)"
    ]
    assert {entry["event"] for entry in logs} == {"no orphans looked for", "points unknown"}
